/* socket, socketpair, pipe, accept, connect, shutdown. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "table.h"

/* A descriptor's number is not compared, its flags are. */
static void said_flags(int fd)
{
    said(fd < 0 ? fd : 0);
    if (fd >= 0)
        say("%x %x", (unsigned)fcntl(fd, F_GETFD),
            (unsigned)fcntl(fd, F_GETFL));
}

/* ---- Making ------------------------------------------------------------- */

static void socket_kinds(void)
{
    said_flags(socket(AF_INET, SOCK_STREAM, 0));
    said_flags(socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, 0));
    said_flags(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    said_flags(socket(-1, SOCK_STREAM, 0));
    said_flags(socket(AF_INET, 77, 0));
    said_flags(socket(AF_INET, SOCK_STREAM, IPPROTO_UDP));
    said_flags(socket(AF_INET, SOCK_STREAM | 0x100, 0));
}

static void pair_kinds(void)
{
    said(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends));
    said_flags(ends[0]);
    said_flags(ends[1]);
    said(socketpair(AF_INET, SOCK_STREAM, 0, ends));
    said(socketpair(AF_UNIX, SOCK_STREAM, 0, NULL));
    said(socketpair(AF_UNIX, 99, 0, ends));
}

static void pipes(void)
{
    said(pipe(ends));
    said_flags(ends[0]);
    said_flags(ends[1]);
    said(pipe(NULL));
}

static void pipe2_flags(void)
{
    said(pipe2(ends, O_CLOEXEC | O_NONBLOCK));
    said_flags(ends[0]);
    said_flags(ends[1]);
    said(pipe2(ends, O_DIRECT));
    said_flags(ends[1]);
    said(pipe2(ends, 1 << 30));
    said(pipe2(NULL, 0));
}

/* ---- accept -------------------------------------------------------------- */

static struct sockaddr_in at;
static int listener, client;

static void listens(void)
{
    socklen_t length = sizeof at;

    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&at, sizeof at) < 0 ||
        listen(listener, 1) < 0 ||
        getsockname(listener, (struct sockaddr *)&at, &length) < 0)
        abort();
    begin();
}

static void connects(void)
{
    client = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(client, (struct sockaddr *)&at, sizeof at) < 0)
        abort();
}

typedef int accepter(int fd, struct sockaddr *from, socklen_t *length);

static int by_accept4(int fd, struct sockaddr *from, socklen_t *length)
{
    return accept4(fd, from, length, 0);
}

static const struct call accept_calls[] = {
    {"accept", (function *)accept},
    {"accept4", (function *)by_accept4},
};

static int accepts(int fd, struct sockaddr *from, socklen_t *length)
{
    return ((accepter *)subject)(fd, from, length);
}

static void accept_errors(void)
{
    pipe_ends();
    said(accepts(-1, NULL, NULL));
    said(accepts(ends[0], NULL, NULL));
    unix_ends();
    said(accepts(ends[0], NULL, NULL));
    datagram_ends();
    said(accepts(ends[0], NULL, NULL));
    said(accepts(socket(AF_INET, SOCK_STREAM, 0), NULL, NULL));
    said(accepts(socket(AF_UNIX, SOCK_STREAM, 0), NULL, NULL));
}

static void accept_there(void)
{
    struct sockaddr_in from = {0};
    socklen_t length = sizeof from;

    listens();
    connects();
    begin();
    said_flags(accepts(listener, (struct sockaddr *)&from, &length));
    say("%u %u %x", length, from.sin_family, from.sin_addr.s_addr);
    say("%x", (unsigned)fcntl(listener, F_GETFL));
}

static void accept_wrong_addresses(void)
{
    struct sockaddr_in from = {0};
    socklen_t length = 4;

    listens();
    connects();
    begin();
    said_flags(accepts(listener, (struct sockaddr *)&from, &length));
    say("%u %u", length, from.sin_family);
    connects();
    length = (socklen_t)-1;
    begin();
    said_flags(accepts(listener, (struct sockaddr *)&from, &length));
    connects();
    begin();
    said_flags(accepts(listener, (struct sockaddr *)&from, NULL));
}

static void accept_nonblocking(void)
{
    int on = 1, off = 0;

    listens();
    fcntl(listener, F_SETFL, O_NONBLOCK);
    begin();
    said(accepts(listener, NULL, NULL));
    connects();
    begin();
    said_flags(accepts(listener, NULL, NULL));
    ioctl(listener, FIONBIO, &off);
    ioctl(listener, FIONBIO, &on);
    begin();
    said(accepts(listener, NULL, NULL));
    say("%x", (unsigned)fcntl(listener, F_GETFL));
}

static void accept_later(void)
{
    struct sockaddr_in from = {0};
    socklen_t length = 2;

    listens();
    later(connects);
    said_flags(accepts(listener, (struct sockaddr *)&from, &length));
    say("%u %u %x", length, from.sin_family,
        (unsigned)fcntl(listener, F_GETFL));
}

static void accept_later_unix(void)
{
    struct sockaddr_un from = {0};
    socklen_t length = sizeof from;

    at.sin_family = AF_UNIX;
    listener = socket(AF_UNIX, SOCK_STREAM, 0);
    bind(listener, (struct sockaddr *)&(struct sockaddr_un){AF_UNIX, ""}, 2);
    listen(listener, 1);
    begin();
    fcntl(listener, F_SETFL, O_NONBLOCK);
    said(accepts(listener, (struct sockaddr *)&from, &length));
    say("%u", length);
}

static void accept_in_time(void)
{
    const struct timeval time = {.tv_usec = 5000};

    listens();
    setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
    begin();
    said(accepts(listener, NULL, NULL));
    say_waited(5000000);
}

static void shut_listener(void)
{
    shutdown(listener, SHUT_RD);
}

static void accept_shut_down(void)
{
    listens();
    later(shut_listener);
    said(accepts(listener, NULL, NULL));
}

static void close_listener(void)
{
    close(listener);
}

static void accept_closed(void)
{
    listens();
    later(close_listener);
    said(accepts(listener, NULL, NULL));
}

static const struct row accept_rows[] = {
    {"", "errors", accept_errors},
    {"", "a connection is there", accept_there},
    {"", "wrong addresses", accept_wrong_addresses},
    {"", "non-blocking", accept_nonblocking},
    {"", "non-blocking, unix", accept_later_unix},
    {"", "a connection later", accept_later, BLOCKS},
    {"", "SO_RCVTIMEO", accept_in_time},
    {"", "shut down meanwhile", accept_shut_down, BLOCKS},
    {"", "closed meanwhile", accept_closed, GREEN_ONLY, "-1 EBADF"},
};

static void accept4_flags(void)
{
    listens();
    connects();
    begin();
    said_flags(accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC));
    said_flags(accept4(listener, NULL, NULL, 1));
    said_flags(accept4(-1, NULL, NULL, 1));
}

/* A child, or whoever else has the listener, sees what the program has set. */
static void flags_of_listener(void)
{
    int duplicate;

    listens();
    connects();
    begin();
    said_flags(accept(listener, NULL, NULL));
    duplicate = dup(listener);
    say("%x %x", (unsigned)fcntl(listener, F_GETFL),
        (unsigned)fcntl(duplicate, F_GETFL));
    fcntl(duplicate, F_SETFL, fcntl(duplicate, F_GETFL) | O_NONBLOCK);
    begin();
    said(accept(listener, NULL, NULL));
    say("%x", (unsigned)fcntl(listener, F_GETFL));
}

/* ---- connect ------------------------------------------------------------- */

static int connects_to(int fd)
{
    return connect(fd, (struct sockaddr *)&at, sizeof at);
}

static void connect_errors(void)
{
    struct sockaddr_in wrong = {.sin_family = 77};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    begin();
    pipe_ends();
    said(connects_to(-1));
    said(connect(ends[0], (struct sockaddr *)&wrong, sizeof wrong));
    said(connect(fd, (struct sockaddr *)&wrong, sizeof wrong));
    said(connect(fd, (struct sockaddr *)&wrong, 1));
    said(connect(fd, (struct sockaddr *)&wrong, (socklen_t)-1));
    said(connect(fd, NULL, sizeof wrong));
    said(connect(fd, (struct sockaddr *)1, sizeof wrong));
}

static void connect_refused(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    listens();
    close(listener);
    begin();
    said(connects_to(fd));
    said(connects_to(fd));
}

static void connect_twice(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    listens();
    said(connects_to(fd));
    said(connects_to(fd));
    say("%x", (unsigned)fcntl(fd, F_GETFL));
    listen(fd, 1);
    said(connects_to(listener));
}

static void connect_nonblocking(void)
{
    struct pollfd one = {.events = POLLOUT};
    int error = -1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    socklen_t length = sizeof error;

    one.fd = fd;
    listens();
    said(connects_to(fd));
    said(poll(&one, 1, -1));
    said(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length));
    say("%d", error);
    said(connects_to(fd));
    said(connects_to(fd));
}

static void connect_nonblocking_refused(void)
{
    struct pollfd one = {.events = POLLOUT};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

    one.fd = fd;
    listens();
    close(listener);
    begin();
    said(connects_to(fd));
    said(poll(&one, 1, -1));
    say("%x", (unsigned)one.revents);
    said(connects_to(fd));
    said(connects_to(fd));
}

/* Nobody accepts, and the queue is full: the connection stays under way. */
static void full_listener(void)
{
    listens();
    listen(listener, 0);
    connects();
    fcntl(socket(AF_INET, SOCK_STREAM, 0), F_GETFD);
    begin();
}

static void connect_under_way(void)
{
    const struct timeval time = {.tv_usec = 5000};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    full_listener();
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
    begin();
    said(connects_to(fd));
    say_waited(5000000);
    said(connects_to(fd));
    say("%x", (unsigned)fcntl(fd, F_GETFL));
}

static void connect_under_way_nonblocking(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

    full_listener();
    said(connects_to(fd));
    said(connects_to(fd));
}

static int connecting;

static void shut_connecting(void)
{
    shutdown(connecting, SHUT_RDWR);
}

static void connect_shut_down(void)
{
    connecting = socket(AF_INET, SOCK_STREAM, 0);
    full_listener();
    later(shut_connecting);
    said(connects_to(connecting));
}

static void close_connecting(void)
{
    close(connecting);
}

static void connect_closed(void)
{
    connecting = socket(AF_INET, SOCK_STREAM, 0);
    full_listener();
    later(close_connecting);
    said(connects_to(connecting));
}

static void connect_datagram(void)
{
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    listens();
    said(connects_to(fd));
    said(connects_to(fd));
    said(connect(fd, &none, sizeof none));
    said(send(fd, "x", 1, 0));
}

static void connect_unix(void)
{
    struct sockaddr_un none = {.sun_family = AF_UNIX, .sun_path = "/none"};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    begin();
    said(connect(fd, (struct sockaddr *)&none, sizeof none));
}

/* ---- shutdown ------------------------------------------------------------ */

static void shutdown_errors(void)
{
    pipe_ends();
    said(shutdown(-1, SHUT_RD));
    said(shutdown(ends[0], SHUT_RD));
    unix_ends();
    said(shutdown(ends[0], 3));
    said(shutdown(ends[0], -1));
    said(shutdown(socket(AF_INET, SOCK_STREAM, 0), SHUT_RD));
}

static void shutdown_halves(void)
{
    tcp_ends();
    said(shutdown(ends[1], SHUT_WR));
    said(read(ends[0], buffer, 1));
    said(shutdown(ends[1], SHUT_RDWR));
    said(shutdown(ends[0], SHUT_RDWR));
    said(shutdown(ends[0], SHUT_RDWR));
}

static const struct row rows[] = {
    {"socket", "kinds", socket_kinds},
    {"socketpair", "kinds", pair_kinds},
    {"pipe", "flags", pipes},
    {"pipe2", "flags", pipe2_flags},
    {"accept", "the listener's flags", flags_of_listener},
    {"accept4", "flags", accept4_flags},
    {"connect", "errors", connect_errors},
    {"connect", "refused", connect_refused},
    {"connect", "twice", connect_twice},
    {"connect", "non-blocking", connect_nonblocking},
    {"connect", "non-blocking, refused", connect_nonblocking_refused},
    {"connect", "under way, SO_SNDTIMEO", connect_under_way},
    {"connect", "under way, non-blocking", connect_under_way_nonblocking},
    {"connect", "shut down meanwhile", connect_shut_down, BLOCKS},
    {"connect", "closed meanwhile", connect_closed, GREEN_ONLY, "-1 EBADF"},
    {"connect", "datagrams", connect_datagram},
    {"connect", "unix", connect_unix},
    {"shutdown", "errors", shutdown_errors},
    {"shutdown", "halves", shutdown_halves},
};

void add_sockets(void)
{
    add_product(accept_calls, COUNT(accept_calls), accept_rows,
                COUNT(accept_rows));
    add_rows(rows, COUNT(rows));
}
