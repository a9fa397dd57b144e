/*
 * What an OS thread with greenthreads does for the door: kills a greenthread, runs a
 * command of the program's own.
 *
 *     ASKED     the OS thread's hub is woken
 *     STARTED   a greenthread runs the command
 *     DONE      or never will be: the OS thread has ended, or has another hub
 *     LEFT      the door no longer waits; it was not done, and will not be
 *
 * The door and the OS thread have a reference each; the last one frees it. As long as
 * the OS thread has one, the errand is in a list.
 */
#ifndef GREEN_DEBUG_ERRAND_H
#define GREEN_DEBUG_ERRAND_H

#include <stdatomic.h>

#include "greenthread/scheduler.h"

#define GREEN__DEBUG_WORDS 32

enum green__errand_state {
    GREEN__ERRAND_ASKED,
    GREEN__ERRAND_STARTED,
    GREEN__ERRAND_DONE,
    GREEN__ERRAND_LEFT,
};

struct green__errand {
    struct green_list list; /* see debug_errand.c */
    atomic_int state;       /* enum green__errand_state */
    atomic_uint references;
    int os_thread;
    const struct green__scheduler *scheduler; /* the OS thread's */
    struct green_thread *thread; /* that runs the command; NULL: none does */
    /* why it could not be done; 0: it was; ECANCELED: the OS thread has ended, or has
     * another hub */
    int error;
    struct green_thread *victim; /* to be killed, or NULL */
    void (*fn)(int fd, char **words, void *arg);
    void *arg;
    int fd; /* what fn writes to: a memory file */
    char *words[GREEN__DEBUG_WORDS + 1];
    char text[]; /* of the words */
};

/* Returns one with these words, or NULL with ENOMEM. */
struct green__errand *green__errand_create(char **words);
void green__errand_release(struct green__errand *errand);

/* Asks the OS thread. `scheduler` may be gone, or NULL: the OS thread's. Returns 0, or
 * -1 with ESRCH. */
int green__errand_ask(struct green__errand *errand, int os_thread,
                      const struct green__scheduler *scheduler);

/* The door waits no longer if it was not started. Returns the state. */
enum green__errand_state green__errand_leave(struct green__errand *errand);

/* In a forked child, where nobody asks for them. */
void green__errands_forget(void);

/* debug_serve.c: the door looks at its connections. Async-signal-safe. */
void green__door_wake(void);

#endif
