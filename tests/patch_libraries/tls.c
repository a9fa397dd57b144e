/*
 * OpenSSL on sockets that block, by SSL_set_fd: a hundred clients and a hundred
 * servers, each a greenthread of this program.
 *
 *     tls CASE CERTIFICATE KEY
 */
#include "crowd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LARGE 500000 /* bytes there and back: more than the sockets hold */

static SSL_CTX *client_context, *server_context;
static struct sockaddr_in address;
static int listener, serving;
static bool silent;      /* servers read and do not answer */
static green_time limit; /* of a client's talk; 0 for none */

/* ---- Both ends -------------------------------------------------------- */

static const char *words_of(SSL *ssl, int result)
{
    static char words[256];
    unsigned long code = ERR_get_error();

    if (code)
        ERR_error_string_n(code, words, sizeof words);
    else
        snprintf(words, sizeof words, "SSL error %d: %s",
                 SSL_get_error(ssl, result), strerror(errno));
    ERR_clear_error();
    return words;
}

static SSL *on_socket(SSL_CTX *context, int fd)
{
    SSL *ssl = SSL_new(context);

    if (!ssl || SSL_set_fd(ssl, fd) != 1)
        crowd_give_up("SSL_set_fd: %s", words_of(ssl, 0));
    return ssl;
}

static void done_with(SSL *ssl, int fd)
{
    SSL_free(ssl);
    close(fd);
}

/* ---- The servers -------------------------------------------------------- */

static void echo(SSL *ssl)
{
    char bytes[16384];
    int count;

    if (SSL_accept(ssl) != 1)
        return;
    while ((count = SSL_read(ssl, bytes, sizeof bytes)) > 0)
        if (!silent && SSL_write(ssl, bytes, count) <= 0)
            return;
    if (SSL_get_error(ssl, count) == SSL_ERROR_ZERO_RETURN)
        SSL_shutdown(ssl);
}

static void serve_one(void *fd_as_pointer)
{
    int fd = (int)(intptr_t)fd_as_pointer;
    SSL *ssl = on_socket(server_context, fd);

    echo(ssl);
    ERR_clear_error();
    done_with(ssl, fd);
    serving--;
}

static void *accept_all(void *unused)
{
    int fd;

    (void)unused;
    while ((fd = accept(listener, NULL, NULL)) >= 0) {
        serving++;
        if (green_spawn_n(serve_one, (void *)(intptr_t)fd) < 0)
            crowd_give_up("green_spawn_n: %s", strerror(errno));
    }
    return NULL;
}

/* ---- The clients -------------------------------------------------------- */

static SSL *connect_client(struct member *me, int fd)
{
    SSL *ssl = on_socket(client_context, fd);
    int result = -1;

    SSL_set1_host(ssl, "localhost");
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
        crowd_failed(me, "connect: %s", strerror(errno));
    else if ((result = SSL_connect(ssl)) != 1)
        crowd_failed(me, "SSL_connect: %s", words_of(ssl, result));
    return ssl;
}

static void read_back(struct member *me, SSL *ssl, const char *sent, int size)
{
    char bytes[16384];
    int count, done = 0;

    for (; done < size; done += count) {
        count = SSL_read(ssl, bytes, sizeof bytes);
        if (count <= 0) {
            crowd_failed(me, "SSL_read: %s", words_of(ssl, count));
            return;
        }
        if (memcmp(bytes, sent + done, (size_t)count) != 0) {
            crowd_failed(me, "other bytes at %d", done);
            return;
        }
    }
}

/* In pieces, since the server's answers must be read before the next ones. */
static void talk(struct member *me, SSL *ssl, int size)
{
    static char sent[LARGE];
    int result, piece = 50000;

    memset(sent, 'x', sizeof sent);
    for (int done = 0; done < size && !me->failed; done += piece) {
        result = SSL_write(ssl, sent + done, piece);
        if (result <= 0)
            crowd_failed(me, "SSL_write: %s", words_of(ssl, result));
        else
            read_back(me, ssl, sent + done, piece);
    }
}

static void talk_in_time(struct member *me, SSL *ssl)
{
    struct green_timeout timeout;

    green_timeout_start(&timeout, limit ? limit : GREEN_FOREVER);
    talk(me, ssl, LARGE);
    green_timeout_cancel(&timeout);
}

static void visit(struct member *me, bool all_at_once)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    SSL *ssl = connect_client(me, fd);

    crowd_enter();
    if (all_at_once)
        crowd_gather(); /* all have shaken hands */
    if (!me->failed)
        talk_in_time(me, ssl);
    crowd_leave();
    if (!me->failed && SSL_shutdown(ssl) == 0)
        SSL_shutdown(ssl);
    done_with(ssl, fd);
}

/* ---- The cases ---------------------------------------------------------- */

static void prepare_contexts(void)
{
    const char *certificate = crowd_argument(0), *key = crowd_argument(1);

    client_context = SSL_CTX_new(TLS_client_method());
    server_context = SSL_CTX_new(TLS_server_method());
    if (!certificate || !key ||
        SSL_CTX_load_verify_locations(client_context, certificate, NULL) != 1 ||
        SSL_CTX_use_certificate_file(server_context, certificate,
                                     SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_use_PrivateKey_file(server_context, key, SSL_FILETYPE_PEM) != 1)
        crowd_give_up("certificate and key: %s", words_of(NULL, 0));
    SSL_CTX_set_verify(client_context, SSL_VERIFY_PEER, NULL);
}

static void prepare_listener(void)
{
    socklen_t length = sizeof address;

    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 ||
        listen(listener, 2 * CROWD) < 0 ||
        getsockname(listener, (struct sockaddr *)&address, &length) < 0)
        crowd_give_up("listen: %s", strerror(errno));
}

/* OpenSSL has no way to ask for no SIGPIPE: its users ignore it. */
static struct green_thread *begin(void)
{
    signal(SIGPIPE, SIG_IGN);
    prepare_contexts();
    prepare_listener();
    crowd_count_descriptors();
    return green_spawn(accept_all, NULL);
}

static void end(struct green_thread *acceptor)
{
    struct member me = {.number = 0};

    visit(&me, false);
    if (me.failed)
        crowd_give_up("afterwards: %s", me.error);
    while (serving > 0)
        usleep(1000);
    green_kill(acceptor);
    green_join(acceptor, NULL);
}

static void echo_one(struct member *me)
{
    visit(me, true);
}

static void echo_all(void)
{
    struct green_thread *acceptor = begin();

    crowd_run(echo_one);
    end(acceptor);
}

static void visit_one(struct member *me)
{
    visit(me, false);
}

static void kill_anywhere(void)
{
    struct green_thread *acceptor = begin();

    silent = true;
    crowd_start(visit_one);
    crowd_kill(2 * GREEN_MSEC);
    crowd_wait();
    silent = false;
    end(acceptor);
}

static void timeout(void)
{
    struct green_thread *acceptor = begin();

    silent = true;
    limit = 200 * GREEN_MSEC;
    crowd_run(echo_one);
    silent = false;
    limit = 0;
    end(acceptor);
}

int main(int argc, char **argv)
{
    static const struct program_case cases[] = {
        {"echo", echo_all},
        {"kill_anywhere", kill_anywhere},
        {"timeout", timeout},
        {NULL, NULL},
    };

    return crowd_main(argc, argv, cases);
}
