/* Descriptors by POSIX.1-2008 alone: see system_made.h. */
#include "base/system_made.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/portable.h"

static int set_flag(int fd, int get, int set, int flag, bool on)
{
    int flags = fcntl(fd, get);

    if (flags < 0)
        return -1;
    if (on == ((flags & flag) != 0))
        return 0;
    return fcntl(fd, set, on ? flags | flag : flags & ~flag);
}

/* Gives a new descriptor the flags that were asked for, or closes it. */
static int finish(int fd, bool cloexec, bool nonblock)
{
    int error;

    if (fd < 0)
        return -1;
    if (set_flag(fd, F_GETFD, F_SETFD, FD_CLOEXEC, cloexec) == 0 &&
        set_flag(fd, F_GETFL, F_SETFL, O_NONBLOCK, nonblock) == 0)
        return fd;
    error = errno;
    close(fd);
    errno = error;
    return -1;
}

static int finish_both(int fds[2], bool cloexec, bool nonblock)
{
    int error;

    if (finish(fds[0], cloexec, nonblock) < 0) {
        error = errno;
        close(fds[1]);
    } else if (finish(fds[1], cloexec, nonblock) < 0) {
        error = errno;
        close(fds[0]);
    } else {
        return 0;
    }
    errno = error;
    return -1;
}

#define SOCKET_FLAGS (SOCK_CLOEXEC | SOCK_NONBLOCK)

int green__made_socket(int domain, int type, int protocol)
{
    return finish(socket(domain, type & ~SOCKET_FLAGS, protocol),
                  type & SOCK_CLOEXEC, type & SOCK_NONBLOCK);
}

int green__made_socketpair(int domain, int type, int protocol, int fds[2])
{
    if (socketpair(domain, type & ~SOCKET_FLAGS, protocol, fds) < 0)
        return -1;
    return finish_both(fds, type & SOCK_CLOEXEC, type & SOCK_NONBLOCK);
}

int green__made_pipe2(int fds[2], int flags)
{
    if (flags & ~(O_CLOEXEC | O_NONBLOCK)) {
        errno = EINVAL;
        return -1;
    }
    if (pipe(fds) < 0)
        return -1;
    return finish_both(fds, flags & O_CLOEXEC, flags & O_NONBLOCK);
}

/* On some systems what is accepted inherits O_NONBLOCK from the listener. */
int green__made_accept4(int fd, struct sockaddr *address, socklen_t *length,
                        int flags)
{
    if (flags & ~SOCKET_FLAGS) {
        errno = EINVAL;
        return -1;
    }
    return finish(accept(fd, address, length), flags & SOCK_CLOEXEC,
                  flags & SOCK_NONBLOCK);
}

int green__made_dup3(int fd, int to_fd, int flags)
{
    if (fd == to_fd || (flags & ~O_CLOEXEC)) {
        errno = EINVAL;
        return -1;
    }
    if (dup2(fd, to_fd) < 0)
        return -1;
    return set_flag(to_fd, F_GETFD, F_SETFD, FD_CLOEXEC, flags & O_CLOEXEC) < 0
               ? -1
               : to_fd;
}

int green__made_ioctl(int fd, unsigned long request, ...)
{
    va_list arguments;
    void *argument;

    va_start(arguments, request);
    argument = va_arg(arguments, void *);
    va_end(arguments);
    return ioctl(fd, request, argument);
}

int green__made_pidfd_open(pid_t pid, unsigned flags)
{
    (void)pid, (void)flags;
    errno = ENOSYS;
    return -1;
}

int green__made_getattr(pthread_t thread, pthread_attr_t *attributes)
{
    (void)thread, (void)attributes;
    return ENOSYS;
}

pid_t green__made_gettid(void)
{
    static atomic_int last;
    static _Thread_local int own;

    if (!own)
        own = atomic_fetch_add(&last, 1) + 1;
    return own;
}
