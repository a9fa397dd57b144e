/*
 * Measures what 64 MiB from one stream socket to another cost who copies them
 * (green_stream_copy), by TCP and by Unix sockets. The floor is a loop of recv and
 * send with a buffer of 64 KiB. One child writes and one reads. CPU time of this
 * process, for a MiB, by figures.h.
 */
#include <greenhub.h>

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"
#include "figures.h"

#define MIB 64
#define PIECE 65536

static void make_tcp(int fds[2])
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);

    if (bind(listener, (struct sockaddr *)&address, length) < 0 ||
        listen(listener, 1) < 0 ||
        getsockname(listener, (struct sockaddr *)&address, &length) < 0)
        bench_die("listen");
    fds[0] = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fds[0], (struct sockaddr *)&address, length) < 0)
        bench_die("connect");
    fds[1] = accept(listener, NULL, NULL);
    close(listener);
}

static void make(int family, int fds[2])
{
    if (family == AF_INET)
        make_tcp(fds);
    else if (socketpair(family, SOCK_STREAM, 0, fds) < 0)
        bench_die("socketpair");
}

static char piece[PIECE];

static void write_all(int fd)
{
    for (int i = 0; i < (MIB << 20) / PIECE; i++)
        for (size_t done = 0; done < PIECE;) {
            ssize_t n = write(fd, piece + done, PIECE - done);

            if (n <= 0)
                _exit(1);
            done += (size_t)n;
        }
    _exit(0);
}

static void read_all(int fd)
{
    while (read(fd, piece, PIECE) > 0)
        ;
    _exit(0);
}

static void wait_for(int fd, short events)
{
    struct pollfd one = {.fd = fd, .events = events};

    poll(&one, 1, -1);
}

static void copy_by_hand(int from, int to)
{
    ssize_t n;

    while ((n = recv(from, piece, PIECE, MSG_DONTWAIT)) != 0) {
        if (n < 0)
            wait_for(from, POLLIN);
        for (ssize_t done = 0; done < n;) {
            ssize_t sent = send(to, piece + done, (size_t)(n - done),
                                MSG_DONTWAIT | MSG_NOSIGNAL);

            if (sent < 0)
                wait_for(to, POLLOUT);
            else
                done += sent;
        }
    }
}

static void copy_by_greenhub(int from, int to)
{
    struct green_stream streams[2];

    green_stream_init(&streams[0], from);
    green_stream_init(&streams[1], to);
    if (green_stream_copy(&streams[0], &streams[1], NULL) < 0)
        bench_die("green_stream_copy");
}

static double time_copy(int family, void (*copy)(int from, int to))
{
    int in[2], out[2];
    int64_t began;

    make(family, in);
    make(family, out);
    if (fork() == 0)
        write_all(in[0]);
    close(in[0]);
    if (fork() == 0) {
        close(out[0]);
        read_all(out[1]);
    }
    close(out[1]);
    began = bench_cpu_time();
    copy(in[1], out[0]);
    began = bench_cpu_time() - began;
    close(in[1]);
    green_close(out[0]);
    while (wait(NULL) > 0)
        ;
    return (double)began / MIB;
}

int main(void)
{
    struct figure figures[] = {{.name = "tcp", .unit = "ns"},
                               {.name = "tcp_floor", .unit = "ns"},
                               {.name = "unix", .unit = "ns"},
                               {.name = "unix_floor", .unit = "ns"}};
    static const int families[] = {AF_INET, AF_UNIX};

    for (int i = 0; i < FIGURE_REPETITIONS; i++)
        for (int j = 0; j < 2; j++) {
            figure_add(&figures[2 * j],
                       time_copy(families[j], copy_by_greenhub));
            figure_add(&figures[2 * j + 1],
                       time_copy(families[j], copy_by_hand));
        }
    figures_print("copy", figures, 4);
    return 0;
}
