/* The struct of a WebSocket, and what its files offer each other. */
#ifndef COMPANIONS_HTTP_WEBSOCKET_H
#define COMPANIONS_HTTP_WEBSOCKET_H

#include <greenhub/websocket.h>

#include "http.h"

#define GREEN__WEBSOCKET_FAIR ((size_t)256 << 10)
#define GREEN__WEBSOCKET_PART ((size_t)16 << 10)
#define GREEN__WEBSOCKET_CONTROL 125 /* bytes of a control frame */

enum green__websocket_opcode {
    GREEN__WEBSOCKET_CONTINUATION = 0,
    GREEN__WEBSOCKET_CLOSE = 8,
    GREEN__WEBSOCKET_PING = 9,
    GREEN__WEBSOCKET_PONG = 10,
};

enum {
    GREEN__WEBSOCKET_NORMAL = 1000,
    GREEN__WEBSOCKET_GOING_AWAY = 1001,
    GREEN__WEBSOCKET_PROTOCOL_ERROR = 1002,
    GREEN__WEBSOCKET_NO_CODE = 1005,
    GREEN__WEBSOCKET_ABNORMAL = 1006,
    GREEN__WEBSOCKET_INVALID = 1007,
    GREEN__WEBSOCKET_TOO_BIG = 1009,
    GREEN__WEBSOCKET_ERROR = 1011,
};

/* ---- UTF-8: websocket_utf8.c ----------------------------------------------- */

/* A text that is checked in pieces. All zero: nothing was seen. */
struct green__utf8 {
    unsigned char missing;     /* bytes of the character that is begun */
    unsigned char least, most; /* what its next byte may be */
};

/* Goes on with a piece. Returns whether it may be a part of a text so far. */
bool green__utf8_check(struct green__utf8 *utf8, const void *bytes,
                       size_t size);
/* Returns whether no character is begun. */
static inline bool green__utf8_is_whole(const struct green__utf8 *utf8)
{
    return utf8->missing == 0;
}

/* ---- permessage-deflate: websocket_deflate.c -------------------------------- */

/* What both sides have agreed on. */
struct green__websocket_deflate_terms {
    bool on;
    int own_bits, peer_bits;    /* 9 to 15 of own, 8 to 15 of peer's */
    bool own_fresh, peer_fresh; /* no context takeover */
};

struct green__websocket_deflate;

/* Returns NULL: ENOMEM. */
struct green__websocket_deflate *green__websocket_deflate_create(
    const struct green__websocket_deflate_terms *terms);
void green__websocket_deflate_free(struct green__websocket_deflate *deflate);
/* Appends a part of a message, compressed, to a text. Returns 0, or -1. */
int green__websocket_deflate_pack(struct green__websocket_deflate *deflate,
                                  const void *bytes, size_t size, bool last,
                                  struct green__http_text *text);
/* Decompresses from *bytes, which it moves on, up to `room` bytes. Returns their
 * number, 0 only if it needs more input; or -1: EPROTO, ENOMEM. */
ssize_t
green__websocket_deflate_unpack(struct green__websocket_deflate *deflate,
                                const uint8_t **bytes, size_t *size, void *out,
                                size_t room);
/* A message has been decompressed. */
void green__websocket_deflate_end_message(
    struct green__websocket_deflate *deflate);

/* ---- A WebSocket -------------------------------------------------------------- */

struct wslay_frame_context;

/* What is received. */
struct green__websocket_input {
    struct green_buffer *lent; /* holds what was received and not used */
    const char *at, *end;
    char *first;  /* what came behind a client's handshake, to be freed */
    int error;    /* of the read that ended a call of wslay */
    bool stopped; /* the server stops, and this has been seen */
    bool waiting; /* in a read; the ping is sent only then */

    bool in_frame; /* a frame is begun and not whole */
    uint64_t frame_left;
    bool fin;             /* the current frame is the last of its message */
    const uint8_t *piece; /* of its payload */
    size_t piece_size;
    uint8_t control[GREEN__WEBSOCKET_CONTROL]; /* a control frame's payload */
    size_t control_size;

    bool in_message, packed;
    bool some; /* payload of this packed message has come */
    bool tail; /* and its end was added */
    bool full; /* decompressing it has more to give */
    enum green_websocket_kind kind;
    size_t unpacked; /* since others could run */
    uint64_t most;   /* bytes of the message that is received now */
    uint64_t total;  /* bytes of it so far */
    struct green__utf8 utf8;
    struct green__http_text message;
    bool delivered; /* its bytes are the program's until the next receive */
};

/* What is sent. */
struct green__websocket_output {
    struct green_lock message; /* held for a whole message */
    struct green_lock frame;   /* held for a frame */
    struct green__http_deadline deadline;
    bool broken;  /* a frame was sent in part */
    bool closing; /* a Close frame is to be sent, or was: nothing follows it */
    bool closed;  /* it was sent */
    bool in_payload; /* wslay has given the header */
    char header[14];
    size_t header_size;
    const void *payload;
    size_t payload_size;
    char *masked;       /* a client's payload */
    uint8_t random[64]; /* for masks */
    size_t random_used;

    struct green_thread *part_of; /* who sends a message in parts */
    enum green_websocket_kind part_kind;
    bool part_begun; /* one part was sent */
    struct green__utf8 part_utf8;
    struct green__http_text packed;

    struct green__http_text
        pongs; /* to be sent: for each its size, and then its
                                    * bytes */
    bool ping_is_due;
    bool helper; /* a greenthread sends these */
};

struct green_websocket {
    struct green_stream *stream;
    struct green_http *http;                /* of a server; NULL: a client's */
    struct green_websocket_options options; /* with the defaults filled in */
    char *protocol;
    struct wslay_frame_context *frames;
    struct green__websocket_deflate *deflate; /* NULL: not agreed on */
    struct green__websocket_input input;
    struct green__websocket_output output;

    struct green_hub *hub;
    struct green_timer timer; /* of pings, and of the peer's Close frame */
    green_time heard;         /* when something came */
    green_time pinged;        /* 0: no ping is unanswered */
    uint64_t progress;        /* of what was sent, at the last look */
    bool behind;              /* the ping was, behind something, at that look */
    green_time close_by;      /* 0: no Close frame was sent */
    bool expired;             /* the peer was silent: the socket is shut down */

    int result; /* of all further receives: 1: go on; 0: closed; else -errno */
    int code;   /* of the peer's Close frame */
    char reason[GREEN__WEBSOCKET_CONTROL];
    bool receiving;
    unsigned users; /* calls in it */
    bool ending;
    struct green_event unused; /* the last of them has returned */
};

/* websocket_options.c: fills in the defaults. Returns 0, or -1: EINVAL. */
int green__websocket_options_init(struct green_websocket_options *options,
                                  const struct green_websocket_options *given);

/* websocket.c: makes one of a stream. Returns NULL: ENOMEM. */
struct green_websocket *
green__websocket_create(struct green_stream *stream, struct green_http *http,
                        const struct green_websocket_options *options,
                        const struct green__websocket_deflate_terms *terms);
void green__websocket_timers_end(struct green_websocket *websocket);
/* Frees it, but not the stream. */
void green__websocket_discard(struct green_websocket *websocket);
/* A call begins, and ends. */
void green__websocket_enter(struct green_websocket *websocket);
void green__websocket_leave(struct green_websocket *websocket);

/* websocket_send.c: sends a frame; output.frame is held. */
int green__websocket_frame(struct green_websocket *websocket, unsigned opcode,
                           bool fin, bool packed, const void *bytes,
                           size_t size);
/* wslay's: gathers a frame, and sends it. */
ssize_t green__websocket_on_output(const uint8_t *bytes, size_t size, int flags,
                                   void *arg);
int green__websocket_on_mask(uint8_t *mask, size_t size, void *arg);

/* websocket_receive.c, wslay's: what has come. */
ssize_t green__websocket_on_input(uint8_t *bytes, size_t size, int flags,
                                  void *arg);
/* Receives and drops what the peer sends before its Close frame. */
void green__websocket_drain(struct green_websocket *websocket);

/* websocket_frames.c: takes payload of messages off the wire, up to `room` bytes
 * of it, and handles what stands between; *over: the message ends here. Returns 1,
 * 0 or -1 as a receive does. */
int green__websocket_take(struct green_websocket *websocket, char *bytes,
                          size_t room, size_t *size, bool *over);
/* Ends the connection because of the peer. Returns -1 with the error. */
int green__websocket_fail(struct green_websocket *websocket, int code,
                          int error);

/* websocket_control.c: control frames that are to be sent before the next
 * frame; output.frame is held. */
int green__websocket_flush_control(struct green_websocket *websocket);
void green__websocket_pong(struct green_websocket *websocket,
                           const uint8_t *bytes, size_t size);
/* A Close frame, unless one was sent; code 0: with nothing in it. Returns 0, or
 * -1. */
int green__websocket_send_close(struct green_websocket *websocket, int code,
                                const char *reason);
/* The peer's. Returns what all further receives return. */
int green__websocket_on_close(struct green_websocket *websocket);
int green__websocket_timer_begin(struct green_websocket *websocket);
void green__websocket_timer_end(struct green_websocket *websocket);

/* websocket_key.c: the answer to a key of a handshake. */
#define GREEN__WEBSOCKET_ACCEPT 29
bool green__websocket_is_key(const char *key);
int green__websocket_accept_of(const char *key,
                               char answer[GREEN__WEBSOCKET_ACCEPT]);
/* A new key of a client. */
#define GREEN__WEBSOCKET_KEY 25
int green__websocket_new_key(char key[GREEN__WEBSOCKET_KEY]);

/* websocket_terms.c: what the extensions in a field's value, or in several, add up
 * to. A server takes the first offer that it can; prints its answer. */
void green__websocket_take_offer(const char *value,
                                 const struct green_websocket_options *options,
                                 struct green__websocket_deflate_terms *terms);
#define GREEN__WEBSOCKET_EXTENSION 160
void green__websocket_print_terms(
    const struct green__websocket_deflate_terms *terms,
    char text[GREEN__WEBSOCKET_EXTENSION]);
/* What a client offers. */
void green__websocket_print_offer(const struct green_websocket_options *options,
                                  char text[GREEN__WEBSOCKET_EXTENSION]);
/* And the server's answer. Returns whether that is one. */
bool green__websocket_take_answer(const char *value,
                                  const struct green_websocket_options *options,
                                  struct green__websocket_deflate_terms *terms);

/* websocket_dial.c: closes a client's stream. Leaves errno unchanged. */
void green__websocket_close_stream(struct green_stream *stream);

/* websocket_reply.c: the server's answer to a client. */
struct green__websocket_reply {
    int status;
    struct green__http_text fields; /* "name\0value\0" each */
    char *rest;                     /* what came behind the head, to be freed */
    size_t rest_size;
};
/* Reads it. Returns 0, or -1: EPROTO, EMSGSIZE, ECONNRESET and others. */
int green__websocket_reply_read(struct green_stream *stream,
                                struct green__websocket_reply *reply);
void green__websocket_reply_free(struct green__websocket_reply *reply);
/* The value of the n-th field of a name, from 0 on; NULL: there is none. */
const char *
green__websocket_reply_field(const struct green__websocket_reply *reply,
                             const char *name, size_t n);

#endif
