/*
 * What the library knows of a descriptor's open file: in struct
 * green__descriptor.file, since it ends with the number's life.
 */
#ifndef GREEN_OPEN_FILE_H
#define GREEN_OPEN_FILE_H

#include <greenhub/base.h>

#include "base/self.h"
#include "hub/table.h"

/* What struct green__descriptor.file holds. */
enum green__file_flag {
    GREEN__FILE_KNOWN = 1,      /* the next three were looked up */
    GREEN__FILE_NONBLOCK = 2,   /* the user's O_NONBLOCK */
    GREEN__FILE_RCVTIMEO = 4,   /* SO_RCVTIMEO is set */
    GREEN__FILE_SNDTIMEO = 8,   /* SO_SNDTIMEO is set */
    GREEN__FILE_TCP = 16,       /* a short read means that no more is there */
    GREEN__FILE_NO_SOCKET = 32, /* recv and send are of no use */
    GREEN__FILE_OUR_NONBLOCK = 64, /* O_NONBLOCK is the library's */
    GREEN__FILE_CACHED = 128,      /* reads may be had from the page cache */
    GREEN__FILE_DIRECT = 256,      /* O_DIRECT: each is waited for */
    GREEN__FILE_OPENED = 512, /* by green_open: no operations but a file's */
    /* kind.h: what it is, once it was looked up; a number in four bits. */
    GREEN__FILE_DISK = 0x0400,
    GREEN__FILE_FIFO = 0x0800,
    GREEN__FILE_TERMINAL = 0x0c00,
    GREEN__FILE_ALIAS = 0x1000,
    GREEN__FILE_MASTER = 0x1400,
    GREEN__FILE_COUNTER = 0x1800,
    GREEN__FILE_OTHER = 0x1c00,
    GREEN__FILE_IS_SOCKET = 0x2000,
    GREEN__FILE_KINDS = 0x3c00,
    /* RWF_NOWAIT was refused. */
    GREEN__FILE_READS_BLOCK = 0x4000,
    GREEN__FILE_WRITES_BLOCK = 0x8000,
    /* Others have it too, a duplicate or another process, and may change it:
     * nothing is known for longer than until the next wait. */
    GREEN__FILE_SHARED = 0x10000,
    GREEN__FILE_RCVLOWAT = 0x20000, /* SO_RCVLOWAT is set */
};

/* Behind them, green__file_changes when they were looked up. */
#define GREEN__FILE_STAMP (~(GREEN__FILE_STEP - 1))

static inline uint32_t green__file_stamp(void)
{
    return __atomic_load_n(&green__file_changes, __ATOMIC_RELAXED);
}

/* Whether KNOWN's flags need not be looked up, nor again. */
static inline bool green__file_is_known(const struct green__descriptor *d)
{
    return (d->file &
            (GREEN__FILE_KNOWN | GREEN__FILE_SHARED | GREEN__FILE_STAMP)) ==
               (GREEN__FILE_KNOWN | green__file_stamp()) &&
           (d->flags & GREEN__TRUSTED);
}

/* Looks them up. */
void green__file_learn(struct green__descriptor *d);

/* From now on somebody else has the open file too. */
void green__file_share(int fd);

/* A green call made this descriptor; file: what is known about it. */
void green__io_opened(int fd, unsigned file);

/* A socket of bytes. */
bool green__is_stream(int fd);

/* Whether a short read goes on by MSG_WAITALL: a datagram is never more. */
bool green__waits_for_all(int fd, int flags);

/* The same for a look that is to wait for all, and takes nothing. */
bool green__peeks_for_all(int fd, int flags);

/* SO_RCVTIMEO or SO_SNDTIMEO; 0: none. */
green_time green__socket_timeout(int fd, unsigned direction);

/* TCP, if a socket of this kind is. */
unsigned green__file_of_socket(int domain, int type, int protocol);

#endif
