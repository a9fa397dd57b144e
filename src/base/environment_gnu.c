/* The environment by what glibc and musl have for it: see environment.h. */
#include <errno.h>
#include <stdlib.h>

#include "base/environment.h"

const char *green__getenv(const char *name)
{
    return secure_getenv(name);
}

const char *green__program_name(void)
{
    return program_invocation_short_name;
}
