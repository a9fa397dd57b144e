/*
 * What sockets have beyond bytes: the peer's credentials and descriptors of
 * unix sockets, keepalive of TCP. Everything here also takes sockets that the
 * library did not make.
 */
#ifndef GREENHUB_SOCKET_H
#define GREENHUB_SOCKET_H

#include <greenhub/base.h>

#include <sys/types.h>

GREEN_BEGIN_DECLS

/* ---- Unix sockets ---------------------------------------------------- */

/* Who a process was, as the kernel saw it. */
struct green_credentials {
    pid_t pid; /* 0: a process that this one cannot see (PID namespaces) */
    uid_t uid; /* effective */
    gid_t gid; /* effective */
};

/*
 * The credentials of the peer of a unix socket (SO_PEERCRED): the process that
 * called connect, or socketpair, or listen, at that time. The process that
 * sends now may be another, which has inherited or received the descriptor. The
 * pid may be in use by another process by now.
 * Returns 0, or -1: EINVAL for NULL, EOPNOTSUPP if it is not a unix socket,
 * ENOTCONN if it is not connected, and the errors of getsockopt. Never
 * switches.
 */
GREEN_API int green_peer_credentials(int fd,
                                     struct green_credentials *credentials);

/* The most descriptors in one message: Linux's SCM_MAX_FD. */
#define GREEN_MAX_FDS 253

/*
 * Sends bytes and, with the first of them, duplicates of `count` descriptors
 * (SCM_RIGHTS). The caller keeps its own descriptors, and may close them.
 * Returns the number of bytes sent, as green_sendmsg does: if it is at least 1,
 * the descriptors are sent. Or -1, and none is sent: EINVAL for NULL, a size of
 * 0 or a count over GREEN_MAX_FDS; EBADF if one is not open; ETOOMANYREFS if
 * too many of this user's are on their way; EINVAL for a socket that is not a
 * unix socket; and the errors of green_sendmsg. May switch.
 */
GREEN_API ssize_t green_send_fds(int fd, const void *buffer, size_t size,
                                 const int *fds, unsigned count);

/*
 * Receives bytes and the descriptors that came with them, at most `room`.
 * *count is their number, 0 if it fails. They are close-on-exec, and the
 * caller's to close. Their file offset and O_NONBLOCK are shared with the
 * sender.
 * It opens exactly those that it stores: if a message has more than `room`, or
 * this process cannot open all of them, it closes all, and the message is lost.
 * Treat that as the peer's end, and close the socket. (green_recv drops
 * descriptors that a peer sends unasked.)
 * Returns the number of bytes, 0 at the end; or -1: EINVAL for NULL, a size of
 * 0 or a room over GREEN_MAX_FDS; EMSGSIZE if there were more than `room`;
 * EMFILE if the limit of descriptors, or a security module, keeps this process
 * from opening them; and the errors of green_recvmsg. fds may be NULL if room
 * is 0. May switch.
 */
GREEN_API ssize_t green_recv_fds(int fd, void *buffer, size_t size, int *fds,
                                 unsigned room, unsigned *count);

/* ---- TCP ------------------------------------------------------------- */

/*
 * How the kernel asks a silent peer whether it is still there. It counts in
 * seconds: times are rounded up. Zero-initialise it; 0 selects the default of
 * the system (the sysctls net.ipv4.tcp_keepalive_*: two hours, 75 s, 9).
 */
struct green_keepalive {
    green_time idle;      /* silence before the first probe */
    green_time interval;  /* between probes */
    unsigned probes;      /* without an answer, until the connection fails with
                           * ETIMEDOUT */
    uint64_t reserved[2]; /* must be zero */
};

/*
 * Turns keepalive probes on; keepalive NULL: off. Probes notice a peer that has
 * gone, not one that does not read: for data that are not acknowledged there is
 * TCP_USER_TIMEOUT. On a listener, it is for the connections accepted from now
 * on.
 * Returns 0, or -1: EINVAL for a negative time, one above 32767 s, more than
 * 127 probes, or a reserved word that is not zero; EOPNOTSUPP or ENOPROTOOPT if
 * it is not a TCP socket; EBADF, ENOTSOCK. It is then as it was, or partly
 * changed if it is not a TCP socket. Never switches.
 */
GREEN_API int green_set_keepalive(int fd,
                                  const struct green_keepalive *keepalive);

GREEN_END_DECLS

#endif
