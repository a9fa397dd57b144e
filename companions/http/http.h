/* The structs of the HTTP server, and what its files offer each other. */
#ifndef COMPANIONS_HTTP_HTTP_H
#define COMPANIONS_HTTP_HTTP_H

#include <greenhub.h>
#include <greenhub/http.h>

#define GREEN__HTTP_FIELDS 100
#define GREEN__HTTP_BUFFER ((size_t)16 << 10)    /* of a response */
#define GREEN__HTTP_HEAD_MOST ((size_t)64 << 10) /* of a response */
/* So much of a body that the handler has not read is skipped; if there is more,
 * the connection ends. */
#define GREEN__HTTP_SKIP ((uint64_t)64 << 10)

/* ---- A server ------------------------------------------------------------ */

struct green__http_addresses;

struct green__http_config {
    struct green_http_options options; /* with the defaults filled in */
    int (*handler)(struct green_http *http, void *arg);
    green_time shortest;                     /* of the time limits */
    struct green__http_addresses *addresses; /* NULL: they are not counted */
    /* That a connection's layer has agreed on; NULL: nothing is known of it. */
    const char *(*protocol)(const struct green_stream *stream);
};

/* Fills in the defaults. Returns 0, or -1: EINVAL. */
int green__http_config_init(struct green__http_config *config,
                            int (*handler)(struct green_http *http, void *arg),
                            const struct green_http_options *options);

/* ---- Time limits: deadline.c ---------------------------------------------- */

enum green__http_wait {
    GREEN__HTTP_WAITS_NOT,
    GREEN__HTTP_READS,
    GREEN__HTTP_WRITES,
};

/*
 * The time limit of what a connection now waits for. Its timer is never set
 * further ahead than the shortest limit of the server; so a limit that begins
 * is not before it, and beginning one costs no call of the hub.
 */
struct green__http_deadline {
    struct green_timer timer;
    struct green_hub *hub;
    int fd;
    enum green__http_wait wait;
    bool expired;
    green_time when, limit, shortest;
    uint64_t progress; /* of writes, as the kernel counts it */
    /* Ends the wait; NULL: a shutdown of the socket does. In the hub's callback. */
    void (*expire)(struct green__http_deadline *deadline);
};

/* A number that changes when the peer takes something. */
uint64_t green__http_progress_of(int fd);

int green__http_deadline_begin(struct green__http_deadline *deadline, int fd,
                               green_time shortest);
void green__http_deadline_set(struct green__http_deadline *deadline,
                              enum green__http_wait wait, green_time limit);
void green__http_deadline_clear(struct green__http_deadline *deadline);
void green__http_deadline_end(struct green__http_deadline *deadline);

/* ---- A connection ----------------------------------------------------------- */

struct green__http_connection {
    struct green_stream *stream;
    const struct green__http_config *config;
    struct green__http_deadline deadline;
    /* What was received and not used lies in one of the three buffers. */
    char *at, *end;
    struct green_buffer *lent;
    char *head;       /* that of a request which did not come at once */
    size_t head_size; /* room in it */
    char *chunk;      /* for a body in chunks, GREEN__HTTP_BUFFER */
    bool keep;        /* for a further request */
    bool linger;      /* the client may still send: see to it that it gets the
                       * response before the reset */
    bool cut;         /* end it by a reset */
    bool may_http2;   /* if it begins with the preface of that */
    bool http2;       /* it has */
    bool ended;       /* the peer has */
    char peer[128];
    uint64_t parser[16]; /* parser.c's */
};

/* Serves a connection until it is over. */
void green__http_connection_serve(struct green_stream *stream,
                                  const struct green__http_config *config);

/* Frees the buffers, except one in which something lies that was not used. */
void green__http_input_settle(struct green__http_connection *connection);

/* ---- An exchange -------------------------------------------------------------- */

/* Offsets from the begin of the head. */
struct green__http_field {
    uint32_t name, name_length;
    uint32_t value, value_length;
};

/*
 * How the bytes of an exchange travel: in a connection of HTTP/1.1, or in a stream of
 * HTTP/2. What they mean, and what a handler may do, is the same in both.
 */
struct green__http_transport {
    /* Reads from the request's body, which is not over. Returns the number of bytes,
     * 0 at its end, -1 with body_error. */
    ssize_t (*read)(struct green_http *http, void *bytes, size_t size);
    /* Sends "100 Continue", unless it is late for that. */
    int (*send_continue)(struct green_http *http);
    /* Sends the head, and `parts` of the body, at most two; `whole`: they are all of
     * it. http->end says how it ends. */
    int (*send_head)(struct green_http *http, const struct iovec *parts,
                     int count, bool whole);
    /* Sends `size` bytes of the body, which are in at most two parts. */
    int (*send_body)(struct green_http *http, const struct iovec *parts,
                     int count, size_t size);
    int (*send_file)(struct green_http *http, int fd, off_t offset,
                     size_t size);
    /* Ends a body that was begun, with its trailers. */
    int (*send_end)(struct green_http *http);
    /* Lets the client see that the response is not whole. */
    void (*cut)(struct green_http *http);
};

extern const struct green__http_transport green__http1_transport;

enum green__http_body {
    GREEN__HTTP_NO_BODY,
    GREEN__HTTP_LENGTH,
    GREEN__HTTP_CHUNKED,
    GREEN__HTTP_TO_THE_END, /* of the connection: of responses only */
};

/* How the body of a response ends. */
enum green__http_end {
    GREEN__HTTP_BY_LENGTH,
    GREEN__HTTP_BY_CHUNK,
    GREEN__HTTP_BY_CLOSE,
    GREEN__HTTP_BODILESS,
};

struct green__http_text {
    char *bytes;
    size_t size, room;
};

struct green_http {
    struct green__http_connection *connection;
    const struct green__http_transport *transport;
    green_time begun;

    /* The head that is read: the request's, or in a client the response's. */
    bool is_response;
    char *base; /* where offsets begin */
    const char *method;
    uint32_t target, target_length;
    unsigned field_count;
    char *path; /* with the query behind it: NULL, or to be freed */
    const char *query;
    const char *host;
    char *authority; /* of an absolute target: NULL, or to be freed */
    int version;
    bool is_head;
    bool keep;    /* the client wants to go on */
    bool expects; /* 100 Continue, which was not sent */
    const char *upgrade;
    int refused; /* the status that says what is wrong with it; 0: nothing */

    int64_t shown_length; /* of a response without a body: what its length
                           * would be; -1: not said */

    /* Its body. */
    enum green__http_body body;
    uint64_t remaining; /* by length */
    uint64_t received, limit;
    const char *piece; /* decoded and not read */
    size_t piece_size;
    size_t overhead; /* of chunks */
    unsigned chunks; /* begun and not counted in it */
    bool body_over;
    int body_error; /* errno of all further reads */
    struct green__http_text trailers;
    bool in_trailer_value;

    /* The response. */
    int status;
    bool head_sent;
    bool failed; /* a write */
    bool cut;    /* it has not been sent to its end */
    bool upgraded;
    bool in_error_page;
    enum green__http_end end;
    bool has_length;
    bool has_date;
    uint64_t length; /* that was added */
    uint64_t written;
    struct green__http_text fields, trailer_fields;
    char *out; /* GREEN__HTTP_BUFFER */
    size_t out_size;
    struct green_websocket *websocket; /* that was accepted, or NULL */
    struct green_stream rest; /* what green_http_upgrade returns if something
                               * has come already */

    struct green__http_field
        field[GREEN__HTTP_FIELDS + 2]; /* HTTP/2 adds two */
};

/* connection.c: initialises an exchange. */
void green__http_begin(struct green_http *http,
                       struct green__http_connection *connection);
/* Says what is wrong with a request. */
void green__http_refuse(struct green_http *http);
/* Logs an exchange, and frees what it has. */
void green__http_end(struct green_http *http);

/* Ends sending, and reads what still comes, for a while. */
void green__http_linger(struct green__http_connection *connection);

/* http2_connection.c: serves a connection that begins with HTTP/2's preface. */
void green__http2_serve(struct green__http_connection *connection);
/* What can be negotiated, best first, with NULL at the end. */
extern const char *const green__http_protocols[];

/* parser.c: reads a head into http. Returns 1, or 0 at the end of the connection or
 * at a preface, which was not taken then (connection->http2),
 * or -1 and http->refused is the status, 0 if none can be sent. */
int green__http_read_head(struct green_http *http);
/* Begins the chunks of a body. */
void green__http_chunks_begin(struct green_http *http);
/* Takes from connection->at up to the next bytes of the body, which are then
 * http->piece, or its end, http->body_over. Returns 0, or -1: EPROTO. */
int green__http_chunks_decode(struct green_http *http);

/* head.c: what a head means. Returns 0, or the status that refuses it. */
int green__http_head_check(struct green_http *http);

/* client_head.c: the first line of a response. Returns the offset behind it, or 0. */
size_t green__http_status_line_end(const char *base, size_t size);
/* What the head of a response means: body, remaining, keep. is_head says whether
 * the request was one. Returns 0, or -1: EPROTO. */
int green__http_response_check(struct green_http *http);

/* target.c: the parts of a target. Returns 0, or a status. */
int green__http_target_check(struct green_http *http);
/* Whether it is HOST or HOST:PORT. */
bool green__http_is_authority(const char *text);

/* body.c */
bool green__http_body_is_over(const struct green_http *http);
/* Reads from a body of HTTP/1.1, as struct green__http_transport says. */
ssize_t green__http1_read(struct green_http *http, void *bytes, size_t size);
int green__http1_send_continue(struct green_http *http);
/* Notes why the body can't be read: errno, and the status that says so. Returns
 * -1. */
int green__http_body_fail(struct green_http *http, int error, int status);
/* Skips what the handler has not read. Returns whether it is over. */
bool green__http_body_skip(struct green_http *http);
/* Whether so much of the body is to come that it is not worth reading. */
bool green__http_body_is_long(const struct green_http *http);

/* http1.c: sends bytes as they are. */
int green__http_send(struct green_http *http, const struct iovec *parts,
                     int count);

/* response.c: sends the head, with parts of the body; `whole`: they are all of it. */
int green__http_send_head(struct green_http *http, const void *bytes,
                          size_t size, bool whole);
/* Forgets a response that was not begun. */
void green__http_response_reset(struct green_http *http);
/* Sends what is left of a body whose head has been sent, and its end. */
int green__http_end_body(struct green_http *http);
/* Ends the response. */
void green__http_response_finish(struct green_http *http, int result);

/* fields.c */
int green__http_text_add(struct green__http_text *text, const char *bytes,
                         size_t size, size_t most);
/* Whether a field of a name is among added ones. */
bool green__http_text_has(const struct green__http_text *fields,
                          const char *name);
bool green__http_is_token(const char *text, size_t length);
/* Whether a text may be the value of a field. */
bool green__http_is_value(const char *value);
/* Whether a field may stand behind a body. */
bool green__http_may_trail(const char *name);
/* Whether a list, separated by commas, has this word in it. */
bool green__http_list_has(const char *list, const char *word);
/* Whether one of the request's fields of a name has this word in it. */
bool green__http_field_has(const struct green_http *http, const char *name,
                           const char *word);

/* status.c */
const char *green__http_reason(int status);

/* date.c: "Sun, 06 Nov 1994 08:49:37 GMT", 29 bytes. */
#define GREEN__HTTP_DATE 30
const char *green__http_now(void);
void green__http_date_print(char text[GREEN__HTTP_DATE], time_t time);
/* Reads the three forms of RFC 9110. Returns whether it is one. */
bool green__http_date_parse(const char *text, time_t *time);

/* proxy.c: reads a header of the PROXY protocol. Returns 0, or -1 if it is
 * none. */
int green__http_proxy_read(struct green__http_connection *connection);

/* addresses.c */
struct green__http_addresses *green__http_addresses_create(unsigned most);
void green__http_addresses_free(struct green__http_addresses *addresses);
/* Counts a connection of an address. Returns NULL if it has too many; else what
 * _leave takes. */
void *green__http_addresses_enter(struct green__http_addresses *addresses,
                                  const char *peer);
void green__http_addresses_leave(struct green__http_addresses *addresses,
                                 void *entry);

/* input.c: reads once into the free part of a buffer, within the time limit.
 * Returns the number of bytes, 0 at the end, -1 with errno. */
ssize_t green__http_input(struct green__http_connection *connection,
                          char *bytes, size_t size, green_time limit);

/* websocket.c: the handler that has accepted it has returned. */
void green__websocket_finish(struct green_http *http, int result);

/* types.c: NULL if it is not known. */
const char *green__http_type_of(const char *name);

/* folder.c: opens what a path names, if that is below a folder. */
int green__http_open_beneath(int folder, const char *path);

/* listing.c: sends the page of the folder `fd`, which is at `path` below the folder
 * `root`. */
int green__http_list(struct green_http *http, int root, const char *path,
                     int fd, bool dot_files);

#endif
