#include "patch/vfork.h"

#include "patch/mask.h"
#include "patch/rule.h"

enum begun {
    MADE_NATIVE = 1, /* the greenthread */
    LENT_MASK = 2,   /* the greenthread's to the OS thread */
    HID_FORK = 4,    /* this is a forked child that has no hub yet */
};

static unsigned make_native(struct green_thread *thread)
{
    unsigned begun = MADE_NATIVE;

    if (green__patched & GREEN_PATCH_SIGNALS) {
        green__mask_lend();
        begun |= LENT_MASK;
    }
    thread->flags |= GREEN__NATIVE;
    return begun;
}

unsigned green__vfork_begins(void)
{
    struct green__scheduler *s = green__running();
    int saved = errno;
    unsigned begun = 0;

    if (s && !(s->current->flags & GREEN__NATIVE))
        begun = make_native(s->current);
    else if (!s && green__patch_forked) {
        green__patch_forked = false;
        begun = HID_FORK;
    }
    errno = saved;
    return begun;
}

static void undo(unsigned begun)
{
    int saved = errno;

    if (begun & MADE_NATIVE)
        green__running()->current->flags &= (uint8_t)~GREEN__NATIVE;
    if (begun & LENT_MASK)
        green__mask_return();
    if (begun & HID_FORK)
        green__patch_forked = true;
    errno = saved;
}

long green__vfork_ends(long result, unsigned begun)
{
    undo(begun);
    return result < 0 ? green__refuse((int)-result) : result;
}
