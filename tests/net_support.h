/* What the tests of green_listen and green_dial share. */
#ifndef TESTS_NET_SUPPORT_H
#define TESTS_NET_SUPPORT_H

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>

#include "support.h"

/* The socket's address, as text. */
static char text[256];

static inline int flag_of(int fd, int level, int name)
{
    int value = -1;
    socklen_t length = sizeof value;

    ck_ok(getsockopt(fd, level, name, &value, &length));
    return value;
}

/* Listens, and stores the address in `text`. */
static inline int listen_at(const char *address)
{
    int fd = green_listen(address, NULL);

    ck_assert_msg(fd >= 0, "%s: %s", address, strerror(errno));
    ck_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    ck_assert_int_eq(flag_of(fd, SOL_SOCKET, SO_ACCEPTCONN), 1);
    ck_assert_int_ge(green_local_address(fd, text, sizeof text), 0);
    return fd;
}

/* A client that dials `address` reaches the listener, and both report the
 * address. */
static inline void is_reached_at(int listener, const char *address)
{
    char ours[256], theirs[256], byte = 0;
    int client = green_dial(address), server;

    ck_assert_msg(client >= 0, "%s: %s", address, strerror(errno));
    ck_assert(fcntl(client, F_GETFD) & FD_CLOEXEC);
    server = green_accept(listener, NULL, NULL);
    ck_assert_int_ge(server, 0);
    ck_assert_int_eq(green_write(client, "x", 1), 1);
    ck_assert_int_eq(green_read(server, &byte, 1), 1);
    ck_assert_int_eq(byte, 'x');
    ck_assert_int_eq(green_local_address(server, ours, sizeof ours),
                     green_peer_address(client, theirs, sizeof theirs));
    ck_assert_str_eq(ours, theirs);
    ck_assert_int_eq(green_peer_address(server, ours, sizeof ours),
                     green_local_address(client, theirs, sizeof theirs));
    ck_assert_str_eq(ours, theirs);
    if (strncmp(address, "tcp", 3) == 0)
        ck_assert_int_ne(flag_of(client, IPPROTO_TCP, TCP_NODELAY), 0);
    ck_ok(green_close(server));
    ck_ok(green_close(client));
}

#endif
