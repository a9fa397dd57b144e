/*
 * Events and channels that greenthreads of different OS threads share.
 *
 * They work like those of greenhub/sync.h and greenhub/channel.h, but any OS
 * thread may use them at any time, with whatever hub or with none. Calls that
 * do not wait need no hub; the others make one. A waiting greenthread parks,
 * and its OS thread continues. Do not use them in signal handlers.
 *
 * While only one OS thread uses an object, its calls take no lock and make no
 * atomic exchange. From the first call of a second OS thread on, a mutex guards
 * the object for good.
 *
 * If a waiter is given a value before it is killed or timed out, its call
 * succeeds, even if it runs later. If its hub is eliminated or its OS thread
 * ends before it runs, the value goes back to the front of the channel, for the
 * next receiver.
 *
 * A forked child must not use its parent's objects. The library does not count
 * a greenthread that waits for a shared object as deadlocked.
 */
#ifndef GREENHUB_SHARED_H
#define GREENHUB_SHARED_H

#include <greenhub/base.h>

GREEN_BEGIN_DECLS

/* ---- Event ----------------------------------------------------------- */

struct green_shared_event;

/*
 * Makes an event that has not happened.
 * Returns it, or NULL: ENOMEM, EAGAIN. Never switches.
 */
GREEN_API struct green_shared_event *green_shared_event_create(void);

/*
 * Frees an event. No OS thread may use it or wait for it any more. Once a wait
 * has returned, the call that made the event happen no longer uses the event,
 * even if that call has not returned yet. NULL is allowed.
 * Cannot fail. Never switches.
 */
GREEN_API void green_shared_event_destroy(struct green_shared_event *event);

/*
 * Makes the event happen: all present and later waiters get the value.
 * Returns 0, or -1: EINVAL for NULL, EALREADY if it has already happened.
 * Never switches. Mirrors eventlet.event.Event.send.
 */
GREEN_API int green_shared_event_send(struct green_shared_event *event,
                                      void *value);

/*
 * Like green_shared_event_send, with an error in place of a value: a positive
 * errno, which green_shared_event_wait returns.
 * Returns 0, or -1: EINVAL for NULL or an error that is not positive, EALREADY.
 * Never switches. Mirrors Event.send_exception.
 */
GREEN_API int green_shared_event_fail(struct green_shared_event *event,
                                      int error);

/*
 * Waits until the event has happened, and stores the value in *value (value may
 * be NULL).
 * Returns 0; 1 with the error in errno, if an error was sent; or -1 for an
 * error of the call itself: EINVAL for NULL, ENOMEM.
 * May switch. Mirrors Event.wait.
 */
GREEN_API int green_shared_event_wait(struct green_shared_event *event,
                                      void **value);

/*
 * Like green_shared_event_wait, but does not wait: -1 and EAGAIN if the event
 * has not happened. Never switches.
 */
GREEN_API int green_shared_event_try_wait(struct green_shared_event *event,
                                          void **value);

/* ---- Channel --------------------------------------------------------- */

struct green_shared_channel;

/*
 * Makes a channel that holds up to `capacity` values of `size` bytes.
 * Returns it, or NULL: ENOMEM, EAGAIN. Never switches.
 */
GREEN_API struct green_shared_channel *
green_shared_channel_create(size_t size, size_t capacity);

/*
 * Frees a channel. No OS thread may use it or wait for it any more. Values that
 * it holds are lost. Calls of the other side may still be returning: a send no
 * longer uses the channel once its value has been received, and a receive no
 * longer uses it once the send of its value has returned. NULL is allowed.
 * Cannot fail. Never switches.
 */
GREEN_API void
green_shared_channel_destroy(struct green_shared_channel *channel);

/*
 * Sends the value at `value`. Waits while there is neither room nor a receiver.
 * Returns 0; or -1, and the value was not sent: EINVAL for NULL (value may be
 * NULL if the size is 0), EPIPE if the channel is closed before or during the
 * wait, ENOMEM.
 * May switch.
 */
GREEN_API int green_shared_channel_send(struct green_shared_channel *channel,
                                        const void *value);

/*
 * Like green_shared_channel_send, but does not wait: EAGAIN if there is neither
 * room nor a receiver. Never switches.
 */
GREEN_API int
green_shared_channel_try_send(struct green_shared_channel *channel,
                              const void *value);

/*
 * Receives a value into `value`, or discards it if `value` is NULL. Waits for
 * one. Values that a closed channel still holds can be received.
 * Returns 0, or -1: EINVAL for NULL, EPIPE if the channel is closed and empty,
 * ENOMEM.
 * May switch.
 */
GREEN_API int green_shared_channel_receive(struct green_shared_channel *channel,
                                           void *value);

/*
 * Like green_shared_channel_receive, but does not wait: EAGAIN if there is no
 * value. Never switches.
 */
GREEN_API int
green_shared_channel_try_receive(struct green_shared_channel *channel,
                                 void *value);

/*
 * Closes a channel. All waiters fail with EPIPE; so does every later send, and
 * every receive once the channel is empty. Closing twice is allowed.
 * Returns 0, or -1: EINVAL for NULL. Never switches.
 */
GREEN_API int green_shared_channel_close(struct green_shared_channel *channel);

/*
 * Returns how many values the channel holds at this moment; 0 for NULL. Never
 * switches.
 */
GREEN_API size_t
green_shared_channel_length(struct green_shared_channel *channel);

GREEN_END_DECLS

#endif
