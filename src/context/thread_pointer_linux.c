/* How the thread pointer changes on this system: see thread_pointer.h. */
#include "context/thread_pointer.h"

#include <sys/auxv.h>

bool green__thread_pointer_by_call;

#if defined(__x86_64__)

enum { MAY_WRITE = 2 }; /* HWCAP2_FSGSBASE of <asm/hwcap2.h> */

bool green__thread_pointer_may_change(void)
{
    green__thread_pointer_by_call = !(getauxval(AT_HWCAP2) & MAY_WRITE);
    return true;
}

#elif defined(__aarch64__)

bool green__thread_pointer_may_change(void)
{
    return true;
}

#else

bool green__thread_pointer_may_change(void)
{
    return false;
}

#endif
