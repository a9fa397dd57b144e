/* In place of uring.c where there was no liburing to build with. */
#include <errno.h>

#include "hub/modules/modules.h"

static int open_nothing(struct green_hub *hub)
{
    (void)hub;
    green_hub_set_error("this greenhub was built without liburing");
    errno = ENOSYS;
    return -1;
}

static int interest(struct green_hub *hub, int fd, uint64_t token,
                    unsigned from, unsigned to)
{
    (void)hub;
    (void)fd;
    (void)token;
    (void)from;
    (void)to;
    errno = ENOSYS;
    return -1;
}

static int wait_nothing(struct green_hub *hub, green_time timeout)
{
    (void)hub;
    (void)timeout;
    errno = ENOSYS;
    return -1;
}

const struct green_hub_module green__hub_uring = {
    .abi = GREEN_HUB_ABI,
    .name = "uring",
    .description = "io_uring(7), not built in",
    .open = open_nothing,
    .interest = interest,
    .wait = wait_nothing,
};
