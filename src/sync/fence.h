/* A memory barrier that one OS thread has all others of the process make. */
#ifndef GREEN_FENCE_H
#define GREEN_FENCE_H

#include <stdbool.h>

/* Whether the system has it. Call it before the other one. */
bool green__fence_prepare(void);

/* Returns 0, or -1 if the system is short of memory for now. */
int green__fence_others(void);

#endif
