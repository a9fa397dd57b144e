/* The structs of the HTTP client, and what its files offer each other. */
#ifndef COMPANIONS_HTTP_CLIENT_H
#define COMPANIONS_HTTP_CLIENT_H

#include <greenhub/http_client.h>

#include "http.h"

/* ---- URLs: client_url.c ----------------------------------------------------- */

struct green__http_url {
    bool tls;
    char *user;      /* "USER:PASSWORD", decoded; NULL: none */
    char *host;      /* in lower case; of an IPv6 address without brackets */
    char *authority; /* as in Host: with the port unless it is the usual one */
    unsigned port;
    char *target; /* path and query */
    char *text;   /* all but user and fragment */
};

/* Parses a URL. Returns 0; or -1: EINVAL, EPROTONOSUPPORT, ENOMEM, and url is
 * empty. */
int green__http_url_parse(struct green__http_url *url, const char *text);
/* Parses what a response's Location says, which may be relative. */
int green__http_url_resolve(struct green__http_url *url,
                            const struct green__http_url *base,
                            const char *location);
void green__http_url_free(struct green__http_url *url);

/* ---- Connections ------------------------------------------------------------ */

/* Where connections lead: an origin, or a proxy. */
struct green__http_origin {
    struct green__http_origin *next;
    char *key;
    char *address;       /* for green_dial */
    char *tunnel;        /* HOST:PORT for CONNECT; NULL: none */
    char *authorization; /* for the proxy's; NULL: none */
    char *host;          /* for TLS; NULL: without */
    size_t count;        /* connections, those that are being made included */
    size_t waiting;
    struct green__http_link *idle; /* that used last is the first */
};

/* A connection of a client. */
struct green__http_link {
    struct green__http_connection base;
    struct green_stream plain;
    struct green_http_client *client;
    struct green__http_origin *origin;
    struct green__http_link *next; /* of the idle, or to be closed */
    green_time idle_since;
    bool used; /* has served an exchange */
};

/* Who waits for one; on the waiting stack. */
struct green__http_applicant {
    struct green__http_applicant *next;
    struct green__http_origin *origin;
    struct green__http_link *link; /* what it got; NULL: leave to make one */
    struct green_semaphore granted;
};

struct green_http_client {
    struct green__http_config config; /* limits, for the reader */
    struct green_http_client_options options;
    struct green_stream_wrap tls; /* wrap NULL: none */
    char *address, *user_agent;
    struct green__http_proxies *proxies;
    struct green__http_origin *origins;
    struct green__http_applicant *first, **last;
    struct green__http_jar *jar; /* NULL: no cookies are kept */
    size_t exchanges;
    struct green_http_client_stats stats;
    struct green_timer timer; /* closes what is idle */
    struct green_hub *hub;
};

/* client_pool.c */

/*
 * Gets a connection for a URL, an idle one unless `fresh`, or a new one; waits
 * until the limits allow it. reason, of GREEN__HTTP_REASON bytes, gets a failure in
 * words. NULL: errno.
 */
struct green__http_link *
green__http_pool_take(struct green_http_client *client,
                      const struct green__http_url *url, bool fresh,
                      char *reason);
/* Gives one back, for further requests, or to be closed. */
void green__http_pool_put(struct green__http_link *link, bool reusable);
/* Closes all that is idle. */
void green__http_pool_end(struct green_http_client *client);

/* client_connect.c: makes a connection to link->origin. Returns 0, or -1. */
int green__http_connect(struct green__http_link *link, char *reason);
void green__http_disconnect(struct green__http_link *link);

/* client_proxy.c */
struct green__http_proxies *green__http_proxies_create(const char *proxy);
void green__http_proxies_free(struct green__http_proxies *proxies);
/* The proxy for a URL, or NULL. */
const struct green__http_url *
green__http_proxy_for(const struct green__http_proxies *proxies,
                      const struct green__http_url *url);
/* "Basic ...", to be freed; NULL: ENOMEM. */
char *green__http_basic(const char *user);

/* ---- Exchanges ---------------------------------------------------------------- */

#define GREEN__HTTP_REASON 200

struct green__http_decoder;

struct green_http_client_exchange {
    struct green_http_client *client;
    struct green_http_client *owned; /* made for this exchange alone */
    struct green__http_url url;
    char *method;
    const void *body; /* in memory */
    size_t body_size;
    bool has_body;    /* body, body_size */
    bool is_streamed; /* green_http_client_write was called */
    bool expects;     /* 100 Continue */
    bool may_compress;
    bool is_halted; /* the server does not want the rest of the body */
    bool out_over;  /* the request is sent to its end */
    bool answered;  /* the response's head has been read */
    unsigned redirects;
    green_time deadline; /* 0: not begun */
    green_time limit;    /* for the whole */
    uint64_t max_body;   /* decoded */
    uint64_t decoded;
    struct green__http_link *link; /* NULL: none, or given back */
    struct green__http_decoder *decoder;
    char *head;    /* the response's */
    int failed;    /* errno of all further calls */
    bool is_final; /* the response was asked for */
    char reason[GREEN__HTTP_REASON];
    /* The request and the response, each as a server has both. */
    struct green_http out, in;
};

/* Sets the reason and errno. Returns -1. The text is printed as by printf. */
int green__http_client_fail(struct green_http_client_exchange *exchange,
                            int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Begins and ends a call that may wait: the limit for the whole exchange. */
int green__http_client_call(struct green_http_client_exchange *exchange,
                            struct green_timeout *timeout);
int green__http_client_return(struct green_http_client_exchange *exchange,
                              struct green_timeout *timeout, int result);

/* client_request.c: add a string; add a field. Return 0, or -1. */
int green__http_text_put(struct green__http_text *text, const char *string);
int green__http_text_put_field(struct green__http_text *text, const char *name,
                               const char *value);
/* Gets a connection and sends the head, with a short body.
 * Returns 0, or -1. */
int green__http_client_start(struct green_http_client_exchange *exchange,
                             bool fresh);
/* Sends the rest. */
int green__http_client_finish(struct green_http_client_exchange *exchange);

/* client_response.c: reads a response's head, but those of 1xx. Returns 0, or -1;
 * and -2: the connection ended before anything came. */
int green__http_client_read_head(struct green_http_client_exchange *exchange);
/* Before a part of the body is sent: waits for 100 Continue, if it is expected, and
 * takes a response that has come early. Returns 1: go on; 0: is_halted; -1; and
 * -2: the connection has ended. */
int green__http_client_may_send(struct green_http_client_exchange *exchange);
/* Reads the head of one response from a connection, into `in`. */
int green__http_client_receive(struct green__http_link *link,
                               struct green_http *in, green_time limit);
/* Gives the connection back, if there is one. */
void green__http_client_release(struct green_http_client_exchange *exchange);

/* client_redirect.c: whether the response is a redirect to follow. Returns 1: it
 * is, and the request has become the next one; 0; or -1. */
int green__http_client_redirect(struct green_http_client_exchange *exchange);

/* client_decode.c: NULL, and *decoder too: the body is not compressed. Returns 0,
 * or -1. */
int green__http_decoder_create(struct green_http_client_exchange *exchange);
void green__http_decoder_free(struct green__http_decoder *decoder);
ssize_t green__http_decoder_read(struct green_http_client_exchange *exchange,
                                 void *bytes, size_t size);
/* Adds the field Accept-Encoding. Returns 0, or -1. */
int green__http_encodings_add(struct green__http_text *text);

/* client_cookies.c */
struct green__http_jar *green__http_jar_create(void);
void green__http_jar_free(struct green__http_jar *jar);
/* Adds the field Cookie. Returns 0, or -1: ENOMEM. */
int green__http_jar_add(const struct green__http_jar *jar,
                        const struct green__http_url *url,
                        struct green__http_text *text);
void green__http_jar_take(struct green__http_jar *jar,
                          const struct green__http_url *url,
                          const struct green_http *in);

#endif
