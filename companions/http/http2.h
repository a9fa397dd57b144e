/*
 * A connection of HTTP/2, by nghttp2, and its streams. One greenthread reads the
 * connection; while there is something to send, another one writes it; and each stream has
 * one for its exchange. nghttp2's callbacks run in the first two and never switch.
 *
 * A stream's struct is its greenthread's, and lasts until that ends. nghttp2 knows it
 * until its greenthread ends or nghttp2 closes the stream, whichever comes first.
 */
#ifndef COMPANIONS_HTTP_HTTP2_H
#define COMPANIONS_HTTP_HTTP2_H

#include <nghttp2/nghttp2.h>

#include "http.h"

/* How much of bodies may wait for their handlers: of a stream, of a connection. */
#define GREEN__HTTP2_WINDOW ((size_t)128 << 10)
#define GREEN__HTTP2_WINDOWS ((size_t)1 << 20)

/* What a client may waste at once, and each second. */
#define GREEN__HTTP2_BURST 1000
#define GREEN__HTTP2_RATE 33

struct green__http2_budget {
    int64_t spent;
    green_time since; /* when something was given back last */
};

struct green__http2 {
    struct green__http_connection *connection;
    nghttp2_session *session;
    struct green_scope reading; /* stopped when there is nothing more to read */
    struct green__http_deadline limit; /* of the reader */
    struct green_wait_group running;   /* all other greenthreads */
    struct green__http2_stream *first;
    unsigned stream_count;
    size_t unread; /* bytes of bodies that wait for their handlers */
    green_time idle_since;
    green_time head_begun;             /* 0: no head is being received */
    struct green__http2_budget resets; /* that were sent */
    struct green__http2_budget noise;  /* frames that carry nothing */
    struct green_timer grace;          /* until the second GOAWAY of a stop */
    bool stopping;
    bool ended;   /* the client sends nothing more */
    bool dead;    /* nothing can be sent or received any more */
    int error;    /* why */
    bool killed;  /* all handlers are to end */
    bool writing; /* there is a writer */
    char *out;    /* what it sends next */
    size_t out_size;
};

struct green__http2_stream {
    struct green__http2 *owner;
    struct green__http2_stream *next, *previous;
    struct green_thread *thread; /* once it has started */
    bool spawned;                /* the head has come to its end */
    struct green_semaphore changed;
    int32_t id;
    bool closed; /* nghttp2 does not know it any more */

    /* The request. */
    struct green__http_text head, cookies;
    size_t head_bytes, trailer_bytes; /* as HTTP/1.1 would have */
    uint32_t method, authority, path; /* in the head; 0: not there */
    uint32_t scheme;
    struct green__http_text body; /* received */
    size_t taken;                 /* of it by the handler */
    bool body_ended;

    /* The response: what is to be sent lies on the stack of the handler, which waits
     * until it has been taken. */
    struct iovec parts[2];
    int file; /* or in a file: -1, or a descriptor */
    off_t offset;
    size_t file_left;
    bool last;        /* nothing comes behind this */
    bool deferred;    /* nghttp2 waits for more */
    bool ended;       /* the end has been taken */
    bool flushed;     /* and sent */
    green_time moved; /* when something was taken last */

    struct green_http http;
};

/* http2_limits.c */

/* Returns whether the budget still allows it. */
bool green__http2_spend(struct green__http2_budget *budget);
/* Gives back what useful frames are worth. */
void green__http2_earn(struct green__http2_budget *budget);
/* Sets the time limit of the reader. */
void green__http2_limit(struct green__http2 *http2);
/* Ends a connection whose client sends too much of what carries nothing. */
void green__http2_calm(struct green__http2 *http2);
/* Announces the end to the client: no new streams. */
void green__http2_say_goodbye(struct green__http2 *http2, uint32_t error);
/* The same, for a stop: the client's streams that are on their way count. */
void green__http2_stop(struct green__http2 *http2);
void green__http2_stop_for_good(struct green__http2 *http2);

/* http2_receive.c */

/* Gives the client back what it has sent and nobody waits to read. */
void green__http2_renew(struct green__http2 *http2);
/* Makes a session. NULL: no memory. */
nghttp2_session *green__http2_session(struct green__http2 *http2);

/* http2_head.c: adds a field to a stream's head. Returns 0, or -1 if there is no
 * memory; what is wrong with it is noted in http.refused. */
int green__http2_head_add(struct green__http2_stream *stream, const char *name,
                          size_t name_size, const char *value,
                          size_t value_size);
/* Makes a request of it. Returns 0, or the status that refuses it. */
int green__http2_head_settle(struct green__http2_stream *stream);

/* http2_stream.c */
struct green__http2_stream *
green__http2_stream_create(struct green__http2 *http2, int32_t id);
/* Starts its greenthread. Returns 0, or -1. */
int green__http2_stream_start(struct green__http2_stream *stream);
/* Kills those of all streams, also those that have not started. */
void green__http2_kill_all(struct green__http2 *http2);
/* nghttp2 knows it no longer. */
void green__http2_stream_close(struct green__http2_stream *stream);
/* Something has changed for its greenthread. */
void green__http2_wake(struct green__http2_stream *stream);
void green__http2_wake_all(struct green__http2 *http2);
/* Waits for that. Returns 0, or -1: *expired if after `limit`. */
int green__http2_wait(struct green__http2_stream *stream, green_time limit,
                      bool *expired);
void green__http2_reset(struct green__http2_stream *stream, uint32_t error);

/* http2_transport.c */
extern const struct green__http_transport green__http2_transport;
/* nghttp2's callback: copies a DATA frame to http2->out. */
int green__http2_send_data(nghttp2_session *session, nghttp2_frame *frame,
                           const uint8_t *head, size_t size,
                           nghttp2_data_source *source, void *arg);

/* http2_writer.c: sends what nghttp2 has to send, in a greenthread. */
void green__http2_write(struct green__http2 *http2);
/* Returns where `size` bytes go that are sent next, or NULL if there is no room
 * now. */
char *green__http2_room(struct green__http2 *http2, size_t size);
/* Nothing can be sent or received any more. */
void green__http2_die(struct green__http2 *http2, int error);

#endif
