/* What the system says about the process's OS threads. */
#ifndef GREEN_OS_THREADS_H
#define GREEN_OS_THREADS_H

#include <stdbool.h>
#include <stddef.h>

/* Whether it has but one. False if that is unknown. */
bool green__os_thread_is_alone(void);

/* The name of the OS thread of this number (green__system.gettid); "" if it has none,
 * or has ended. */
void green__os_thread_name(int os_thread, char *name, size_t size);

#endif
