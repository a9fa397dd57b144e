/* Code that the benchmark programs share: a clock, limits, a listening
 * socket. */
#ifndef BENCH_COMMON_H
#define BENCH_COMMON_H

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

/* The buffer sizes of the echo servers. The argument "large" selects the larger
 * one, for messages of 64 KiB. (Servers that use a library's buffers, such as
 * bufferevents, ignore it.) */
#define BENCH_SMALL_BUFFER 4096
#define BENCH_LARGE_BUFFER 65536
/* The backlog, in all servers that can set it. */
#define BENCH_BACKLOG 4096

static inline int64_t bench_clock(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static inline int64_t bench_now(void)
{
    return bench_clock(CLOCK_MONOTONIC);
}

/* The CPU time of this process: what other programs do meanwhile is not in it. */
static inline int64_t bench_cpu_time(void)
{
    return bench_clock(CLOCK_PROCESS_CPUTIME_ID);
}

static inline void __attribute__((noreturn)) bench_die(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

/* Thousands of connections need more descriptors than the usual soft limit. */
static inline void bench_raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static inline void bench_no_delay(int fd)
{
    int one = 1;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

/* Parses a command-line argument: a number from 0 to max. */
static inline long bench_number(const char *text, long max)
{
    char *end;
    long value;

    errno = 0;
    value = strtol(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value < 0 || value > max) {
        fprintf(stderr, "%s: expected a number from 0 to %ld\n", text, max);
        exit(2);
    }
    return value;
}

/* An echo server's command-line arguments: PORT [large]. */
struct bench_arguments {
    long port;
    size_t buffer_size;
};

static inline struct bench_arguments bench_arguments(int argc, char **argv)
{
    struct bench_arguments arguments = {.buffer_size = BENCH_SMALL_BUFFER};

    if (argc == 3 && strcmp(argv[2], "large") == 0)
        arguments.buffer_size = BENCH_LARGE_BUFFER;
    else if (argc != 2) {
        fprintf(stderr, "usage: %s PORT [large]\n", argv[0]);
        exit(2);
    }
    arguments.port = bench_number(argv[1], 65535);
    bench_raise_descriptor_limit();
    return arguments;
}

/* Prints the port of a listening socket on stdout. */
static inline void bench_print_port(int fd)
{
    struct sockaddr_in address;
    socklen_t length = sizeof address;

    if (getsockname(fd, (struct sockaddr *)&address, &length) < 0)
        bench_die("getsockname");
    printf("listening %d\n", (int)ntohs(address.sin_port));
    fflush(stdout);
}

/*
 * Makes a non-blocking socket that listens on 127.0.0.1 (port 0: the system
 * chooses), for servers that create their own, and prints its port on stdout.
 */
static inline int bench_listen(long port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        bench_die("socket");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0)
        bench_die("bind");
    if (listen(fd, BENCH_BACKLOG) < 0)
        bench_die("listen");
    bench_print_port(fd);
    return fd;
}

#endif
