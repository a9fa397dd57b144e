/* For a build without libdw. */
#include "greenthread/debug_info.h"

bool green__debug_info_find(struct green__debug_info **info,
                            const void *address,
                            struct green__code_place *place)
{
    (void)info;
    (void)address;
    (void)place;
    return false;
}

void green__debug_info_end(struct green__debug_info *info)
{
    (void)info;
}
