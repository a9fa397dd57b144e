#include "io/fifo.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/portable.h"
#include "base/system.h"
#include "sync/worker_pool.h"

bool green__open_waits(int folder, const char *path, int flags)
{
    const int never = O_NONBLOCK | O_PATH | O_DIRECTORY;
    struct stat status;
    int saved = errno;
    bool waits;

    if ((flags & never) || (flags & O_ACCMODE) == O_RDWR ||
        (flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
        return false;
    waits = fstatat(folder, path, &status, 0) == 0 && S_ISFIFO(status.st_mode);
    errno = saved;
    return waits;
}

struct opening {
    int folder; /* a duplicate to be closed, or AT_FDCWD */
    int flags;
    mode_t mode;
    int fd;
    char path[];
};

static void end(struct opening *opening)
{
    int saved = errno;

    if (opening->folder != AT_FDCWD)
        green__system.close(opening->folder);
    green__system.release(opening);
    errno = saved;
}

static long open_it(void *arg)
{
    struct opening *opening = arg;

    opening->fd = green__system.openat(opening->folder, opening->path,
                                       opening->flags, opening->mode);
    return opening->fd;
}

static void discard_opening(void *arg)
{
    struct opening *opening = arg;

    if (opening->fd >= 0)
        green__system.close(opening->fd);
    end(opening);
}

static struct opening *make_opening(int folder, const char *path, int flags,
                                    mode_t mode)
{
    size_t size = strlen(path) + 1;
    struct opening *opening = green__system.allocate(1, sizeof *opening + size);

    if (!opening) {
        errno = ENOMEM;
        return NULL;
    }
    *opening = (struct opening){AT_FDCWD, flags, mode, -1};
    memcpy(opening->path, path, size);
    if (folder == AT_FDCWD || path[0] == '/')
        return opening;
    opening->folder = green__system.fcntl(folder, F_DUPFD_CLOEXEC, 0);
    if (opening->folder >= 0)
        return opening;
    opening->folder = AT_FDCWD;
    end(opening);
    return NULL;
}

int green__open_waiting(int folder, const char *path, int flags, mode_t mode)
{
    struct opening *opening = make_opening(folder, path, flags, mode);
    const struct green__work work = {.fn = open_it,
                                     .arg = opening,
                                     .may_leave = true,
                                     .left = discard_opening};
    long fd;

    if (!opening || green__worker_pool_run(GREEN__THREAD_POOL, &work, &fd) < 0)
        return -1;
    end(opening);
    return (int)fd;
}
