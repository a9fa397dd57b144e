/* Descriptor numbers and flags: close, dup, fcntl, setsockopt. */
#include <fcntl.h>
#include <stdarg.h>
#include <sys/socket.h>

#include "base/system.h"
#include "base/trace.h"
#include "hub/descriptor.h"
#include "hub/lives.h"
#include "io/linger.h"
#include "io/nonblock.h"
#include "io/wait.h"

/* The hub forgets this number; greenthreads that wait for it get EBADF. */
static void forget(int fd)
{
    struct green_hub *hub = green__hub_here();
    struct green__descriptor *d = hub ? green__descriptor_find(hub, fd) : NULL;

    if (!d || (d->file & GREEN__FILE_OUR_NONBLOCK) || green__lives_count)
        green__nonblock_forget(fd);
    if (hub)
        green__descriptor_closed(hub, fd);
}

/* Whether close may wait. No system call if fd is known to be no socket. */
static bool lingers(int fd)
{
    struct green_hub *hub = green__hub_here();
    struct green__descriptor *d = hub ? green__descriptor_find(hub, fd) : NULL;

    if (d && (d->flags & GREEN__TRUSTED) && (d->file & GREEN__FILE_NO_SOCKET))
        return false;
    return green__lingers(fd);
}

static int close_now(int fd)
{
    green_time begun = green__trace_clock();

    return (int)green__trace_called(begun, "close", fd,
                                    green__system.close(fd));
}

int green_close(int fd)
{
    bool waits;

    if (fd < 0)
        return green__system.close(fd);
    waits = lingers(fd);
    forget(fd);
    return green__unlikely(waits) ? green__linger_close(fd) : close_now(fd);
}

/* Copies what is known about the open file to its duplicate. */
static int duplicated(int fd, int duplicate)
{
    struct green_hub *hub = green__hub_here();
    struct green__descriptor *d;

    if (duplicate < 0)
        return -1;
    green__nonblock_forget(duplicate); /* from an earlier use */
    green__nonblock_duplicated(fd, duplicate);
    d = hub ? green__descriptor_find(hub, fd) : NULL;
    if (d && (d->flags & GREEN__TRUSTED) &&
        !(d->file & GREEN__FILE_OUR_NONBLOCK)) {
        green__file_share(fd);
        green__io_opened(duplicate, d->file);
    } else if (hub) {
        green__file_share(fd);
        green__descriptor_closed(hub, duplicate); /* from an earlier use */
    }
    return duplicate;
}

int green_dup(int fd)
{
    return duplicated(fd, green__system.dup(fd));
}

int green_dup3(int fd, int to_fd, int flags)
{
    int duplicate, lingering = -1;

    /* If dup3 fails it does not close to_fd. */
    if (fd == to_fd || to_fd < 0 || (flags & ~O_CLOEXEC) || !green__is_open(fd))
        return green__system.dup3(fd, to_fd, flags);
    /* dup3 closes to_fd: hold it open, and let green__linger_close wait. Its
     * result is ignored, as dup3 ignores errors of that close. */
    if (lingers(to_fd))
        lingering = green__system.fcntl(to_fd, F_DUPFD_CLOEXEC, 0);
    forget(to_fd);
    duplicate = duplicated(fd, green__system.dup3(fd, to_fd, flags));
    if (lingering >= 0) {
        int error = errno;

        (void)green__linger_close(lingering);
        errno = error;
    }
    return duplicate;
}

int green_dup2(int fd, int to_fd)
{
    if (fd != to_fd)
        return green_dup3(fd, to_fd, 0);
    return green__is_open(fd) ? to_fd : -1;
}

/* Discards what is known about the open file: here, and in other OS threads'
 * hubs unless a green call of this hub made the descriptor, since they know
 * nothing about that. */
static void changed(int fd, unsigned file)
{
    struct green_hub *hub = green__hub_here();
    struct green__descriptor *d = hub ? green__descriptor_find(hub, fd) : NULL;

    if (d)
        d->file &= ~(uint32_t)file;
    if (!d || !(d->flags & GREEN__TRUSTED) || green__is_adopted(fd))
        green__files_change();
}

int green_fcntl(int fd, int command, ...)
{
    va_list arguments;
    void *argument;
    int result;

    va_start(arguments, command);
    argument = va_arg(arguments, void *);
    va_end(arguments);
    result = green__system.fcntl(fd, command, argument);
    if (result < 0)
        return -1;
    if (command == F_SETFL) {
        green__nonblock_set_by_user(fd);
        changed(fd, GREEN__FILE_KNOWN | GREEN__FILE_NONBLOCK |
                        GREEN__FILE_OUR_NONBLOCK | GREEN__FILE_CACHED |
                        GREEN__FILE_DIRECT);
    } else if (command == F_GETFL) {
        if ((result & O_NONBLOCK) && green__nonblock_is_ours(fd))
            result &= ~O_NONBLOCK;
    } else if (command == F_DUPFD || command == F_DUPFD_CLOEXEC) {
        duplicated(fd, result);
    }
    return result;
}

/* The next read must look up SO_RCVLOWAT, even without a wait before. */
static void expect_low_water(int fd)
{
    struct green_hub *hub = green__hub_get();
    struct green__descriptor *d = hub ? green__descriptor_get(hub, fd) : NULL;

    if (d)
        d->file |= GREEN__FILE_RCVLOWAT;
    green__file_tell_hubs(fd, GREEN__FILE_RCVLOWAT);
}

int green_setsockopt(int fd, int level, int name, const void *value,
                     socklen_t length)
{
    int result = green__system.setsockopt(fd, level, name, value, length);

    if (result == 0 && level == SOL_SOCKET &&
        (name == SO_RCVTIMEO || name == SO_SNDTIMEO))
        changed(fd, GREEN__FILE_KNOWN);
    if (result == 0 && level == SOL_SOCKET && name == SO_RCVLOWAT)
        expect_low_water(fd);
    return result;
}
