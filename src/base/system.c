#include "base/system.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
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
    return (int)syscall(SYS_membarrier, command, flags, 0);
}

/* For the calling process, which has no pidfd of itself: PIDFD_SELF stands for
 * one. */
static ssize_t process_madvise_call(const struct iovec *ranges, size_t count,
                                    int advice)
{
    const int self = -10000;

    return syscall(SYS_process_madvise, self, ranges, count, advice, 0);
}

static int pidfd_open_call(pid_t pid, unsigned flags)
{
    return (int)syscall(SYS_pidfd_open, pid, flags);
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
    .preadv2 = preadv2,
    .pwritev2 = pwritev2,
    .sendfile = sendfile,
    .recv = recv,
    .recvfrom = recvfrom,
    .recvmsg = recvmsg,
    .send = send,
    .sendto = sendto,
    .sendmsg = sendmsg,

    .socket = socket,
    .socketpair = socketpair,
    .pipe2 = pipe2,
    .accept4 = accept4,
    .connect = connect,
    .open = open,
    .close = close,
    .dup = dup,
    .dup3 = dup3,
    .fcntl = fcntl,
    .poll = poll,
    .eventfd = eventfd,
    .membarrier = membarrier_call,
    .pidfd_open = pidfd_open_call,
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
