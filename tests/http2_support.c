#include "http2_support.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- What comes ------------------------------------------------------------------- */

struct h2_answer *h2_answer(struct h2_client *client, int32_t id)
{
    struct h2_answer *answer = &client->answers[id / 2 % H2_MOST];

    if (answer->id != id) {
        free(answer->body);
        memset(answer, 0, sizeof *answer);
        answer->id = id;
        answer->body = calloc(1, 1);
    }
    return answer;
}

int h2_status(const struct h2_answer *answer)
{
    const char *found = strstr(answer->fields, ":status: ");

    /* behind those of interim responses */
    for (const char *next = found; next; next = strstr(next + 1, ":status: "))
        found = next;
    return found ? (int)strtol(found + 9, NULL, 10) : 0;
}

static int on_field(nghttp2_session *session, const nghttp2_frame *frame,
                    const uint8_t *name, size_t name_size, const uint8_t *value,
                    size_t value_size, uint8_t flags, void *arg)
{
    struct h2_answer *answer = h2_answer(arg, frame->hd.stream_id);
    size_t used = strlen(answer->fields);

    (void)session, (void)flags, (void)name_size, (void)value_size;
    snprintf(answer->fields + used, sizeof answer->fields - used, "%s: %s\n",
             (const char *)name, (const char *)value);
    return 0;
}

static int on_begin(nghttp2_session *session, const nghttp2_frame *frame,
                    void *arg)
{
    struct h2_answer *answer = h2_answer(arg, frame->hd.stream_id);

    (void)session;
    if (frame->headers.cat == NGHTTP2_HCAT_HEADERS && h2_status(answer) >= 200)
        strcat(answer->fields, "--\n");
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id,
                   const uint8_t *bytes, size_t size, void *arg)
{
    struct h2_answer *answer = h2_answer(arg, id);

    (void)flags;
    if (!((struct h2_client *)arg)->starve)
        nghttp2_session_consume(session, id, size);
    answer->body = realloc(answer->body, answer->size + size + 1);
    memcpy(answer->body + answer->size, bytes, size);
    answer->size += size;
    answer->body[answer->size] = '\0';
    return 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t error,
                    void *arg)
{
    struct h2_answer *answer = h2_answer(arg, id);

    (void)session;
    answer->closed = true;
    answer->error = error;
    return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame,
                    void *arg)
{
    struct h2_client *client = arg;
    bool ack = (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0;

    (void)session;
    switch (frame->hd.type) {
    case NGHTTP2_GOAWAY:
        client->last_ids[client->goaways++ % 4] = frame->goaway.last_stream_id;
        client->goaway_error = frame->goaway.error_code;
        break;
    case NGHTTP2_SETTINGS:
        *(ack ? &client->acks : &client->settings) += 1;
        break;
    case NGHTTP2_PING:
        client->pings += ack;
        break;
    case NGHTTP2_RST_STREAM:
        client->resets++;
        break;
    default:
        break;
    }
    return 0;
}

bool h2_step(struct h2_client *client)
{
    uint8_t bytes[16384];
    ssize_t n;

    h2_flush(client);
    if (client->over)
        return false;
    n = green_read(client->fd, bytes, sizeof bytes);
    if (n <= 0 ||
        nghttp2_session_mem_recv(client->session, bytes, (size_t)n) < 0)
        client->over = true;
    return !client->over;
}

void h2_sync(struct h2_client *client)
{
    unsigned before = client->pings;

    ck_ok(nghttp2_submit_ping(client->session, NGHTTP2_FLAG_NONE, NULL));
    while (client->pings == before)
        ck_assert(h2_step(client));
}

struct h2_answer *h2_wait(struct h2_client *client, int32_t id)
{
    do
        h2_flush(client); /* which may close it */
    while (!h2_answer(client, id)->closed && h2_step(client));
    return h2_answer(client, id);
}

void h2_wait_end(struct h2_client *client)
{
    while (h2_step(client))
        ;
}

/* ---- What is sent ------------------------------------------------------------------- */

void h2_flush(struct h2_client *client)
{
    const uint8_t *bytes;
    ssize_t n;

    while (!client->over &&
           (n = nghttp2_session_mem_send(client->session, &bytes)) > 0)
        if (green_write_all(client->fd, bytes, (size_t)n) < 0)
            client->over = true;
}

void h2_frame(struct h2_client *client, uint8_t type, uint8_t flags, int32_t id,
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

    h2_flush(client);
    if (green_write_all(client->fd, head, sizeof head) < 0 ||
        (size > 0 && green_write_all(client->fd, payload, size) < 0))
        client->over = true;
}

struct upload {
    const char *at;
    bool more;
};

static ssize_t give(nghttp2_session *session, int32_t id, uint8_t *bytes,
                    size_t most, uint32_t *flags, nghttp2_data_source *source,
                    void *arg)
{
    struct upload *upload = source->ptr;
    size_t size = strlen(upload->at);

    (void)session, (void)id, (void)arg;
    if (size > most)
        size = most;
    memcpy(bytes, upload->at, size);
    upload->at += size;
    if (*upload->at != '\0')
        return (ssize_t)size;
    if (!upload->more)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    else if (size == 0)
        return NGHTTP2_ERR_DEFERRED;
    return (ssize_t)size;
}

/* Splits a copy of "name: value\n" lines. */
static size_t split(char *text, nghttp2_nv *fields)
{
    size_t count = 0;

    for (char *at = text, *end; (end = strchr(at, '\n')); at = end + 1) {
        char *colon = strchr(at + 1, ':');

        fields[count++] = (nghttp2_nv){
            (uint8_t *)at, (uint8_t *)colon + 2, (size_t)(colon - at),
            (size_t)(end - colon - 2), NGHTTP2_NV_FLAG_NONE};
    }
    return count;
}

int32_t h2_submit(struct h2_client *client, const char *fields,
                  const char *body, bool more)
{
    static struct upload uploads[H2_MOST];
    static unsigned used;
    nghttp2_nv list[256];
    char *copy = strdup(fields);
    size_t count = split(copy, list);
    struct upload *upload = &uploads[used++ % H2_MOST];
    nghttp2_data_provider provider = {{.ptr = upload}, give};
    int32_t id;

    *upload = (struct upload){body, more};
    id = nghttp2_submit_request(client->session, NULL, list, count,
                                body ? &provider : NULL, NULL);
    ck_assert_int_gt(id, 0);
    free(copy);
    h2_answer(client, id);
    return id;
}

int32_t h2_get(struct h2_client *client, const char *path)
{
    char fields[512];

    snprintf(fields, sizeof fields,
             ":method: GET\n:scheme: http\n:authority: a.test\n:path: %s\n",
             path);
    return h2_submit(client, fields, NULL, false);
}

int32_t h2_post(struct h2_client *client, const char *path, const char *body)
{
    char fields[512];

    snprintf(fields, sizeof fields,
             ":method: POST\n:scheme: http\n:authority: a.test\n:path: %s\n",
             path);
    return h2_submit(client, fields, body, false);
}

/* ---- Its life ------------------------------------------------------------------------- */

void h2_open_fd(struct h2_client *client, int fd)
{
    nghttp2_session_callbacks *callbacks;
    nghttp2_option *option;

    memset(client, 0, sizeof *client);
    client->fd = fd;
    ck_ok(nghttp2_session_callbacks_new(&callbacks));
    ck_ok(nghttp2_option_new(&option));
    /* It may send what it should not, and the tests look at what comes. */
    nghttp2_option_set_no_http_messaging(option, 1);
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_peer_max_concurrent_streams(option, 100);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_field);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks,
                                                            on_begin);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks,
                                                              on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    ck_ok(nghttp2_session_client_new2(&client->session, callbacks, client,
                                      option));
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_option_del(option);
    ck_ok(nghttp2_submit_settings(client->session, NGHTTP2_FLAG_NONE, NULL, 0));
}

/* Small writes in both directions must not wait for acknowledgements: on sim, minutes pass
 * until those come. */
static void send_at_once(int fd)
{
    ck_ok(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)));
}

void h2_open(struct h2_client *client,
             int (*handler)(struct green_http *http, void *arg),
             const struct green_http_options *options)
{
    struct http_pair *pair = malloc(sizeof *pair);

    http_open(pair, handler, options);
    send_at_once(pair->client);
    send_at_once(pair->stream.fd);
    h2_open_fd(client, pair->client);
    client->pair = pair;
}

void h2_close(struct h2_client *client)
{
    ck_ok(green_close(client->fd));
    if (client->pair)
        ck_ok(green_join(client->pair->thread, NULL));
    free(client->pair);
    nghttp2_session_del(client->session);
    for (size_t i = 0; i < H2_MOST; i++)
        free(client->answers[i].body);
}
