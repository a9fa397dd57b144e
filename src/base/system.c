#include "base/system.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sched.h>
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

struct green__system green__system = {
    .allocate = calloc,
    .reallocate = realloc,
    .release = free,

    .map = mmap,
    .unmap = munmap,
    .advise = madvise,
    .advise_many = process_madvise_call,
    .protect = mprotect,

    .read = read,
    .write = write,
    .readv = readv,
    .writev = writev,
    .pread = pread,
    .pwrite = pwrite,
    .preadv = preadv,
    .pwritev = pwritev,
    .preadv2 = preadv2,
    .pwritev2 = pwritev2,
    .sendfile = sendfile,
    .splice = splice,
    .recv = recv,
    .recvfrom = recvfrom,
    .recvmsg = recvmsg,
    .send = send,
    .sendto = sendto,
    .sendmsg = sendmsg,
    .recvmmsg = recvmmsg,
    .sendmmsg = sendmmsg,
    .fsync = fsync,
    .fdatasync = fdatasync,
    .fopen = fopen,
    .fclose = fclose,
    .fgets = fgets,
    .dprintf = dprintf,

    .socket = socket,
    .socketpair = socketpair,
    .pipe2 = pipe2,
    .accept4 = accept4,
    .connect = connect,
    .shutdown = shutdown,
    .setsockopt = setsockopt,
    .open = open,
    .openat = openat,
    .close = close,
    .dup = dup,
    .dup3 = dup3,
    .fcntl = fcntl,
    .ioctl = ioctl,
    .eventfd = eventfd,
    .signalfd = signalfd,
    .pidfd_open = pidfd_open_call,

    .poll = poll,
    .ppoll = ppoll,
    .select = select,
    .epoll_wait = epoll_wait,
    .nanosleep = nanosleep,
    .waitpid = waitpid,
    .waitid = waitid,
    .getaddrinfo = getaddrinfo,
    .getnameinfo = getnameinfo,

    .raise = raise,
    .sigaction = sigaction,
    .sigaltstack = sigaltstack,
    .sigpending = sigpending,
    .sigtimedwait = sigtimedwait,
    .pthread_sigmask = pthread_sigmask,

    .pthread_create = pthread_create,
    .pthread_join = pthread_join,
    .pthread_exit = pthread_exit,
    .pthread_self = pthread_self,
    .pthread_getattr_np = pthread_getattr_np,
    .pthread_setcancelstate = pthread_setcancelstate,
    .pthread_setcanceltype = pthread_setcanceltype,
    .sched_yield = sched_yield,
    .gettid = gettid,

    .pthread_key_create = pthread_key_create,
    .pthread_setspecific = pthread_setspecific,
    .pthread_once = pthread_once,

    .pthread_mutex_init = pthread_mutex_init,
    .pthread_mutex_destroy = pthread_mutex_destroy,
    .pthread_mutex_lock = pthread_mutex_lock,
    .pthread_mutex_unlock = pthread_mutex_unlock,
    .pthread_cond_init = pthread_cond_init,
    .pthread_cond_wait = pthread_cond_wait,
    .pthread_cond_timedwait = pthread_cond_timedwait,
    .pthread_cond_signal = pthread_cond_signal,
    .pthread_cond_broadcast = pthread_cond_broadcast,

    .syscall = syscall,
    .membarrier = membarrier_call,
};

struct green__system *green__system_table(void)
{
    return &green__system;
}

int green__look(struct pollfd *fds, unsigned long count)
{
    int result;

    do
        result = green__system.poll(fds, count, 0);
    while (result < 0 && errno == EINTR);
    return result;
}
