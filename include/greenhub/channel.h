/*
 * Channels: greenthreads of one OS thread send values to each other; and choosing
 * among several things to wait for. The rules of greenhub/sync.h hold.
 */
#ifndef GREENHUB_CHANNEL_H
#define GREENHUB_CHANNEL_H

#include <greenhub/base.h>
#include <greenhub/sync.h>

GREEN_BEGIN_DECLS

/*
 * A channel for values of one size, which are copied. It holds as many as its
 * capacity; with the capacity 0 sender and receiver wait for each other.
 * All zero: for values of no size, signals, with the capacity 0.
 */
struct green_channel {
    struct {
        size_t size, capacity, head, length;
        char *buffer;
        bool closed;
        struct green_waiters senders, receivers;
        void *reserved[2];
    } internal;
};

/*
 * A channel for values of `size` bytes that holds `capacity` of them.
 * Returns 0, or -1: EINVAL for NULL, ENOMEM. Never switches.
 * Mirrors make(chan T, capacity) of Go.
 */
GREEN_API int green_channel_init(struct green_channel *channel, size_t size,
                                 size_t capacity);

/*
 * Closes a channel and gives its memory back; what it holds is lost. All who wait
 * fail with EPIPE. NULL is legal. Cannot fail. Never switches.
 */
GREEN_API void green_channel_destroy(struct green_channel *channel);

/*
 * Sends the value at `value`; waits while there is neither room nor a receiver.
 * Returns 0, or -1 and it was not sent: EINVAL for NULL (value may be NULL if the
 * size is 0), EPIPE if the channel is closed, now or while it waited.
 * May switch. Mirrors channel <- value of Go, where it panics instead.
 */
GREEN_API int green_channel_send(struct green_channel *channel,
                                 const void *value);

/*
 * The same without waiting: EAGAIN if there is neither room nor a receiver.
 * Never switches.
 */
GREEN_API int green_channel_try_send(struct green_channel *channel,
                                     const void *value);

/*
 * Receives a value to `value`, or nowhere if that is NULL; waits for one. What a
 * closed channel holds is still received, so
 *     while (green_channel_receive(&channel, &value) == 0)
 * takes all until it is closed.
 * Returns 0, or -1: EINVAL for NULL, EPIPE if it is closed and empty.
 * May switch. Mirrors <-channel of Go.
 */
GREEN_API int green_channel_receive(struct green_channel *channel, void *value);

/*
 * The same without waiting: EAGAIN if there is none. Never switches.
 */
GREEN_API int green_channel_try_receive(struct green_channel *channel,
                                        void *value);

/*
 * Nothing can be sent any more: senders who wait fail with EPIPE, receivers too,
 * and whoever receives when the channel is empty. Closing twice is no error.
 * Returns 0, or -1 and EINVAL for NULL. Never switches. Mirrors close of Go.
 */
GREEN_API int green_channel_close(struct green_channel *channel);

/*
 * How many values the channel holds; 0 for NULL. Never switches.
 * Mirrors len of Go.
 */
GREEN_API size_t green_channel_length(const struct green_channel *channel);

/* ---- Choosing -------------------------------------------------------- */

enum green_case_kind {
    GREEN_CASE_NONE,       /* nothing: a case that is switched off */
    GREEN_CASE_SEND,       /* channel, value */
    GREEN_CASE_RECEIVE,    /* channel, value */
    GREEN_CASE_DESCRIPTOR, /* fd, events; then `ready` */
    GREEN_CASE_END, /* thread has finished, so green_join will not wait */
};

/* One of the things to wait for. Zero-initialise it, fill in what its kind names. */
struct green_case {
    enum green_case_kind kind;
    int error; /* of the one that was chosen: 0, EPIPE, EBADF */
    struct green_channel *channel;
    void *value; /* where the value is, or goes to; as for send and receive */
    int fd;
    unsigned events; /* GREEN_READ, GREEN_WRITE or both */
    unsigned ready;  /* told: those of them, GREEN_ERROR, GREEN_HANGUP */
    struct green_thread *thread;
    uint64_t reserved[2]; /* must be zero */
};

/*
 * Waits until one of the cases can be done, and does it, and no other. When
 * several can, each of them has the same chance. A channel that is closed (error
 * EPIPE) and a descriptor that is not open (EBADF) count as ready.
 * deadline  absolute; GREEN_FOREVER: none; one in the past, such as 0: does not
 *           wait, which is Go's default branch
 * A greenthread whose end is waited for must stay joinable, or be linked to
 * (green_link), until then; any number may wait for it so.
 * Returns the number of the case that was done, with its outcome in its `error`;
 * or -1, and none was done:
 *   EAGAIN     none could be done by the deadline
 *   EINVAL     cases is NULL though count is not 0, or a case is not whole, or a reserved
 *              word of it is not zero
 *   EDEADLK    a case waits for the end of the caller, or of main
 *   ENOMEM, ENOSPC   the system's limits
 * May switch, but not with a deadline in the past. Mirrors select of Go.
 */
GREEN_API int green_choose(struct green_case *cases, size_t count,
                           green_time deadline);

GREEN_END_DECLS

#endif
