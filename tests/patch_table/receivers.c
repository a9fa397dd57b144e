/* What the functions that receive with flags and addresses have in common. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "table.h"

ssize_t __recv_chk(int fd, void *bytes, size_t size, size_t room, int flags);
ssize_t __recvfrom_chk(int fd, void *bytes, size_t size, size_t room, int flags,
                       struct sockaddr *address, socklen_t *length);

typedef ssize_t receiver(int fd, void *bytes, size_t size, int flags);

static ssize_t by_recvfrom(int fd, void *bytes, size_t size, int flags)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof address;

    return recvfrom(fd, bytes, size, flags, (struct sockaddr *)&address,
                    &length);
}

static ssize_t by_recvmsg(int fd, void *bytes, size_t size, int flags)
{
    struct iovec part = {bytes, size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

    return recvmsg(fd, &message, flags);
}

static ssize_t by_recv_chk(int fd, void *bytes, size_t size, int flags)
{
    return __recv_chk(fd, bytes, size, sizeof buffer, flags);
}

static ssize_t by_recvfrom_chk(int fd, void *bytes, size_t size, int flags)
{
    return __recvfrom_chk(fd, bytes, size, sizeof buffer, flags, NULL, NULL);
}

static const struct call calls[] = {
    {"recv", (function *)recv, SOCKETS_ONLY},
    {"recvfrom", (function *)by_recvfrom, SOCKETS_ONLY},
    {"recvmsg", (function *)by_recvmsg, SOCKETS_ONLY},
    {"__recv_chk", (function *)by_recv_chk, SOCKETS_ONLY},
    {"__recvfrom_chk", (function *)by_recvfrom_chk, SOCKETS_ONLY},
};

static void receives(size_t size, int flags)
{
    receiver *call = (receiver *)subject;
    ssize_t n;

    memset(buffer, 0, 16);
    begin();
    n = call(ends[0], buffer, size, flags);
    said(n);
    say("\"%.8s\"", buffer);
}

static void not_waiting(void)
{
    unix_ends();
    receives(4, MSG_DONTWAIT);
    write_abc();
    receives(4, MSG_DONTWAIT);
    close(ends[1]);
    receives(4, MSG_DONTWAIT);
}

static void peeking(void)
{
    unix_ends();
    later(write_abc);
    receives(8, MSG_PEEK);
    receives(2, MSG_PEEK);
    receives(8, 0);
}

static void write_both(void)
{
    write_abc();
    await_caller();
    write_def();
}

static void write_and_close(void)
{
    write_abc();
    await_caller();
    close(ends[1]);
}

static void all(void)
{
    tcp_ends();
    later(write_both);
    receives(6, MSG_WAITALL);
}

static void all_of_unix(void)
{
    unix_ends();
    later(write_both);
    receives(6, MSG_WAITALL);
}

static void all_until_the_end(void)
{
    tcp_ends();
    later(write_and_close);
    receives(6, MSG_WAITALL);
    receives(6, MSG_WAITALL);
}

static void all_not_waiting(void)
{
    unix_ends();
    write_abc();
    receives(6, MSG_WAITALL | MSG_DONTWAIT);
}

static void all_in_time(void)
{
    const struct timeval time = {.tv_usec = 5000};

    tcp_ends();
    setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
    write_abc();
    receives(6, MSG_WAITALL);
    receives(6, MSG_WAITALL);
}

static void length_of_datagram(void)
{
    datagram_ends();
    write_abc();
    write_def();
    receives(2, MSG_TRUNC);
    receives(2, MSG_PEEK | MSG_TRUNC);
    receives(0, MSG_TRUNC);
}

static void thrown_away(void)
{
    tcp_ends();
    write_abc();
    receives(2, MSG_TRUNC);
    receives(2, 0);
}

static void no_urgent_data(void)
{
    tcp_ends();
    receives(1, MSG_OOB);
    unix_ends();
    receives(1, MSG_OOB);
    datagram_ends();
    receives(1, MSG_OOB);
}

static void urgent_data(void)
{
    tcp_ends();
    send(ends[1], "a!", 2, MSG_OOB);
    receives(4, 0);
    receives(4, MSG_OOB);
    receives(4, MSG_OOB | MSG_DONTWAIT);
}

static void no_errors(void)
{
    tcp_ends();
    receives(1, MSG_ERRQUEUE);
    ends[0] = socket(AF_INET, SOCK_DGRAM, 0);
    receives(1, MSG_ERRQUEUE);
}

static void unknown_flags(void)
{
    unix_ends();
    write_abc();
    receives(8, 1 << 24);
    write_abc();
    receives(8, MSG_NOSIGNAL | MSG_MORE | MSG_CONFIRM);
}

static const struct row rows[] = {
    {"", "MSG_DONTWAIT", not_waiting},
    {"", "MSG_PEEK", peeking, BLOCKS},
    {"", "MSG_WAITALL, TCP", all, BLOCKS},
    {"", "MSG_WAITALL, unix", all_of_unix, BLOCKS},
    {"", "MSG_WAITALL until the end", all_until_the_end, BLOCKS},
    {"", "MSG_WAITALL, MSG_DONTWAIT", all_not_waiting},
    {"", "MSG_WAITALL, SO_RCVTIMEO", all_in_time},
    {"", "MSG_TRUNC", length_of_datagram},
    {"", "MSG_TRUNC, TCP", thrown_away},
    {"", "MSG_OOB without", no_urgent_data},
    {"", "MSG_OOB", urgent_data},
    {"", "MSG_ERRQUEUE without", no_errors},
    {"", "unknown flags", unknown_flags},
};

/* ---- Addresses ----------------------------------------------------------- */

static void name_writer(void)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};

    memcpy(at.sun_path, "\0patch-", 7);
    snprintf(at.sun_path + 7, 20, "%08d", getpid());
    if (bind(ends[1], (struct sockaddr *)&at,
             offsetof(struct sockaddr_un, sun_path) + 15) < 0)
        abort();
}

static void receives_from(socklen_t room)
{
    struct sockaddr_un from = {0};
    socklen_t length = room;
    ssize_t n;

    memset(buffer, 0, 16);
    begin();
    n = recvfrom(ends[0], buffer, 8, 0, (struct sockaddr *)&from, &length);
    said(n);
    say("\"%.8s\" %u %u \"%.6s\"", buffer, length, from.sun_family,
        from.sun_path + 1);
}

static void address_there(void)
{
    datagram_ends();
    name_writer();
    for (int i = 0; i < 5; i++)
        write_abc();
    receives_from(sizeof(struct sockaddr_un));
    receives_from(4);
    receives_from(0);
    receives_from((socklen_t)-1);
    receives_from(200);
}

static void address_later(void)
{
    datagram_ends();
    name_writer();
    later(write_abc);
    receives_from(5);
}

static void address_of_stream(void)
{
    unix_ends();
    later(write_abc);
    receives_from(sizeof(struct sockaddr_un));
    tcp_ends();
    write_abc();
    receives_from(sizeof(struct sockaddr_un));
}

static void no_length(void)
{
    struct sockaddr_un from;
    socklen_t length = sizeof from;

    datagram_ends();
    write_abc();
    write_abc();
    begin();
    said(recvfrom(ends[0], buffer, 8, 0, (struct sockaddr *)&from, NULL));
    said(recvfrom(ends[0], buffer, 8, 0, NULL, &length));
    say("%u", length);
}

/* ---- Messages ------------------------------------------------------------ */

static void wrong_messages(void)
{
    struct msghdr many = {.msg_iov = (void *)buffer, .msg_iovlen = 2000},
                  none = {.msg_iov = NULL, .msg_iovlen = 1};

    unix_ends();
    said(recvmsg(ends[0], NULL, 0));
    said(recvmsg(ends[0], &many, 0));
    said(recvmsg(ends[0], &none, 0));
    said(recvmsg(-1, &many, 0));
    said(recvmsg(-1, NULL, 0));
}

static void message_whole(void)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec parts[2] = {{buffer, 2}, {buffer + 2, 8}};
    struct sockaddr_un from = {0};
    struct msghdr message = {.msg_iov = parts,
                             .msg_iovlen = 2,
                             .msg_name = &from,
                             .msg_namelen = sizeof from,
                             .msg_control = &control,
                             .msg_controllen = sizeof control,
                             .msg_flags = 0x7777};

    said(recvmsg(ends[0], &message, MSG_CMSG_CLOEXEC));
    say("%u %zu %x", message.msg_namelen, message.msg_controllen,
        (unsigned)message.msg_flags);
    if (message.msg_controllen > 0) {
        int fd;

        memcpy(&fd, CMSG_DATA(&control.header), sizeof fd);
        say("type %d, flags %d", control.header.cmsg_type, fcntl(fd, F_GETFD));
    }
}

static void send_descriptor(void)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.header = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
    struct iovec part = {"abc", 3};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};

    memcpy(CMSG_DATA(&control.header), &ends[1], sizeof ends[1]);
    if (sendmsg(ends[1], &message, 0) != 3)
        abort();
}

static void descriptor_later(void)
{
    unix_ends();
    later(send_descriptor);
    message_whole();
}

static void message_of_datagram(void)
{
    datagram_ends();
    name_writer();
    send(ends[1], "abcdefghijklm", 13, 0);
    begin();
    message_whole();
}

static void message_without_buffer(void)
{
    struct msghdr message = {0};

    unix_ends();
    write_abc();
    begin();
    said(recvmsg(ends[0], &message, 0));
    said(recvmsg(ends[0], &message, MSG_DONTWAIT));
}

static const struct row single_rows[] = {
    {"recvfrom", "an address", address_there},
    {"recvfrom", "an address later", address_later, BLOCKS},
    {"recvfrom", "the address of a stream", address_of_stream, BLOCKS},
    {"recvfrom", "no length", no_length},
    {"recvmsg", "wrong messages", wrong_messages},
    {"recvmsg", "a descriptor later", descriptor_later, BLOCKS},
    {"recvmsg", "a datagram with its address", message_of_datagram},
    {"recvmsg", "without a buffer", message_without_buffer},
};

void add_receivers(void)
{
    add_product(calls, COUNT(calls), rows, COUNT(rows));
    add_rows(single_rows, COUNT(single_rows));
}
