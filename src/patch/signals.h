/* Signal handlers and the waits that they interrupt. */
#ifndef GREEN_PATCH_SIGNALS_H
#define GREEN_PATCH_SIGNALS_H

#include <signal.h>

struct green__pthread;
struct green_thread;

/* pthread_kill for a greenthread, or pthread_sigqueue with a value. Returns the
 * error. */
int green__signal_thread(struct green__pthread *it, int number,
                         const union sigval *value);

/* Its signals are no longer of interest. */
void green__signals_thread_ends(const struct green_thread *thread);

#endif
