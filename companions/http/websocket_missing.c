/* WebSocket in a build that found no libwslay: none can be made. */
#include <errno.h>

#include "websocket.h"

static int refuse(void)
{
    errno = ENOSYS;
    return -1;
}

struct green_websocket *
green_websocket_accept(struct green_http *http,
                       const struct green_websocket_options *options)
{
    (void)http, (void)options;
    refuse();
    return NULL;
}

struct green_websocket *
green_websocket_dial(const char *url,
                     const struct green_websocket_options *options)
{
    (void)url, (void)options;
    refuse();
    return NULL;
}

void green__websocket_finish(struct green_http *http, int result)
{
    (void)http, (void)result;
}

/* The others are never called with one. */

const char *green_websocket_protocol(const struct green_websocket *websocket)
{
    (void)websocket;
    return NULL;
}

int green_websocket_receive(struct green_websocket *websocket,
                            struct green_websocket_message *message)
{
    (void)websocket, (void)message;
    return refuse();
}

int green_websocket_receive_part(struct green_websocket *websocket,
                                 struct green_websocket_message *message)
{
    (void)websocket, (void)message;
    return refuse();
}

int green_websocket_send(struct green_websocket *websocket,
                         enum green_websocket_kind kind, const void *bytes,
                         size_t size)
{
    (void)websocket, (void)kind, (void)bytes, (void)size;
    return refuse();
}

int green_websocket_print(struct green_websocket *websocket, const char *format,
                          ...)
{
    (void)websocket, (void)format;
    return refuse();
}

int green_websocket_send_part(struct green_websocket *websocket,
                              enum green_websocket_kind kind, const void *bytes,
                              size_t size, bool last)
{
    (void)websocket, (void)kind, (void)bytes, (void)size, (void)last;
    return refuse();
}

int green_websocket_ping(struct green_websocket *websocket, const void *bytes,
                         size_t size)
{
    (void)websocket, (void)bytes, (void)size;
    return refuse();
}

int green_websocket_close(struct green_websocket *websocket, int code,
                          const char *reason)
{
    (void)websocket, (void)code, (void)reason;
    return refuse();
}

int green_websocket_close_code(const struct green_websocket *websocket)
{
    (void)websocket;
    return GREEN__WEBSOCKET_ABNORMAL;
}

const char *
green_websocket_close_reason(const struct green_websocket *websocket)
{
    (void)websocket;
    return "";
}

void green_websocket_free(struct green_websocket *websocket)
{
    (void)websocket;
}
