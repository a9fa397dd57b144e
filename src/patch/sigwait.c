/* Waits for signals: pause, sigsuspend, sigwait and its forms. */
#include <greenhub/process.h>

#include "greenthread/call.h"
#include "patch/lot.h"
#include "patch/mask.h"
#include "patch/thread.h"
#include "patch/times.h"

static const struct green__wait_kind pausing = {.name = "pause",
                                                .signals = GREEN__INTERRUPTS};

/* Until a handler has run: -1 with EINTR. */
static int wait_for_handler(struct green_thread *thread)
{
    struct green__waiter waiter;

    green__point_begins(thread);
    green__waiter_init(&waiter, &pausing);
    return (int)green__point_ends(green__park(&waiter));
}

GREEN__HOOK int pause(void)
{
    struct green_thread *thread = green__patch_thread(GREEN_PATCH_SIGNALS);

    return thread ? wait_for_handler(thread) : green__real()->pause();
}

/* A signal that is pending is handled as soon as the mask lets it in. Then
 * there is nothing left to wait for. */
GREEN__HOOK int sigsuspend(const sigset_t *set)
{
    struct green_thread *thread = green__patch_thread(GREEN_PATCH_SIGNALS);
    sigset_t before, pending;
    green__signals due;
    int result = -1, error = EINTR;

    if (!thread)
        return green__real()->sigsuspend(set);
    (void)sigpending(&pending);
    due = green__signals_of(&pending) & ~green__signals_of(set);
    (void)pthread_sigmask(SIG_SETMASK, set, &before);
    if (!due) {
        result = wait_for_handler(thread);
        error = errno;
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return result;
}

/* ---- sigwait ------------------------------------------------------------------ */

static int wait_for_signal(const sigset_t *set, siginfo_t *info)
{
    green__signals signals = green__signals_of(set);
    int result, error;

    (void)green__mask_here();
    green__mask_begin_wait(signals);
    result = green_signal_wait(set, info);
    error = errno;
    green__mask_end_wait(signals);
    errno = error;
    return (int)green__point_ends(result);
}

GREEN__HOOK int sigwaitinfo(const sigset_t *set, siginfo_t *info)
{
    struct green_thread *thread = green__patch_thread(GREEN_PATCH_SIGNALS);

    if (!thread)
        return green__real()->sigwaitinfo(set, info);
    green__point_begins(thread);
    return wait_for_signal(set, info);
}

GREEN__HOOK int sigwait(const sigset_t *set, int *number)
{
    struct green_thread *thread = green__patch_thread(GREEN_PATCH_SIGNALS);
    int result;

    if (!thread)
        return green__real()->sigwait(set, number);
    green__point_begins(thread);
    do
        result = wait_for_signal(set, NULL);
    while (result < 0 && errno == EINTR);
    if (result < 0)
        return errno;
    *number = result;
    return 0;
}

GREEN__HOOK int sigtimedwait(const sigset_t *set, siginfo_t *info,
                             const struct timespec *time)
{
    struct green_thread *thread = green__patch_thread(GREEN_PATCH_SIGNALS);
    struct green_timeout timeout;
    green_time duration;
    int result;

    if (!thread || !time || (time->tv_sec == 0 && time->tv_nsec == 0))
        return time ? green__real()->sigtimedwait(set, info, time)
                    : sigwaitinfo(set, info);
    if (!green__duration_of(time, &duration))
        return green__refuse(EINVAL);
    green__point_begins(thread);
    if (green_timeout_start(&timeout, duration) < 0)
        return -1;
    result = wait_for_signal(set, info);
    green_timeout_cancel(&timeout);
    return result < 0 && green_timeout_fired(&timeout) ? green__refuse(EAGAIN)
                                                       : result;
}
