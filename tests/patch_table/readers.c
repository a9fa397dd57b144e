/* What every function that reads has in common. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "readers.h"

/* Of glibc, for -D_FORTIFY_SOURCE. */
ssize_t __read_chk(int fd, void *bytes, size_t size, size_t room);
ssize_t __recv_chk(int fd, void *bytes, size_t size, size_t room, int flags);
ssize_t __recvfrom_chk(int fd, void *bytes, size_t size, size_t room, int flags,
                       struct sockaddr *address, socklen_t *length);

typedef ssize_t reader(int fd, void *bytes, size_t size);

static ssize_t by_readv(int fd, void *bytes, size_t size)
{
    struct iovec parts[2] = {{bytes, size > 2 ? 2 : size},
                             {(char *)bytes + 2, size > 2 ? size - 2 : 0}};

    return readv(fd, parts, bytes ? 2 : 1);
}

static ssize_t by_recv(int fd, void *bytes, size_t size)
{
    return recv(fd, bytes, size, 0);
}

static ssize_t by_recvfrom(int fd, void *bytes, size_t size)
{
    return recvfrom(fd, bytes, size, 0, NULL, NULL);
}

static ssize_t by_recvmsg(int fd, void *bytes, size_t size)
{
    struct iovec part = {bytes, size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

    return recvmsg(fd, &message, 0);
}

static ssize_t by_read_chk(int fd, void *bytes, size_t size)
{
    return __read_chk(fd, bytes, size, sizeof buffer);
}

static ssize_t by_recv_chk(int fd, void *bytes, size_t size)
{
    return __recv_chk(fd, bytes, size, sizeof buffer, 0);
}

static ssize_t by_recvfrom_chk(int fd, void *bytes, size_t size)
{
    return __recvfrom_chk(fd, bytes, size, sizeof buffer, 0, NULL, NULL);
}

const struct call readers[READERS] = {
    {"read", (function *)read, 0},
    {"readv", (function *)by_readv, 0},
    {"recv", (function *)by_recv, SOCKETS_ONLY},
    {"recvfrom", (function *)by_recvfrom, SOCKETS_ONLY},
    {"recvmsg", (function *)by_recvmsg, SOCKETS_ONLY},
    {"__read_chk", (function *)by_read_chk, 0},
    {"__recv_chk", (function *)by_recv_chk, SOCKETS_ONLY},
    {"__recvfrom_chk", (function *)by_recvfrom_chk, SOCKETS_ONLY},
};

ssize_t take(int fd, size_t size)
{
    reader *call = (reader *)subject;

    return call(fd, buffer, size);
}

static ssize_t take_at(int fd, void *at, size_t size)
{
    reader *call = (reader *)subject;

    return call(fd, at, size);
}

void takes(size_t size)
{
    ssize_t n;

    memset(buffer, 0, 16);
    begin();
    n = take(ends[0], size);
    said(n);
    say("\"%.8s\"", buffer);
}

/* ---- Errors ------------------------------------------------------------ */

/* Greater than dup's: one that nobody has had. */
static int never_used(void)
{
    int fd = dup(0) + 1;

    while (fcntl(fd, F_GETFD) >= 0)
        fd++;
    return fd;
}

static void no_descriptor(void)
{
    said(take(-1, 1));
    said(take(100000, 1));
    said(take(-1, 0));
    close(dup(0));
    begin();
    said(take(never_used(), 1));
}

static void not_for_reading(void)
{
    pipe_ends();
    said(take(ends[1], 1));
}

static void no_socket(void)
{
    int fd = open("/dev/null", O_RDONLY);

    begin();
    said(take(fd, 1));
}

static void a_directory(void)
{
    int fd = open("/", O_RDONLY);

    begin();
    said(take(fd, 1));
}

static void no_buffer(void)
{
    unix_ends();
    write_abc();
    begin();
    said(take_at(ends[0], NULL, 4));
    takes(4);
}

static void no_buffer_of_tcp(void)
{
    tcp_ends();
    later(write_abc);
    said(take_at(ends[0], NULL, 4));
    takes(4);
}

static void no_buffer_of_pipe(void)
{
    pipe_ends();
    later(write_abc);
    said(take_at(ends[0], NULL, 4));
    takes(4);
}

static void no_buffer_of_nothing(void)
{
    unix_ends();
    write_abc();
    begin();
    said(take_at(ends[0], NULL, 0));
    takes(8);
}

static void not_connected(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    begin();
    said(take(fd, 1));
    listen(fd, 1);
    begin();
    said(take(fd, 1));
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    begin();
    said(take(fd, 1));
}

static void refused(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(1)};

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ends[0] = socket(AF_INET, SOCK_DGRAM, 0);
    connect(ends[0], (struct sockaddr *)&address, sizeof address);
    send(ends[0], "x", 1, 0);
    begin();
    said(take(ends[0], 1));
}

static void reset(void)
{
    const struct linger at_once = {.l_onoff = 1};

    tcp_ends();
    setsockopt(ends[1], SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(ends[1]);
    begin();
    said(take(ends[0], 1));
    said(take(ends[0], 1));
}

/* ---- Ready --------------------------------------------------------------- */

static void bytes_there(void)
{
    tcp_ends();
    write_abc();
    takes(2);
    takes(8);
}

static void bytes_in_pipe(void)
{
    pipe_ends();
    write_abc();
    takes(2);
    takes(8);
}

static void a_datagram(void)
{
    datagram_ends();
    write_abc();
    write_def();
    takes(2);
    takes(8);
}

static void an_empty_datagram(void)
{
    datagram_ends();
    send(ends[1], "", 0, 0);
    takes(8);
}

static void end_of_stream(void)
{
    unix_ends();
    write_abc();
    close(ends[1]);
    takes(8);
    takes(8);
}

static void end_of_tcp(void)
{
    tcp_ends();
    write_abc();
    shutdown(ends[1], SHUT_WR);
    takes(8);
    takes(8);
}

static void end_of_pipe(void)
{
    pipe_ends();
    write_abc();
    close(ends[1]);
    takes(8);
    takes(8);
}

static void own_shutdown(void)
{
    unix_ends();
    shutdown(ends[0], SHUT_RD);
    takes(8);
}

static void nothing_asked(void)
{
    tcp_ends();
    write_abc();
    begin();
    said(take(ends[0], 0));
    takes(8);
}

/* recv waits for bytes, read does not. */
static void nothing_asked_of_nothing(void)
{
    const struct timeval time = {.tv_usec = 1000};

    unix_ends();
    setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
    begin();
    said(take(ends[0], 0));
    said(take(ends[0], 1));
    said(take(ends[0], 0));
}

static void nothing_asked_of_pipe(void)
{
    pipe_ends();
    said(take(ends[0], 0));
    close(ends[1]);
    said(take(ends[0], 0));
}

static void a_file(void)
{
    ends[0] = file_with("abcdef");
    takes(4);
    say("at %ld", (long)lseek(ends[0], 0, SEEK_CUR));
    takes(4);
    takes(4);
    lseek(ends[0], 100, SEEK_SET);
    takes(4);
}

static void a_counter(void)
{
    uint64_t value;

    ends[0] = eventfd(3, 0);
    begin();
    said(take(ends[0], 4));
    said(take(ends[0], 8));
    memcpy(&value, buffer, sizeof value);
    say("%lu", (unsigned long)value);
}

/* ---- Never waiting ----------------------------------------------------- */

static void set_flags(int flags)
{
    fcntl(ends[0], F_SETFL, flags);
    begin();
}

static void nonblocking(void)
{
    unix_ends();
    set_flags(O_NONBLOCK);
    takes(4);
    write_abc();
    takes(4);
    takes(4);
}

static void nonblocking_pipe(void)
{
    pipe_ends();
    set_flags(O_NONBLOCK);
    takes(4);
    write_abc();
    takes(4);
    takes(4);
}

static void nonblocking_by_ioctl(void)
{
    int on = 1;

    unix_ends();
    ioctl(ends[0], FIONBIO, &on);
    takes(4);
}

static void nonblocking_by_duplicate(void)
{
    unix_ends();
    fcntl(dup(ends[0]), F_SETFL, O_NONBLOCK);
    takes(4);
}

static void nonblocking_counter(void)
{
    ends[0] = eventfd(0, EFD_NONBLOCK);
    begin();
    said(take(ends[0], 8));
}

static const struct row rows[] = {
    {"", "no descriptor", no_descriptor},
    {"", "not open for reading", not_for_reading, ON_FILES},
    {"", "no socket", no_socket},
    {"", "a directory", a_directory},
    {"", "no buffer", no_buffer},
    {"", "no buffer, TCP, later", no_buffer_of_tcp, BLOCKS},
    {"", "no buffer, pipe, later", no_buffer_of_pipe, ON_FILES | BLOCKS},
    {"", "no buffer of no size", no_buffer_of_nothing},
    {"", "not connected", not_connected},
    {"", "refused", refused},
    {"", "reset", reset},
    {"", "bytes are there", bytes_there},
    {"", "bytes are in the pipe", bytes_in_pipe, ON_FILES},
    {"", "a datagram", a_datagram},
    {"", "an empty datagram", an_empty_datagram},
    {"", "end of stream", end_of_stream},
    {"", "end of TCP", end_of_tcp},
    {"", "end of pipe", end_of_pipe, ON_FILES},
    {"", "own shutdown", own_shutdown},
    {"", "nothing asked", nothing_asked},
    {"", "nothing asked of nothing", nothing_asked_of_nothing},
    {"", "nothing asked of a pipe", nothing_asked_of_pipe, ON_FILES},
    {"", "a file", a_file, ON_FILES},
    {"", "a counter", a_counter, ON_FILES},
    {"", "non-blocking", nonblocking},
    {"", "non-blocking pipe", nonblocking_pipe, ON_FILES},
    {"", "non-blocking by ioctl", nonblocking_by_ioctl},
    {"", "non-blocking by duplicate", nonblocking_by_duplicate},
    {"", "non-blocking counter", nonblocking_counter, ON_FILES},
};

/* ---- Arrays -------------------------------------------------------------- */

static void wrong_arrays(void)
{
    static struct iovec many[2000];
    struct iovec vast = {buffer, (size_t)-1}, *volatile none = NULL;
    volatile int negative = -1; /* or the compiler knows that it is wrong */

    unix_ends();
    write_abc();
    begin();
    said(readv(ends[0], &vast, 1));
    said(readv(ends[0], none, 1));
    said(readv(ends[0], many, negative));
    said(readv(ends[0], many, 2000));
    said(readv(ends[0], many, 1024));
    said(readv(ends[0], none, 0));
    said(readv(-1, &vast, 1));
    said(readv(-1, none, 1));
    said(readv(-1, many, negative));
    said(read(ends[0], buffer, 8));
}

static const struct row single_rows[] = {
    {"readv", "wrong arrays", wrong_arrays},
};

void add_readers(void)
{
    add_rows(single_rows, COUNT(single_rows));
    add_product(readers, READERS, rows, COUNT(rows));
}
