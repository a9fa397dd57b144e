#include "io/kind.h"

#include <sys/stat.h>

static unsigned kind_of(int fd)
{
    struct stat status;

    if (fstat(fd, &status) < 0)
        return GREEN__FILE_OTHER; /* the call reports what is wrong */
    switch (status.st_mode & S_IFMT) {
    case S_IFREG:
    case S_IFDIR:
    case S_IFBLK:
        return GREEN__FILE_DISK;
    case S_IFIFO:
        return GREEN__FILE_FIFO;
    case S_IFCHR:
        return green__kind_of_device(fd, status.st_rdev);
    case S_IFSOCK:
        return GREEN__FILE_IS_SOCKET;
    case 0:
        return GREEN__FILE_COUNTER;
    default:
        return GREEN__FILE_OTHER;
    }
}

unsigned green__kind_look(struct green__io *io)
{
    int saved = errno;
    unsigned kind = kind_of(io->fd);

    if (io->d)
        io->d->file = (io->d->file & ~(uint32_t)GREEN__FILE_KINDS) | kind;
    if (io->d && kind == GREEN__FILE_IS_SOCKET)
        io->d->file &= ~(uint32_t)GREEN__FILE_NO_SOCKET;
    errno = saved;
    return kind;
}
