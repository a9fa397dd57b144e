/* stat(2), which a hub may carry out as a statx(2). */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "io/file.h"
#include "io/file_operation.h"

static void from_statx(struct stat *status, const struct statx *found)
{
    *status = (struct stat){
        .st_dev = makedev(found->stx_dev_major, found->stx_dev_minor),
        .st_ino = found->stx_ino,
        .st_mode = found->stx_mode,
        .st_nlink = found->stx_nlink,
        .st_uid = found->stx_uid,
        .st_gid = found->stx_gid,
        .st_rdev = makedev(found->stx_rdev_major, found->stx_rdev_minor),
        .st_size = (off_t)found->stx_size,
        .st_blksize = (blksize_t)found->stx_blksize,
        .st_blocks = (blkcnt_t)found->stx_blocks,
        .st_atim = {found->stx_atime.tv_sec, found->stx_atime.tv_nsec},
        .st_mtim = {found->stx_mtime.tv_sec, found->stx_mtime.tv_nsec},
        .st_ctim = {found->stx_ctime.tv_sec, found->stx_ctime.tv_nsec},
    };
}

int green__file_stat(struct green__io *io, const char *path,
                     struct stat *status)
{
    struct statx found;
    struct green_operation operation = {
        .kind = GREEN_OP_STAT,
        .path = path,
        .mode = STATX_BASIC_STATS,
        .buffer = &found,
    };
    int64_t result;

    if (!green__file_operate(io, &operation, &result))
        return stat(path, status);
    if (result == 0)
        from_statx(status, &found);
    return (int)result;
}
