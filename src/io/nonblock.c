#include "io/nonblock.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/self.h"
#include "base/system.h"

/* The inode shows whether the number still stands for the same socket. */
struct entry {
    int fd;
    ino_t inode;
};

/* Never held across a switch or a call that blocks. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct entry *entries;
static size_t count, room;

static void lock(void)
{
    green__system.pthread_mutex_lock(&mutex);
}

static void unlock(void)
{
    green__system.pthread_mutex_unlock(&mutex);
}

/* A forked child must not find the mutex locked by a thread of its parent. */
static void set_up(void)
{
    (void)pthread_atfork(lock, unlock, unlock); /* or forks are unsafe */
}

static void enter(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    green__system.pthread_once(&once, set_up);
    lock();
}

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

        if (!moved)
            return green__refuse(ENOMEM);
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
    if (!S_ISSOCK(status.st_mode))
        return green__refuse(ENOTSOCK);
    enter();
    result = set_locked(fd, flags, status.st_ino);
    unlock();
    return result;
}

bool green__nonblock_is_ours(int fd)
{
    struct stat status;
    struct entry *entry;
    bool ours;

    if (fstat(fd, &status) < 0)
        return false;
    enter();
    entry = find(fd);
    ours = entry && entry->inode == status.st_ino;
    unlock();
    return ours;
}

void green__nonblock_duplicated(int fd, int duplicate)
{
    struct stat status;
    struct entry *entry;

    if (fstat(duplicate, &status) < 0)
        return;
    enter();
    entry = find(fd);
    if (entry && entry->inode == status.st_ino)
        (void)remember(duplicate, status.st_ino);
    unlock();
}

void green__nonblock_set_by_user(int fd)
{
    struct stat status;

    if (fstat(fd, &status) < 0)
        return;
    enter();
    for (size_t i = 0; i < count;)
        if (entries[i].inode == status.st_ino)
            entries[i] = entries[--count];
        else
            i++;
    unlock();
}

void green__nonblock_forget(int fd)
{
    struct entry *entry;

    enter();
    entry = find(fd);
    if (entry)
        *entry = entries[--count];
    unlock();
}
