#include "context/valgrind.h"

void green__valgrind_stack(void *bottom, void *top)
{
    (void)bottom;
    (void)top;
}
