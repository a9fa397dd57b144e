/* A client of HTTP/2 that writes frames as the test says, and counts what comes: for what
 * no library would send. */
#ifndef TESTS_HTTP2_RAW_H
#define TESTS_HTTP2_RAW_H

#include <nghttp2/nghttp2.h>

#include "http_support.h"

/* GET http://a/ and POST, as header blocks. */
#define RAW_GET "\x82\x86\x84\x41\x01\x61"
#define RAW_POST "\x83\x86\x84\x41\x01\x61"
#define RAW_END NGHTTP2_FLAG_END_STREAM
#define RAW_HEAD NGHTTP2_FLAG_END_HEADERS

struct raw {
    struct http_pair *pair; /* NULL: the server is elsewhere */
    int fd;
    struct green_thread *reader;
    bool paused;         /* it does not read */
    unsigned frames[16]; /* that came, by type */
    unsigned ended;      /* streams, by END_STREAM */
    uint32_t reset_error, goaway_error;
    int32_t last_ids[4]; /* of each GOAWAY */
};

void raw_open(struct raw *raw,
              int (*handler)(struct green_http *http, void *arg),
              const struct green_http_options *options);
/* On a connected descriptor. */
void raw_open_fd(struct raw *raw, int fd);
/* Waits until the server ends the connection, and closes. */
void raw_wait_end(struct raw *raw);
/* Ends the connection first. */
void raw_close(struct raw *raw);

/* Returns whether it could be sent. */
bool raw_frame(struct raw *raw, uint8_t type, uint8_t flags, int32_t id,
               const void *payload, size_t size);
bool raw_get(struct raw *raw, int32_t id);
bool raw_post(struct raw *raw, int32_t id);
bool raw_reset(struct raw *raw, int32_t id);
/* Waits until at least so many frames of a type have come. */
void raw_wait(struct raw *raw, uint8_t type, unsigned count);
/* Waits until the server has seen all that was sent. */
void raw_sync(struct raw *raw);

#endif
