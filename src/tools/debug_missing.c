/* The door for debuggers needs Linux, as what it shows does: see
 * greenthread/debug_missing.c. */
#include <greenhub/debug.h>

#include <errno.h>

#include "base/self.h"

int green_debug_serve(const char *where)
{
    (void)where;
    return green__refuse(ENOSYS);
}

int green_debug_allow(unsigned bits)
{
    (void)bits;
    return green__refuse(ENOSYS);
}

int green_debug_command(const char *name,
                        void (*fn)(int fd, char **words, void *arg), void *arg)
{
    (void)name, (void)fn, (void)arg;
    return green__refuse(ENOSYS);
}
