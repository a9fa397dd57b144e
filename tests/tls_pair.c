#include "tls_pair.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

/* A configuration lasts as long as its case, which is a process: leak checkers are
 * to find it here. */
static struct green_tls_config *made[64];
static size_t made_count;

struct green_tls_config *tls_config(const struct green_tls_options *options)
{
    struct green_tls_config *config = green_tls_config_create(options);

    ck_assert_msg(config != NULL, "%s", green_tls_reason());
    made[made_count++ % (sizeof made / sizeof made[0])] = config;
    return config;
}

struct green_tls_config *tls_server_config(const char *name)
{
    char certificate[64], key[64];

    snprintf(certificate, sizeof certificate, "%s.crt", name);
    snprintf(key, sizeof key, "%s.key", name);
    return tls_config(&(struct green_tls_options){
        .certificate = tls_path(certificate), .key = tls_path(key)});
}

struct green_tls_config *tls_client_config(void)
{
    return tls_config(
        &(struct green_tls_options){.authorities = tls_path("ca.crt")});
}

static void *shake_hands(void *arg)
{
    struct tls_end *end = arg;

    errno = 0;
    end->stream = end->host ? green_tls_client(end->fd, end->config, end->host)
                            : green_tls_server(end->fd, end->config);
    end->error = end->stream ? 0 : errno;
    if (!end->stream)
        strcpy(end->reason, green_tls_reason());
    return NULL;
}

void tls_begin(struct tls_end *end)
{
    end->thread = green_spawn(shake_hands, end);
    ck_assert_ptr_nonnull(end->thread);
}

void tls_await(struct tls_end *end)
{
    ck_ok(green_join(end->thread, NULL));
}

void tls_meet(struct tls_end *client, struct tls_end *server)
{
    int fds[2];

    tcp_pair(fds);
    for (int i = 0; i < 2; i++)
        ck_ok(setsockopt(fds[i], IPPROTO_TCP, TCP_NODELAY, &(int){1},
                         sizeof(int)));
    client->fd = fds[0];
    server->fd = fds[1];
    tls_begin(client);
    tls_begin(server);
    tls_await(client);
    if (client->error) /* the server may wait for more */
        ck_ok(shutdown(client->fd, SHUT_RDWR));
    tls_await(server);
}

void tls_pair(struct green_stream *streams[2])
{
    struct tls_end client = {.config = tls_client_config(),
                             .host = "host.test"};
    struct tls_end server = {.config = tls_server_config("good")};

    tls_meet(&client, &server);
    ck_assert_msg(client.error == 0, "%s", client.reason);
    ck_assert_msg(server.error == 0, "%s", server.reason);
    green_tls_config_free(client.config);
    green_tls_config_free(server.config);
    streams[0] = client.stream;
    streams[1] = server.stream;
}

void tls_drop(struct tls_end *end)
{
    if (end->stream)
        ck_ok(green_stream_close(end->stream));
    else
        ck_ok(green_close(end->fd));
    end->stream = NULL;
}

void tls_expect(struct green_stream *stream, const void *bytes, size_t size)
{
    char *got = malloc(size);
    size_t done = 0;

    ck_assert_msg(green_stream_read_full_counted(stream, got, size, &done) == 0,
                  "%s", green_tls_reason());
    ck_assert_uint_eq(done, size);
    ck_assert_mem_eq(got, bytes, size);
    free(got);
}

const char *const tls_versions[2] = {"TLSv1.2", "TLSv1.3"};

unsigned char *tls_pattern(size_t size)
{
    unsigned char *bytes = malloc(size);

    ck_assert_ptr_nonnull(bytes);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)(i * 7 + i / 251);
    return bytes;
}

void *tls_writes(void *arg)
{
    struct tls_load *load = arg;

    ck_ok(green_stream_write_all(load->stream, load->bytes, load->size));
    return arg;
}

void *tls_reads(void *arg)
{
    struct tls_load *load = arg;

    tls_expect(load->stream, load->bytes, load->size);
    return arg;
}
