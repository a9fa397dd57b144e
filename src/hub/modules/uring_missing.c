/* Replaces uring.c when greenhub is built without liburing. */
#include "hub/modules/missing.h"

static int open_nothing(struct green_hub *hub)
{
    (void)hub;
    return green__missing_open("liburing");
}

const struct green_hub_module green__hub_uring = {
    .abi = GREEN_HUB_ABI,
    .name = "uring",
    .description = "io_uring(7), not built in",
    .open = open_nothing,
    .interest = green__missing_interest,
    .wait = green__missing_wait,
};
