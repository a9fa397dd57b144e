/*
 * The kind of an open file, as far as it matters to a call that must not block.
 * For a trusted descriptor it is looked up once. For others it is looked up at
 * each call that relies on it: the number may stand for another file by now.
 *
 * DISK      plain calls wait for nothing but the disk
 * FIFO      its path can be opened again
 * TERMINAL  the same
 * ALIAS     a terminal whose path may be another's: /dev/tty, /dev/console
 * MASTER    of a pseudo-terminal: opening its path makes a new one each time
 * COUNTER   an eventfd and its like, which have no type and no path
 * OTHER     pipes, devices
 */
#ifndef GREEN_KIND_H
#define GREEN_KIND_H

#include <sys/types.h>

#include "io/wait.h"

/* Looks it up and returns one of GREEN__FILE_KINDS. Leaves errno alone. */
unsigned green__kind_look(struct green__io *io);

/* The kind of a character device. */
unsigned green__kind_of_device(int fd, dev_t device);

static inline bool green__io_is_trusted(const struct green__io *io)
{
    return io->d && (io->d->flags & GREEN__TRUSTED);
}

static inline unsigned green__kind_of(struct green__io *io)
{
    unsigned kind =
        green__io_is_trusted(io) ? io->d->file & GREEN__FILE_KINDS : 0;

    return green__likely(kind) ? kind : green__kind_look(io);
}

#endif
