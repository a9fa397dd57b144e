/* POSIX tells nothing of OS threads: see os_threads.h. */
#include "base/os_threads.h"

bool green__os_thread_is_alone(void)
{
    return false;
}

void green__os_thread_name(int os_thread, char *name, size_t size)
{
    (void)os_thread, (void)size;
    name[0] = '\0';
}
