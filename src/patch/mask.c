#include "patch/mask.h"

#include <stdlib.h>
#include <string.h>

#include "patch/thread.h"

/* The masks that there are, each with how many have it: mostly one or two. */
struct held {
    green__signals mask;
    unsigned count;
};

/* Guards what follows, of all OS threads. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct held *masks;
static unsigned count, room;
static unsigned waited_for[64]; /* how many wait for each signal */

/* What every OS thread is to block. Written under the mutex. */
static _Atomic(green__signals) blocked;

/* Of callers without memory for a carrier. */
static green__signals unknown_mask;

green__signals green__signals_of(const sigset_t *set)
{
    green__signals signals;

    memcpy(&signals, set, sizeof signals);
    return signals;
}

sigset_t green__set_of(green__signals signals)
{
    sigset_t set;

    sigemptyset(&set);
    memcpy(&set, &signals, sizeof signals);
    return set;
}

void green__masks_lock(void)
{
    (void)green__real()->pthread_mutex_lock(&mutex);
}

void green__masks_unlock(void)
{
    (void)green__real()->pthread_mutex_unlock(&mutex);
}

/* ---- The OS threads' ----------------------------------------------------- */

static void find_blocked(void)
{
    green__signals all = ~(green__signals)0;

    for (unsigned i = 0; i < count; i++)
        all &= masks[i].mask;
    for (unsigned i = 0; i < 64; i++)
        if (waited_for[i])
            all |= (green__signals)1 << i;
    atomic_store(&blocked, all);
}

static void apply(green__signals all)
{
    sigset_t set = green__set_of(all);

    (void)green__real()->pthread_sigmask(SIG_SETMASK, &set, NULL);
}

void green__mask_follow(struct green__carrier *carrier)
{
    green__signals all = atomic_load(&blocked);

    if (carrier->mask_applied == all)
        return;
    carrier->mask_applied = all;
    apply(all);
}

/* Ends what green__masks_lock began. `before`: what was blocked then. */
static void unlock_and_apply(green__signals before)
{
    struct green__carrier *here;

    find_blocked();
    green__masks_unlock();
    if (atomic_load(&blocked) == before)
        return;
    here = green__carrier_here();
    if (here)
        green__mask_follow(here);
    green__carriers_take_mask();
}

static struct held *find(green__signals mask)
{
    for (unsigned i = 0; i < count; i++)
        if (masks[i].mask == mask)
            return &masks[i];
    return NULL;
}

static struct held *append(green__signals mask)
{
    if (count == room) {
        unsigned larger = room ? room * 2 : 8;
        struct held *moved = realloc(masks, larger * sizeof *moved);

        if (!moved)
            return NULL;
        masks = moved;
        room = larger;
    }
    masks[count] = (struct held){.mask = mask};
    return &masks[count++];
}

static void add(green__signals mask)
{
    struct held *held = find(mask);

    if (!held)
        held = append(mask);
    if (held)
        held->count++; /* without memory it does not count: others decide */
}

static void remove_one(green__signals mask)
{
    struct held *held = find(mask);

    if (held && --held->count == 0)
        *held = masks[--count];
}

void green__mask_add(green__signals mask)
{
    green__masks_lock();
    add(mask);
    unlock_and_apply(atomic_load(&blocked));
}

void green__mask_remove(green__signals mask)
{
    green__masks_lock();
    remove_one(mask);
    unlock_and_apply(atomic_load(&blocked));
}

static void replace(green__signals before, green__signals mask)
{
    green__masks_lock();
    add(mask);
    remove_one(before);
    unlock_and_apply(atomic_load(&blocked));
}

void green__mask_begin_wait(green__signals signals)
{
    green__masks_lock();
    for (unsigned i = 0; i < 64; i++)
        waited_for[i] += signals >> i & 1;
    unlock_and_apply(atomic_load(&blocked));
}

void green__mask_end_wait(green__signals signals)
{
    green__masks_lock();
    for (unsigned i = 0; i < 64; i++)
        waited_for[i] -= signals >> i & 1;
    unlock_and_apply(atomic_load(&blocked));
}

/* ---- Each greenthread's --------------------------------------------------- */

void green__mask_learn(struct green__carrier *carrier)
{
    sigset_t set;

    (void)green__real()->pthread_sigmask(SIG_SETMASK, NULL, &set);
    carrier->main_mask = carrier->mask_applied = green__signals_of(&set);
    carrier->main_counts = false;
}

/* The mask of the thread that an OS thread began as. On a carrier that was
 * started no program runs in that thread, so it never asks. */
static green__signals *mask_of_main(void)
{
    struct green__carrier *carrier = green__carrier_here();

    if (!carrier)
        return &unknown_mask;
    if (green__likely(carrier->main_counts))
        return &carrier->main_mask;
    carrier->main_counts = true;
    green__mask_add(carrier->main_mask);
    return &carrier->main_mask;
}

green__signals *green__mask_here(void)
{
    struct green__pthread *it = green__pthread_here();

    return it ? &it->mask : mask_of_main();
}

/* ---- Around a vfork ------------------------------------------------------- */

void green__mask_lend(void)
{
    green__signals mask = *green__mask_here();
    struct green__carrier *here = green__carrier_here();

    if (!here || here->mask_applied == mask)
        return;
    here->mask_applied = mask;
    apply(mask);
}

void green__mask_return(void)
{
    struct green__carrier *here = green__carrier_here();

    if (here)
        green__mask_follow(here);
}

/* ---- Around a fork -------------------------------------------------------- */

/* The others are not in the child. */
void green__masks_forked(void)
{
    const struct green__scheduler *s = green__self_here()->scheduler;
    const struct green__pthread *it =
        s ? green__pthread_of_thread(s->current) : NULL;
    struct green__carrier *carrier = s ? green__carrier_here() : NULL;

    if (!carrier || count == 0)
        return;
    count = 0;
    memset(waited_for, 0, sizeof waited_for);
    carrier->main_counts = !it;
    add(it ? it->mask : carrier->main_mask);
    find_blocked();
    green__mask_follow(carrier);
}

/* ---- Changing it ---------------------------------------------------------- */

static int change(green__signals *mask, int how, const sigset_t *set)
{
    green__signals before = *mask, signals = green__signals_of(set);

    switch (how) {
    case SIG_BLOCK:
        *mask |= signals;
        break;
    case SIG_UNBLOCK:
        *mask &= ~signals;
        break;
    case SIG_SETMASK:
        *mask = signals;
        break;
    default:
        return EINVAL;
    }
    *mask &= ~(green__signal_bit(SIGKILL) | green__signal_bit(SIGSTOP));
    if (*mask == before)
        return 0;
    replace(before, *mask);
    return 0;
}

/* Returns the error. */
static int change_mask(int how, const sigset_t *set, sigset_t *before)
{
    green__signals *mask = green__mask_here(), old = *mask;
    int error = set ? change(mask, how, set) : 0;

    if (!error && before)
        *before = green__set_of(old);
    return error;
}

GREEN__HOOK int pthread_sigmask(int how, const sigset_t *set, sigset_t *before)
{
    if (green__is_green(GREEN_PATCH_SIGNALS))
        return change_mask(how, set, before);
    return green__real()->pthread_sigmask(how, set, before);
}

GREEN__HOOK int sigprocmask(int how, const sigset_t *set, sigset_t *before)
{
    int error;

    if (!green__is_green(GREEN_PATCH_SIGNALS))
        return green__real()->sigprocmask(how, set, before);
    error = change_mask(how, set, before);
    return error ? green__refuse(error) : 0;
}
