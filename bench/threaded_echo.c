/*
 * An echo server with an OS thread for each connection, as one writes it with
 * POSIX threads alone: it knows nothing of greenhub. `greenhub run` makes
 * greenthreads of its threads. Prints its port.
 *
 *     threaded_echo [PORT]
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned long served, bytes; /* under the lock */

/* Of each thread alone, if thread-local variables are its own. */
static _Thread_local unsigned long mine;

static volatile sig_atomic_t stopped;

static int send_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t n = send(fd, data, size, MSG_NOSIGNAL);

        if (n < 0)
            return -1;
        data += n;
        size -= (size_t)n;
    }
    return 0;
}

static void *serve(void *arg)
{
    int fd = (int)(intptr_t)arg;
    char buffer[4096];
    ssize_t n;

    while ((n = recv(fd, buffer, sizeof buffer, 0)) > 0) {
        mine += (unsigned long)n;
        if (send_all(fd, buffer, (size_t)n) < 0)
            break;
    }
    pthread_mutex_lock(&lock);
    served++;
    bytes += mine;
    pthread_mutex_unlock(&lock);
    close(fd);
    return NULL;
}

static int make_listener(long port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;

    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&address, length) < 0 ||
        listen(listener, 4096) < 0 ||
        getsockname(listener, (struct sockaddr *)&address, &length) < 0) {
        perror("threaded_echo: cannot listen");
        exit(1);
    }
    printf("listening on tcp://127.0.0.1:%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return listener;
}

static void stop(int number)
{
    (void)number;
    stopped = 1;
}

/* Without SA_RESTART: a signal ends accept. */
static void prepare_signals(void)
{
    struct sigaction action = {.sa_handler = stop};

    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static void start_thread(const pthread_attr_t *detached, int fd)
{
    pthread_t thread;
    int one = 1, error;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    error = pthread_create(&thread, detached, serve, (void *)(intptr_t)fd);
    if (error) {
        fprintf(stderr, "threaded_echo: no thread: %s\n", strerror(error));
        close(fd);
    }
}

int main(int argc, char **argv)
{
    int listener = make_listener(argc > 1 ? strtol(argv[1], NULL, 10) : 0);
    pthread_attr_t detached;

    prepare_signals();
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    while (!stopped) {
        int fd = accept(listener, NULL, NULL);

        if (fd >= 0)
            start_thread(&detached, fd);
        else if (errno != EINTR && errno != ECONNABORTED)
            break;
    }
    pthread_mutex_lock(&lock);
    printf("served %lu connections, %lu bytes\n", served, bytes);
    pthread_mutex_unlock(&lock);
    return 0;
}
