/*
 * A server for HTTP/1.1 and HTTP/2, in a library of its own, libgreenhub-http.
 * greenhub.h does not include this header.
 *
 * A handler is called for each exchange: a request and its response. It reads
 * the request's body and writes the response's as if these calls blocked.
 *
 *     static int hello(struct green_http *http, void *arg)
 *     {
 *         return green_http_print(http, "Hello, %s\n", (const char *)arg);
 *     }
 *     ...
 *     struct green_http_options options = {.arg = "world"};
 *
 *     green_http_serve(listener, hello, &options);
 *
 * A handler returns 0 when the response is whole, or -1: then the client gets
 * status 500, or, if part of a response is on its way, sees it cut.
 * So a handler can return -1 whenever a call of it fails. What it has not read
 * of the request is skipped.
 *
 * The server is strict: a request that another server might understand
 * differently is refused. It has limits for all that a client can send, and
 * time limits for all that it can delay; none has to be asked for.
 */
#ifndef GREENHUB_HTTP_H
#define GREENHUB_HTTP_H

#include <sys/types.h>

#include <greenhub/base.h>
#include <greenhub/net.h>
#include <greenhub/stream.h>

GREEN_BEGIN_DECLS

/* An exchange. It is the handler's until that returns, and its greenthread's. */
struct green_http;

/* ---- Serving ------------------------------------------------------------ */

/* What an exchange was, when it is over. Strings are valid during the call. */
struct green_http_record {
    const char *peer;    /* the client's address, as of green_peer_address */
    const char *method;  /* "" if none was understood, as are the others */
    const char *target;  /* as it was sent */
    const char *host;    /* whom the request was for, with the port */
    const char *referer; /* as it was sent; "" if it was not */
    const char *agent;   /* User-Agent, as it was sent; "" if it was not */
    int version;         /* 10, 11, 20; 0 if none was understood */
    int status;          /* of the response; 0: none was sent */
    uint64_t received;   /* bytes of the request's body */
    uint64_t sent;       /* bytes of the response's body */
    green_time duration; /* from the request's first byte */
    bool cut;            /* the response has not been sent to its end */
};

/*
 * Zero-initialise it; 0 and NULL select the defaults. Times without progress
 * begin again with each byte.
 */
struct green_http_options {
    void *arg; /* passed to the handler, to `log` and to `error_page` */
    /*
     * How connections are served: OS threads, a layer such as TLS, a stop.
     * Its `arg` is not used. Its max_connections defaults to 1,024 here, and its
     * stop_timeout to 30 s. Default: all defaults.
     */
    const struct green_serve_options *serve;
    /* Called when an exchange is over. It may switch. */
    void (*log)(const struct green_http_record *record, void *arg);
    /*
     * Writes the response for an error that the server itself has found, with
     * green_http_add, green_http_write and the like; the status is set. If it
     * returns -1 and has written nothing, the server's own page is sent.
     */
    int (*error_page)(struct green_http *http, int status, void *arg);

    green_time idle_timeout;   /* until a request's first byte; default 60 s */
    green_time header_timeout; /* from that byte to the end of the header
                                * section; default 15 s */
    green_time body_timeout;   /* for a read of the body without progress;
                                * default 30 s */
    green_time write_timeout;  /* for a write without progress; default 30 s */
    green_time linger_timeout; /* for what a client still sends after the last
                                * response; default 5 s */

    size_t max_target;   /* bytes; default 8 KiB, else status 414 */
    size_t max_header;   /* bytes of the header section with the request line;
                          * default 16 KiB, else status 431 */
    unsigned max_fields; /* default 100, which is also the most, else 431 */
    unsigned max_per_address;  /* connections of one client address at once, in
                                 * all OS threads; default 64, else status 503.
                                 * Not for unix sockets */
    uint64_t max_body;         /* bytes; default 1 MiB, else status 413.
                                 * green_http_limit_body changes it for one
                                 * request */
    size_t max_chunk_overhead; /* bytes of chunk extensions and trailers of a
                                 * body; default 4 KiB, else status 400 */
    bool proxy_protocol;       /* each connection begins with a header of the
                                 * PROXY protocol, version 1 or 2, which says
                                 * the client's address */
    bool no_http2;             /* serve HTTP/1.1 alone */
    unsigned max_streams;      /* HTTP/2: exchanges of one connection at once;
                                * default 100 */
    uint64_t reserved[8];      /* must be zero */
};

/*
 * Accepts connections and calls handler(exchange, arg) for each request, in the
 * connection's greenthread, in HTTP/2 in one of the stream's own; connections
 * are kept open between requests. A connection is one of HTTP/2 if its layer has
 * negotiated "h2", or if the client begins so and nothing was negotiated. Runs
 * until a stop or an error, as green_serve does. A stop ends connections that
 * wait for a request at once, and the others after their response. options may
 * be NULL.
 * Returns 0, or -1: EINVAL if the handler is NULL, a time is negative,
 * max_fields is above 100 or a reserved word is not zero; ENOMEM; and the errors
 * of green_serve_streams. green_net_error() gives the error in words. May
 * switch.
 */
GREEN_API int green_http_serve(int listener,
                               int (*handler)(struct green_http *http,
                                              void *arg),
                               const struct green_http_options *options);

/*
 * Serves one connection, as green_http_serve does all, until it is over. The
 * stream stays the caller's to close. `serve` and `max_per_address` of the
 * options are not used. In a handler of green_serve or green_serve_streams, a
 * stop ends the connection as it does in green_http_serve.
 * Returns 0, or -1 with the errors of green_http_serve for its options. May
 * switch.
 */
GREEN_API int green_http_serve_stream(struct green_stream *stream,
                                      int (*handler)(struct green_http *http,
                                                     void *arg),
                                      const struct green_http_options *options);

/*
 * Returns the protocols that a server can speak, best first, with NULL at the
 * end: "h2" if the library was built with HTTP/2, and "http/1.1". For the
 * `protocols` of a layer, such as those of struct green_tls_options.
 * Never switches. From any thread.
 */
GREEN_API const char *const *green_http_protocols(void);

/* ---- The request --------------------------------------------------------- */

/* The strings of a request are valid until the handler returns. */

/* Returns the method, such as "GET". Methods are case-sensitive.
 * Never switches. */
GREEN_API const char *green_http_method(const struct green_http *http);

/* Returns the target as it was sent, such as "/a%20b?c=d", "*", or for CONNECT
 * "example.org:443".
 * Never switches. */
GREEN_API const char *green_http_target(const struct green_http *http);

/* Returns the path of the target, as it was sent: up to its '?'. It begins with
 * '/', or is "*", or "" for CONNECT. green_http_decode decodes a copy.
 * Never switches. */
GREEN_API const char *green_http_path(const struct green_http *http);

/* Returns the query of the target, as it was sent: what follows its '?'; ""
 * if there is none.
 * Never switches. */
GREEN_API const char *green_http_query(const struct green_http *http);

/* Returns whom the request is for: the host, with the port if it has one, of the
 * target if it is absolute, else of the field Host; "" if it has none (HTTP/1.0).
 * For servers with several names; they are not case-sensitive.
 * Never switches. */
GREEN_API const char *green_http_host(const struct green_http *http);

/* Returns the version of HTTP: 10, 11, or 20.
 * Never switches. */
GREEN_API int green_http_version(const struct green_http *http);

/* Returns the client's address in the form of green_peer_address, or what the
 * PROXY protocol has said of it; "" if it has none.
 * Never switches. */
GREEN_API const char *green_http_peer(const struct green_http *http);

/* Returns the connection's stream, to look at, such as with green_tls_ssl. In
 * HTTP/2 the exchanges of a connection share it.
 * Never switches. */
GREEN_API struct green_stream *green_http_stream(const struct green_http *http);

/* Returns the value of the first field of a name, which is not case-sensitive;
 * NULL if there is none.
 * Never switches. */
GREEN_API const char *green_http_header(const struct green_http *http,
                                        const char *name);

/* Stores the name and the value of the field of a number, beginning with 0.
 * Returns whether there is one.
 * Never switches. */
GREEN_API bool green_http_header_at(const struct green_http *http, size_t index,
                                    const char **name, const char **value);

/* Returns the number of bytes of the request's body; -1: known at its end.
 * Never switches. */
GREEN_API int64_t green_http_length(const struct green_http *http);

/*
 * Decodes the percent signs of a path or a value in place.
 * Returns the number of bytes, which are followed by a '\0' and may contain one;
 * or -1: EINVAL for NULL or a '%' without two hexadecimal digits.
 * Never switches.
 */
GREEN_API ssize_t green_http_decode(char *text);

/* ---- Its body ------------------------------------------------------------ */

/*
 * Changes how long the request's body may be, in bytes, before it is read.
 * Returns 0, or -1: EBUSY if the handler has read some of it. Never switches.
 */
GREEN_API int green_http_limit_body(struct green_http *http, uint64_t limit);

/*
 * Reads from the request's body. The first read of a client that waits for it
 * sends "100 Continue".
 * Returns the number of bytes; 0 at the end; or -1:
 *   EMSGSIZE    the body is longer than its limit (status 413, if the handler
 *               now returns -1 and has sent nothing)
 *   EPROTO      the client has sent what is no body (status 400)
 *   ECONNRESET  the connection ended before the body did
 *   ETIMEDOUT   nothing came for body_timeout (status 408)
 *   and the errors of green_stream_read.
 * May switch.
 */
GREEN_API ssize_t green_http_read(struct green_http *http, void *bytes,
                                  size_t size);

/*
 * Reads the rest of the request's body, into memory that is to be freed, and
 * puts a '\0' behind it. The limit of the body is also that of the memory.
 * Returns it, with its number of bytes in *size (which may be NULL); or NULL:
 * ENOMEM, and the errors of green_http_read. May switch.
 */
GREEN_API char *green_http_read_all(struct green_http *http, size_t *size);

/* Returns the value of a field that came behind the body, once green_http_read
 * has returned 0; NULL if there is none. Never switches. */
GREEN_API const char *green_http_trailer(const struct green_http *http,
                                         const char *name);

/* ---- The response -------------------------------------------------------- */

/*
 * Sets the status of the response; without it, it is 200.
 * Returns 0, or -1: EINVAL unless it is from 200 to 599, EBUSY if the header
 * section has been sent. Never switches.
 */
GREEN_API int green_http_status(struct green_http *http, int status);

/*
 * Adds a field to the header section of the response. The server adds Date,
 * and what says where the response ends, itself. A Content-Length that is added
 * must be right: bytes beyond it are an error, and so is a handler that returns
 * 0 before.
 * Returns 0, or -1: EINVAL for NULL, a name that is none, a value with control
 * characters, a Content-Length that is no number or is the second, or for
 * Transfer-Encoding, Connection, Keep-Alive, Upgrade and Trailer, which are the
 * server's; EBUSY if the header section has been sent; EMSGSIZE if it is over
 * 64 KiB; ENOMEM. Never switches.
 */
GREEN_API int green_http_add(struct green_http *http, const char *name,
                             const char *value);

/*
 * Writes to the response's body. What fits 16 KiB is sent when the handler
 * returns, with its length; beyond that, or after green_http_flush, the body is
 * sent as it comes. If the response has no body, such as that to HEAD, the bytes
 * are counted and not sent.
 * Returns 0, or -1: EINVAL for NULL with a size that is not 0, EMSGSIZE beyond
 * an added Content-Length, ETIMEDOUT if nothing could be sent for
 * write_timeout, ENOMEM, and the errors of green_stream_writev. May switch.
 */
GREEN_API int green_http_write(struct green_http *http, const void *bytes,
                               size_t size);

/* Like green_http_write, of text formatted as by printf. Also fails with the
 * errors of vsnprintf. May switch. */
GREEN_API int green_http_print(struct green_http *http, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Sends what has been written, and the header section before that. Returns 0, or
 * -1 with the errors of green_http_write. May switch. */
GREEN_API int green_http_flush(struct green_http *http);

/*
 * Writes `size` bytes of a file from `offset` on to the response's body, by
 * sendfile(2) where that is possible, without moving the file's own position.
 * Returns 0, or -1 with the errors of green_http_write and
 * green_stream_sendfile; EIO if the file is shorter. May switch.
 */
GREEN_API int green_http_sendfile(struct green_http *http, int fd, off_t offset,
                                  size_t size);

/*
 * Adds a field behind the response's body. It is sent if the body goes in chunks:
 * if the header section has been sent without a length, to a client of HTTP/1.1.
 * Returns 0, or -1 with the errors of green_http_add; also EINVAL for names
 * that belong into the header section. Never switches.
 */
GREEN_API int green_http_add_trailer(struct green_http *http, const char *name,
                                     const char *value);

/*
 * Sends a whole response: status, type, body. type may be NULL.
 * Returns 0, or -1 with the errors of green_http_status, green_http_add and
 * green_http_write. May switch.
 */
GREEN_API int green_http_reply(struct green_http *http, int status,
                               const char *type, const void *bytes,
                               size_t size);

/*
 * Sends a short page that says what a status means, or that of `error_page` in
 * the options.
 * Returns 0, or -1 with the errors of green_http_reply. May switch.
 */
GREEN_API int green_http_error(struct green_http *http, int status);

/* ---- Files ---------------------------------------------------------------- */

/*
 * Sends an open file as response to GET or HEAD, with what HTTP has for files:
 * Last-Modified, an ETag, conditional requests, ranges, If-Range. Other fields
 * are to be added before; they are also sent with "304 Not Modified". Other
 * methods get status 405. The file stays the caller's.
 * type  its Content-Type; NULL: none is sent.
 * Returns 0, or -1: EINVAL if fd is no regular file, and the errors of fstat,
 * green_http_reply and green_http_sendfile. May switch.
 */
GREEN_API int green_http_file(struct green_http *http, int fd,
                              const char *type);

/* A folder whose files are served. */
struct green_http_folder;

/* Zero-initialise it; 0 and NULL select the defaults. */
struct green_http_folder_options {
    const char *index; /* the file that stands for its folder; default
                        * "index.html" */
    bool list;         /* send a page of links for folders without one */
    bool dot_files;    /* serve files whose names begin with a dot */
    bool prepared;     /* where NAME.br, NAME.zst or NAME.gz is beside NAME, and
                        * no older, send it to clients that accept it */
    uint64_t reserved[4]; /* must be zero */
};

/*
 * Opens a folder. options may be NULL.
 * Returns it, or NULL: EINVAL for NULL or a reserved word that is not zero,
 * ENOMEM, and the errors of open(2). Never switches. From any thread.
 */
GREEN_API struct green_http_folder *
green_http_folder_open(const char *path,
                       const struct green_http_folder_options *options);

/* Frees a folder. NULL is allowed. Never switches. From any thread. */
GREEN_API void green_http_folder_close(struct green_http_folder *folder);

/*
 * A handler, whose `arg` is a struct green_http_folder: sends the file that the
 * request's path names, as green_http_file does. No path leads out of the
 * folder: neither by "..", nor by a symbolic link, nor by a mount below it that
 * the program does not see there. Several OS threads may use a folder.
 * Returns 0, or -1 with the errors of green_http_file. May switch.
 */
GREEN_API int green_http_folder_handler(struct green_http *http, void *folder);

/* ---- Other protocols ------------------------------------------------------- */

/*
 * Ends HTTP on the connection. For CONNECT sends status 200; for a request with
 * the field Upgrade that names `protocol`, 101. The fields added so far are
 * sent with it. What the client has sent already is read first from the stream
 * that is returned. It is plain or of the layer as before, and valid until the
 * handler returns, which also ends it; time limits are the handler's now.
 * Returns the stream, or NULL: EINVAL if the request asks for no such thing,
 * has a body, or is one of HTTP/2, EBUSY if the header section has been sent, and the errors of
 * green_stream_write. May switch.
 */
GREEN_API struct green_stream *green_http_upgrade(struct green_http *http,
                                                  const char *protocol);

/* ---- Access logs ------------------------------------------------------------ */

/* How green_http_format writes a record. */
enum green_http_log_format {
    GREEN_HTTP_LOG_COMMON,   /* the Common Log Format */
    GREEN_HTTP_LOG_COMBINED, /* and with referer and user agent */
    GREEN_HTTP_LOG_JSON,     /* an object in one line, times in seconds */
};

/*
 * Writes a record as a line, with its newline and a '\0'; control characters,
 * quotes and backslashes of what the client has sent are escaped.
 * Returns the number of bytes of the whole line, of which at most size - 1 are
 * in the buffer, as snprintf does. Never switches. From any thread.
 */
GREEN_API size_t green_http_format(const struct green_http_record *record,
                                   enum green_http_log_format format,
                                   char *buffer, size_t size);

GREEN_END_DECLS

#endif
