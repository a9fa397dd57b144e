/*
 * WebSocket (RFC 6455), for servers and clients: a part of libgreenhub-http.
 * greenhub.h does not include this header.
 *
 *     static int echo(struct green_http *http, void *arg)
 *     {
 *         struct green_websocket *websocket = green_websocket_accept(http, NULL);
 *         struct green_websocket_message message;
 *         int n = -1;
 *
 *         while (websocket &&
 *                (n = green_websocket_receive(websocket, &message)) > 0)
 *             if (green_websocket_send(websocket, message.kind, message.bytes,
 *                                      message.size) < 0)
 *                 return -1;
 *         return n;
 *     }
 *
 * Pings are answered, and a peer that has fallen silent is noticed, while a
 * greenthread receives. So there is always to be one that does, also where the
 * program has only to send.
 *
 * Rules for all calls:
 * - A WebSocket belongs to one OS thread. One greenthread receives at a time;
 *   any number may send, and each message arrives as a whole.
 * - A kill or a timeout that ends a receive loses nothing: it can be repeated.
 *   One that ends a send while a part of the message is on its way breaks the
 *   connection.
 * - If the build found no libwslay, accept and dial fail with ENOSYS.
 */
#ifndef GREENHUB_WEBSOCKET_H
#define GREENHUB_WEBSOCKET_H

#include <greenhub/base.h>
#include <greenhub/http.h>

GREEN_BEGIN_DECLS

/* A connection, of either side. */
struct green_websocket;

/* ---- Its begin ----------------------------------------------------------- */

/*
 * Zero-initialise it; 0 and NULL select the defaults. Strings and what `wrap`
 * points to are not needed after green_websocket_accept or green_websocket_dial
 * has returned.
 */
struct green_websocket_options {
    void *arg; /* passed to `origin` */
    /*
     * Subprotocols, ended by NULL: a server takes the first of them that the
     * client offers; a client offers them. Default: none.
     */
    const char *const *protocols;
    uint64_t max_message; /* bytes of a message that green_websocket_receive
                           * takes, decompressed; default 1 MiB, else the
                           * connection ends with code 1009 */
    size_t fragment; /* longer messages are sent in frames of so many bytes,
                           * between which others can send pings; default: in
                           * one */

    green_time ping_interval; /* silence of the peer after which it is sent a
                               * ping; default 20 s, GREEN_FOREVER: never */
    green_time ping_timeout;  /* for it to say anything then, such as the pong;
                               * default 20 s */
    green_time write_timeout; /* for a send without progress; default 30 s */
    green_time close_timeout; /* from a Close frame that was sent to the peer's;
                               * default 5 s */

    bool
        compress; /* permessage-deflate (RFC 7692), if the peer wants it, too */
    bool
        no_context_takeover; /* compress each message by itself: needs no memory
                               * between messages, and compresses less */
    int window_bits; /* of this side's compression, 9 to 15: a connection keeps
                      * 16 KiB and 4 << window_bits bytes for it; default
                      * 12 */

    /*
     * Of a server: whether to accept a page of this origin, such as
     * "https://example.org". Not called if the client says none, as programs
     * other than browsers do. Default: only pages of the server itself, whose
     * host and port are those of the field Host.
     */
    bool (*origin)(const char *origin, struct green_http *http, void *arg);

    /* Of a client. */
    const struct green_stream_wrap *wrap; /* the layer for wss, such as TLS */
    const char *const *fields;    /* "NAME: VALUE" each, ended by NULL, for the
                                   * request, such as Origin or Cookie */
    green_time handshake_timeout; /* to connect and shake hands; default 10 s */
    int *status;          /* where to store the HTTP status of the answer, 0 if
                                   * none came */
    uint64_t reserved[8]; /* must be zero */
};

/*
 * Accepts a request for a WebSocket, in a handler of the HTTP server. What the
 * handler has added by green_http_add is sent with it. When the handler returns,
 * the WebSocket is closed: with code 1000 if that returns 0, else 1011, unless
 * green_websocket_close has named one. When the server stops, the client is
 * sent code 1001. options may be NULL.
 * Returns it, or NULL: EPROTO if the request is none for a WebSocket, EACCES for
 * an origin that is not accepted (if the handler then returns -1 and has sent
 * nothing, the client gets status 400, 426 or 403); EINVAL for NULL, a time
 * that is negative, window_bits that are none, a subprotocol that is no token,
 * or a reserved word that is not zero; ENOMEM; ENOSYS; and the errors of
 * green_http_upgrade. May switch.
 */
GREEN_API struct green_websocket *
green_websocket_accept(struct green_http *http,
                       const struct green_websocket_options *options);

/*
 * Connects to "ws://HOST[:PORT]/PATH", or to wss:// by the layer `wrap` of the
 * options. Redirects are not followed. options may be NULL for ws://.
 * Returns the WebSocket, to be freed, or NULL: EINVAL as for
 * green_websocket_accept, and if the URL or a field is invalid; EPROTONOSUPPORT
 * for a scheme that is neither, or wss:// without a layer; EPROTO if the answer
 * does not begin a WebSocket, or has chosen what was not offered; EMSGSIZE if it
 * is over 16 KiB; ECONNRESET if the connection ended; ETIMEDOUT after
 * handshake_timeout; ENOMEM; ENOSYS; and the errors of green_dial, of the layer
 * and of green_stream_write. May switch.
 */
GREEN_API struct green_websocket *
green_websocket_dial(const char *url,
                     const struct green_websocket_options *options);

/* Returns the subprotocol that both sides agreed on; NULL: none. Never
 * switches. */
GREEN_API const char *
green_websocket_protocol(const struct green_websocket *websocket);

/* ---- Receiving ----------------------------------------------------------- */

enum green_websocket_kind {
    GREEN_WEBSOCKET_TEXT = 1, /* UTF-8 */
    GREEN_WEBSOCKET_BINARY = 2,
};

/* A message, or a part of one. The bytes are valid until the next receive. */
struct green_websocket_message {
    enum green_websocket_kind kind;
    bool last; /* the message ends here */
    const char *bytes;
    size_t size;
    uint64_t reserved[2];
};

/*
 * Receives a message; its bytes are followed by a '\0'. Meanwhile answers pings,
 * and the peer's Close frame.
 * Returns 1; 0 when the connection was closed by a Close frame; or -1:
 *   EMSGSIZE    the message is over max_message (code 1009)
 *   EILSEQ      a text is not UTF-8 (code 1007)
 *   EPROTO      the peer broke the protocol (code 1002)
 *   ECONNRESET  the connection ended without a Close frame
 *   ETIMEDOUT   the peer did not answer a ping or a Close frame; or a timeout
 *               has fired
 *   EBUSY       another greenthread receives
 *   EINVAL for NULL, ENOMEM, and the errors of green_stream_lend.
 * The first three have sent the peer a Close frame with the code. They, and 0,
 * are the result of all further calls. May switch.
 */
GREEN_API int green_websocket_receive(struct green_websocket *websocket,
                                      struct green_websocket_message *message);

/*
 * Like green_websocket_receive, but returns what has come of a message, up to 16
 * KiB, without waiting for its end. max_message does not count. Parts need not
 * be the frames of the sender; the last one may be empty. A text is checked as
 * far as it goes, and a part may end within a character. After it,
 * green_websocket_receive receives what is left of the message.
 * May switch.
 */
GREEN_API int
green_websocket_receive_part(struct green_websocket *websocket,
                             struct green_websocket_message *message);

/* ---- Sending ------------------------------------------------------------- */

/*
 * Sends a message. Waits for other greenthreads that send, and while the peer
 * does not read.
 * Returns 0, or -1: EINVAL for NULL or an unknown kind, EILSEQ for a text that is
 * not UTF-8 (nothing is sent), EPIPE if the connection is closed or being closed
 * by either side, EBUSY if the caller has begun a message by
 * green_websocket_send_part, ETIMEDOUT if nothing could be sent for
 * write_timeout, ENOMEM, and the errors of green_stream_writev. May switch.
 */
GREEN_API int green_websocket_send(struct green_websocket *websocket,
                                   enum green_websocket_kind kind,
                                   const void *bytes, size_t size);

/* Like green_websocket_send, of a text formatted as by printf. Also fails with
 * the errors of vsnprintf. May switch. */
GREEN_API int green_websocket_print(struct green_websocket *websocket,
                                    const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Sends a message in parts, each a frame of its own. From the first part to the
 * last other messages wait; so the caller must send the last one, unless a call
 * fails. A part of a text may end within a character.
 * Returns 0, or -1 with the errors of green_websocket_send, which end the
 * message; if parts of it were sent, other than EINVAL, they break the
 * connection. EINVAL also for another kind than that of the first part. May
 * switch.
 */
GREEN_API int green_websocket_send_part(struct green_websocket *websocket,
                                        enum green_websocket_kind kind,
                                        const void *bytes, size_t size,
                                        bool last);

/*
 * Sends a ping with up to 125 bytes. Pings at ping_interval need no call.
 * Returns 0, or -1: EINVAL for NULL or more bytes, and the errors of
 * green_websocket_send. May switch.
 */
GREEN_API int green_websocket_ping(struct green_websocket *websocket,
                                   const void *bytes, size_t size);

/* ---- Its end ------------------------------------------------------------- */

/*
 * Sends a Close frame, after which nothing can be sent. Does not wait for the
 * peer's: green_websocket_receive, which may still receive messages, returns 0
 * when that comes. Does nothing if a Close frame was sent.
 * code    1000 (done), 1001 (going away), 1008 (against a policy), 1011 (error),
 *         3000 to 4999 (the program's), or another of RFC 6455 that may be sent;
 *         0: none
 * reason  UTF-8 of up to 123 bytes; may be NULL
 * Returns 0, or -1: EINVAL for NULL, another code, a reason without a code, that
 * is longer or not UTF-8; and the errors of green_stream_writev. May switch.
 */
GREEN_API int green_websocket_close(struct green_websocket *websocket, int code,
                                    const char *reason);

/* Returns the code of the Close frame that the peer has sent: 1005 if it had
 * none, 1006 if no such frame has come. Never switches. */
GREEN_API int
green_websocket_close_code(const struct green_websocket *websocket);

/* Returns the reason in the peer's Close frame; "" if none was given. Never
 * switches. */
GREEN_API const char *
green_websocket_close_reason(const struct green_websocket *websocket);

/*
 * Closes the WebSocket: sends a Close frame with code 1000 if none was sent,
 * waits up to close_timeout for the peer's, and for the calls of other
 * greenthreads, which fail; then frees it. The server does this for those that
 * it has accepted, when the handler returns; it may be done before. If the
 * caller was killed, does not wait for the peer. NULL is allowed. Leaves errno
 * unchanged. May switch.
 */
GREEN_API void green_websocket_free(struct green_websocket *websocket);

GREEN_END_DECLS

#endif
