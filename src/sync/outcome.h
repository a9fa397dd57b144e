/* The outcome of waiting for another greenthread's result: a value or an
 * error. */
#ifndef GREEN_OUTCOME_H
#define GREEN_OUTCOME_H

#include <errno.h>

/* Returns 0 with the value, or 1 with errno set to the error. Callers return -1
 * for errors of the wait itself. `value` may be NULL. */
static inline int green__outcome(void *sent, int error, void **value)
{
    if (error) {
        errno = error;
        return 1;
    }
    if (value)
        *value = sent;
    return 0;
}

#endif
