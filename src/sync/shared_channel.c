/*
 * A channel for greenthreads of several OS threads. A struct green_channel
 * holds its values; that channel's lines are not used.
 */
#include <greenhub/shared.h>

#include "base/system.h"
#include "greenthread/call.h"
#include "sync/visit.h"
#include "sync/values.h"

/* A value whose receiver was dropped before it ran. */
struct returned {
    struct returned *next;
    char value[];
};

struct green_shared_channel {
    struct green__shared shared;
    struct green_channel values;
    struct returned *returned; /* received before those in `values` */
    size_t returned_count;
    struct green_list senders, receivers;
};

static const struct green__wait_kind sending = {.name =
                                                    "shared channel to send"};
static const struct green__wait_kind receiving = {
    .name = "shared channel to receive"};

static size_t size_of(const struct green_shared_channel *channel)
{
    return channel->values.internal.size;
}

/* ---- Giving back ------------------------------------------------------- */

/* Gives a dropped receiver's value to the first waiting receiver, or to the
 * front of the channel. If there is no memory for that, the value is lost. */
static void give_back(struct green__visit *visit,
                      struct green__shared_place *place)
{
    struct green_shared_channel *channel =
        container_of(visit->shared, struct green_shared_channel, shared);
    struct returned *returned;

    if (place->line != &channel->receivers ||
        (!place->value && size_of(channel) > 0))
        return; /* a sender, or it discards the value */
    if (!green__list_empty(&channel->receivers)) {
        struct green__shared_place *next =
            green__shared_take(&channel->receivers);

        if (next->value)
            green__value_copy(next->value, place->value, size_of(channel));
        green__shared_post(visit, next, 0);
        return;
    }
    returned = green__system.allocate(1, sizeof *returned + size_of(channel));
    if (!returned)
        return;
    green__value_copy(returned->value, place->value, size_of(channel));
    returned->next = channel->returned;
    channel->returned = returned;
    channel->returned_count++;
}

static void take_returned(struct green_shared_channel *channel, void *value)
{
    struct returned *returned = channel->returned;

    if (value)
        green__value_copy(value, returned->value, size_of(channel));
    channel->returned = returned->next;
    channel->returned_count--;
    green__system.release(returned);
}

/* ---- Making and end ----------------------------------------------------- */

struct green_shared_channel *green_shared_channel_create(size_t size,
                                                         size_t capacity)
{
    struct green_shared_channel *channel =
        green__system.allocate(1, sizeof *channel);

    if (!channel) {
        errno = ENOMEM;
        return NULL;
    }
    green__list_init(&channel->senders);
    green__list_init(&channel->receivers);
    channel->shared.give_back = give_back;
    if (green_channel_init(&channel->values, size, capacity) < 0)
        goto free_channel;
    if (green__biased_lock_init(&channel->shared.lock) < 0)
        goto free_values;
    return channel;

free_values:
    green_channel_destroy(&channel->values);
free_channel:
    green__system.release(channel);
    return NULL;
}

void green_shared_channel_destroy(struct green_shared_channel *channel)
{
    if (!channel)
        return;
    while (channel->returned)
        take_returned(channel, NULL);
    green_channel_destroy(&channel->values);
    green__biased_lock_destroy(&channel->shared.lock);
    green__system.release(channel);
}

static void refuse_all(struct green__visit *visit, struct green_list *line)
{
    while (!green__list_empty(line))
        green__shared_post(visit, green__shared_take(line), EPIPE);
}

int green_shared_channel_close(struct green_shared_channel *channel)
{
    struct green__visit visit;

    if (!channel)
        return green__refuse(EINVAL);
    green__visit_begin(&visit, &channel->shared);
    channel->values.internal.closed = true;
    refuse_all(&visit, &channel->senders);
    refuse_all(&visit, &channel->receivers);
    green__visit_end(&visit);
    return 0;
}

size_t green_shared_channel_length(struct green_shared_channel *channel)
{
    struct green__visit visit;
    size_t length;

    if (!channel)
        return 0;
    green__visit_begin(&visit, &channel->shared);
    length = channel->values.internal.length + channel->returned_count;
    green__visit_end(&visit);
    return length;
}

/* ---- Send ---------------------------------------------------------------- */

/* Returns 0 or the errno: EAGAIN if the caller must wait. */
static int send_now(struct green_shared_channel *channel,
                    struct green__visit *visit, const void *value)
{
    if (channel->values.internal.closed)
        return EPIPE;
    if (!green__list_empty(&channel->receivers)) {
        struct green__shared_place *receiver =
            green__shared_take(&channel->receivers);

        if (receiver->value)
            green__value_copy(receiver->value, value, size_of(channel));
        green__shared_post(visit, receiver, 0);
        return 0;
    }
    if (channel->values.internal.length == channel->values.internal.capacity)
        return EAGAIN;
    green__value_put(&channel->values, value);
    return 0;
}

static int send_value(struct green_shared_channel *channel, const void *value,
                      bool waits)
{
    struct green__shared_place here;
    struct green__visit visit;
    int error;

    if (!channel || (!value && size_of(channel) > 0))
        return green__refuse(EINVAL);
    if (waits && green__call_begins() < 0)
        return -1;
    green__visit_begin(&visit, &channel->shared);
    error = send_now(channel, &visit, value);
    if (error != EAGAIN || !waits) {
        green__visit_end(&visit);
        if (waits)
            green__call_ends(GREEN__COST_CALL);
        return error ? green__refuse(error) : 0;
    }
    here.value = (void *)(uintptr_t)value;
    if (green__shared_wait(&visit, &channel->senders, &here, &sending) < 0)
        return -1;
    return here.error ? green__refuse(here.error) : 0;
}

int green_shared_channel_send(struct green_shared_channel *channel,
                              const void *value)
{
    return send_value(channel, value, true);
}

int green_shared_channel_try_send(struct green_shared_channel *channel,
                                  const void *value)
{
    return send_value(channel, value, false);
}

/* ---- Receive ------------------------------------------------------------- */

/* Takes a value from the ring and puts the first waiting sender's in its
 * place. */
static void receive_from_ring(struct green_shared_channel *channel,
                              struct green__visit *visit, void *value)
{
    struct green__shared_place *sender;

    green__value_get(&channel->values, value);
    if (green__list_empty(&channel->senders))
        return;
    sender = green__shared_take(&channel->senders);
    green__value_put(&channel->values, sender->value);
    green__shared_post(visit, sender, 0);
}

static void receive_from_sender(struct green_shared_channel *channel,
                                struct green__visit *visit, void *value)
{
    struct green__shared_place *sender = green__shared_take(&channel->senders);

    if (value)
        green__value_copy(value, sender->value, size_of(channel));
    green__shared_post(visit, sender, 0);
}

/* Returns 0 or the errno: EAGAIN if the caller must wait. */
static int receive_now(struct green_shared_channel *channel,
                       struct green__visit *visit, void *value)
{
    if (green__unlikely(channel->returned != NULL))
        take_returned(channel, value);
    else if (channel->values.internal.length > 0)
        receive_from_ring(channel, visit, value);
    else if (!green__list_empty(&channel->senders))
        receive_from_sender(channel, visit, value);
    else
        return channel->values.internal.closed ? EPIPE : EAGAIN;
    return 0;
}

static int receive_value(struct green_shared_channel *channel, void *value,
                         bool waits)
{
    struct green__shared_place here;
    struct green__visit visit;
    int error;

    if (!channel)
        return green__refuse(EINVAL);
    if (waits && green__call_yields_and_begins() < 0)
        return -1;
    green__visit_begin(&visit, &channel->shared);
    error = receive_now(channel, &visit, value);
    if (error != EAGAIN || !waits) {
        green__visit_end(&visit);
        return error ? green__refuse(error) : 0;
    }
    here.value = value;
    if (green__shared_wait(&visit, &channel->receivers, &here, &receiving) < 0)
        return -1;
    return here.error ? green__refuse(here.error) : 0;
}

int green_shared_channel_receive(struct green_shared_channel *channel,
                                 void *value)
{
    return receive_value(channel, value, true);
}

int green_shared_channel_try_receive(struct green_shared_channel *channel,
                                     void *value)
{
    return receive_value(channel, value, false);
}
