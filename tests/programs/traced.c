/*
 * For tests of traces, probes and profilers: greenthreads of two OS threads that
 * talk over sockets.
 *
 *   traced        prints "ready", talks, and ends when its input does
 *   traced wait   the same, but it talks after a byte of its input
 *   traced spin   prints "ready", and then a greenthread computes for a second
 */
#include <arpa/inet.h>
#include <greenhub.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TALKS 20

static void check(int result, const char *what)
{
    if (result < 0) {
        perror(what);
        exit(1);
    }
}

static struct green_thread *start(const char *name, void *(*fn)(void *),
                                  void *arg)
{
    struct green_attr attr = {.name = name};
    struct green_thread *thread = green_spawn_with(&attr, fn, arg);

    check(thread ? 0 : -1, "green_spawn_with");
    return thread;
}

static void *answer(void *arg)
{
    int *listener = arg, fd = green_accept(*listener, NULL, NULL);
    char bytes[64];
    ssize_t n;

    check(fd, "green_accept");
    while ((n = green_read(fd, bytes, sizeof bytes)) > 0)
        check(green_write_all(fd, bytes, (size_t)n), "green_write_all");
    green_close(fd);
    return arg;
}

static void talk(const char *address)
{
    int fd = green_dial(address);
    char byte = 'x';

    check(fd, "green_dial");
    for (int i = 0; i < TALKS; i++) {
        check(green_write_all(fd, &byte, 1), "green_write_all");
        check((int)green_read(fd, &byte, 1) - 1, "green_read");
        if (i % 5 == 0)
            check(green_sleep(GREEN_MSEC), "green_sleep");
    }
    green_close(fd);
}

static void *talk_here(void *arg)
{
    int listener = green_listen("tcp://127.0.0.1:0", NULL);
    struct sockaddr_in name = {.sin_port = 0};
    socklen_t length = sizeof name;
    char address[64];

    check(listener, "green_listen");
    check(getsockname(listener, (struct sockaddr *)&name, &length),
          "getsockname");
    snprintf(address, sizeof address, "tcp://127.0.0.1:%d",
             ntohs(name.sin_port));
    start("answer", answer, &listener);
    talk(address);
    green_close(listener);
    return arg;
}

static void *other_main(void *arg)
{
    check(green_join(start("other \"talk\"", talk_here, arg), NULL), "join");
    return NULL;
}

/* ---- For profilers ------------------------------------------------------- */

__attribute__((noinline)) static void spin_inside(volatile unsigned *count)
{
    struct timespec now, end;

    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec++;
    do {
        for (int i = 0; i < 1000000; i++)
            ++*count;
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (now.tv_sec < end.tv_sec ||
             (now.tv_sec == end.tv_sec && now.tv_nsec < end.tv_nsec));
}

__attribute__((noinline)) static void *spin_outside(void *arg)
{
    volatile unsigned count = 0;

    green_sleep(GREEN_MSEC); /* so that it has been on the hub's side */
    spin_inside(&count);
    return count ? arg : NULL;
}

int main(int argc, char **argv)
{
    struct green_thread *here;
    pthread_t thread;
    char byte;

    puts("ready");
    fflush(stdout);
    if (argc > 1 && strcmp(argv[1], "spin") == 0)
        return green_join(start("spinner", spin_outside, &byte), NULL) < 0;
    if (argc > 1 && strcmp(argv[1], "wait") == 0)
        check((int)green_read(STDIN_FILENO, &byte, 1), "green_read");
    here = start("talk", talk_here, &byte);
    if (pthread_create(&thread, NULL, other_main, &byte) != 0)
        return 1;
    check(green_join(here, NULL), "green_join");
    pthread_join(thread, NULL);
    while (green_read(STDIN_FILENO, &byte, 1) > 0)
        ;
    return 0;
}
