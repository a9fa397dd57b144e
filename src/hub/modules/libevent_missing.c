/* In place of libevent.c where there was no libevent to build with. */
#include <errno.h>

#include "hub/modules/modules.h"

static int open_nothing(struct green_hub *hub)
{
    (void)hub;
    green_hub_set_error("this greenhub was built without libevent");
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

const struct green_hub_module green__hub_libevent = {
    .abi = GREEN_HUB_ABI,
    .name = "libevent",
    .description = "libevent 2, not built in",
    .open = open_nothing,
    .interest = interest,
    .wait = wait_nothing,
};
