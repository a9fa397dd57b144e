/* What a service manager says by environment variables. */
#ifndef GREEN_PROCESS_ENVIRONMENT_H
#define GREEN_PROCESS_ENVIRONMENT_H

#include <stdbool.h>

/* Where green_upgrade waits for the new process: the name of a socket, which the
 * new process finds in its environment. */
#define GREEN__UPGRADE_SOCKET "GREENHUB_UPGRADE_SOCKET"

/* Returns 1 with a variable's value, 0 if it is not set, or -1 with EINVAL if it is
 * no decimal number. */
int green__environment_number(const char *name, unsigned long long *value);

/* Whether it is one of a notification's lines. */
bool green__notification_says(const char *message, const char *line);

#endif
