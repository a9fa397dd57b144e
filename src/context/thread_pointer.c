/* How the thread pointer changes on this system: see thread_pointer.h. */
#include "context/thread_pointer.h"

#include <sys/auxv.h>

enum { MAY_WRITE = 2 }; /* HWCAP2_FSGSBASE of x86-64's <asm/hwcap2.h> */

bool green__thread_pointer_by_call;

bool green__thread_pointer_may_change(void)
{
#if defined(__x86_64__)
    green__thread_pointer_by_call = !(getauxval(AT_HWCAP2) & MAY_WRITE);
    return true;
#elif defined(__aarch64__)
    return true;
#else
    return false;
#endif
}
