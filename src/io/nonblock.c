#include "io/nonblock.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/system.h"

/* The inode tells whether the number still stands for the same socket. */
struct entry {
    int fd;
    ino_t inode;
};

/* Never held across a switch, nor while anything is called that blocks. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct entry *entries;
static size_t count, room;

static struct entry *find(int fd)
{
    for (size_t i = 0; i < count; i++)
        if (entries[i].fd == fd)
            return &entries[i];
    return NULL;
}

static int remember(int fd, ino_t inode)
{
    struct entry *entry = find(fd);

    if (!entry && count == room) {
        size_t larger = room ? room * 2 : 8;
        struct entry *moved =
            green__system.reallocate(entries, larger * sizeof *entries);

        if (!moved) {
            errno = ENOMEM;
            return -1;
        }
        entries = moved;
        room = larger;
    }
    if (!entry)
        entry = &entries[count++];
    *entry = (struct entry){.fd = fd, .inode = inode};
    return 0;
}

static int set_locked(int fd, int flags, ino_t inode)
{
    struct entry *entry;

    if (flags & O_NONBLOCK) {
        entry = find(fd);
        return entry && entry->inode == inode;
    }
    if (remember(fd, inode) < 0 ||
        green__system.fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return -1;
    return 1;
}

int green__nonblock_set(int fd)
{
    int flags = green__system.fcntl(fd, F_GETFL);
    struct stat status;
    int result;

    if (flags < 0 || fstat(fd, &status) < 0)
        return -1;
    if (!S_ISSOCK(status.st_mode)) {
        errno = ENOTSOCK;
        return -1;
    }
    pthread_mutex_lock(&mutex);
    result = set_locked(fd, flags, status.st_ino);
    pthread_mutex_unlock(&mutex);
    return result;
}

void green__nonblock_duplicated(int fd, int duplicate)
{
    struct stat status;
    struct entry *entry;

    if (fstat(duplicate, &status) < 0)
        return;
    pthread_mutex_lock(&mutex);
    entry = find(fd);
    if (entry && entry->inode == status.st_ino)
        (void)remember(duplicate, status.st_ino);
    pthread_mutex_unlock(&mutex);
}

void green__nonblock_forget(int fd)
{
    struct entry *entry;

    pthread_mutex_lock(&mutex);
    entry = find(fd);
    if (entry)
        *entry = entries[--count];
    pthread_mutex_unlock(&mutex);
}
