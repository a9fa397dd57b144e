/*
 * The selects hub: select(2), which every system has.
 *
 * What the C library and the kernel really do:
 * - fd_set ends at 1,024 descriptors, and FD_SET beyond it writes out of
 *   bounds. The kernel has no such limit: it reads as many bits as the caller
 *   says, and the C library's pselect passes them on. So the sets are bitmaps of
 *   this module's own size.
 * - A descriptor that is not open fails the whole call with EBADF, which does
 *   not say which one it is.
 * - A hang-up is reported as readable, an error as both readable and writable.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/select.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/clock.h"
#include "base/system.h"
#include "hub/modules/modules.h"

enum set { READABLE, WRITABLE, SETS };

struct selects {
    unsigned long *wanted[SETS];
    unsigned long *found[SETS]; /* written by the kernel */
    size_t words;               /* the size of each */
    int end;                    /* 1 + the highest number watched */
};

struct watched {
    uint64_t token;
};

static void close_selects(struct green_hub *hub)
{
    struct selects *selects = green_hub_state(hub);

    for (int i = 0; i < SETS; i++) {
        green__system.release(selects->wanted[i]);
        green__system.release(selects->found[i]);
    }
}

static int grow_set(unsigned long **set, size_t from, size_t to)
{
    unsigned long *larger = green__system.reallocate(*set, to * sizeof **set);

    if (!larger)
        return -1;
    memset(larger + from, 0, (to - from) * sizeof **set);
    *set = larger;
    return 0;
}

static int make_room(struct selects *selects, int fd)
{
    size_t words = selects->words ? selects->words : 16;

    while (words <= (size_t)(fd / GREEN__WORD_BITS))
        words *= 2;
    if (words == selects->words)
        return 0;
    for (int i = 0; i < SETS; i++)
        if (grow_set(&selects->wanted[i], selects->words, words) < 0 ||
            grow_set(&selects->found[i], selects->words, words) < 0)
            return -1;
    selects->words = words;
    return 0;
}

static void find_end(struct selects *selects)
{
    size_t word = ((size_t)selects->end + (size_t)GREEN__WORD_BITS - 1) /
                  (size_t)GREEN__WORD_BITS;

    while (word > 0 && !(selects->wanted[READABLE][word - 1] |
                         selects->wanted[WRITABLE][word - 1]))
        word--;
    selects->end = (int)word * GREEN__WORD_BITS;
}

static int interest(struct green_hub *hub, int fd, uint64_t token,
                    unsigned from, unsigned to)
{
    struct selects *selects = green_hub_state(hub);
    struct watched *watched = green_hub_descriptor_state(hub, fd);

    if (to && make_room(selects, fd) < 0)
        return -1;
    if ((size_t)(fd / GREEN__WORD_BITS) >= selects->words)
        return 0;
    /* Else the next wait would fail for all descriptors. */
    if (to && !from && !green__is_open(fd))
        return -1;
    watched->token = token;
    green__bit_set(selects->wanted[READABLE], fd, to & GREEN_READ);
    green__bit_set(selects->wanted[WRITABLE], fd, to & GREEN_WRITE);
    if (to && fd >= selects->end)
        selects->end = fd + 1;
    else if (!to)
        find_end(selects);
    return 0;
}

static void report(struct green_hub *hub, int fd, unsigned events)
{
    struct watched *watched = green_hub_descriptor_state(hub, fd);

    green_hub_ready(hub, watched->token, events);
}

/* The call failed with EBADF: finds and reports the closed descriptors. */
static void report_closed(struct green_hub *hub, struct selects *selects)
{
    for (int fd = 0; fd < selects->end; fd++)
        if ((green__bit_is_set(selects->wanted[READABLE], fd) ||
             green__bit_is_set(selects->wanted[WRITABLE], fd)) &&
            !green__is_open(fd))
            report(hub, fd, GREEN_CLOSED);
}

static void report_word(struct green_hub *hub, struct selects *selects,
                        int word)
{
    unsigned long readable = selects->found[READABLE][word];
    unsigned long writable = selects->found[WRITABLE][word];
    unsigned long any = readable | writable;

    for (; any; any &= any - 1) {
        int bit = __builtin_ctzl(any);

        report(hub, word * GREEN__WORD_BITS + bit,
               (readable >> bit & 1 ? GREEN_READ : 0) |
                   (writable >> bit & 1 ? GREEN_WRITE : 0));
    }
}

static int select_for(struct selects *selects, green_time timeout)
{
    struct timespec time = green__timespec(timeout);
    size_t words = ((size_t)selects->end + (size_t)GREEN__WORD_BITS - 1) /
                   (size_t)GREEN__WORD_BITS;

    for (int i = 0; words && i < SETS; i++)
        memcpy(selects->found[i], selects->wanted[i],
               words * sizeof(unsigned long));
    return green__system.pselect(
        selects->end, (fd_set *)(void *)selects->found[READABLE],
        (fd_set *)(void *)selects->found[WRITABLE], NULL,
        timeout == GREEN_FOREVER ? NULL : &time, NULL);
}

static int wait_selects(struct green_hub *hub, green_time timeout)
{
    struct selects *selects = green_hub_state(hub);
    int ready = select_for(selects, timeout);

    if (ready < 0 && errno == EBADF) {
        report_closed(hub, selects);
        return 0;
    }
    if (ready < 0)
        return errno == EINTR ? 0 : -1;
    if (ready > 0)
        for (int word = 0; word * GREEN__WORD_BITS < selects->end; word++)
            report_word(hub, selects, word);
    return 0;
}

const struct green_hub_module green__hub_selects = {
    .abi = GREEN_HUB_ABI,
    .name = "selects",
    .description = "select(2), with sets of any size",
    .state_size = sizeof(struct selects),
    .descriptor_size = sizeof(struct watched),
    .close = close_selects,
    .interest = interest,
    .wait = wait_selects,
    .after_fork = close_selects,
};
