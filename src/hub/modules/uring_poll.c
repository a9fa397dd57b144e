/*
 * Readiness on io_uring: one-shot polls.
 *
 * A new poll looks at once, so adding one anew whenever it has ended makes it
 * level-triggered, and costs no system call: all go with the next
 * io_uring_enter. (Multishot polls report only changes, even with
 * IORING_POLL_ADD_LEVEL.)
 *
 * A poll keeps the open file open, whatever happens to the number. So the loop
 * removes it before a green close, and says when a number may stand for another
 * file.
 */
#include <errno.h>

#include "hub/modules/uring_poll.h"
#include "base/system.h"
#include "hub/poll_events.h"

static uint64_t data_of(int fd, const struct green__uring_poll *poll)
{
    return (uint64_t)poll->sequence << 35 | (uint64_t)(uint32_t)fd << 3 | POLL;
}

static void mark_changed(struct green__uring *uring, int fd,
                         struct green__uring_poll *poll)
{
    if (poll->changed)
        return;
    poll->changed = true;
    poll->next_changed = uring->first_changed;
    uring->first_changed = 1 + fd;
}

int green__uring_interest(struct green_hub *hub, int fd, uint64_t token,
                          unsigned from, unsigned to)
{
    struct green__uring *uring = green_hub_state(hub);
    struct green__uring_poll *poll = green_hub_descriptor_state(hub, fd);

    /* The kernel would report this only in the next wait. */
    if (to && (!from || from == to) && !green__is_open(fd)) {
        poll->wanted = 0;
        mark_changed(uring, fd, poll);
        return -1;
    }
    if (token != poll->token || from == to)
        poll->renew = true;
    poll->token = token;
    poll->wanted = (uint8_t)to;
    mark_changed(uring, fd, poll);
    return 0;
}

/* Removes a poll that is not what is wanted now. Its completion comes
 * nonetheless; its sequence number shows that it is out of date. Returns false
 * if the kernel takes no entry now. */
static bool remove_poll(struct green__uring *uring, int fd,
                        struct green__uring_poll *poll)
{
    if (!green__uring_cancel_data(uring, IORING_OP_POLL_REMOVE,
                                  data_of(fd, poll)))
        return false;
    poll->armed = 0;
    poll->sequence = (poll->sequence + 1) & 0x1fffffff;
    return true;
}

static bool add_poll(struct green__uring *uring, int fd,
                     struct green__uring_poll *poll)
{
    struct io_uring_sqe *entry = green__uring_entry(uring);

    if (!entry)
        return false;
    io_uring_prep_poll_add(entry, fd, (unsigned)green__to_poll(poll->wanted));
    io_uring_sqe_set_data64(entry, data_of(fd, poll));
    poll->armed = poll->wanted;
    return true;
}

/* Returns false if the kernel takes no more entries now. */
static bool update_poll(struct green__uring *uring, int fd,
                        struct green__uring_poll *poll)
{
    if (poll->armed && (poll->renew || poll->armed != poll->wanted) &&
        !remove_poll(uring, fd, poll))
        return false;
    poll->renew = false;
    return !poll->wanted || poll->armed || add_poll(uring, fd, poll);
}

void green__uring_arm(struct green_hub *hub)
{
    struct green__uring *uring = green_hub_state(hub);
    int next = uring->first_changed;

    uring->first_changed = 0;
    while (next) {
        int fd = next - 1;
        struct green__uring_poll *poll = green_hub_descriptor_state(hub, fd);

        next = poll->next_changed;
        poll->changed = false;
        if (!update_poll(uring, fd, poll))
            mark_changed(uring, fd, poll);
    }
}

void green__uring_polled(struct green_hub *hub, uint64_t data, int result)
{
    int fd = (int)(uint32_t)(data >> 3);
    struct green__uring *uring = green_hub_state(hub);
    struct green__uring_poll *poll = green_hub_descriptor_state(hub, fd);

    if (!poll->armed || data != data_of(fd, poll))
        return;
    poll->armed = 0;
    poll->sequence = (poll->sequence + 1) & 0x1fffffff;
    mark_changed(uring, fd, poll);
    if (result >= 0)
        green_hub_ready(hub, poll->token, green__from_poll(result));
    else if (result == -EBADF)
        green_hub_ready(hub, poll->token, GREEN_CLOSED);
}
