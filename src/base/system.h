/*
 * Table of the system calls and the allocator that the library uses. Tests
 * replace entries to make the n-th call fail; nothing else writes to it.
 */
#ifndef GREEN_SYSTEM_H
#define GREEN_SYSTEM_H

#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>

#include "base/attributes.h"

struct pollfd;

struct green__system {
    void *(*allocate)(size_t count, size_t size); /* zeroed, as calloc */
    void *(*reallocate)(void *memory, size_t size);
    void (*release)(void *memory);

    void *(*map)(void *, size_t, int, int, int, off_t);
    int (*unmap)(void *, size_t);
    int (*advise)(void *, size_t, int);
    ssize_t (*advise_many)(const struct iovec *, size_t, int);
    int (*protect)(void *, size_t, int);

    ssize_t (*read)(int, void *, size_t);
    ssize_t (*write)(int, const void *, size_t);
    ssize_t (*readv)(int, const struct iovec *, int);
    ssize_t (*writev)(int, const struct iovec *, int);
    ssize_t (*preadv2)(int, const struct iovec *, int, off_t, int);
    ssize_t (*pwritev2)(int, const struct iovec *, int, off_t, int);
    ssize_t (*sendfile)(int, int, off_t *, size_t);
    ssize_t (*recv)(int, void *, size_t, int);
    ssize_t (*recvfrom)(int, void *, size_t, int, struct sockaddr *,
                        socklen_t *);
    ssize_t (*recvmsg)(int, struct msghdr *, int);
    ssize_t (*send)(int, const void *, size_t, int);
    ssize_t (*sendto)(int, const void *, size_t, int, const struct sockaddr *,
                      socklen_t);
    ssize_t (*sendmsg)(int, const struct msghdr *, int);

    int (*socket)(int, int, int);
    int (*socketpair)(int, int, int, int *);
    int (*pipe2)(int *, int);
    int (*accept4)(int, struct sockaddr *, socklen_t *, int);
    int (*connect)(int, const struct sockaddr *, socklen_t);
    int (*open)(const char *, int, ...);
    int (*close)(int);
    int (*dup)(int);
    int (*dup3)(int, int, int);
    int (*fcntl)(int, int, ...);
    int (*poll)(struct pollfd *, unsigned long, int);
    int (*eventfd)(unsigned, int);
    int (*membarrier)(int command, unsigned flags);
    int (*pidfd_open)(pid_t pid, unsigned flags);
};

extern struct green__system green__system;

/* The table, for the patch library, which puts libc's own functions into it. */
GREEN__PRIVATE struct green__system *green__system_table(void);

/* poll(2) without waiting, retried on EINTR. */
int green__look(struct pollfd *fds, unsigned long count);

#endif
