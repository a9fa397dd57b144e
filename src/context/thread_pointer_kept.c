/* The thread pointer stays as it is: see thread_pointer.h. */
#include "context/thread_pointer.h"

bool green__thread_pointer_by_call;

bool green__thread_pointer_may_change(void)
{
    return false;
}
