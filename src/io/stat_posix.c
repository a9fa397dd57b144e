/* stat(2); no hub carries it out. */
#include <sys/stat.h>

#include "io/file.h"

int green__file_stat(struct green__io *io, const char *path,
                     struct stat *status)
{
    (void)io;
    return stat(path, status);
}
