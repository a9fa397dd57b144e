/*
 * What the library knows about a descriptor's open file. It is kept in struct
 * green__descriptor.file, which is reset when the descriptor is closed.
 */
#ifndef GREEN_OPEN_FILE_H
#define GREEN_OPEN_FILE_H

#include <greenhub/base.h>

#include "base/self.h"
#include "hub/table.h"

/* The bits of struct green__descriptor.file. */
enum green__file_flag {
    GREEN__FILE_KNOWN = 1,      /* the next three and RCVLOWAT were looked up */
    GREEN__FILE_NONBLOCK = 2,   /* the user's O_NONBLOCK */
    GREEN__FILE_RCVTIMEO = 4,   /* SO_RCVTIMEO is set */
    GREEN__FILE_SNDTIMEO = 8,   /* SO_SNDTIMEO is set */
    GREEN__FILE_TCP = 16,       /* a short read means that no more is there */
    GREEN__FILE_NO_SOCKET = 32, /* recv and send are of no use */
    GREEN__FILE_OUR_NONBLOCK = 64, /* O_NONBLOCK is the library's */
    GREEN__FILE_CACHED = 128,      /* the page cache may have the data */
    GREEN__FILE_DIRECT = 256,      /* O_DIRECT: each read waits for the disk */
    GREEN__FILE_OPENED = 512,      /* by green_open: file operations only */
    /* The kind (kind.h), once it was looked up: a number in four bits. */
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
    /* A duplicate or another process has the open file too, and may change it:
     * what is known about it holds only until the next wait. */
    GREEN__FILE_SHARED = 0x10000,
    GREEN__FILE_RCVLOWAT = 0x20000, /* SO_RCVLOWAT is set */
};

/* The bits above: the value of green__file_changes at the look-up. */
#define GREEN__FILE_STAMP (~(GREEN__FILE_STEP - 1))

static inline uint32_t green__file_stamp(void)
{
    return __atomic_load_n(&green__file_changes, __ATOMIC_RELAXED);
}

/* Whether the flags that KNOWN stands for need no new look-up. */
static inline bool green__file_is_known(const struct green__descriptor *d)
{
    return (d->file &
            (GREEN__FILE_KNOWN | GREEN__FILE_SHARED | GREEN__FILE_STAMP)) ==
               (GREEN__FILE_KNOWN | green__file_stamp()) &&
           (d->flags & GREEN__TRUSTED);
}

/* Looks up the flags that KNOWN stands for. */
void green__file_learn(struct green__descriptor *d);

/* From now on a duplicate or another process has the open file too. */
void green__file_share(int fd);

/* From now on several hubs use the program's descriptors (hub/lives.h); before
 * there is a second one. */
GREEN__PRIVATE void green__hubs_share_files(void);

/*
 * Where several hubs use a program's descriptors (hub/lives.h): whether a hub
 * uses this one that has not made it; and a fact that all such hubs have to
 * know.
 */
bool green__is_adopted(int fd);
void green__file_tell_hubs(int fd, uint32_t file);

/* A green call made this descriptor; `file` is what is known about it. */
void green__io_opened(int fd, unsigned file);

/* Whether it is a SOCK_STREAM socket. */
bool green__is_stream(int fd);

/* Whether MSG_WAITALL continues a short read: a datagram is complete. */
bool green__waits_for_all(int fd, int flags);

/* Whether MSG_WAITALL with MSG_PEEK must wait for all bytes. */
bool green__peeks_for_all(int fd, int flags);

/* AF_INET, AF_UNIX, ...; -1 with errno if it is no socket. */
int green__socket_domain(int fd);

/* SO_RCVTIMEO or SO_SNDTIMEO; 0: not set. */
green_time green__socket_timeout(int fd, unsigned direction);

/* The flags of a new socket: GREEN__FILE_NONBLOCK and _TCP, if they apply. */
unsigned green__file_of_socket(int domain, int type, int protocol);

#endif
