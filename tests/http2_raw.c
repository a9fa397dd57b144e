#include "http2_raw.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>

/* ---- What comes --------------------------------------------------------------------- */

static uint32_t number(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
           (uint32_t)bytes[2] << 8 | bytes[3];
}

static void take(struct raw *raw, const uint8_t *head, const uint8_t *payload)
{
    uint8_t type = head[3];

    raw->frames[type % 16]++;
    if (type == NGHTTP2_RST_STREAM) {
        raw->reset_error = number(payload);
    } else if (type == NGHTTP2_GOAWAY) {
        raw->last_ids[(raw->frames[type] - 1) % 4] = (int32_t)number(payload);
        raw->goaway_error = number(payload + 4);
    } else if (type == NGHTTP2_DATA || type == NGHTTP2_HEADERS) {
        raw->ended += head[4] & NGHTTP2_FLAG_END_STREAM;
    } else if (type == NGHTTP2_PING && !(head[4] & NGHTTP2_FLAG_ACK)) {
        raw->frames[type]--;
        raw_frame(raw, type, NGHTTP2_FLAG_ACK, 0, payload, 8);
    }
}

static void *read_all(void *arg)
{
    static uint8_t payload[1 << 14];
    struct raw *raw = arg;
    uint8_t head[9];

    for (;;) {
        while (raw->paused)
            if (green_sleep(GREEN_MSEC) < 0)
                return NULL;
        if (green_read_full(raw->fd, head, sizeof head) != sizeof head)
            return NULL;
        if (green_read_full(raw->fd, payload, number(head) >> 8) < 0)
            return NULL;
        take(raw, head, payload);
    }
}

void raw_wait(struct raw *raw, uint8_t type, unsigned count)
{
    while (raw->frames[type] < count)
        ck_ok(green_yield());
}

/* ---- What is sent ------------------------------------------------------------------- */

bool raw_frame(struct raw *raw, uint8_t type, uint8_t flags, int32_t id,
               const void *payload, size_t size)
{
    uint8_t head[9] = {(uint8_t)(size >> 16),
                       (uint8_t)(size >> 8),
                       (uint8_t)size,
                       type,
                       flags,
                       (uint8_t)(id >> 24),
                       (uint8_t)(id >> 16),
                       (uint8_t)(id >> 8),
                       (uint8_t)id};
    struct iovec parts[] = {{head, sizeof head},
                            {(void *)(uintptr_t)payload, size}};

    return green_writev(raw->fd, parts, 2) >= 0;
}

bool raw_get(struct raw *raw, int32_t id)
{
    return raw_frame(raw, NGHTTP2_HEADERS, RAW_HEAD | RAW_END, id, RAW_GET,
                     sizeof RAW_GET - 1);
}

bool raw_post(struct raw *raw, int32_t id)
{
    return raw_frame(raw, NGHTTP2_HEADERS, RAW_HEAD, id, RAW_POST,
                     sizeof RAW_POST - 1);
}

bool raw_reset(struct raw *raw, int32_t id)
{
    return raw_frame(raw, NGHTTP2_RST_STREAM, 0, id, "\0\0\0\10", 4);
}

void raw_sync(struct raw *raw)
{
    unsigned before = raw->frames[NGHTTP2_PING];

    ck_assert(raw_frame(raw, NGHTTP2_PING, 0, 0, "12345678", 8));
    raw_wait(raw, NGHTTP2_PING, before + 1);
}

/* ---- Its life ----------------------------------------------------------------------- */

void raw_open_fd(struct raw *raw, int fd)
{
    struct http_pair *pair = raw->pair;

    memset(raw, 0, sizeof *raw);
    raw->pair = pair;
    raw->fd = fd;
    ck_ok(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)));
    ck_ok(green_write_all(fd, NGHTTP2_CLIENT_MAGIC, NGHTTP2_CLIENT_MAGIC_LEN));
    raw_frame(raw, NGHTTP2_SETTINGS, 0, 0, "", 0);
    raw->reader = green_spawn(read_all, raw);
}

void raw_open(struct raw *raw,
              int (*handler)(struct green_http *http, void *arg),
              const struct green_http_options *options)
{
    raw->pair = malloc(sizeof *raw->pair);
    http_open(raw->pair, handler, options);
    ck_ok(setsockopt(raw->pair->stream.fd, IPPROTO_TCP, TCP_NODELAY, &(int){1},
                     sizeof(int)));
    raw_open_fd(raw, raw->pair->client);
}

void raw_wait_end(struct raw *raw)
{
    ck_ok(green_join(raw->reader, NULL));
    ck_ok(green_close(raw->fd));
    if (raw->pair)
        ck_ok(green_join(raw->pair->thread, NULL));
    free(raw->pair);
}

void raw_close(struct raw *raw)
{
    ck_ok(green_shutdown(raw->fd, SHUT_WR));
    raw_wait_end(raw);
}
