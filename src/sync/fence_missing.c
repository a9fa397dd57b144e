/* POSIX has none: see fence.h. */
#include "sync/fence.h"

bool green__fence_prepare(void)
{
    return false;
}

int green__fence_others(void)
{
    return -1;
}
