/* What the tests of the HTTP client share: a server that sends what a test tells it
 * to. */
#ifndef TESTS_HTTP_CLIENT_SUPPORT_H
#define TESTS_HTTP_CLIENT_SUPPORT_H

#include <greenhub/http_client.h>

#include "http_support.h"

/* What it does with one request. */
struct act {
    const char *text; /* the response; NULL: none, and the connection ends */
    bool closes;      /* after it */
    bool resets;
    bool blind;             /* sends it before it reads the request's body */
    bool hangs;             /* after it, until the test is over */
    bool drips;             /* byte by byte */
    struct green_event *go; /* waits for that, before it sends */
};

struct script {
    const struct act *acts; /* for one request after the other, of whatever
                             * connection; the last for all that come later */
    size_t count;
    int listener;
    char url[64];     /* "http://127.0.0.1:PORT" */
    char address[64]; /* "tcp://127.0.0.1:PORT" */
    struct green_thread *thread;
    struct green_thread *handlers[64];
    size_t next;
    int connections;
    char requests[1 << 16]; /* all that came, one after the other */
    size_t size;
};

void script_start(struct script *script, const struct act *acts, size_t count);
void script_stop(struct script *script);

#define SCRIPT(name, ...)                                                      \
    static const struct act name##_acts[] = {__VA_ARGS__};                     \
    static struct script name;                                                 \
    script_start(&name, name##_acts, sizeof name##_acts / sizeof name##_acts[0])

/* URL of a path; valid until the eighth next call. */
const char *url_of(const struct script *script, const char *path);

struct green_http_client *
new_client(const struct green_http_client_options *options);

/* Begins an exchange; a failure fails the case. */
struct green_http_client_exchange *
begin_exchange(struct green_http_client *client, const char *method,
               const char *url);

/* Fetches, and compares status and body. */
void ck_fetches(struct green_http_client *client, const char *url, int status,
                const char *body);

/* Asks for the response, which is 200, and closes. */
void ck_posts(struct green_http_client_exchange *exchange);

struct green_http_client_stats stats_of(const struct green_http_client *client);

/* Destroys it: it has no connection in use. */
void end_client(struct green_http_client *client);

#define OK_HEAD "HTTP/1.1 200 OK\r\n"
#define HELLO OK_HEAD "Content-Length: 5\r\n\r\nhello"

#endif
