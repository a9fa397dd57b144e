#include "context/valgrind.h"

#include <valgrind/valgrind.h>

void green__valgrind_stack(void *bottom, void *top)
{
    (void)VALGRIND_STACK_REGISTER(bottom, top);
}
