/* A channel's ring of values, and the copying of values. */
#ifndef GREEN_VALUES_H
#define GREEN_VALUES_H

#include <string.h>

#include <greenhub/channel.h>

#include "base/attributes.h"

/* Most values are words. For these, calling memcpy would cost more than the
 * rest of the operation, so constant sizes have it inlined. */
static inline void green__value_copy(void *to, const void *from, size_t size)
{
    /* NULL comes only with a size of 0, since a channel's size never
     * changes. */
    /* NOLINTBEGIN(clang-analyzer-core.NonNullParamChecker) */
    if (green__likely(size == sizeof(uint64_t)))
        memcpy(to, from, sizeof(uint64_t));
    else if (size == sizeof(uint32_t))
        memcpy(to, from, sizeof(uint32_t));
    else if (size > 0)
        memcpy(to, from, size);
    /* NOLINTEND(clang-analyzer-core.NonNullParamChecker) */
}

static inline char *green__value_slot(const struct green_channel *channel,
                                      size_t index)
{
    if (index >= channel->internal.capacity)
        index -= channel->internal.capacity;
    return channel->internal.buffer + index * channel->internal.size;
}

/* The channel must have room. */
static inline void green__value_put(struct green_channel *channel,
                                    const void *value)
{
    size_t index = channel->internal.head + channel->internal.length++;

    green__value_copy(green__value_slot(channel, index), value,
                      channel->internal.size);
}

/* The channel must not be empty. `value` may be NULL. */
static inline void green__value_get(struct green_channel *channel, void *value)
{
    if (value)
        green__value_copy(value,
                          green__value_slot(channel, channel->internal.head),
                          channel->internal.size);
    channel->internal.length--;
    if (++channel->internal.head == channel->internal.capacity)
        channel->internal.head = 0;
}

#endif
