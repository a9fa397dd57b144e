/*
 * flock, lockf, and fcntl's F_SETLKW. The kernel wakes nobody but an OS thread
 * that waits in the call, and one for each waiter would be many; so a
 * greenthread tries again (retry.h).
 *
 * F_SETLKW reports no EDEADLK: the kernel finds a circle by those who wait in
 * it.
 */
#include "patch/file_lock.h"

#include <string.h>

#include "greenthread/call.h"
#include "patch/cancel.h"
#include "patch/retry.h"

/* All waiters for locks of files wait at this address: which lock is given up
 * is not looked at. */
static const char all_locks;

static const struct green__wait_kind waiting_for_file_lock = {.name =
                                                                  "file lock"};

/* A call that does not wait. */
struct attempt {
    int (*call)(const struct attempt *it);
    int fd, command;
    void *lock;
    off_t size;
};

static void given_up(void)
{
    green__retry_wake(&all_locks);
}

static bool is_taken(int error)
{
    return error == EAGAIN || error == EACCES;
}

static int wait_for(const struct attempt *it)
{
    struct green__retry retry = {&all_locks, &waiting_for_file_lock,
                                 GREEN_FOREVER, 0};
    int before = errno;

    if (green__call_begins() < 0)
        return -1;
    while (it->call(it) < 0)
        if (!is_taken(errno) || green__retry_wait(&retry) < 0)
            return -1;
    errno = before;
    return 0;
}

/* ---- flock ------------------------------------------------------------------ */

static int try_flock(const struct attempt *it)
{
    return green__real()->flock(it->fd, it->command | LOCK_NB);
}

GREEN__HOOK int flock(int fd, int operation)
{
    const struct attempt it = {try_flock, fd, operation, NULL, 0};
    int result;

    if (!green__is_green(GREEN_PATCH_FILES) || (operation & LOCK_NB))
        result = green__real()->flock(fd, operation);
    else
        result = wait_for(&it);
    if (result == 0 && !(operation & LOCK_EX))
        given_up();
    return result;
}

/* ---- fcntl ------------------------------------------------------------------ */

bool green__is_file_lock(int command)
{
    return command == F_SETLKW || command == F_OFD_SETLKW ||
           command == F_SETLK || command == F_OFD_SETLK;
}

static int try_fcntl(const struct attempt *it)
{
    return green__real()->fcntl64(
        it->fd, it->command == F_SETLKW ? F_SETLK : F_OFD_SETLK, it->lock);
}

int green__file_lock(int fd, int command, void *lock)
{
    const struct attempt it = {try_fcntl, fd, command, lock, 0};
    bool waits = command == F_SETLKW || command == F_OFD_SETLKW;
    int result =
        waits ? wait_for(&it) : green__real()->fcntl64(fd, command, lock);

    if (result == 0 && ((const struct flock *)lock)->l_type != F_WRLCK)
        given_up();
    return result;
}

/* ---- lockf ------------------------------------------------------------------ */

static int try_lockf(const struct attempt *it)
{
    return green__real()->lockf64(it->fd, F_TLOCK, it->size);
}

static int lock_part(int fd, int command, off_t size)
{
    const struct attempt it = {try_lockf, fd, command, NULL, size};
    int result;

    if (command == F_LOCK && green__is_green_point(GREEN_PATCH_FILES))
        return (int)green__point_ends(wait_for(&it));
    result = green__real()->lockf64(fd, command, size);
    if (result == 0 && command == F_ULOCK)
        given_up();
    return result;
}

GREEN__HOOK int lockf(int fd, int command, off_t size)
{
    return lock_part(fd, command, size);
}

GREEN__HOOK int lockf64(int fd, int command, off64_t size)
{
    return lock_part(fd, command, size);
}
