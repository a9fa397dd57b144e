/* What the tests of green_serve share: a server in a greenthread of its own. */
#ifndef TESTS_SERVER_H
#define TESTS_SERVER_H

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support.h"

static struct green_server server;
static struct green_serve_options options = {.server = &server};
static int listener;
static char address[128];
static struct green_thread *keeper;
static int serve_result, serve_error;

/* How many handlers have begun and ended, on all OS threads. */
static _Atomic int begun, ended;

/* Echoes what it receives until the client closes or the server kills it. */
static inline void echo(int fd, void *arg)
{
    char buffer[128];
    ssize_t n;

    (void)arg;
    begun++;
    while ((n = green_read(fd, buffer, sizeof buffer)) > 0 &&
           green_write_all(fd, buffer, (size_t)n) == 0)
        ;
    ended++;
}

static void (*handler)(int fd, void *arg) = echo;

static inline void *serve_main(void *unused)
{
    serve_result = green_serve(listener, handler, &options);
    serve_error = errno;
    return unused;
}

static inline void listen_for_server(const char *at, bool reuse_port)
{
    struct green_listen_options how = {.reuse_port = reuse_port};

    green_get_hub(); /* its descriptors are not leaks */
    memset(&server, 0, sizeof server);
    begun = ended = 0;
    listener = green_listen(at, &how);
    ck_assert_msg(listener >= 0, "%s: %s", at, strerror(errno));
    ck_assert_int_gt(green_local_address(listener, address, sizeof address), 0);
}

static inline void start_server(void)
{
    serve_result = 1000;
    keeper = green_spawn(serve_main, NULL);
    ck_assert_ptr_nonnull(keeper);
}

/* The server of most cases. */
static inline void serve_tcp(void)
{
    listen_for_server("tcp://127.0.0.1:0", options.threads > 1);
    start_server();
}

/* Joins the server; green_serve must have returned `result`, with this errno if
 * it failed. */
static inline void has_ended(int result, int error)
{
    ck_ok(green_join(keeper, NULL));
    ck_assert_int_eq(serve_result, result);
    if (result < 0)
        ck_assert_int_eq(serve_error, error);
    ck_assert_uint_eq(server.active, 0);
}

/* Stops the server; the handlers have finished, or are about to. */
static inline void stop_server(void)
{
    ck_ok(green_server_stop(&server));
    has_ended(0, 0);
}

static inline int dial_server(void)
{
    int fd = green_dial(address);

    ck_assert_msg(fd >= 0, "%s: %s", address, strerror(errno));
    return fd;
}

static inline void round_trip(int fd)
{
    char buffer[6] = "";

    ck_ok(green_write_all(fd, "hello", 5));
    ck_assert_int_eq(green_read_full(fd, buffer, 5), 5);
    ck_assert_str_eq(buffer, "hello");
}

/* A client that has received an answer: its handler runs. */
static inline int client(void)
{
    int fd = dial_server();

    round_trip(fd);
    return fd;
}

/* The server has closed the connection; the client may see a reset. */
static inline void sees_the_end(int fd)
{
    char byte;
    ssize_t n = green_read(fd, &byte, 1);

    if (n < 0)
        ck_assert_int_eq(errno, ECONNRESET);
    else
        ck_assert_int_eq(n, 0);
    ck_ok(green_close(fd));
}

/* Waits until the condition is true; the case's time limit ends a wait without
 * end. */
#define wait_until(condition)                                                  \
    do {                                                                       \
        while (!(condition))                                                   \
            ck_ok(green_sleep(GREEN_MSEC));                                    \
    } while (0)

/*
 * Runs all greenthreads that can run: in each of these sleeps the hub checks
 * all descriptors, however long that takes.
 */
static inline void run_others(void)
{
    for (int i = 0; i < 5; i++)
        ck_ok(green_sleep(GREEN_MSEC));
}

#endif
