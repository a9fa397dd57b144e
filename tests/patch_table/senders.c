/* Sending with flags, addresses and messages; sendfile. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "table.h"

#define PIECE 1000

typedef ssize_t sender(int fd, const void *bytes, size_t size, int flags);

static ssize_t by_sendto(int fd, const void *bytes, size_t size, int flags)
{
    return sendto(fd, bytes, size, flags, NULL, 0);
}

static ssize_t by_sendmsg(int fd, const void *bytes, size_t size, int flags)
{
    struct iovec part = {(void *)(uintptr_t)bytes, size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

    return sendmsg(fd, &message, flags);
}

static const struct call calls[] = {
    {"send", (function *)send, SOCKETS_ONLY},
    {"sendto", (function *)by_sendto, SOCKETS_ONLY},
    {"sendmsg", (function *)by_sendmsg, SOCKETS_ONLY},
};

static void sends(size_t size, int flags)
{
    sender *call = (sender *)subject;

    begin();
    said(call(ends[1], buffer, size, flags));
}

static void without_sigpipe(void)
{
    unix_ends();
    close(ends[0]);
    sends(1, MSG_NOSIGNAL);
    sends(1, 0);
    tcp_ends();
    shutdown(ends[1], SHUT_WR);
    sends(1, MSG_NOSIGNAL);
    sends(1, MSG_NOSIGNAL | MSG_DONTWAIT);
    sends(1, MSG_DONTWAIT);
}

static void not_waiting(void)
{
    unix_ends();
    fill();
    sends(PIECE, MSG_DONTWAIT);
    drain();
    sends(PIECE, MSG_DONTWAIT);
}

static void part_not_waiting(void)
{
    ssize_t n;

    tcp_ends();
    fill();
    drain();
    n = ((sender *)subject)(ends[1], buffer, sizeof buffer, MSG_DONTWAIT);
    say("%d", n > 0);
}

static void urgent(void)
{
    unix_ends();
    sends(1, MSG_OOB);
    datagram_ends();
    sends(1, MSG_OOB);
    tcp_ends();
    sends(1, MSG_OOB);
    said(recv(ends[0], buffer, 1, MSG_OOB));
}

static void more(void)
{
    tcp_ends();
    sends(3, MSG_MORE);
    sends(3, 0);
    said(recv(ends[0], buffer, 6, MSG_WAITALL));
}

static void end_of_record(void)
{
    unix_ends();
    sends(3, MSG_EOR);
    sends(3, 1 << 24);
    sends(3, MSG_ERRQUEUE | MSG_WAITALL | MSG_TRUNC);
    said(recv(ends[0], buffer, 16, 0));
}

static const struct row rows[] = {
    {"", "MSG_NOSIGNAL", without_sigpipe},
    {"", "MSG_DONTWAIT", not_waiting},
    {"", "MSG_DONTWAIT, part", part_not_waiting},
    {"", "MSG_OOB", urgent},
    {"", "MSG_MORE", more},
    {"", "other flags", end_of_record},
};

/* ---- Addresses ----------------------------------------------------------- */

static struct sockaddr_un here;
static socklen_t here_length;

/* ends[1] sends to the name of ends[0], and is not connected. */
static void named_ends(void)
{
    here.sun_family = AF_UNIX;
    here_length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
                              (size_t)snprintf(here.sun_path, 40, "%cpt-%d", 0,
                                               getpid()));
    ends[0] = socket(AF_UNIX, SOCK_DGRAM, 0);
    ends[1] = socket(AF_UNIX, SOCK_DGRAM, 0);
    if (bind(ends[0], (struct sockaddr *)&here, here_length) < 0)
        abort();
    begin();
}

static ssize_t send_here(size_t size, int flags)
{
    return sendto(ends[1], buffer, size, flags, (struct sockaddr *)&here,
                  here_length);
}

static void to_an_address(void)
{
    named_ends();
    said(send_here(3, 0));
    said(recv(ends[0], buffer, 8, 0));
}

static void drain_datagrams(void)
{
    while (recv(ends[0], buffer, 8, MSG_DONTWAIT) > 0)
        ;
}

static void to_a_full_address(void)
{
    named_ends();
    while (send_here(3, MSG_DONTWAIT) > 0)
        ;
    begin();
    said(send_here(3, MSG_DONTWAIT));
    later(drain_datagrams);
    said(send_here(3, 0));
}

static void to_wrong_addresses(void)
{
    struct sockaddr_un nobody = {.sun_family = AF_UNIX, .sun_path = "/none"};
    struct sockaddr_in inet = {.sin_family = AF_INET};
    struct sockaddr *to = (struct sockaddr *)&nobody;

    named_ends();
    said(sendto(ends[1], "x", 1, 0, to, sizeof nobody));
    said(sendto(ends[1], "x", 1, 0, (struct sockaddr *)&inet, sizeof inet));
    said(sendto(ends[1], "x", 1, 0, to, 1));
    said(sendto(ends[1], "x", 1, 0, to, (socklen_t)-1));
    said(sendto(ends[1], "x", 1, 0, to, 4096));
    said(sendto(ends[1], "x", 1, 0, (struct sockaddr *)1, sizeof nobody));
    said(sendto(-1, "x", 1, 0, NULL, 9));
}

static void to_an_address_of_stream(void)
{
    struct sockaddr_un other = {.sun_family = AF_UNIX, .sun_path = "x"};

    unix_ends();
    said(sendto(ends[1], "x", 1, 0, (struct sockaddr *)&other, sizeof other));
    tcp_ends();
    said(sendto(ends[1], "x", 1, 0, (struct sockaddr *)&other, sizeof other));
}

/* ---- Messages ------------------------------------------------------------ */

static void wrong_messages(void)
{
    struct msghdr many = {.msg_iov = (void *)buffer, .msg_iovlen = 2000},
                  none = {.msg_iov = NULL, .msg_iovlen = 1}, empty = {0};

    unix_ends();
    said(sendmsg(ends[1], NULL, 0));
    said(sendmsg(ends[1], &many, 0));
    said(sendmsg(ends[1], &none, 0));
    said(sendmsg(ends[1], &empty, 0));
    said(sendmsg(-1, &many, 0));
    said(sendmsg(-1, NULL, 0));
    said(sendmsg(-1, &none, 0));
}

static void wrong_control(void)
{
    struct cmsghdr control = {CMSG_LEN(sizeof(int)) + 100, SOL_SOCKET,
                              SCM_RIGHTS};
    struct iovec part = {buffer, 3};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};

    unix_ends();
    said(sendmsg(ends[1], &message, 0));
    message.msg_control = (void *)1;
    said(sendmsg(ends[1], &message, 0));
}

/* ---- sendfile ------------------------------------------------------------ */

typedef ssize_t file_sender(int fd, int file, off_t *offset, size_t count);

static const struct call file_calls[] = {
    {"sendfile", (function *)sendfile},
    {"sendfile64", (function *)sendfile64},
};

static ssize_t sends_file(int fd, int file, off_t *offset, size_t count)
{
    return ((file_sender *)subject)(fd, file, offset, count);
}

static void file_errors(void)
{
    int file = file_with("abcdef");
    off_t offset = -1;

    unix_ends();
    said(sends_file(-1, file, NULL, 1));
    said(sends_file(ends[1], -1, NULL, 1));
    said(sends_file(ends[1], ends[0], NULL, 1));
    said(sends_file(ends[1], file, &offset, 1));
    said(sends_file(ends[1], file, (off_t *)1, 1));
    pipe_ends();
    said(sends_file(ends[0], file, NULL, 1));
    said(sends_file(ends[1], ends[0], NULL, 1));
}

static void file_at_position(void)
{
    int file = file_with("abcdef");

    unix_ends();
    said(sends_file(ends[1], file, NULL, 4));
    say("at %ld", (long)lseek(file, 0, SEEK_CUR));
    said(sends_file(ends[1], file, NULL, 4));
    said(sends_file(ends[1], file, NULL, 4));
    said(sends_file(ends[1], file, NULL, 0));
}

static void file_at_offset(void)
{
    int file = file_with("abcdef");
    off_t offset = 2;

    pipe_ends();
    said(sends_file(ends[1], file, &offset, 2));
    say("%ld, at %ld", (long)offset, (long)lseek(file, 0, SEEK_CUR));
    offset = 100;
    said(sends_file(ends[1], file, &offset, 2));
    say("%ld", (long)offset);
}

static void file_to_nobody(void)
{
    int file = file_with("abcdef");

    unix_ends();
    close(ends[0]);
    begin();
    said(sends_file(ends[1], file, NULL, 4));
    pipe_ends();
    close(ends[0]);
    begin();
    said(sends_file(ends[1], file, NULL, 4));
}

static void file_nonblocking(void)
{
    int file = file_with("abcdef");

    unix_ends();
    fill();
    fcntl(ends[1], F_SETFL, O_NONBLOCK);
    begin();
    said(sends_file(ends[1], file, NULL, 4));
    say("at %ld", (long)lseek(file, 0, SEEK_CUR));
}

static void file_later(void)
{
    int file = file_with("abcdef");

    unix_ends();
    fill();
    later(drain);
    said(sends_file(ends[1], file, NULL, 4));
    say("at %ld, flags %x", (long)lseek(file, 0, SEEK_CUR),
        (unsigned)fcntl(ends[1], F_GETFL));
}

static void file_in_time(void)
{
    const struct timeval time = {.tv_usec = 5000};
    int file = file_with("abcdef");

    tcp_ends();
    fill();
    setsockopt(ends[1], SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
    begin();
    said(sends_file(ends[1], file, NULL, 4));
}

static const struct row file_rows[] = {
    {"", "errors", file_errors},
    {"", "at the position", file_at_position},
    {"", "at an offset", file_at_offset},
    {"", "nobody reads", file_to_nobody},
    {"", "non-blocking", file_nonblocking},
    {"", "room later", file_later, BLOCKS},
    {"", "SO_SNDTIMEO", file_in_time},
};

static const struct row single_rows[] = {
    {"sendto", "an address", to_an_address},
    {"sendto", "a full address", to_a_full_address, BLOCKS},
    {"sendto", "wrong addresses", to_wrong_addresses},
    {"sendto", "an address on a stream", to_an_address_of_stream},
    {"sendmsg", "wrong messages", wrong_messages},
    {"sendmsg", "wrong control data", wrong_control},
};

void add_senders(void)
{
    add_product(calls, COUNT(calls), rows, COUNT(rows));
    add_product(file_calls, COUNT(file_calls), file_rows, COUNT(file_rows));
    add_rows(single_rows, COUNT(single_rows));
}
