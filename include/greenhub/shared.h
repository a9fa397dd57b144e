/*
 * What greenthreads of different OS threads share: events and channels.
 *
 * They are as those of greenhub/sync.h and greenhub/channel.h, and may be used
 * from any OS thread at any time, those with several hubs, or with none: the calls
 * that do not wait need none, the others make one. A greenthread parks, its OS
 * thread goes on. Not from signal handlers.
 *
 * As long as one OS thread alone uses it, there is no lock and no atomic exchange
 * on the way of a call. The first time that another one comes, this ends, for good,
 * and a mutex guards it from then on.
 *
 * What was handed to a greenthread that waits is its own, also when it is killed or
 * timed out before it runs: the call succeeds. If its hub is eliminated or its OS
 * thread ends before it runs, what it was handed goes back to the front, to be
 * received by the next.
 *
 * In a forked child those of the parent must not be used. One that waits for
 * something shared is not taken for deadlocked.
 */
#ifndef GREENHUB_SHARED_H
#define GREENHUB_SHARED_H

#include <greenhub/base.h>

GREEN_BEGIN_DECLS

/* ---- Event ----------------------------------------------------------- */

struct green_shared_event;

/*
 * An event that has not happened. Returns it, or NULL: ENOMEM, EAGAIN. Never
 * switches.
 */
GREEN_API struct green_shared_event *green_shared_event_create(void);

/*
 * Frees an event that nobody uses or waits for any more. Whoever has made it
 * happen is through with it when another one's wait for it returns, also if his
 * call has not returned yet. NULL is legal.
 * Cannot fail. Never switches.
 */
GREEN_API void green_shared_event_destroy(struct green_shared_event *event);

/*
 * It has happened: all who wait, and whoever asks later, get the value.
 * Returns 0, or -1: EINVAL for NULL, EALREADY if it has happened already.
 * Never switches. Mirrors eventlet.event.Event.send.
 */
GREEN_API int green_shared_event_send(struct green_shared_event *event,
                                      void *value);

/*
 * The same with an error, a positive errno, which green_shared_event_wait tells.
 * Returns 0, or -1: EINVAL for NULL or an error that is none, EALREADY.
 * Never switches. Mirrors Event.send_exception.
 */
GREEN_API int green_shared_event_fail(struct green_shared_event *event,
                                      int error);

/*
 * Waits until it has happened, and gives the value in *value (value may be NULL).
 * Returns 0; 1 with errno, if an error was sent, which it is; or -1 for what is the
 * call's own: EINVAL for NULL, ENOMEM.
 * May switch. Mirrors Event.wait.
 */
GREEN_API int green_shared_event_wait(struct green_shared_event *event,
                                      void **value);

/*
 * The same without waiting: -1 and EAGAIN if it has not happened. Never switches.
 */
GREEN_API int green_shared_event_try_wait(struct green_shared_event *event,
                                          void **value);

/* ---- Channel --------------------------------------------------------- */

struct green_shared_channel;

/*
 * A channel for values of `size` bytes that holds `capacity` of them.
 * Returns it, or NULL: ENOMEM, EAGAIN. Never switches.
 */
GREEN_API struct green_shared_channel *
green_shared_channel_create(size_t size, size_t capacity);

/*
 * Frees a channel that nobody uses or waits for any more; what it holds is lost.
 * As with an event, whoever has sent a value is through when it is received, and
 * whoever has received it when its sending returns. NULL is legal. Cannot fail.
 * Never switches.
 */
GREEN_API void
green_shared_channel_destroy(struct green_shared_channel *channel);

/*
 * Sends the value at `value`; waits while there is neither room nor a receiver.
 * Returns 0, or -1 and it was not sent: EINVAL for NULL (value may be NULL if the
 * size is 0), EPIPE if the channel is closed, now or while it waited, ENOMEM.
 * May switch.
 */
GREEN_API int green_shared_channel_send(struct green_shared_channel *channel,
                                        const void *value);

/*
 * The same without waiting: EAGAIN if there is neither room nor a receiver.
 * Never switches.
 */
GREEN_API int
green_shared_channel_try_send(struct green_shared_channel *channel,
                              const void *value);

/*
 * Receives a value to `value`, or nowhere if that is NULL; waits for one. What a
 * closed channel holds is still received.
 * Returns 0, or -1: EINVAL for NULL, EPIPE if it is closed and empty, ENOMEM.
 * May switch.
 */
GREEN_API int green_shared_channel_receive(struct green_shared_channel *channel,
                                           void *value);

/*
 * The same without waiting: EAGAIN if there is none. Never switches.
 */
GREEN_API int
green_shared_channel_try_receive(struct green_shared_channel *channel,
                                 void *value);

/*
 * Nothing can be sent any more: all who wait fail with EPIPE, and whoever receives
 * when the channel is empty. Closing twice is no error.
 * Returns 0, or -1 and EINVAL for NULL. Never switches.
 */
GREEN_API int green_shared_channel_close(struct green_shared_channel *channel);

/*
 * How many values the channel holds just now; 0 for NULL. Never switches.
 */
GREEN_API size_t
green_shared_channel_length(struct green_shared_channel *channel);

GREEN_END_DECLS

#endif
