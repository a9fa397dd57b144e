#include "hub/modules/poll_refused.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/select.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/clock.h"
#include "base/self.h"
#include "base/system.h"

enum set { READABLE, WRITABLE, URGENT, SETS };

static const short events_of[SETS] = {POLLIN, POLLOUT, POLLPRI};

/* All sets in one allocation, of `words` each. */
struct sets {
    unsigned long *bits;
    size_t words;
};

static unsigned long *words_of(const struct sets *sets, int set)
{
    return sets->bits + (size_t)set * sets->words;
}

/* As pselect(2) takes it: it looks at no more bits than it is told. */
static fd_set *set_of(const struct sets *sets, int set)
{
    return (fd_set *)(void *)words_of(sets, set);
}

static int fill(struct sets *sets, const struct pollfd *fds, size_t count)
{
    int highest = 0;

    for (size_t i = 0; i < count; i++)
        if (fds[i].fd > highest)
            highest = fds[i].fd;
    sets->words = (size_t)(highest / GREEN__WORD_BITS) + 1;
    sets->bits = green__system.allocate(sets->words * SETS, sizeof *sets->bits);
    if (!sets->bits)
        return green__refuse(ENOMEM);
    for (size_t i = 0; i < count; i++)
        for (int set = 0; set < SETS; set++)
            if (fds[i].events & events_of[set])
                green__bit_set(words_of(sets, set), fds[i].fd, true);
    return 0;
}

static int wait_for(const struct sets *sets, green_time timeout)
{
    struct timespec time = green__timespec(timeout);

    return green__system.pselect((int)sets->words * GREEN__WORD_BITS,
                                 set_of(sets, READABLE), set_of(sets, WRITABLE),
                                 set_of(sets, URGENT),
                                 timeout == GREEN_FOREVER ? NULL : &time, NULL);
}

/* Sets revents from the sets; returns how many are not 0. */
static int find_ready(const struct sets *sets, struct pollfd *fds, size_t count)
{
    int ready = 0;

    for (size_t i = 0; i < count; i++) {
        fds[i].revents = 0;
        for (int set = 0; set < SETS; set++)
            if (green__bit_is_set(words_of(sets, set), fds[i].fd))
                fds[i].revents = (short)(fds[i].revents | events_of[set]);
        ready += fds[i].revents != 0;
    }
    return ready;
}

/* A descriptor that is not open fails the whole call: finds it. */
static int find_closed(struct pollfd *fds, size_t count)
{
    int closed = 0;

    for (size_t i = 0; i < count; i++) {
        fds[i].revents = green__is_open(fds[i].fd) ? 0 : POLLNVAL;
        closed += fds[i].revents != 0;
    }
    return closed;
}

int green__poll_refused(unsigned long **memory, struct pollfd *fds,
                        size_t count, green_time timeout)
{
    struct sets sets;
    int result, error;

    if (fill(&sets, fds, count) < 0)
        return -1;
    *memory = sets.bits;
    result = wait_for(&sets, timeout);
    error = errno;
    if (result > 0)
        result = find_ready(&sets, fds, count);
    else if (result < 0 && error == EBADF)
        result = find_closed(fds, count);
    *memory = NULL;
    green__system.release(sets.bits);
    errno = error;
    return result;
}
