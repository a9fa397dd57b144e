#include "context/valgrind.h"

#include <valgrind/valgrind.h>

bool green__valgrind_is_here(void)
{
    return RUNNING_ON_VALGRIND != 0;
}

void green__valgrind_stack(void *bottom, void *top)
{
    (void)bottom; /* where valgrind does not support the processor */
    (void)top;
    (void)VALGRIND_STACK_REGISTER(bottom, top);
}
