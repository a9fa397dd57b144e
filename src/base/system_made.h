/*
 * Calls of system.h's table that POSIX does not have, made of those that it has. They
 * have the names, arguments and results of Linux's; the comments say what differs.
 */
#ifndef GREEN_SYSTEM_MADE_H
#define GREEN_SYSTEM_MADE_H

#include "base/system.h"

/* ---- Descriptors: system_made.c ------------------------------------------ */

/* In these, O_CLOEXEC is set after the descriptor was made: a process that another
 * OS thread starts in between has it too. */
int green__made_socket(int domain, int type, int protocol);
int green__made_socketpair(int domain, int type, int protocol, int fds[2]);
int green__made_pipe2(int fds[2], int flags);
int green__made_accept4(int fd, struct sockaddr *address, socklen_t *length,
                        int flags);

int green__made_dup3(int fd, int to_fd, int flags);

/* With one argument, a pointer: POSIX's takes an int for the request. */
int green__made_ioctl(int fd, unsigned long request, ...);

/* ENOSYS always: these have no like in POSIX. */
int green__made_pidfd_open(pid_t pid, unsigned flags);
int green__made_getattr(pthread_t thread, pthread_attr_t *attributes);

/* A number that no other OS thread of the process has; the system does not know it. */
pid_t green__made_gettid(void);

/* ---- Transfers: system_transfers.c --------------------------------------- */

/* Part after part, and not all at once. */
ssize_t green__made_preadv(int fd, const struct iovec *iov, int count,
                           off_t offset);
ssize_t green__made_pwritev(int fd, const struct iovec *iov, int count,
                            off_t offset);

/* EOPNOTSUPP with any flag; only at the file's own position, -1, without. */
ssize_t green__made_preadv2(int fd, const struct iovec *iov, int count,
                            off_t offset, int flags);
ssize_t green__made_pwritev2(int fd, const struct iovec *iov, int count,
                             off_t offset, int flags);

/* By a buffer; one MiB at most. */
ssize_t green__made_sendfile(int out_fd, int in_fd, off_t *offset, size_t size);

/* Message after message; no timeout. */
int green__made_recvmmsg(int fd, struct mmsghdr *messages, unsigned count,
                         int flags, struct timespec *timeout);
int green__made_sendmmsg(int fd, struct mmsghdr *messages, unsigned count,
                         int flags);

/* In whole milliseconds, rounded up; no signal mask. */
int green__made_ppoll(struct pollfd *fds, unsigned long count,
                      const struct timespec *time, const sigset_t *mask);

#endif
