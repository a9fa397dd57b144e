/*
 * POSIX message queues. On Linux a queue is a descriptor that can be waited for,
 * and a call whose time limit is over does not wait: so nothing of the queue has
 * to be changed for a try.
 */
#include <greenhub/io.h>

#include <mqueue.h>

#include "greenthread/call.h"
#include "patch/cancel.h"
#include "patch/times.h"

static const struct timespec over;

/* 0 to try again, -1 with errno. */
static int await_queue(mqd_t queue, unsigned direction, green_time deadline)
{
    if (errno != ETIMEDOUT)
        return -1;
    if (green_wait(queue, direction, deadline) >= 0)
        return 0;
    if (errno == EAGAIN)
        errno = ETIMEDOUT;
    return -1;
}

static green_time deadline_of(const struct timespec *until)
{
    return until ? green__deadline_of(CLOCK_REALTIME, until) : GREEN_FOREVER;
}

/* A time that is not valid is the native call's to refuse. */
static bool is_green(const struct timespec *until)
{
    return green__is_green_point(GREEN_PATCH_IO) &&
           (!until || green__timespec_is_valid(until));
}

/* ---- Receiving -------------------------------------------------------------- */

static ssize_t receive_green(mqd_t queue, char *buffer, size_t size,
                             unsigned *priority, const struct timespec *until)
{
    green_time deadline = deadline_of(until);
    int before = errno;
    ssize_t n;

    if (green__call_begins() < 0)
        return -1;
    while ((n = green__real()->mq_timedreceive(queue, buffer, size, priority,
                                               &over)) < 0)
        if (await_queue(queue, GREEN_READ, deadline) < 0)
            return -1;
    green__call_ends(GREEN__COST_SYSTEM_CALL);
    return green__kept(before, n);
}

/* Not inline: the header says that mq_timedreceive's time is not NULL. */
static GREEN__NOINLINE ssize_t receive(mqd_t queue, char *buffer, size_t size,
                                       unsigned *priority,
                                       const struct timespec *until)
{
    if (is_green(until))
        return green__point_ends(
            receive_green(queue, buffer, size, priority, until));
    return until ? green__real()->mq_timedreceive(queue, buffer, size, priority,
                                                  until)
                 : green__real()->mq_receive(queue, buffer, size, priority);
}

GREEN__HOOK ssize_t mq_timedreceive(mqd_t queue, char *buffer, size_t size,
                                    unsigned *priority,
                                    const struct timespec *until)
{
    return receive(queue, buffer, size, priority, until);
}

GREEN__HOOK ssize_t mq_receive(mqd_t queue, char *buffer, size_t size,
                               unsigned *priority)
{
    return receive(queue, buffer, size, priority, NULL);
}

/* ---- Sending ---------------------------------------------------------------- */

static int post_green(mqd_t queue, const char *message, size_t size,
                      unsigned priority, const struct timespec *until)
{
    green_time deadline = deadline_of(until);
    int before = errno;

    if (green__call_begins() < 0)
        return -1;
    while (green__real()->mq_timedsend(queue, message, size, priority, &over) <
           0)
        if (await_queue(queue, GREEN_WRITE, deadline) < 0)
            return -1;
    green__call_ends(GREEN__COST_SYSTEM_CALL);
    errno = before;
    return 0;
}

static GREEN__NOINLINE int post(mqd_t queue, const char *message, size_t size,
                                unsigned priority, const struct timespec *until)
{
    if (is_green(until))
        return (int)green__point_ends(
            post_green(queue, message, size, priority, until));
    return until ? green__real()->mq_timedsend(queue, message, size, priority,
                                               until)
                 : green__real()->mq_send(queue, message, size, priority);
}

GREEN__HOOK int mq_timedsend(mqd_t queue, const char *message, size_t size,
                             unsigned priority, const struct timespec *until)
{
    return post(queue, message, size, priority, until);
}

GREEN__HOOK int mq_send(mqd_t queue, const char *message, size_t size,
                        unsigned priority)
{
    return post(queue, message, size, priority, NULL);
}

/* libc closes the descriptor by itself, unknown to the hub. */
GREEN__HOOK int mq_close(mqd_t queue)
{
    int before = errno;

    if (green__is_green(GREEN_PATCH_IO))
        return (int)green__kept(before, green_close(queue));
    return green__real()->mq_close(queue);
}
