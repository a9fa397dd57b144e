/* What the tests of WebSocket share: a peer that sends what is written in words, and
 * says in words what it has got. */
#ifndef TESTS_WEBSOCKET_SUPPORT_H
#define TESTS_WEBSOCKET_SUPPORT_H

#include <greenhub/websocket.h>

#include "http_support.h"

/*
 * Frames in words, separated by blanks. The first byte in hexadecimal digits, and then
 * the payload: 81(text), 82[300] (so many times 'x'), 82<00ff> (hexadecimal digits).
 * "u" before it: not masked. "=00ff": these bytes as they are. Returns the number of
 * bytes, which are in *bytes until the next call.
 */
size_t websocket_encode(const char *words, const char **bytes);

/* The same of what was received; also close(1000), close(1000 reason), and "..." for
 * what is no whole frame. Masked frames are shown with an "m" before them. */
const char *websocket_decode(const char *bytes, size_t size);

#define WEBSOCKET_REQUEST                                                      \
    "GET /chat HTTP/1.1\r\nHost: a.test\r\nConnection: keep-alive, "           \
    "Upgrade\r\n"                                                              \
    "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"                      \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

/* Opens a connection, and shakes hands, with fields of the client's own. Returns what
 * the server has answered. */
char *websocket_open(struct http_pair *pair,
                     int (*handler)(struct green_http *http, void *arg),
                     const struct green_http_options *options,
                     const char *fields);
void websocket_say(struct http_pair *pair, const char *words);
/* Reads so many bytes, and decodes them. */
const char *websocket_hear(struct http_pair *pair, size_t size);
/* Reads to the end, and decodes. */
const char *websocket_hear_all(struct http_pair *pair);

/* A handler whose `arg` are the WebSocket's options: sends back each message.
 * websocket_error is then the errno of its end, 0 for Close frames. */
int websocket_echo(struct green_http *http, void *arg);
extern int websocket_error;

/* A server with its listener. Its `http` and `options` may be filled in before. */
struct websocket_server {
    struct green_server server;
    struct green_serve_options serve;
    struct green_http_options http;
    struct green_websocket_options options;
    struct green_thread *thread;
    int (*handler)(struct green_http *http, void *arg);
    int listener, result;
    char url[80];
};

void websocket_start(struct websocket_server *server,
                     int (*handler)(struct green_http *http, void *arg));
/* Stops it, and waits for its end. */
void websocket_finish(struct websocket_server *server);
/* A client with the server's options. */
struct green_websocket *websocket_dial(struct websocket_server *server);

/* The next message is this one. */
void websocket_expect(struct green_websocket *websocket,
                      enum green_websocket_kind kind, const void *bytes,
                      size_t size);
void websocket_expect_text(struct green_websocket *websocket, const char *text);
/* The peer has sent a Close frame. */
void websocket_expect_end(struct green_websocket *websocket, int code,
                          const char *reason);

#endif
