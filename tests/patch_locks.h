/*
 * What the tests of patched locks share: a lock, by what is done to it, and who
 * does it.
 */
#ifndef TESTS_PATCH_LOCKS_H
#define TESTS_PATCH_LOCKS_H

#include <greenhub/patch.h>
#include <pthread.h>
#include <stdint.h>

#include "support.h"

struct lock {
    const char *name;
    void (*make)(void);
    void (*hold)(void);  /* from here on `wait` would block ... */
    int (*wait)(void);   /* ... and does no more */
    void (*serve)(void); /* until here; by who has held it */
    unsigned traits;     /* enum trait */
};

enum trait {
    IS_FREE = 1,     /* once it was made */
    KILLABLE = 2,    /* kills and timeouts end the wait */
    POLLS = 4,       /* it waits by trying again and again */
    ONE_AT_ONCE = 8, /* who has waited serves the next */
    TIMED = 16,      /* it waits for an hour at most */
};

extern const struct lock locks[];
extern const int lock_count;

/* Who may hold a lock. */
enum who { GREENTHREAD, OS_THREAD, OTHER_HUB, WHO_COUNT };

/* Holds the lock until told to serve it. */
struct holder {
    const struct lock *lock;
    enum who who;
    int told[2], tells[2]; /* pipes */
    struct green_thread *thread;
    pthread_t os_thread;
};

/* Whether the hub's clock may jump while an OS thread holds the lock: on sim,
 * where any wait for another OS thread, such as for libcheck's own mutex, is as
 * long as the nearest time limit. */
bool is_beyond_sim(bool timed, enum who who);

void hold(struct holder *holder, const struct lock *lock, enum who who);
void serve(struct holder *holder);

/* The greenthreads that can run do, and then those that they have woken. */
void let_run(void);

/* All that libraries need. */
void patch_libraries(void);

struct green_patch_stats patch_stats(void);

#endif
