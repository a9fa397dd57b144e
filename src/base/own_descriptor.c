#include "base/own_descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/resource.h>

#include "base/system.h"

/* Two for each hub. Those for which there is no room are not noted. */
#define PLACES 128
/* How far below the limit. */
#define ROOM_BELOW_LIMIT 128

/* Each is 1 above a descriptor; 0 is free. */
static atomic_int places[PLACES];
static atomic_int end; /* no place from here on was ever used */
static atomic_bool rising;

void green__own_descriptors_rise(void)
{
    atomic_store(&rising, true);
}

/* Returns fd itself if there is no number to be had. */
static int raise_descriptor(int fd)
{
    struct rlimit limit;
    int raised;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 ||
        limit.rlim_cur <= (rlim_t)2 * ROOM_BELOW_LIMIT)
        return fd;
    if (limit.rlim_cur > 1 << 20)
        limit.rlim_cur = 1 << 20;
    raised = green__system.fcntl(fd, F_DUPFD_CLOEXEC,
                                 (int)limit.rlim_cur - ROOM_BELOW_LIMIT);
    if (raised < 0)
        return fd;
    green__system.close(fd);
    return raised;
}

static void note_end(int place)
{
    int known = atomic_load(&end);

    while (known <= place &&
           !atomic_compare_exchange_weak(&end, &known, place + 1))
        ;
}

static void note_descriptor(int fd)
{
    for (int i = 0; i < PLACES; i++) {
        int expected = 0;

        if (atomic_compare_exchange_strong(&places[i], &expected, fd + 1)) {
            note_end(i);
            return;
        }
    }
}

int green__own_descriptor(int fd)
{
    int saved = errno;

    if (fd < 0)
        return fd;
    if (atomic_load(&rising))
        fd = raise_descriptor(fd);
    note_descriptor(fd);
    errno = saved;
    return fd;
}

void green__own_descriptor_forget(int fd)
{
    for (int i = 0; i < PLACES; i++) {
        int expected = fd + 1;

        if (atomic_compare_exchange_strong(&places[i], &expected, 0))
            return;
    }
}

void green__own_descriptor_close(int fd)
{
    green__own_descriptor_forget(fd);
    if (!green__own_descriptor_is_lost(fd))
        green__system.close(fd);
}

bool green__is_own_descriptor(int fd)
{
    int count = atomic_load_explicit(&end, memory_order_relaxed);

    for (int i = 0; fd >= 0 && i < count; i++)
        if (atomic_load_explicit(&places[i], memory_order_relaxed) == fd + 1)
            return true;
    return false;
}
