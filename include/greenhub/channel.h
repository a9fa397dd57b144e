/*
 * Channels, which carry values between greenthreads of one OS thread; and
 * green_choose, which waits for one of several things. The rules of
 * greenhub/sync.h apply.
 */
#ifndef GREENHUB_CHANNEL_H
#define GREENHUB_CHANNEL_H

#include <greenhub/base.h>
#include <greenhub/sync.h>

GREEN_BEGIN_DECLS

/*
 * A channel for values of one size. Values are copied. The channel holds up to
 * `capacity` values; with capacity 0, sender and receiver wait for each other.
 * All zero: a channel of capacity 0 for values of size 0, that is, for signals.
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
 * Initialises a channel that holds up to `capacity` values of `size` bytes.
 * Returns 0, or -1: EINVAL for NULL, ENOMEM. Never switches.
 * Mirrors make(chan T, capacity) of Go.
 */
GREEN_API int green_channel_init(struct green_channel *channel, size_t size,
                                 size_t capacity);

/*
 * Closes a channel and frees its memory. Values that it holds are lost. All
 * waiting greenthreads fail with EPIPE. NULL is allowed.
 * Cannot fail. Never switches.
 */
GREEN_API void green_channel_destroy(struct green_channel *channel);

/*
 * Sends the value at `value`. Waits while there is neither room nor a receiver.
 * Returns 0; or -1, and the value was not sent: EINVAL for NULL (value may be
 * NULL if the size is 0), EPIPE if the channel is closed before or during the
 * wait.
 * May switch. Mirrors channel <- value of Go, but returns EPIPE where Go
 * panics.
 */
GREEN_API int green_channel_send(struct green_channel *channel,
                                 const void *value);

/*
 * Like green_channel_send, but does not wait: EAGAIN if there is neither room
 * nor a receiver. Never switches.
 */
GREEN_API int green_channel_try_send(struct green_channel *channel,
                                     const void *value);

/*
 * Receives a value into `value`, or discards it if `value` is NULL. Waits for
 * one. Values that a closed channel still holds can be received, so this loop
 * receives everything until the channel is closed:
 *     while (green_channel_receive(&channel, &value) == 0)
 * Returns 0, or -1: EINVAL for NULL, EPIPE if the channel is closed and empty.
 * May switch. Mirrors <-channel of Go.
 */
GREEN_API int green_channel_receive(struct green_channel *channel, void *value);

/*
 * Like green_channel_receive, but does not wait: EAGAIN if there is no value.
 * Never switches.
 */
GREEN_API int green_channel_try_receive(struct green_channel *channel,
                                        void *value);

/*
 * Closes a channel. Waiting senders and receivers fail with EPIPE; so does
 * every later send, and every receive once the channel is empty. Closing twice
 * is allowed.
 * Returns 0, or -1: EINVAL for NULL. Never switches. Mirrors close of Go.
 */
GREEN_API int green_channel_close(struct green_channel *channel);

/*
 * Returns how many values the channel holds; 0 for NULL. Never switches.
 * Mirrors len of Go.
 */
GREEN_API size_t green_channel_length(const struct green_channel *channel);

/* ---- Choosing -------------------------------------------------------- */

struct green_stream;

enum green_case_kind {
    GREEN_CASE_NONE,       /* never ready: a disabled case */
    GREEN_CASE_SEND,       /* channel, value */
    GREEN_CASE_RECEIVE,    /* channel, value */
    GREEN_CASE_DESCRIPTOR, /* fd, events; then `ready` */
    GREEN_CASE_END,        /* thread; ready when green_join would not wait */
    GREEN_CASE_STREAM,     /* stream, events; then `ready` */
};

/*
 * One thing to wait for. Zero-initialise it and fill in the fields of its kind.
 */
struct green_case {
    enum green_case_kind kind;
    int error; /* set in the chosen case: 0, EPIPE or EBADF */
    struct green_channel *channel;
    void *value; /* as in green_channel_send or green_channel_receive */
    int fd;
    unsigned events; /* GREEN_READ, GREEN_WRITE or both */
    unsigned ready;  /* result: ready events, GREEN_ERROR, GREEN_HANGUP */
    struct green_thread *thread;
    struct green_stream *stream; /* stores its descriptor in fd */
    uint64_t reserved[2];        /* must be zero */
};

/*
 * Waits until at least one case is ready, then carries out exactly one. If
 * several are ready, each has the same chance. A closed channel (error EPIPE)
 * and a descriptor that is not open (error EBADF) count as ready.
 * deadline  absolute. GREEN_FOREVER: no limit. In the past, such as 0: do not
 *           wait, like Go's default branch.
 * A stream is ready to be read if green_stream_pending says so, and otherwise if
 * its descriptor is. A layer may still have to wait then, for the rest of what
 * it decodes as a whole.
 * The thread of a GREEN_CASE_END must stay joinable, or be linked to
 * (green_link), until it has finished. Any number of greenthreads may wait for
 * it this way.
 * Returns the index of the case that was carried out, with its outcome in its
 * `error`; or -1, and none was carried out:
 *   EAGAIN     no case was ready by the deadline
 *   EINVAL     cases is NULL though count is not 0, a case is incomplete or
 *              invalid, or a reserved word of it is not zero
 *   EDEADLK    a case waits for the end of the caller, or of main
 *   ENOMEM, ENOSPC   a limit of the system
 * May switch, but not with a deadline in the past. Mirrors select of Go.
 */
GREEN_API int green_choose(struct green_case *cases, size_t count,
                           green_time deadline);

GREEN_END_DECLS

#endif
