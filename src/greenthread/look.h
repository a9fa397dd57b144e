/*
 * A look at the greenthreads of an OS thread, which that OS thread takes itself,
 * in a signal handler: so nothing changes meanwhile, and it works while a
 * greenthread computes. Only what is needed is copied there; whoever asked for
 * it looks up symbols and writes.
 */
#ifndef GREEN_LOOK_H
#define GREEN_LOOK_H

#include "greenthread/scheduler.h"

#define GREEN__ROW_FRAMES 24

struct green__survey;

/* What it found of a greenthread. */
struct green__row {
    const struct green_thread *thread;
    const char *state, *wait; /* wait: the kind, or NULL */
    char name[32], particulars[64];
    green_time waited;
    void *spawned_at;
    char *bottom, *top; /* of its stack; NULL: the OS thread's own */
    size_t used;        /* the most of the stack that was ever in use */
    bool running, killed;
    int count;
    void *frames[GREEN__ROW_FRAMES]; /* innermost first */
};

struct green__look {
    struct green__look *next;
    struct green__scheduler *scheduler; /* gone when the look is over */
    int os_thread;
    bool taken;                      /* the OS thread has answered */
    bool running_only;               /* the only row that is wanted */
    const struct green_thread *only; /* the same, if not NULL */
    struct green__survey *survey;    /* NULL: rows are wanted */
    char hub[32];                    /* empty: none */
    bool in_hub;                     /* the hub waits, or runs callbacks */
    green_time now;
    /* a code address in the running greenthread's backtrace; the rows begin
     * `past` frames after it */
    void *from;
    int past;
    size_t room, count, found;
    struct green__row *rows; /* the first `count` of `found` */
};

/* Has an OS thread take the look; its scheduler is kept by
 * green__schedulers_lock. */
void green__look_ask(struct green__look *look);

/* Looks at all OS threads with greenthreads, one after another, or at one
 * greenthread. The caller's own backtrace begins at the code address `from`. NULL
 * without any, or with ENOMEM; free it by green__looks_free. */
struct green__look *green__look_at_all(const struct green_thread *only,
                                       void *from);

/* Looks at the running greenthread of another OS thread, whose scheduler is kept
 * by green__schedulers_lock. Returns look->taken. */
bool green__look_at_running(struct green__look *look);

void green__looks_free(struct green__look *looks);

/* dump_all.c: the table of green_dump_all; with `only`, the greenthread's rows
 * alone. Returns 0, 1 if `only` was not found, or -1 with errno. */
int green__dump(int fd, const struct green_thread *only);

/* The signal that asks for looks; 0 as long as none was asked for. */
int green__look_signal(void);

#endif
