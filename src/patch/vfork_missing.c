/* In place of a hook in assembly: what POSIX calls vfork may be a fork. */
#include "patch/real.h"

GREEN__HOOK pid_t vfork(void)
{
    return fork();
}

GREEN__HOOK pid_t __vfork(void)
{
    return fork();
}
