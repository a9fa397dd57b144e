/*
 * The sim hub, for tests: real descriptors, with a virtual clock.
 *
 * Time stands still while code runs. When nothing is ready, a wait with a
 * timeout does not wait: it advances the clock by the timeout. So a test of an
 * hour takes no time, and gives the same result on a slow machine. A wait
 * without a timeout really waits, for other OS threads or processes; a test
 * that needs their actions within a time must not use this hub.
 */
#include "hub/modules/sim.h"

#include "hub/modules/modules.h"

static int open_sim(struct green_hub *hub)
{
    struct green__sim *sim = green_hub_state(hub);

    sim->now = green__clock();
    return green__sim_open(sim);
}

static void close_sim(struct green_hub *hub)
{
    green__sim_close(green_hub_state(hub));
}

static green_time sim_now(struct green_hub *hub)
{
    struct green__sim *sim = green_hub_state(hub);

    return sim->now;
}

static int wait_sim(struct green_hub *hub, green_time timeout)
{
    struct green__sim *sim = green_hub_state(hub);
    int count = green__sim_look(hub, timeout == GREEN_FOREVER);

    if (count == 0 && timeout != GREEN_FOREVER)
        sim->now = green__time_add(sim->now, timeout);
    return count < 0 ? -1 : 0;
}

const struct green_hub_module green__hub_sim = {
    .abi = GREEN_HUB_ABI,
    .name = "sim",
    .description = "virtual time, for tests",
    .capabilities = GREEN_HUB_VIRTUAL_TIME,
    .state_size = sizeof(struct green__sim),
    .open = open_sim,
    .close = close_sim,
    .interest = green__sim_interest,
    .wait = wait_sim,
    .after_fork = close_sim,
    .now = sim_now,
};
