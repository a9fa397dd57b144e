/*
 * A signal mask for each greenthread, though its OS thread has but one: a signal
 * is blocked there as long as all threads block it, of all OS threads, so that a
 * signal for the process comes as soon as any thread would take it. The caller's
 * OS thread has the new mask at once, others in their next iteration.
 */
#ifndef GREEN_PATCH_MASK_H
#define GREEN_PATCH_MASK_H

#include <signal.h>
#include <stdint.h>

/* Bit n - 1 is signal n, as in the kernel. */
typedef uint64_t green__signals;

green__signals green__signals_of(const sigset_t *set);
sigset_t green__set_of(green__signals signals);

static inline green__signals green__signal_bit(int number)
{
    return (green__signals)1 << (number - 1);
}

/* One more greenthread has this mask, one fewer. The OS thread's follows. */
void green__mask_add(green__signals mask);
void green__mask_remove(green__signals mask);

/* These are blocked meanwhile, whatever the masks are: a greenthread waits for
 * them by sigwait. */
void green__mask_begin_wait(green__signals signals);
void green__mask_end_wait(green__signals signals);

/* The calling greenthread's mask. */
green__signals *green__mask_here(void);

struct green__carrier;

/* The calling OS thread becomes a carrier: its mask is what it is now. */
void green__mask_learn(struct green__carrier *carrier);
/* It takes over the mask that all are to have. */
void green__mask_follow(struct green__carrier *carrier);

/* Around a vfork: meanwhile the OS thread, and so the child, has the calling
 * greenthread's mask. */
void green__mask_lend(void);
void green__mask_return(void);

/* Around a fork; in the child the forking thread alone has a mask. */
void green__masks_lock(void);
void green__masks_unlock(void);
void green__masks_forked(void);

#endif
