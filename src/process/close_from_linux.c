/*
 * For a C library without posix_spawn_file_actions_addclosefrom_np: closes what
 * is open now. A descriptor that another OS thread opens meanwhile, without
 * O_CLOEXEC, gets into the child, as it would into one of fork.
 */
#include <dirent.h>
#include <errno.h>
#include <spawn.h>
#include <stdlib.h>

#include "process/process.h"

int green__close_from(void *actions, int least)
{
    DIR *folder = opendir("/proc/self/fd");
    struct dirent *entry;
    int error = 0;

    if (!folder)
        return errno;
    while (error == 0 && (entry = readdir(folder))) {
        int fd = (int)strtol(entry->d_name, NULL, 10); /* "..": 0 */

        if (fd >= least && fd != dirfd(folder))
            error = posix_spawn_file_actions_addclose(actions, fd);
    }
    closedir(folder);
    return error;
}
