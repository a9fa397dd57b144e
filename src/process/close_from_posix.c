/*
 * Closes what is open now, and would be open in the child: by the folder /dev/fd, where
 * it has all descriptors, and else by trying all numbers, of which there may be
 * millions. A descriptor that another OS thread opens meanwhile, without O_CLOEXEC,
 * gets into the child, as it would into one of fork.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/system.h"
#include "process/process.h"

/* In the child, if nobody closes it. */
static bool is_inherited(int fd)
{
    int flags = green__system.fcntl(fd, F_GETFD);

    return flags >= 0 && !(flags & FD_CLOEXEC);
}

/* ---- By the folder ---------------------------------------------------------- */

/* Calls fn for each descriptor; true if all are there: at least the folder's own. */
static bool each_listed(DIR *folder, int (*fn)(void *actions, int fd),
                        void *actions, int least, int *error)
{
    struct dirent *entry;
    bool has_own = false;

    while (*error == 0 && (entry = readdir(folder))) {
        int fd = (int)strtol(entry->d_name, NULL, 10); /* "..": 0 */

        has_own = has_own || fd == dirfd(folder);
        if (fn && fd >= least && fd != dirfd(folder) && is_inherited(fd))
            *error = fn(actions, fd);
    }
    return has_own;
}

static int add_close(void *actions, int fd)
{
    return posix_spawn_file_actions_addclose(actions, fd);
}

/* False if the folder does not tell. It is read twice, since nothing that was added
 * can be taken back. */
static bool close_listed(void *actions, int least, int *error)
{
    DIR *folder = opendir("/dev/fd");
    bool tells;

    if (!folder)
        return false;
    tells = each_listed(folder, NULL, NULL, least, error);
    rewinddir(folder);
    if (tells)
        each_listed(folder, add_close, actions, least, error);
    closedir(folder);
    return tells;
}

/* ---- By all numbers --------------------------------------------------------- */

#define AT_ONCE 256 /* POSIX allows fewer only to systems with tiny limits */

/* One call of poll finds what is not open among many. */
static int close_some(void *actions, int least, int count)
{
    struct pollfd fds[AT_ONCE];
    int error = 0;

    for (int i = 0; i < count; i++)
        fds[i] = (struct pollfd){.fd = least + i};
    if (green__look(fds, (unsigned long)count) < 0)
        return errno;
    for (int i = 0; i < count && error == 0; i++)
        if (!(fds[i].revents & POLLNVAL) && is_inherited(least + i))
            error = add_close(actions, least + i);
    return error;
}

int green__close_from(void *actions, int least)
{
    long end = sysconf(_SC_OPEN_MAX);
    int error = 0;

    if (close_listed(actions, least, &error))
        return error;
    for (; error == 0 && least < end; least += AT_ONCE)
        error =
            close_some(actions, least,
                       end - least < AT_ONCE ? (int)(end - least) : AT_ONCE);
    return error;
}
