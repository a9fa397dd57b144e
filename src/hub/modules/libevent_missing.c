/* Replaces libevent.c when greenhub is built without libevent. */
#include "hub/modules/missing.h"

static int open_nothing(struct green_hub *hub)
{
    (void)hub;
    return green__missing_open("libevent");
}

const struct green_hub_module green__hub_libevent = {
    .abi = GREEN_HUB_ABI,
    .name = "libevent",
    .description = "libevent 2, not built in",
    .open = open_nothing,
    .interest = green__missing_interest,
    .wait = green__missing_wait,
};
