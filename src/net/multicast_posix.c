/* Elsewhere it is so without being asked for, or it cannot be asked for. */
#include "net/multicast.h"

void green__own_groups_only(int fd, int level)
{
    (void)fd, (void)level;
}
