/*
 * The environment by POSIX alone: see environment.h. POSIX has no name of the
 * program; the start-up code of the BSDs, of macOS, glibc and musl keeps one.
 */
#include <stdlib.h>
#include <unistd.h>

#include "base/environment.h"

extern __attribute__((weak)) char *__progname;

const char *green__getenv(const char *name)
{
    if (getuid() != geteuid() || getgid() != getegid())
        return NULL;
    return getenv(name);
}

const char *green__program_name(void)
{
    return &__progname && __progname ? __progname : "";
}
