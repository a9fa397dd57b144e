/*
 * Closing descriptors, and replacing them. The hubs' own are not the program's:
 * for it their numbers are not open.
 */
#include <greenhub/io.h>

#include <sys/resource.h>

#include "base/own_descriptor.h"
#include "patch/cancel.h"

GREEN__HOOK int close(int fd)
{
    if (green__unlikely(green__is_own_descriptor(fd)))
        return green__refuse(EBADF);
    if (green__is_green_point(GREEN_PATCH_IO)) {
        int before = errno;

        return (int)green__kept(before, green__point_ends(green_close(fd)));
    }
    return green__real()->close(fd);
}

GREEN__HOOK int dup2(int fd, int to_fd)
{
    if (green__unlikely(green__is_own_descriptor(to_fd)))
        return green__refuse(EBADF);
    if (green__is_green(GREEN_PATCH_IO)) {
        int before = errno;

        return (int)green__kept(before, green_dup2(fd, to_fd));
    }
    return green__real()->dup2(fd, to_fd);
}

GREEN__HOOK int dup3(int fd, int to_fd, int flags)
{
    if (green__unlikely(green__is_own_descriptor(to_fd)))
        return green__refuse(EBADF);
    if (green__is_green(GREEN_PATCH_IO)) {
        int before = errno;

        return (int)green__kept(before, green_dup3(fd, to_fd, flags));
    }
    return green__real()->dup3(fd, to_fd, flags);
}

/* ---- Ranges ---------------------------------------------------------------- */

/* One by one, so that greenthreads that wait for them get EBADF. */
static void close_each(unsigned first, unsigned last)
{
    for (unsigned fd = first; fd <= last; fd++)
        if (!green__is_own_descriptor((int)fd))
            (void)green_close((int)fd);
}

/* The highest number that can be open, if the limit was never higher. */
static unsigned highest(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > 1 << 20)
        return (1 << 20) - 1;
    return (unsigned)limit.rlim_cur - 1;
}

GREEN__HOOK int close_range(unsigned first, unsigned last, int flags)
{
    unsigned most = highest();
    int saved = errno;

    if (flags || first > last || !green__is_green(GREEN_PATCH_IO))
        return green__real()->close_range(first, last, flags);
    close_each(first, last < most ? last : most);
    errno = saved;
    if (last <= most)
        return 0;
    return green__real()->close_range(first > most ? first : most + 1, last, 0);
}

GREEN__HOOK void closefrom(int first)
{
    if (green__is_green(GREEN_PATCH_IO))
        (void)close_range(first < 0 ? 0 : (unsigned)first, ~0u, 0);
    else
        green__real()->closefrom(first);
}
