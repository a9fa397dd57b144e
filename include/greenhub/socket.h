/*
 * What sockets have beyond bytes: the peer's credentials and descriptors of
 * unix sockets, keepalive of TCP, groups and segments of UDP. Everything here also takes sockets that the
 * library did not make.
 */
#ifndef GREENHUB_SOCKET_H
#define GREENHUB_SOCKET_H

#include <greenhub/base.h>

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
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
 * ENOTCONN if it is not connected, ENOSYS where there is no Linux, and the errors
 * of getsockopt. Never switches.
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

/* ---- UDP ------------------------------------------------------------- */

/*
 * Joins a multicast group, on an interface such as "eth0"; NULL: the one that
 * the system's routes choose. The group is a numeric address, "239.1.2.3" or
 * "ff02::fb"; an IPv6 address may name the interface itself, "ff02::fb%eth0". A
 * socket that is bound to all addresses ("udp://0.0.0.0:5353") gets the group's
 * datagrams to its port. From now on it gets only those of groups that it has
 * joined itself: by default Linux also delivers those that any other process of
 * this machine has joined. To let several sockets have the port, bind them with
 * reuse_port.
 * Returns 0, or -1: EINVAL if the group is no numeric multicast address, or for
 * NULL; ENODEV if there is no such interface, or no route; EADDRINUSE if it has
 * joined already; ENOBUFS if it has joined too many
 * (net.ipv4.igmp_max_memberships); and the errors of setsockopt, ENOPROTOOPT
 * for an IPv6 group on an IPv4 socket among them. Never switches.
 */
GREEN_API int green_multicast_join(int fd, const char *group,
                                   const char *interface);

/*
 * Leaves a group that green_multicast_join has joined by the same arguments;
 * closing the socket leaves all.
 * Returns 0, or -1: EADDRNOTAVAIL if it has not joined it, and the errors of
 * green_multicast_join. Never switches.
 */
GREEN_API int green_multicast_leave(int fd, const char *group,
                                    const char *interface);

/*
 * Sends a buffer as datagrams of `segment` bytes, the last perhaps shorter, on
 * a connected UDP socket. The kernel cuts it, 64 datagrams a system call
 * (UDP_SEGMENT); where it cannot (before Linux 4.18, or EIO of a network device
 * without checksums), the library sends the datagrams by green_sendmmsg.
 * Returns the number of bytes sent, less than size if an error, a kill or a
 * timeout came after the first; or -1: EINVAL for NULL, or a segment of 0;
 * EMSGSIZE if a segment is larger than a datagram, or than the path's MTU; and
 * the errors of green_sendmmsg. May switch.
 */
GREEN_API ssize_t green_send_segments(int fd, const void *buffer, size_t size,
                                      size_t segment);

/*
 * Lets green_recv_segments take several datagrams at once (UDP_GRO, Linux 5.0).
 * Other calls then get them in one piece, too.
 * Returns 0, or -1: ENOPROTOOPT if the kernel has it not or it is no UDP
 * socket, EBADF, ENOTSOCK. green_recv_segments works nevertheless. Never
 * switches.
 */
GREEN_API int green_join_segments(int fd, bool on);

/*
 * Receives a datagram; after green_join_segments perhaps several of one sender,
 * which the kernel has joined. All have *segment bytes, the last may have
 * fewer. For any datagram to fit, the buffer needs 65,535 bytes.
 * Returns the number of bytes of all, or -1: EINVAL for NULL, EMSGSIZE if they
 * did not fit and are lost, and the errors of green_recvmsg. *segment is 0 for
 * an empty datagram. address and length are as of recvfrom, and may be NULL.
 * May switch.
 */
GREEN_API ssize_t green_recv_segments(int fd, void *buffer, size_t size,
                                      size_t *segment, struct sockaddr *address,
                                      socklen_t *length);

GREEN_END_DECLS

#endif
