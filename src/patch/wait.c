/* Waits for descriptors: poll, select, epoll_wait and their forms. */
#include <greenhub/io.h>

#include "base/clock.h"
#include "greenthread/call.h"
#include "io/poll.h"
#include "patch/cancel.h"
#include "patch/times.h"

/*
 * Masks: while a greenthread waits with a signal mask, its OS thread has that
 * mask, so other greenthreads of it run with it too.
 */
struct mask {
    bool changed;
    sigset_t before;
    int error; /* errno at the beginning */
};

static int begin_mask(struct mask *mask, const sigset_t *wanted)
{
    mask->error = errno;
    mask->changed = wanted != NULL;
    return wanted ? pthread_sigmask(SIG_SETMASK, wanted, &mask->before) : 0;
}

/* Returns the result of the wait, and leaves its errno. */
static int end_mask(const struct mask *mask, int result)
{
    int error = result < 0 ? errno : mask->error;

    if (mask->changed)
        pthread_sigmask(SIG_SETMASK, &mask->before, NULL);
    errno = error;
    return (int)green__point_ends(result);
}

/* ---- poll and select ----------------------------------------------------- */

GREEN__HOOK int poll(struct pollfd *fds, nfds_t count, int timeout)
{
    if (green__is_green_point(GREEN_PATCH_IO)) {
        int before = errno;

        return (int)green__kept(
            before, green__point_ends(green_poll(fds, count, timeout)));
    }
    return green__real()->poll(fds, count, timeout);
}

GREEN__HOOK int ppoll(struct pollfd *fds, nfds_t count,
                      const struct timespec *timeout, const sigset_t *wanted)
{
    green_time time;
    struct mask mask;

    if (!green__is_green_point(GREEN_PATCH_IO))
        return green__real()->ppoll(fds, count, timeout, wanted);
    if (!green__duration_of(timeout, &time))
        return green__refuse(EINVAL);
    begin_mask(&mask, wanted);
    return end_mask(&mask, green__poll(fds, count, time));
}

GREEN__HOOK int select(int nfds, fd_set *readable, fd_set *writable,
                       fd_set *exceptional, struct timeval *timeout)
{
    if (green__is_green_point(GREEN_PATCH_IO)) {
        int before = errno;

        return (int)green__kept(
            before, green__point_ends(green_select(nfds, readable, writable,
                                                   exceptional, timeout)));
    }
    return green__real()->select(nfds, readable, writable, exceptional,
                                 timeout);
}

/* pselect does not write the time that is left. */
GREEN__HOOK int pselect(int nfds, fd_set *readable, fd_set *writable,
                        fd_set *exceptional, const struct timespec *timeout,
                        const sigset_t *wanted)
{
    struct timeval time;
    struct mask mask;

    if (!green__is_green_point(GREEN_PATCH_IO))
        return green__real()->pselect(nfds, readable, writable, exceptional,
                                      timeout, wanted);
    if (timeout && !green__timespec_is_valid(timeout))
        return green__refuse(EINVAL);
    if (timeout)
        time = green__timeval_above(timeout);
    begin_mask(&mask, wanted);
    return end_mask(&mask, green_select(nfds, readable, writable, exceptional,
                                        timeout ? &time : NULL));
}

/* ---- epoll ----------------------------------------------------------------- */

static int look_at_epoll(int epoll, struct epoll_event *events, int most)
{
    int result;

    do
        result = green__real()->epoll_wait(epoll, events, most, 0);
    while (result < 0 && errno == EINTR);
    return result;
}

/* An epoll descriptor is readable when it has events. Another greenthread may
 * take them first. */
static int wait_for_epoll(int epoll, struct epoll_event *events, int most,
                          green_time timeout)
{
    struct pollfd one = {.fd = epoll, .events = POLLIN};
    green_time deadline = green__time_add(green_now(), timeout);
    int result = look_at_epoll(epoll, events, most);

    while (result == 0 && timeout > 0) {
        result = green__poll(&one, 1, timeout);
        if (result <= 0)
            return result;
        result = look_at_epoll(epoll, events, most);
        if (timeout != GREEN_FOREVER) {
            timeout = deadline - green_now();
        }
    }
    if (result != 0)
        green__call_ends(GREEN__COST_SYSTEM_CALL);
    return result;
}

static int wait_with_mask(int epoll, struct epoll_event *events, int most,
                          green_time timeout, const sigset_t *wanted)
{
    struct mask mask;

    if (green__call_begins() < 0)
        return -1;
    begin_mask(&mask, wanted);
    return end_mask(&mask, wait_for_epoll(epoll, events, most, timeout));
}

GREEN__HOOK int epoll_wait(int epoll, struct epoll_event *events, int most,
                           int timeout)
{
    if (green__is_green_point(GREEN_PATCH_IO))
        return wait_with_mask(epoll, events, most, green__milliseconds(timeout),
                              NULL);
    return green__real()->epoll_wait(epoll, events, most, timeout);
}

GREEN__HOOK int epoll_pwait(int epoll, struct epoll_event *events, int most,
                            int timeout, const sigset_t *wanted)
{
    if (green__is_green_point(GREEN_PATCH_IO))
        return wait_with_mask(epoll, events, most, green__milliseconds(timeout),
                              wanted);
    return green__real()->epoll_pwait(epoll, events, most, timeout, wanted);
}

GREEN__HOOK int epoll_pwait2(int epoll, struct epoll_event *events, int most,
                             const struct timespec *timeout,
                             const sigset_t *wanted)
{
    green_time time;

    if (!green__is_green_point(GREEN_PATCH_IO))
        return green__real()->epoll_pwait2(epoll, events, most, timeout,
                                           wanted);
    if (!green__duration_of(timeout, &time))
        return green__refuse(EINVAL);
    return wait_with_mask(epoll, events, most, time, wanted);
}
