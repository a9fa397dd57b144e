/* What the tests of the HTTP server share. */
#ifndef TESTS_HTTP_SUPPORT_H
#define TESTS_HTTP_SUPPORT_H

#include <greenhub/http.h>

#include "support.h"

/* A server of one connection, and the client's end of that. */
struct http_pair {
    int client;
    struct green_thread *thread;
    struct green_stream stream;
    int (*handler)(struct green_http *http, void *arg);
    const struct green_http_options *options;
    int result;
};

void http_open(struct http_pair *pair,
               int (*handler)(struct green_http *http, void *arg),
               const struct green_http_options *options);
/* Waits for the server's end, and closes. */
void http_close(struct http_pair *pair);

void http_send(struct http_pair *pair, const char *text);
/* Reads to the end. Returns a string that lasts as long as the case. */
char *http_read_all(struct http_pair *pair);
/* Reads up to, and with, a text. */
char *http_read_until(struct http_pair *pair, const char *text);

/* Sends a request, ends the client's side, and returns all that comes. */
char *http_ask(int (*handler)(struct green_http *http, void *arg),
               const struct green_http_options *options, const char *request);

/* The statuses of responses in a text, such as "200 404". */
const char *http_statuses(const char *text);

/* Replies with method, target and the body that it has read. */
int http_echo(struct green_http *http, void *arg);
/* Replies with "hello\n", and reads nothing. */
int http_hello(struct green_http *http, void *arg);

/* Short limits; the defaults on sim. */
struct green_http_options http_quick(void);
/* On sim it has taken so many seconds; what runs takes time there, too. */
void ck_took(green_time begin, int seconds);

/* A server of a listener of its own, which begins with zeros. */
struct http_server {
    struct green_server server;
    struct green_serve_options serve;
    struct green_http_options options;
    struct green_thread *thread;
    int (*handler)(struct green_http *http, void *arg);
    int listener, result;
    char address[64];
};

void http_server_start(struct http_server *server,
                       int (*handler)(struct green_http *http, void *arg));
/* Asks it to stop, and waits until it has. */
void http_server_stop(struct http_server *server);

#define ck_has(text, part)                                                     \
    ck_assert_msg(strstr(text, part) != NULL, "no \"%s\" in:\n%s", part, text)
#define ck_has_not(text, part)                                                 \
    ck_assert_msg(strstr(text, part) == NULL, "\"%s\" is in:\n%s", part, text)

#endif
