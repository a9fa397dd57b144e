/*
 * A channel. Receivers wait only while it is empty, senders only while it is
 * full. A sender copies its value straight to a waiting receiver's buffer.
 */
#include "sync/channel.h"

#include "base/system.h"
#include "sync/values.h"

static const struct green__wait_kind sending = {.name = "channel to send",
                                                .inside = true};
static const struct green__wait_kind receiving = {.name = "channel to receive",
                                                  .inside = true};

static inline struct green__channel_place *
take_channel_place(struct green_waiters *line)
{
    return container_of(green__line_take(line), struct green__channel_place,
                        place);
}

/* Ends a wait, with 0 or an error, and wakes the waiter. */
static inline void settle(struct green__channel_place *waiter, int error)
{
    waiter->error = error;
    if (green__unlikely(waiter->chosen != NULL))
        waiter->chosen(waiter);
    else
        green__line_wake(&waiter->place);
}

/* ---- Making and end -------------------------------------------------- */

int green_channel_init(struct green_channel *channel, size_t size,
                       size_t capacity)
{
    char *buffer = NULL;
    size_t bytes;

    if (!channel)
        return green__refuse(EINVAL);
    if (__builtin_mul_overflow(size, capacity, &bytes) || bytes > PTRDIFF_MAX)
        return green__refuse(ENOMEM);
    if (size > 0 && capacity > 0) {
        buffer = green__system.allocate(capacity, size);
        if (!buffer)
            return green__refuse(ENOMEM);
    }
    *channel = (struct green_channel){
        .internal = {.size = size, .capacity = capacity, .buffer = buffer},
    };
    return 0;
}

static void refuse_all(struct green_waiters *line)
{
    while (!green__line_empty(line))
        settle(take_channel_place(line), EPIPE);
}

int green_channel_close(struct green_channel *channel)
{
    if (!channel)
        return green__refuse(EINVAL);
    channel->internal.closed = true;
    refuse_all(&channel->internal.senders);
    refuse_all(&channel->internal.receivers);
    return 0;
}

void green_channel_destroy(struct green_channel *channel)
{
    if (!channel)
        return;
    green_channel_close(channel);
    green__system.release(channel->internal.buffer);
    channel->internal.buffer = NULL;
    channel->internal.length = 0;
    channel->internal.capacity = 0;
}

/* ---- Send ------------------------------------------------------------ */

/* Static, since the compiler may not inline one exported function into
 * another. */
static inline int send_now(struct green_channel *channel, const void *value)
{
    if (green__unlikely(channel->internal.closed))
        return green__refuse(EPIPE);
    if (!green__line_empty(&channel->internal.receivers)) {
        struct green__channel_place *receiver =
            take_channel_place(&channel->internal.receivers);

        if (receiver->to)
            green__value_copy(receiver->to, value, channel->internal.size);
        settle(receiver, 0);
        return 0;
    }
    if (channel->internal.length == channel->internal.capacity)
        return green__refuse(EAGAIN);
    green__value_put(channel, value);
    return 0;
}

int green_channel_try_send(struct green_channel *channel, const void *value)
{
    if (!channel || (!value && channel->internal.size))
        return green__refuse(EINVAL);
    return send_now(channel, value);
}

int green_channel_send(struct green_channel *channel, const void *value)
{
    struct green__channel_place here;

    if (green__unlikely(!channel || (!value && channel->internal.size)))
        return green__refuse(EINVAL);
    if (green__unlikely(green__call_begins() < 0))
        return -1;
    if (green__channel_can_send(channel))
        return green__call_done(send_now(channel, value));
    here.from = value;
    here.error = 0;
    here.chosen = NULL;
    if (green__unlikely(green__line_wait(&channel->internal.senders,
                                         &here.place, &sending) < 0))
        return -1;
    return green__unlikely(here.error) ? green__refuse(here.error) : 0;
}

/* ---- Receive --------------------------------------------------------- */

/* Takes a value from the buffer and puts the first waiting sender's in its
 * place. */
static void receive_from_buffer(struct green_channel *channel, void *value)
{
    struct green__channel_place *sender;

    green__value_get(channel, value);
    if (green__likely(green__line_empty(&channel->internal.senders)))
        return;
    sender = take_channel_place(&channel->internal.senders);
    green__value_put(channel, sender->from);
    settle(sender, 0);
}

static void receive_from_sender(struct green_channel *channel, void *value)
{
    struct green__channel_place *sender =
        take_channel_place(&channel->internal.senders);

    if (value)
        green__value_copy(value, sender->from, channel->internal.size);
    settle(sender, 0);
}

static inline int receive_now(struct green_channel *channel, void *value)
{
    if (channel->internal.length > 0)
        receive_from_buffer(channel, value);
    else if (!green__line_empty(&channel->internal.senders))
        receive_from_sender(channel, value);
    else
        return green__refuse(channel->internal.closed ? EPIPE : EAGAIN);
    return 0;
}

int green_channel_try_receive(struct green_channel *channel, void *value)
{
    if (green__unlikely(!channel))
        return green__refuse(EINVAL);
    return receive_now(channel, value);
}

int green_channel_receive(struct green_channel *channel, void *value)
{
    struct green__channel_place here;

    if (green__unlikely(!channel))
        return green__refuse(EINVAL);
    if (green__unlikely(green__call_begins() < 0))
        return -1;
    if (green__channel_can_receive(channel))
        return green__call_done(receive_now(channel, value));
    here.to = value;
    here.error = 0;
    here.chosen = NULL;
    if (green__unlikely(green__line_wait(&channel->internal.receivers,
                                         &here.place, &receiving) < 0))
        return -1;
    return green__unlikely(here.error) ? green__refuse(here.error) : 0;
}

size_t green_channel_length(const struct green_channel *channel)
{
    return channel ? channel->internal.length : 0;
}
