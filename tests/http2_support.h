/* A client of HTTP/2 for the tests: nghttp2's, which may also misbehave. */
#ifndef TESTS_HTTP2_SUPPORT_H
#define TESTS_HTTP2_SUPPORT_H

#include <nghttp2/nghttp2.h>

#include "http_support.h"

#define H2_MOST 128

struct h2_answer {
    int32_t id;
    char fields
        [4096]; /* "name: value\n", with :status; trailers are behind "--\n" */
    char *body; /* with a '\0' */
    size_t size;
    bool closed;
    uint32_t error; /* that closed it */
};

struct h2_client {
    struct http_pair *pair; /* NULL: the server is elsewhere */
    int fd;
    nghttp2_session *session;
    struct h2_answer answers[H2_MOST]; /* by id, those of H2_MOST before are
                                        * overwritten */
    unsigned goaways;
    int32_t last_ids[4]; /* of each GOAWAY */
    uint32_t goaway_error;
    unsigned settings, acks, pings, resets;
    bool over;   /* the connection */
    bool starve; /* renew no windows */
};

/* A client of a server of one connection. */
void h2_open(struct h2_client *client,
             int (*handler)(struct green_http *http, void *arg),
             const struct green_http_options *options);
/* A client on a connected descriptor, which it closes. */
void h2_open_fd(struct h2_client *client, int fd);
/* Closes both ends, and waits for the server's. */
void h2_close(struct h2_client *client);

/* Begins a request. fields: "name: value\n", pseudo fields included, or NULL for
 * those of a GET of `path`. body NULL: none; `more`: it does not end with that.
 * Returns its id. */
int32_t h2_submit(struct h2_client *client, const char *fields,
                  const char *body, bool more);
int32_t h2_get(struct h2_client *client, const char *path);
int32_t h2_post(struct h2_client *client, const char *path, const char *body);

/* Sends what is to be sent. */
void h2_flush(struct h2_client *client);
/* Reads once, and takes it. Returns whether the connection goes on. */
bool h2_step(struct h2_client *client);
/* Runs until the server has seen all that was sent: a PING comes back. */
void h2_sync(struct h2_client *client);
/* Runs until a stream is closed, or the connection is over. */
struct h2_answer *h2_wait(struct h2_client *client, int32_t id);
/* Runs until the server has ended the connection. */
void h2_wait_end(struct h2_client *client);
struct h2_answer *h2_answer(struct h2_client *client, int32_t id);
int h2_status(const struct h2_answer *answer);

/* Sends a frame as it is. */
void h2_frame(struct h2_client *client, uint8_t type, uint8_t flags, int32_t id,
              const void *payload, size_t size);

#endif
