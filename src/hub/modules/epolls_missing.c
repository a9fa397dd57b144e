/* Replaces epolls.c where there is no Linux. */
#include "hub/modules/missing.h"

static int open_nothing(struct green_hub *hub)
{
    (void)hub;
    return green__missing_open("epoll");
}

const struct green_hub_module green__hub_epolls = {
    .abi = GREEN_HUB_ABI,
    .name = "epolls",
    .description = "epoll(7), not built in",
    .open = open_nothing,
    .interest = green__missing_interest,
    .wait = green__missing_wait,
};
