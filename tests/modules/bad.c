/*
 * Hub modules, each with one error, by symbol. The file has no
 * green_hub_module, so loading it without a symbol fails.
 */
#include <greenhub.h>

#include <errno.h>

static int interest(struct green_hub *hub, int fd, uint64_t token,
                    unsigned from, unsigned to)
{
    (void)hub, (void)fd, (void)token, (void)from, (void)to;
    return 0;
}

static int wait(struct green_hub *hub, green_time timeout)
{
    (void)hub, (void)timeout;
    return 0;
}

static int refuse_silently(struct green_hub *hub)
{
    (void)hub;
    errno = ENOSYS;
    return -1;
}

static int refuse_with_message(struct green_hub *hub)
{
    (void)hub;
    errno = EPERM;
    green_hub_set_error("%s does not allow it", "the administrator");
    return -1;
}

#define MODULE(symbol)                                                         \
    GREEN_API extern const struct green_hub_module symbol;                     \
    const struct green_hub_module symbol

MODULE(other_abi) = {.abi = GREEN_HUB_ABI + 1,
                     .name = "bad",
                     .interest = interest,
                     .wait = wait};
MODULE(no_name) = {.abi = GREEN_HUB_ABI, .interest = interest, .wait = wait};
MODULE(bad_name) = {.abi = GREEN_HUB_ABI,
                    .name = "Not this",
                    .interest = interest,
                    .wait = wait};
MODULE(no_interest) = {.abi = GREEN_HUB_ABI, .name = "bad", .wait = wait};
MODULE(no_wait) = {.abi = GREEN_HUB_ABI, .name = "bad", .interest = interest};
MODULE(no_now) = {.abi = GREEN_HUB_ABI,
                  .name = "bad",
                  .capabilities = GREEN_HUB_VIRTUAL_TIME,
                  .interest = interest,
                  .wait = wait};
MODULE(refuses) = {.abi = GREEN_HUB_ABI,
                   .name = "bad",
                   .open = refuse_silently,
                   .interest = interest,
                   .wait = wait};
MODULE(refuses_in_words) = {.abi = GREEN_HUB_ABI,
                            .name = "bad",
                            .open = refuse_with_message,
                            .interest = interest,
                            .wait = wait};
