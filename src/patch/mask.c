#include "patch/mask.h"

#include <stdlib.h>
#include <string.h>

#include "patch/thread.h"

/* The masks that there are, each with how many have it: mostly one or two. */
struct held {
    green__signals mask;
    unsigned count;
};

static struct held *masks;
static unsigned count, room;
static unsigned waited_for[64]; /* how many wait for each signal */
static green__signals main_mask, applied;
static bool known;

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

/* ---- The OS thread's ---------------------------------------------------- */

static void apply(void)
{
    green__signals all = ~(green__signals)0;
    sigset_t set;

    for (unsigned i = 0; i < count; i++)
        all &= masks[i].mask;
    for (unsigned i = 0; i < 64; i++)
        if (waited_for[i])
            all |= (green__signals)1 << i;
    if (all == applied)
        return;
    applied = all;
    set = green__set_of(all);
    (void)green__real()->pthread_sigmask(SIG_SETMASK, &set, NULL);
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

void green__mask_add(green__signals mask)
{
    struct held *held = find(mask);

    if (held) {
        held->count++;
        return;
    }
    held = append(mask);
    if (!held)
        return; /* it is not counted: others decide */
    held->count = 1;
    apply();
}

void green__mask_remove(green__signals mask)
{
    struct held *held = find(mask);

    if (!held || --held->count)
        return;
    *held = masks[--count];
    apply();
}

void green__mask_begin_wait(green__signals signals)
{
    for (unsigned i = 0; i < 64; i++)
        waited_for[i] += signals >> i & 1;
    apply();
}

void green__mask_end_wait(green__signals signals)
{
    for (unsigned i = 0; i < 64; i++)
        waited_for[i] -= signals >> i & 1;
    apply();
}

/* ---- Each greenthread's --------------------------------------------------- */

static void learn(void)
{
    sigset_t set;

    known = true;
    (void)green__real()->pthread_sigmask(SIG_SETMASK, NULL, &set);
    main_mask = applied = green__signals_of(&set);
    green__mask_add(main_mask);
}

green__signals *green__mask_here(void)
{
    struct green__pthread *it = green__pthread_here();

    if (green__unlikely(!known))
        learn();
    return it ? &it->mask : &main_mask;
}

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
    green__mask_add(*mask);
    green__mask_remove(before);
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
