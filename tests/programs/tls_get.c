/*
 * tls_get HOST:PORT NAME AUTHORITIES [PROTOCOL...]
 *
 * Sends a request for "/" by TLS; prints the version, the protocol agreed on, and the answer's
 * first line. Without success it prints errno's name and the reason. Twice, with the same
 * configuration, to see whether the session is resumed.
 */
#include <greenhub.h>
#include <greenhub/tls.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/ssl.h>

static int fail(const char *what)
{
    printf("%s: %s: %s\n", what, strerrorname_np(errno), green_tls_reason());
    return 1;
}

static int ask(struct green_stream *stream, const char *name)
{
    char text[4096];
    size_t done;
    int n = snprintf(text, sizeof text,
                     "GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n",
                     name);

    if (green_stream_write_all(stream, text, (size_t)n) < 0)
        return fail("write");
    if (green_stream_read_full_counted(stream, text, sizeof text - 1, &done) <
        0)
        return fail("read");
    text[done] = '\0';
    text[strcspn(text, "\r\n")] = '\0';
    printf("%s %s %s: %s\n", SSL_get_version(green_tls_ssl(stream)),
           green_tls_protocol(stream) ? green_tls_protocol(stream) : "-",
           SSL_session_reused(green_tls_ssl(stream)) ? "resumed" : "new", text);
    return 0;
}

static int get(const char *address, struct green_tls_config *config,
               const char *name)
{
    int fd = green_dial(address), status;
    struct green_stream *stream;

    if (fd < 0)
        return fail("dial");
    stream = green_tls_client(fd, config, name);
    if (!stream) {
        status = fail("handshake");
        green_close(fd);
        return status;
    }
    status = ask(stream, name);
    green_stream_close(stream);
    return status;
}

int main(int argc, char **argv)
{
    struct green_tls_options options = {.handshake_timeout = 5 * GREEN_SEC};
    struct green_tls_config *config;
    char address[256];

    if (argc < 4)
        return 2;
    options.authorities = argv[3];
    if (argc > 4)
        options.protocols = (const char *const *)argv + 4;
    config = green_tls_config_create(&options);
    if (!config)
        return fail("config");
    snprintf(address, sizeof address, "tcp://%s", argv[1]);
    return get(address, config, argv[2]) || get(address, config, argv[2]);
}
