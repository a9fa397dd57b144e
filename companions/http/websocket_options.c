/* The options of a WebSocket, with their defaults. */
#include <errno.h>
#include <string.h>

#include "websocket.h"

static bool reserved_is_zero(const struct green_websocket_options *options)
{
    for (size_t i = 0;
         i < sizeof options->reserved / sizeof options->reserved[0]; i++)
        if (options->reserved[i] != 0)
            return false;
    return true;
}

static bool are_tokens(const char *const *words)
{
    for (; words && *words; words++)
        if (!green__http_is_token(*words, strlen(*words)))
            return false;
    return true;
}

static bool take_time(green_time *time, green_time usual)
{
    if (*time == 0)
        *time = usual;
    return *time > 0;
}

static bool take_times(struct green_websocket_options *options)
{
    return take_time(&options->ping_interval, 20 * GREEN_SEC) &&
           take_time(&options->ping_timeout, 20 * GREEN_SEC) &&
           take_time(&options->write_timeout, 30 * GREEN_SEC) &&
           take_time(&options->close_timeout, 5 * GREEN_SEC) &&
           take_time(&options->handshake_timeout, 10 * GREEN_SEC);
}

int green__websocket_options_init(struct green_websocket_options *options,
                                  const struct green_websocket_options *given)
{
    *options = given ? *given : (struct green_websocket_options){0};
    if (options->max_message == 0)
        options->max_message = (uint64_t)1 << 20;
    if (options->window_bits == 0)
        options->window_bits = 12;
    if (take_times(options) && reserved_is_zero(options) &&
        are_tokens(options->protocols) && options->window_bits >= 9 &&
        options->window_bits <= 15)
        return 0;
    errno = EINVAL;
    return -1;
}
