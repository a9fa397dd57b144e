/* See select.h. */
#include "io/select.h"

#include <sys/resource.h>

unsigned long green__descriptor_room(void)
{
    struct rlimit limit;

    return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 0;
}
