/* The table of system calls on Linux: see system.h. */
#include "base/system.h"

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_process_madvise
#define SYS_process_madvise 440 /* the same on all architectures */
#endif

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

/* The C library has no wrapper for membarrier(2). */
static int membarrier_call(int command, unsigned flags)
{
    return (int)green__system.syscall(SYS_membarrier, command, flags, 0);
}

/* For the calling process, which has no pidfd of itself: PIDFD_SELF stands for
 * one. */
static ssize_t process_madvise_call(const struct iovec *ranges, size_t count,
                                    int advice)
{
    const int self = -10000;

    return green__system.syscall(SYS_process_madvise, self, ranges, count,
                                 advice, 0);
}

static int pidfd_open_call(pid_t pid, unsigned flags)
{
    return (int)green__system.syscall(SYS_pidfd_open, pid, flags);
}

/* All of ours have a pointer for an argument. musl's request is an int, as POSIX's. */
static int ioctl_call(int fd, unsigned long request, ...)
{
    va_list arguments;
    void *argument;

    va_start(arguments, request);
    argument = va_arg(arguments, void *);
    va_end(arguments);
    return ioctl(fd, request, argument);
}

struct green__system green__system = {
#define SAME(entry, function) .entry = (function),
#include "base/system_same.h"
#undef SAME

    /* glibc and musl differ in the signs of integers. */
    .ioctl = ioctl_call,
    .advise = madvise,
    .advise_many = process_madvise_call,
    .preadv = preadv,
    .pwritev = pwritev,
    .preadv2 = green__preadv2,
    .pwritev2 = green__pwritev2,
    .sendfile = sendfile,
    .splice = splice,
    .recvmmsg = (__typeof__(green__system.recvmmsg))recvmmsg,
    .sendmmsg = (__typeof__(green__system.sendmmsg))sendmmsg,
    .socket = socket,
    .socketpair = socketpair,
    .pipe2 = pipe2,
    .accept4 = accept4,
    .dup3 = dup3,
    .eventfd = eventfd,
    .signalfd = signalfd,
    .pidfd_open = pidfd_open_call,
    .ppoll = ppoll,
    .epoll_wait = epoll_wait,
    .pthread_getattr_np = pthread_getattr_np,
    .gettid = gettid,
    .syscall = syscall,
    .membarrier = membarrier_call,
};
