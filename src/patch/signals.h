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

/* Before any handler is installed, on main's OS thread. 0, or -1 with errno. */
int green__signals_prepare(void);

/* On the carrier of a thread to which another OS thread has sent signals. */
void green__signals_take(struct green__pthread *it);
/* Drops those that it has not taken. */
void green__signals_drop(struct green__pthread *it);

/* Its signals are no longer of interest. */
void green__signals_thread_ends(const struct green_thread *thread);

#endif
