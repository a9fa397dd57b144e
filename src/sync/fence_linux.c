/* By membarrier(2): see fence.h. */
#include "sync/fence.h"

#include <linux/membarrier.h>

#include "base/system.h"

bool green__fence_prepare(void)
{
    int commands = green__system.membarrier(MEMBARRIER_CMD_QUERY, 0);

    return commands > 0 && (commands & MEMBARRIER_CMD_PRIVATE_EXPEDITED) &&
           green__system.membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED,
                                    0) == 0;
}

int green__fence_others(void)
{
    return green__system.membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0) < 0
               ? -1
               : 0;
}
