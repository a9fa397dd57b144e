/* The calls that make, change and close descriptors. */
#include <stdarg.h>

#include <greenhub/io.h>

#include "patch/cancel.h"
#include "patch/file_lock.h"

/* ---- Making them -------------------------------------------------------- */

GREEN__HOOK int socket(int domain, int type, int protocol)
{
    if (green__is_green(GREEN_PATCH_IO)) {
        int before = errno;

        return (int)green__kept(before, green_socket(domain, type, protocol));
    }
    return green__real()->socket(domain, type, protocol);
}

GREEN__HOOK int socketpair(int domain, int type, int protocol, int fds[2])
{
    if (green__is_green(GREEN_PATCH_IO)) {
        int before = errno;

        return (int)green__kept(before,
                                green_socketpair(domain, type, protocol, fds));
    }
    return green__real()->socketpair(domain, type, protocol, fds);
}

GREEN__HOOK int pipe(int fds[2])
{
    if (green__is_green(GREEN_PATCH_IO)) {
        int before = errno;

        return (int)green__kept(before, green_pipe2(fds, 0));
    }
    return green__real()->pipe(fds);
}

GREEN__HOOK int pipe2(int fds[2], int flags)
{
    if (green__is_green(GREEN_PATCH_IO)) {
        int before = errno;

        return (int)green__kept(before, green_pipe2(fds, flags));
    }
    return green__real()->pipe2(fds, flags);
}

GREEN__HOOK int accept(int fd, __SOCKADDR_ARG address, socklen_t *length)
{
    if (green__is_green_point(GREEN_PATCH_IO)) {
        int before = errno;

        return (int)green__kept(before, green__point_ends(green_accept(
                                            fd, address.__sockaddr__, length)));
    }
    return green__real()->accept(fd, address, length);
}

GREEN__HOOK int accept4(int fd, __SOCKADDR_ARG address, socklen_t *length,
                        int flags)
{
    if (green__is_green_point(GREEN_PATCH_IO)) {
        int before = errno;

        return (int)green__kept(
            before, green__point_ends(green_accept4(fd, address.__sockaddr__,
                                                    length, flags)));
    }
    return green__real()->accept4(fd, address, length, flags);
}

GREEN__HOOK int connect(int fd, __CONST_SOCKADDR_ARG address, socklen_t length)
{
    if (green__is_green_point(GREEN_PATCH_IO)) {
        int before = errno;

        return (int)green__kept(before, green__point_ends(green_connect(
                                            fd, address.__sockaddr__, length)));
    }
    return green__real()->connect(fd, address, length);
}

/* ---- Changing them ------------------------------------------------------ */

GREEN__HOOK int shutdown(int fd, int how)
{
    if (green__is_green(GREEN_PATCH_IO)) {
        int before = errno;

        return (int)green__kept(before, green_shutdown(fd, how));
    }
    return green__real()->shutdown(fd, how);
}

/* The argument may be an int or a pointer, or missing: one word is passed on,
 * as libc does. */
static void *argument_of(va_list arguments)
{
    return va_arg(arguments, void *);
}

static int call_fcntl(int fd, int command, void *argument)
{
    if (green__is_file_lock(command) &&
        green__is_green_point(GREEN_PATCH_FILES))
        return (int)green__point_ends(green__file_lock(fd, command, argument));
    if (green__is_green(GREEN_PATCH_IO)) {
        int before = errno;

        return (int)green__kept(before, green_fcntl(fd, command, argument));
    }
    return green__real()->fcntl64(fd, command, argument);
}

GREEN__HOOK int fcntl(int fd, int command, ...)
{
    va_list arguments;
    void *argument;

    va_start(arguments, command);
    argument = argument_of(arguments);
    va_end(arguments);
    return call_fcntl(fd, command, argument);
}

GREEN__HOOK int fcntl64(int fd, int command, ...)
{
    va_list arguments;
    void *argument;

    va_start(arguments, command);
    argument = argument_of(arguments);
    va_end(arguments);
    return call_fcntl(fd, command, argument);
}

/* FIONBIO is O_NONBLOCK by another name: greenhub has to learn of it. */
static GREEN__COLD int set_nonblock(int fd, void *argument)
{
    int before = errno, result = green__real()->ioctl(fd, FIONBIO, argument);

    if (result < 0)
        return -1;
    green_fcntl(fd, F_SETFL, green__real()->fcntl(fd, F_GETFL));
    return (int)green__kept(before, result);
}

GREEN__HOOK int ioctl(int fd, unsigned long request, ...)
{
    va_list arguments;
    void *argument;

    va_start(arguments, request);
    argument = argument_of(arguments);
    va_end(arguments);
    if (request == FIONBIO && green__is_green(GREEN_PATCH_IO))
        return set_nonblock(fd, argument);
    return green__real()->ioctl(fd, request, argument);
}

/* To the kernel a negative timeout is none at all: nothing waits. But it reads
 * back as 0, which is one without end, so set the shortest. */
static int set_timeout(int fd, int name, const struct timeval *wanted)
{
    static const struct timeval shortest = {.tv_usec = 1};

    return green_setsockopt(fd, SOL_SOCKET, name,
                            wanted->tv_sec < 0 ? &shortest : wanted,
                            sizeof *wanted);
}

static bool is_timeout(int level, int name, const void *value, socklen_t length)
{
    return level == SOL_SOCKET &&
           (name == SO_RCVTIMEO || name == SO_SNDTIMEO) && value &&
           length == sizeof(struct timeval);
}

static int set_option(int fd, int level, int name, const void *value,
                      socklen_t length)
{
    return is_timeout(level, name, value, length)
               ? set_timeout(fd, name, value)
               : green_setsockopt(fd, level, name, value, length);
}

GREEN__HOOK int setsockopt(int fd, int level, int name, const void *value,
                           socklen_t length)
{
    if (green__is_green(GREEN_PATCH_IO)) {
        int before = errno;

        return (int)green__kept(before,
                                set_option(fd, level, name, value, length));
    }
    return green__real()->setsockopt(fd, level, name, value, length);
}

/* ---- Numbers ------------------------------------------------------------ */

GREEN__HOOK int dup(int fd)
{
    if (green__is_green(GREEN_PATCH_IO)) {
        int before = errno;

        return (int)green__kept(before, green_dup(fd));
    }
    return green__real()->dup(fd);
}
