#include "greenthread/cancel_scope.h"

#include <errno.h>

#include "base/note.h"
#include "greenthread/scheduler.h"

/*
 * Something has come up: it ends the park, unless there is a shield. When there is
 * none to end, the next call fails, though it need not wait. But one who has killed
 * itself knows.
 */
void green__alarm(struct green_thread *thread)
{
    const struct green__scheduler *s = green__running();
    int error = 0;

    thread->alarms++;
    if (thread->state == GREEN__PARKED)
        error = green__interruption(thread);
    if (error)
        green__interrupt(thread, error);
    else if (!s || thread != s->current)
        thread->flags |= GREEN__ALARMED;
}

/* ---- Regions --------------------------------------------------------- */

#define PLACE 128
#define FRAMES_NEAR ((size_t)64 << 10)

static const char *name_of_kind(unsigned kind)
{
    switch ((enum green__cancel_scope_kind)kind) {
    case GREEN__TIMEOUT:
        return "timeout";
    case GREEN__SHIELD:
        return "shield";
    case GREEN__SCOPE:
        return "scope";
    }
    return "region";
}

/* Says of which greenthread a region was, and where it was begun. */
static void blame(const struct green_cancel_scope *region, const char *what)
{
    struct green_thread *thread = region->thread;
    char spawned[PLACE], begun[PLACE];
    const char *name = green_name(thread);

    green__describe_place(thread->spawned_at, spawned, sizeof spawned);
    green__describe_place(region->begun_at, begun, sizeof begun);
    green__mistake("greenhub: a %s %s: greenthread %p%s%s, spawned at %s; "
                   "begun at %s",
                   name_of_kind(region->kind), what, (void *)thread,
                   name[0] ? " " : "", name, spawned, begun);
}

/* Whether a greenthread is in this region already. Those that lie in frames which
 * have returned are beyond help, and a debug build says so. */
static GREEN__COLD bool is_in(const struct green_thread *thread,
                              const struct green_cancel_scope *region)
{
    const char *here = __builtin_frame_address(0);

    for (const struct green_cancel_scope *r = thread->regions; r;
         r = r->outer) {
        size_t below = (size_t)(here - (const char *)r);

        if (r == region) {
            blame(r, "was begun again before its end");
            return true;
        }
        if ((const char *)r < here && below < FRAMES_NEAR)
            blame(r, "was left by the function that began it");
    }
    return false;
}

int green__cancel_scope_enter(struct green_cancel_scope *region,
                              enum green__cancel_scope_kind kind,
                              void (*end)(struct green_cancel_scope *region),
                              void *begun_at)
{
    struct green_thread *thread = green__current();

    if (!thread)
        return -1;
    if (thread->regions && is_in(thread, region))
        return green__refuse(EBUSY);
    *region = (struct green_cancel_scope){.outer = thread->regions,
                                          .thread = thread,
                                          .end = end,
                                          .begun_at = begun_at,
                                          .kind = kind};
    thread->regions = region;
    return 0;
}

/* Only the innermost can be left, and by its own greenthread. `error` stays. */
int green__cancel_scope_leave(struct green_cancel_scope *region,
                              enum green__cancel_scope_kind kind)
{
    struct green_thread *thread = green__current();

    if (!thread || thread->regions != region || region->kind != kind)
        return green__refuse(EINVAL);
    thread->regions = region->outer;
    region->kind = 0;
    if (region->error && --thread->alarms == 0)
        thread->flags &= (uint8_t)~GREEN__ALARMED;
    return 0;
}

void green__cancel_scope_fire(struct green_cancel_scope *region, int error)
{
    if (region->error)
        return;
    region->error = error;
    green__alarm(region->thread);
}

GREEN__COLD void green__cancel_scopes_end(struct green_thread *thread)
{
    struct green_cancel_scope *region = thread->regions;

    /* Another one's frames may have taken its place. */
    while (region && region->thread == thread) {
        blame(region, "was left by its greenthread, which has ended");
        region->end(region);
        if (thread->regions == region)
            break;
        region = thread->regions;
    }
    thread->regions = NULL;
}

/* ---- Shields --------------------------------------------------------- */

static void end_shield(struct green_cancel_scope *region)
{
    green__cancel_scope_leave(region, GREEN__SHIELD);
}

int green_shield_begin(struct green_shield *shield)
{
    if (!shield)
        return green__refuse(EINVAL);
    return green__cancel_scope_enter(&shield->internal, GREEN__SHIELD,
                                     end_shield, __builtin_return_address(0));
}

int green_shield_end(struct green_shield *shield)
{
    if (!shield)
        return green__refuse(EINVAL);
    return green__cancel_scope_leave(&shield->internal, GREEN__SHIELD);
}
