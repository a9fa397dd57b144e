/* glibc has it since 2.29, musl since 1.1.24. */
#include <spawn.h>

#include "process/process.h"

int green__start_in(void *actions, const char *directory)
{
    return posix_spawn_file_actions_addchdir_np(actions, directory);
}
