/* What every function that writes has in common. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "table.h"

#define PIECE 1000

typedef ssize_t writer(int fd, const void *bytes, size_t size);

static ssize_t by_writev(int fd, const void *bytes, size_t size)
{
    struct iovec parts[2] = {
        {(void *)(uintptr_t)bytes, size > 2 ? 2 : size},
        {(void *)((uintptr_t)bytes + 2), size > 2 ? size - 2 : 0}};

    return writev(fd, parts, bytes ? 2 : 1);
}

static ssize_t by_send(int fd, const void *bytes, size_t size)
{
    return send(fd, bytes, size, 0);
}

static ssize_t by_sendto(int fd, const void *bytes, size_t size)
{
    return sendto(fd, bytes, size, 0, NULL, 0);
}

static ssize_t by_sendmsg(int fd, const void *bytes, size_t size)
{
    struct iovec part = {(void *)(uintptr_t)bytes, size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

    return sendmsg(fd, &message, 0);
}

static const struct call calls[] = {
    {"write", (function *)write},
    {"writev", (function *)by_writev},
    {"send", (function *)by_send, SOCKETS_ONLY},
    {"sendto", (function *)by_sendto, SOCKETS_ONLY},
    {"sendmsg", (function *)by_sendmsg, SOCKETS_ONLY},
};

static ssize_t put_at(int fd, const void *bytes, size_t size)
{
    writer *call = (writer *)subject;

    return call(fd, bytes, size);
}

static ssize_t puts_to(int fd, size_t size)
{
    return put_at(fd, buffer, size);
}

/* ---- Errors ------------------------------------------------------------ */

static void no_descriptor(void)
{
    said(puts_to(-1, 1));
    said(puts_to(100000, 1));
    said(puts_to(-1, 0));
}

static void not_for_writing(void)
{
    pipe_ends();
    said(puts_to(ends[0], 1));
}

static void no_socket(void)
{
    int fd = open("/dev/null", O_WRONLY);

    begin();
    said(puts_to(fd, 1));
}

static void a_full_device(void)
{
    int fd = open("/dev/full", O_WRONLY);

    begin();
    said(puts_to(fd, 1));
}

static void no_buffer(void)
{
    unix_ends();
    said(put_at(ends[1], NULL, 4));
    said(put_at(ends[1], NULL, 0));
    tcp_ends();
    said(put_at(ends[1], NULL, 4));
    said(put_at(ends[1], NULL, 0));
    pipe_ends();
    datagram_ends();
    said(put_at(ends[1], NULL, 4));
    said(put_at(ends[1], NULL, 0));
}

static void no_buffer_of_pipe(void)
{
    pipe_ends();
    said(put_at(ends[1], NULL, 4));
    said(put_at(ends[1], NULL, 0));
}

static void not_connected(void)
{
    said(puts_to(socket(AF_INET, SOCK_STREAM, 0), 1));
    said(puts_to(socket(AF_UNIX, SOCK_STREAM, 0), 1));
    said(puts_to(socket(AF_INET, SOCK_DGRAM, 0), 1));
    said(puts_to(socket(AF_UNIX, SOCK_DGRAM, 0), 1));
}

static void too_long(void)
{
    int size = 4096;

    datagram_ends();
    setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    begin();
    said(puts_to(ends[1], 60000));
}

static void nobody_reads(void)
{
    unix_ends();
    close(ends[0]);
    begin();
    said(puts_to(ends[1], 1));
    said(puts_to(ends[1], 0));
}

static void no_pipe_reader(void)
{
    pipe_ends();
    close(ends[0]);
    begin();
    said(puts_to(ends[1], 1));
    said(puts_to(ends[1], 0));
}

static void nobody_reads_datagrams(void)
{
    datagram_ends();
    close(ends[0]);
    begin();
    said(puts_to(ends[1], 1));
    said(puts_to(ends[1], 1));
}

static void own_shutdown(void)
{
    tcp_ends();
    shutdown(ends[1], SHUT_WR);
    begin();
    said(puts_to(ends[1], 1));
    said(puts_to(ends[1], 0));
}

static void reset(void)
{
    const struct linger at_once = {.l_onoff = 1};

    tcp_ends();
    setsockopt(ends[0], SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(ends[0]);
    begin();
    said(puts_to(ends[1], 1));
    said(puts_to(ends[1], 1));
}

/* ---- Ready --------------------------------------------------------------- */

static void room_there(void)
{
    tcp_ends();
    memcpy(buffer, "hello", 5);
    begin();
    said(puts_to(ends[1], 5));
    memset(buffer, 0, 8);
    said(read(ends[0], buffer, 8));
    say("\"%.8s\"", buffer);
}

static void room_in_pipe(void)
{
    pipe_ends();
    memcpy(buffer, "hello", 5);
    begin();
    said(puts_to(ends[1], 5));
    memset(buffer, 0, 8);
    said(read(ends[0], buffer, 8));
    say("\"%.8s\"", buffer);
}

static void no_bytes(void)
{
    unix_ends();
    said(puts_to(ends[1], 0));
    tcp_ends();
    said(puts_to(ends[1], 0));
    datagram_ends();
    said(puts_to(ends[1], 0));
    said(recv(ends[0], buffer, 8, MSG_DONTWAIT));
}

static void a_file(void)
{
    int fd = file_with("abcdef");

    memcpy(buffer, "hello", 5);
    begin();
    said(puts_to(fd, 5));
    say("at %ld", (long)lseek(fd, 0, SEEK_CUR));
    memset(buffer, 0, 8);
    lseek(fd, 0, SEEK_SET);
    begin();
    said(read(fd, buffer, 8));
    say("\"%.8s\"", buffer);
}

static void a_counter(void)
{
    const uint64_t wrong = UINT64_MAX, three = 3;
    int fd = eventfd(0, EFD_NONBLOCK);
    uint64_t value = 0;

    begin();
    said(put_at(fd, &three, 4));
    said(put_at(fd, &wrong, 8));
    said(put_at(fd, &three, 8));
    said(read(fd, &value, 8));
    say("%lu", (unsigned long)value);
}

/* ---- Full ---------------------------------------------------------------- */

static void nonblocking(void)
{
    unix_ends();
    fill();
    fcntl(ends[1], F_SETFL, O_NONBLOCK);
    begin();
    said(puts_to(ends[1], PIECE));
}

static void nonblocking_pipe(void)
{
    pipe_ends();
    fill();
    fcntl(ends[1], F_SETFL, O_NONBLOCK);
    begin();
    said(puts_to(ends[1], PIECE));
}

/* As much as there is room for. */
static void part_of_it(void)
{
    pipe_ends();
    fcntl(ends[1], F_SETPIPE_SZ, 4096);
    fcntl(ends[1], F_SETFL, O_NONBLOCK);
    begin();
    said(puts_to(ends[1], 60000));
    said(puts_to(ends[1], 1));
}

static void limit(long microseconds)
{
    const struct timeval time = {.tv_usec = microseconds};

    setsockopt(ends[1], SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
    begin();
}

static void times_out(void)
{
    unix_ends();
    fill();
    limit(5000);
    said(puts_to(ends[1], PIECE));
    say_waited(5000000);
}

static void times_out_of_tcp(void)
{
    tcp_ends();
    fill();
    limit(5000);
    said(puts_to(ends[1], PIECE));
    say_waited(5000000);
}

static void no_timeout(void)
{
    unix_ends();
    fill();
    limit(5000);
    limit(0);
    later(drain);
    said(puts_to(ends[1], PIECE));
}

static void later_room(void)
{
    unix_ends();
    fill();
    later(drain);
    said(puts_to(ends[1], PIECE));
}

static void later_room_of_tcp(void)
{
    tcp_ends();
    fill();
    later(drain);
    said(puts_to(ends[1], PIECE));
}

static void later_room_in_pipe(void)
{
    pipe_ends();
    fill();
    later(drain);
    said(puts_to(ends[1], PIECE));
}

static void later_room_for_datagram(void)
{
    datagram_ends();
    fill();
    later(drain);
    said(puts_to(ends[1], PIECE));
}

static void read_all(void)
{
    static char sink[4096];
    size_t got = 0;

    while (got < sizeof buffer) {
        ssize_t n = read(ends[0], sink, sizeof sink);

        if (n <= 0)
            abort();
        got += (size_t)n;
    }
}

/* A blocking write returns once all is written. */
static void all_in_pieces(void)
{
    int size = 4096;

    tcp_ends();
    setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    setsockopt(ends[0], SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    later(read_all);
    said(puts_to(ends[1], sizeof buffer));
}

static void all_in_pieces_by_pipe(void)
{
    pipe_ends();
    fcntl(ends[1], F_SETPIPE_SZ, 4096);
    later(read_all);
    said(puts_to(ends[1], sizeof buffer));
}

/* With bytes unread, so that it is a reset. */
static void reader_goes(void)
{
    unix_ends();
    fill();
    later(close_reader);
    said(puts_to(ends[1], PIECE));
    said(puts_to(ends[1], PIECE));
}

static void reader_went(void)
{
    unix_ends();
    fill();
    close(ends[0]);
    begin();
    said(puts_to(ends[1], PIECE));
    said(puts_to(ends[1], PIECE));
}

static void pipe_reader_goes(void)
{
    pipe_ends();
    fill();
    later(close_reader);
    said(puts_to(ends[1], PIECE));
}

static void count_down(void)
{
    uint64_t value;

    if (read(ends[0], &value, sizeof value) != sizeof value)
        abort();
}

static void later_room_in_counter(void)
{
    const uint64_t most = UINT64_MAX - 1, two = 2;

    ends[0] = eventfd(0, 0);
    if (write(ends[0], &most, sizeof most) != sizeof most)
        abort();
    later(count_down);
    said(put_at(ends[0], &two, sizeof two));
}

static void signal_then_drain(void)
{
    raise_at_caller(SIGUSR1);
    await_caller();
    drain();
}

static void goes_on_after_a_signal(void)
{
    unix_ends();
    fill();
    catch_signal(SIGUSR1, SA_RESTART);
    later(signal_then_drain);
    said(puts_to(ends[1], PIECE));
}

static void closed_meanwhile(void)
{
    unix_ends();
    fill();
    later(close_writer);
    said(puts_to(ends[1], PIECE));
}

static void closed_pipe_meanwhile(void)
{
    pipe_ends();
    fill();
    later(close_writer);
    said(puts_to(ends[1], PIECE));
}

static const struct row rows[] = {
    {"", "no descriptor", no_descriptor},
    {"", "not open for writing", not_for_writing, ON_FILES},
    {"", "no socket", no_socket},
    {"", "a full device", a_full_device},
    {"", "no buffer", no_buffer},
    {"", "no buffer, pipe", no_buffer_of_pipe, ON_FILES},
    {"", "not connected", not_connected},
    {"", "too long a datagram", too_long},
    {"", "nobody reads", nobody_reads},
    {"", "nobody reads the pipe", no_pipe_reader, ON_FILES},
    {"", "nobody reads datagrams", nobody_reads_datagrams},
    {"", "own shutdown", own_shutdown},
    {"", "reset", reset},
    {"", "room is there", room_there},
    {"", "room is in the pipe", room_in_pipe, ON_FILES},
    {"", "no bytes", no_bytes},
    {"", "a file", a_file, ON_FILES},
    {"", "a counter", a_counter, ON_FILES},
    {"", "non-blocking", nonblocking},
    {"", "non-blocking pipe", nonblocking_pipe, ON_FILES},
    {"", "part of it", part_of_it, ON_FILES},
    {"", "SO_SNDTIMEO", times_out},
    {"", "SO_SNDTIMEO, TCP", times_out_of_tcp},
    {"", "SO_SNDTIMEO of 0", no_timeout, BLOCKS},
    {"", "room later", later_room, BLOCKS},
    {"", "room later, TCP", later_room_of_tcp, BLOCKS},
    {"", "room later, pipe", later_room_in_pipe, BLOCKS | ON_FILES},
    {"", "room later, datagrams", later_room_for_datagram, BLOCKS},
    {"", "room later, counter", later_room_in_counter, BLOCKS | ON_FILES},
    {"", "in pieces", all_in_pieces},
    {"", "in pieces, pipe", all_in_pieces_by_pipe, ON_FILES},
    {"", "the reader goes", reader_goes, BLOCKS},
    {"", "the reader went", reader_went},
    {"", "the reader goes, pipe", pipe_reader_goes, BLOCKS | ON_FILES},
    {"", "goes on after a signal", goes_on_after_a_signal, BLOCKS},
    {"", "closed meanwhile", closed_meanwhile, GREEN_ONLY, "-1 EBADF"},
    {"", "closed meanwhile, pipe", closed_pipe_meanwhile, GREEN_ONLY | ON_FILES,
     "-1 EBADF"},
};

/* ---- Arrays -------------------------------------------------------------- */

static void wrong_arrays(void)
{
    static struct iovec many[2000];
    struct iovec vast = {buffer, (size_t)-1}, *volatile none = NULL;
    volatile int negative = -1; /* or the compiler knows that it is wrong */

    unix_ends();
    said(writev(ends[0], &vast, 1));
    said(writev(ends[0], none, 1));
    said(writev(ends[0], many, negative));
    said(writev(ends[0], many, 2000));
    said(writev(ends[0], many, 1024));
    said(writev(ends[0], none, 0));
    said(writev(-1, &vast, 1));
    said(writev(-1, none, 1));
    said(writev(-1, many, negative));
}

static const struct row single_rows[] = {
    {"writev", "wrong arrays", wrong_arrays},
};

void add_writers(void)
{
    add_rows(single_rows, COUNT(single_rows));
    add_product(calls, COUNT(calls), rows, COUNT(rows));
}
