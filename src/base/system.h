/*
 * Table of the calls that this library makes of the allocator, the kernel and
 * pthreads. Tests replace entries to make the n-th call fail. libgreenhub-patch
 * defines many of these functions again, in front of libc's; it writes libc's
 * own here, so that what this library calls does not come back to it as a green
 * call. So call what src/patch/names.h lists through the table alone; lint has
 * a check for it, `interposed`. An entry that has the name of a libc function
 * is that function, and section 2 or 3 of the manual describes it.
 *
 * system_linux.c has the table for Linux. system_posix.c has the one for systems of
 * which no more is known than that they are POSIX's: what those lack is made of what
 * they have (system_made.c); NULL is in it for what files for Linux alone call.
 */
#ifndef GREEN_SYSTEM_H
#define GREEN_SYSTEM_H

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

#include "base/attributes.h"

struct addrinfo;
struct epoll_event;
struct mmsghdr;
struct pollfd;

struct green__system {
    /* ---- Memory -------------------------------------------------------- */

    void *(*allocate)(size_t count, size_t size); /* zeroed, as calloc */
    void *(*reallocate)(void *memory, size_t size);
    void (*release)(void *memory);

    void *(*map)(void *, size_t, int, int, int, off_t);
    int (*unmap)(void *, size_t);
    int (*advise)(void *, size_t, int);
    ssize_t (*advise_many)(const struct iovec *, size_t, int);
    int (*protect)(void *, size_t, int);

    /* ---- Reading and writing ------------------------------------------- */

    ssize_t (*read)(int, void *, size_t);
    ssize_t (*write)(int, const void *, size_t);
    ssize_t (*readv)(int, const struct iovec *, int);
    ssize_t (*writev)(int, const struct iovec *, int);
    ssize_t (*pread)(int, void *, size_t, off_t);
    ssize_t (*pwrite)(int, const void *, size_t, off_t);
    ssize_t (*preadv)(int, const struct iovec *, int, off_t);
    ssize_t (*pwritev)(int, const struct iovec *, int, off_t);
    ssize_t (*preadv2)(int, const struct iovec *, int, off_t, int);
    ssize_t (*pwritev2)(int, const struct iovec *, int, off_t, int);
    ssize_t (*sendfile)(int, int, off_t *, size_t);
    ssize_t (*splice)(int, off_t *, int, off_t *, size_t, unsigned);
    ssize_t (*recv)(int, void *, size_t, int);
    ssize_t (*recvfrom)(int, void *, size_t, int, struct sockaddr *,
                        socklen_t *);
    ssize_t (*recvmsg)(int, struct msghdr *, int);
    ssize_t (*send)(int, const void *, size_t, int);
    ssize_t (*sendto)(int, const void *, size_t, int, const struct sockaddr *,
                      socklen_t);
    ssize_t (*sendmsg)(int, const struct msghdr *, int);
    int (*recvmmsg)(int, struct mmsghdr *, unsigned, int, struct timespec *);
    int (*sendmmsg)(int, struct mmsghdr *, unsigned, int);
    int (*fsync)(int);
    int (*fdatasync)(int);
    FILE *(*fopen)(const char *, const char *);
    int (*fclose)(FILE *);
    char *(*fgets)(char *, int, FILE *);
    int (*dprintf)(int, const char *, ...);

    /* ---- Descriptors --------------------------------------------------- */

    int (*socket)(int, int, int);
    int (*socketpair)(int, int, int, int *);
    int (*pipe2)(int *, int);
    int (*accept4)(int, struct sockaddr *, socklen_t *, int);
    int (*connect)(int, const struct sockaddr *, socklen_t);
    int (*shutdown)(int, int);
    int (*setsockopt)(int, int, int, const void *, socklen_t);
    int (*open)(const char *, int, ...);
    int (*openat)(int, const char *, int, ...);
    int (*close)(int);
    int (*dup)(int);
    int (*dup3)(int, int, int);
    int (*fcntl)(int, int, ...);
    int (*ioctl)(int, unsigned long, ...);
    int (*eventfd)(unsigned, int);
    int (*signalfd)(int, const sigset_t *, int);
    int (*pidfd_open)(pid_t pid, unsigned flags);

    /* ---- Waiting ------------------------------------------------------- */

    int (*poll)(struct pollfd *, unsigned long, int);
    int (*ppoll)(struct pollfd *, unsigned long, const struct timespec *,
                 const sigset_t *);
    int (*select)(int, fd_set *, fd_set *, fd_set *, struct timeval *);
    int (*pselect)(int, fd_set *, fd_set *, fd_set *, const struct timespec *,
                   const sigset_t *);
    int (*epoll_wait)(int, struct epoll_event *, int, int);
    int (*nanosleep)(const struct timespec *, struct timespec *);
    pid_t (*waitpid)(pid_t, int *, int);
    int (*waitid)(idtype_t, id_t, siginfo_t *, int);
    int (*getaddrinfo)(const char *, const char *, const struct addrinfo *,
                       struct addrinfo **);
    int (*getnameinfo)(const struct sockaddr *, socklen_t, char *, socklen_t,
                       char *, socklen_t, int);

    /* ---- Signals ------------------------------------------------------- */

    int (*raise)(int);
    int (*sigaction)(int, const struct sigaction *, struct sigaction *);
    int (*sigaltstack)(const stack_t *, stack_t *);
    int (*sigpending)(sigset_t *);
    int (*sigtimedwait)(const sigset_t *, siginfo_t *, const struct timespec *);
    int (*pthread_sigmask)(int, const sigset_t *, sigset_t *);

    /* ---- OS threads ---------------------------------------------------- */

    int (*pthread_create)(pthread_t *, const pthread_attr_t *,
                          void *(*)(void *), void *);
    int (*pthread_join)(pthread_t, void **);
    __attribute__((noreturn)) void (*pthread_exit)(void *);
    pthread_t (*pthread_self)(void);
    int (*pthread_getattr_np)(pthread_t, pthread_attr_t *);
    int (*pthread_setcancelstate)(int, int *);
    int (*pthread_setcanceltype)(int, int *);
    int (*sched_yield)(void);
    pid_t (*gettid)(void);

    int (*pthread_key_create)(pthread_key_t *, void (*)(void *));
    int (*pthread_setspecific)(pthread_key_t, const void *);
    int (*pthread_once)(pthread_once_t *, void (*)(void));

    int (*pthread_mutex_init)(pthread_mutex_t *, const pthread_mutexattr_t *);
    int (*pthread_mutex_destroy)(pthread_mutex_t *);
    int (*pthread_mutex_lock)(pthread_mutex_t *);
    int (*pthread_mutex_unlock)(pthread_mutex_t *);
    int (*pthread_cond_init)(pthread_cond_t *, const pthread_condattr_t *);
    int (*pthread_cond_wait)(pthread_cond_t *, pthread_mutex_t *);
    int (*pthread_cond_timedwait)(pthread_cond_t *, pthread_mutex_t *,
                                  const struct timespec *);
    int (*pthread_cond_signal)(pthread_cond_t *);
    int (*pthread_cond_broadcast)(pthread_cond_t *);

    /* ---- System calls without a function ------------------------------- */

    long (*syscall)(long number, ...);
    int (*membarrier)(int command, unsigned flags);
};

extern struct green__system green__system;

/* The table, for the patch library, which puts libc's own functions into it. */
GREEN__PRIVATE struct green__system *green__system_table(void);

/* On Linux, where not every C library has them: entries of the table. */
ssize_t green__preadv2(int fd, const struct iovec *iov, int count, off_t offset,
                       int flags);
ssize_t green__pwritev2(int fd, const struct iovec *iov, int count,
                        off_t offset, int flags);

/* poll(2) without waiting, retried on EINTR. */
int green__look(struct pollfd *fds, unsigned long count);

/* False, with EBADF, if nothing is open by that number. */
static inline bool green__is_open(int fd)
{
    return green__system.fcntl(fd, F_GETFD) >= 0;
}

#endif
