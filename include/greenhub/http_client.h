/*
 * An HTTP client, in the library of the HTTP server, libgreenhub-http.
 * greenhub.h does not include this header.
 *
 * A client keeps connections open for further requests. An exchange is a request
 * and its response, whose bodies are streams: they are written and read as if
 * these calls blocked.
 *
 *     struct green_http_client *client = green_http_client_create(NULL);
 *     struct green_http_fetched *page =
 *         green_http_fetch(client, "http://example.org/", NULL);
 *
 * or, part by part:
 *
 *     struct green_http_client_exchange *exchange =
 *         green_http_client_open(client, "GET", "http://example.org/");
 *
 *     if (green_http_client_response(exchange) == 200)
 *         while ((n = green_http_client_read(exchange, bytes, size)) > 0)
 *             ...
 *     green_http_client_close(exchange);
 *
 * Any number of greenthreads may use a client, each with exchanges of its own.
 * A client and its exchanges belong to one OS thread and its hub. The client is
 * strict: a response that might be understood in two ways is an error.
 *
 * A kill or a timeout ends any call that waits; the exchange can then only be
 * closed. Its connection is not used again.
 */
#ifndef GREENHUB_HTTP_CLIENT_H
#define GREENHUB_HTTP_CLIENT_H

#include <sys/types.h>

#include <greenhub/base.h>
#include <greenhub/stream.h>

GREEN_BEGIN_DECLS

/* ---- Clients -------------------------------------------------------------- */

struct green_http_client;

/* Zero-initialise it; 0 and NULL select the defaults. Strings are copied. */
struct green_http_client_options {
    /* How to make TLS streams for https, such as green_tls_wrap returns; copied.
     * Default: https URLs are refused. */
    const struct green_stream_wrap *tls;
    const char *address; /* connect there, whatever the URLs say, in the form of
                             * green_dial: "unix:///run/a.sock" */
    const char *proxy;   /* "http://[USER:PASSWORD@]HOST:PORT", for all URLs;
                             * "": none. Default: what the environment says in
                             * http_proxy, https_proxy, all_proxy, no_proxy, and
                             * but for HTTP_PROXY in capitals. Not used with
                             * `address` */
    const char *user_agent; /* default "greenhub/VERSION"; "": none */

    unsigned max_per_origin;  /* connections to one host and port at once, or to
                               * a proxy for http; default 8 */
    unsigned max_connections; /* connections at once; default 128 */
    unsigned max_redirects;   /* followed for an exchange; default 10 */
    bool no_redirects;        /* follow none */
    bool no_decompression;    /* ask for no compressed bodies, and leave those
                               * that come as they are */
    bool cookies;             /* keep the cookies of responses, and send them */

    green_time idle_timeout;    /* close a connection not used for so long;
                                  * default 30 s */
    green_time connect_timeout; /* to connect, with look-up, proxy and TLS;
                                  * default 10 s */
    green_time
        response_timeout;      /* from the end of the request to the first byte
                                  * of the response; default 60 s */
    green_time header_timeout; /* from that to the end of the header section;
                                  * default 15 s */
    green_time body_timeout;   /* for a read of the body without progress;
                                  * default 30 s */
    green_time write_timeout;  /* for a write without progress; default 30 s */
    green_time timeout;        /* for an exchange from its first call that waits
                                  * to its end, redirects included; default: none */
    green_time
        continue_timeout; /* for "100 Continue", where it is expected: then
                                  * the body is sent without it; default 1 s */

    size_t max_header;         /* bytes of a response's header section; default
                                * 64 KiB. Fields: 100 */
    size_t max_chunk_overhead; /* bytes of chunk extensions and trailers;
                                * default 16 KiB */
    uint64_t max_body;  /* bytes of a response's body, decompressed. Default: no
                        * limit for what green_http_client_read reads, 16 MiB
                        * for green_http_fetch */
    unsigned max_ratio; /* how much longer a body may be than it was compressed,
                         * once it is over 1 MiB; default 200 */
    uint64_t reserved[8]; /* must be zero */
};

/*
 * Makes a client. options may be NULL.
 * Returns it, or NULL: EINVAL (a time is negative, the proxy or the address is
 * none, or a reserved word is not zero), ENOMEM, and the errors of
 * green_get_hub. Never switches.
 */
GREEN_API struct green_http_client *
green_http_client_create(const struct green_http_client_options *options);

/*
 * Closes a client's idle connections and frees it. NULL is allowed.
 * Returns 0, or -1: EBUSY while it has exchanges, and nothing is changed. May
 * switch.
 */
GREEN_API int green_http_client_destroy(struct green_http_client *client);

struct green_http_client_stats {
    size_t connections; /* open, or being made */
    size_t idle;        /* of these, kept for further requests */
    size_t waiting;     /* exchanges that wait until the limits allow a
                         * connection */
    uint64_t connected; /* connections made since the client was */
    uint64_t reused;    /* requests on connections that had served others */
    uint64_t retried;   /* requests sent again, since the server had closed the
                         * connection meanwhile */
    uint64_t redirected;
    uint64_t reserved[4]; /* zero */
};

/* Fills in *stats with a client's numbers.
 * Returns 0, or -1: EINVAL for NULL. Never switches. */
GREEN_API int green_http_client_stats(const struct green_http_client *client,
                                      struct green_http_client_stats *stats);

/* ---- Requests -------------------------------------------------------------- */

/* A request and its response; one greenthread at a time uses it. */
struct green_http_client_exchange;

/*
 * Begins an exchange. Nothing is sent yet. The URL is "http://HOST/..." or
 * "https://..."; "USER:PASSWORD@" before the host is sent as Basic
 * authentication, and a fragment is cut off.
 * Returns it, to be closed by green_http_client_close; or NULL: EINVAL (NULL, a
 * method that is no word or is CONNECT, a malformed URL), EPROTONOSUPPORT
 * (another scheme, or https and the client has no `tls`), ENOMEM. Never
 * switches.
 */
GREEN_API struct green_http_client_exchange *
green_http_client_open(struct green_http_client *client, const char *method,
                       const char *url);

/*
 * Adds a field to the request. The client adds Host, User-Agent, Accept,
 * Accept-Encoding and what says where the body ends itself, unless they are
 * added. With "Expect: 100-continue" it waits for the server's word, for
 * continue_timeout, before it sends the body.
 * Returns 0, or -1 with the errors of green_http_add; EINVAL also for a Host that
 * is none, another Expect, or Proxy-Authorization, which belongs into the proxy's
 * URL; EBUSY if the request has been sent. Never
 * switches.
 */
GREEN_API int green_http_client_add(struct green_http_client_exchange *exchange,
                                    const char *name, const char *value);

/*
 * Makes bytes the request's body. They are not copied, and must be valid until
 * the exchange is closed. Such a body can be sent again, where a redirect or a
 * closed connection asks for it; one that is written can not.
 * Returns 0, or -1: EINVAL for NULL with a size that is not 0, EBUSY if the
 * request has been sent. Never switches.
 */
GREEN_API int
green_http_client_body(struct green_http_client_exchange *exchange,
                       const void *bytes, size_t size);

/*
 * Writes to the request's body; before that, sends the header section, for which
 * it gets a connection. The body goes in chunks unless a Content-Length was
 * added. Up to 16 KiB wait for more before they are sent.
 * Returns 0, or -1:
 *   EPIPE      the server has answered already, or takes no more: ask
 *              green_http_client_response. An answer that comes while the call
 *              waits is not looked for before the next one
 *   EINVAL     NULL with a size that is not 0, or green_http_client_body was
 *              called
 *   EMSGSIZE   more than an added Content-Length
 *   ETIMEDOUT  connect_timeout, write_timeout or the exchange's timeout
 *   EBUSY      the response has been asked for
 *   and the errors of green_http_client_response that are about connections.
 * May switch.
 */
GREEN_API int
green_http_client_write(struct green_http_client_exchange *exchange,
                        const void *bytes, size_t size);

/* Sends what green_http_client_write has kept back, and the header section
 * before that. Returns 0, or -1 with its errors. May switch. */
GREEN_API int
green_http_client_flush(struct green_http_client_exchange *exchange);

/* Adds a field behind a request's body that goes in chunks. Returns 0, or -1
 * with the errors of green_http_add_trailer. Never switches. */
GREEN_API int
green_http_client_add_trailer(struct green_http_client_exchange *exchange,
                              const char *name, const char *value);

/* ---- Responses -------------------------------------------------------------- */

/*
 * Sends what is left of the request, and waits for the header section of the
 * response. Follows redirects: with GET after 303, and after 301 and 302 of
 * POST; with a body only if that can be sent again. Authorization, Cookie, Host
 * and a password of the URL stay with the origin that they were for; what a
 * request for https says in them, or its body, goes to no http URL: that
 * redirect is the response.
 * A request that the server has not answered on a kept connection is sent again,
 * once, on a new one, if its method is idempotent and its body can be sent again.
 * Returns the status, from 200 to 599; or -1, and green_http_client_reason says
 * it in words:
 *   EPROTO      the response is none, or has a form that is refused; the proxy
 *               has refused; the body is shorter than its Content-Length
 *   ECONNRESET  the connection ended before the response
 *   ETIMEDOUT   one of the time limits
 *   ELOOP       more than max_redirects
 *   EMSGSIZE    the header section is over max_header
 *   ECANCELED, ENOMEM, and the errors of green_dial, of the layer, such as
 *   green_tls_client, and of green_stream_writev and green_stream_read.
 * May switch.
 */
GREEN_API int
green_http_client_response(struct green_http_client_exchange *exchange);

/* What follows is valid after green_http_client_response has returned a status,
 * strings until green_http_client_close. */

/* Returns the response's status; 0 if there is none yet. Never switches. */
GREEN_API int
green_http_client_status(const struct green_http_client_exchange *exchange);

/* Returns the URL of the request, or after redirects of the last one, without
 * password and fragment. Never switches. */
GREEN_API const char *
green_http_client_url(const struct green_http_client_exchange *exchange);

/* Returns the value of the first field of a name, which is not case-sensitive;
 * NULL if there is none. Never switches. */
GREEN_API const char *
green_http_client_header(const struct green_http_client_exchange *exchange,
                         const char *name);

/* Stores the name and the value of the field of a number, beginning with 0.
 * Returns whether there is one. Never switches. */
GREEN_API bool
green_http_client_header_at(const struct green_http_client_exchange *exchange,
                            size_t index, const char **name,
                            const char **value);

/* Returns how many bytes green_http_client_read will return in all; -1 if that
 * will be known at the end. After HEAD, what the server says of GET. Never
 * switches. */
GREEN_API int64_t
green_http_client_length(const struct green_http_client_exchange *exchange);

/*
 * Reads from the response's body, decompressed if it was compressed on the
 * client's own wish.
 * Returns the number of bytes; 0 at the end; or -1:
 *   EMSGSIZE    over max_body, or max_ratio
 *   EPROTO      what came is no body
 *   ECONNRESET  the connection ended before the body did
 *   ETIMEDOUT   nothing came for body_timeout, or the exchange's timeout
 *   EINVAL      NULL, or no response has been read
 *   and the errors of green_stream_read.
 * May switch.
 */
GREEN_API ssize_t green_http_client_read(
    struct green_http_client_exchange *exchange, void *bytes, size_t size);

/* Returns the value of a field that came behind the body, once it has been read
 * to its end; NULL if there is none. Never switches. */
GREEN_API const char *
green_http_client_trailer(const struct green_http_client_exchange *exchange,
                          const char *name);

/* Returns the last failure of an exchange in words; "" if none has failed. Valid
 * until its next call. Never switches. */
GREEN_API const char *
green_http_client_reason(const struct green_http_client_exchange *exchange);

/*
 * Ends an exchange and frees it. NULL is allowed. A connection whose response
 * has been read to its end is kept for further requests; also if what is left is
 * short and comes within 50 ms. May switch.
 */
GREEN_API void
green_http_client_close(struct green_http_client_exchange *exchange);

/* ---- The simple case --------------------------------------------------------- */

/* Zero-initialise it; 0 and NULL select the defaults. */
struct green_http_fetch_options {
    const char *method;        /* default "GET", with a body "POST" */
    const char *const *fields; /* name, value, name, value, ..., NULL */
    const void *body;
    size_t body_size;
    size_t max_body;      /* bytes of the response's body, decompressed; default
                           * that of the client, or 16 MiB */
    green_time timeout;   /* for the whole; default that of the client, or
                           * 5 min */
    char *reason;         /* where to write a failure in words; may be NULL */
    size_t reason_size;   /* bytes there */
    uint64_t reserved[4]; /* must be zero */
};

/* A whole response. */
struct green_http_fetched {
    int status;
    const char *url;  /* the last, after redirects */
    const char *body; /* with a '\0' behind it */
    size_t size;
    struct green_http_client_exchange
        *exchange; /* for green_http_client_header and the
                                           * like; not to be closed */
};

/*
 * Fetches a URL: sends a request and reads the whole response. options may be
 * NULL; so may the client: then one for this call is made, with all defaults.
 * Returns the response, whatever its status, to be freed by
 * green_http_fetched_free before its client is destroyed; or NULL: EINVAL for a
 * field that has no value, a negative timeout or a reserved word that is not
 * zero, EMSGSIZE if the body is over max_body, and the errors of
 * green_http_client_create, green_http_client_open, green_http_client_add,
 * green_http_client_response and green_http_client_read. May switch.
 */
GREEN_API struct green_http_fetched *
green_http_fetch(struct green_http_client *client, const char *url,
                 const struct green_http_fetch_options *options);

/* Frees a response. NULL is allowed. May switch. */
GREEN_API void green_http_fetched_free(struct green_http_fetched *fetched);

GREEN_END_DECLS

#endif
