/* glibc has it since 2.34. */
#include <spawn.h>

#include "process/process.h"

int green__close_from(void *actions, int least)
{
    return posix_spawn_file_actions_addclosefrom_np(actions, least);
}
