/*
 * What the programs here share: a crowd of greenthreads that use a library at
 * once, and what becomes of each. The library under test knows nothing of
 * greenthreads, and the programs call greenhub only to patch libc, and to
 * spawn, kill and time out.
 */
#ifndef TESTS_PATCH_LIBRARIES_CROWD_H
#define TESTS_PATCH_LIBRARIES_CROWD_H

#include <greenhub.h>
#include <greenhub/patch.h>

#include <stdbool.h>

#define CROWD 100

/* One of the crowd. Its function fills in what is below the line. */
struct member {
    int number; /* from 0 */
    struct green_thread *thread;
    /* ------------------------------------------------------------- */
    bool failed;
    char error[256]; /* the library's words */
};

typedef void member_fn(struct member *me);

/* A case of a program: its name on the command line, and its function. */
struct program_case {
    const char *name;
    void (*run)(void);
};

/*
 * main's whole work: patches libc, runs the case that argv[1] names, and prints
 * what became of the crowd. Exit status 0 unless a case cannot be run: then 77,
 * with the reason on stderr. The cases end with one that has no name.
 */
int crowd_main(int argc, char **argv, const struct program_case *cases);

/* The program's arguments behind the case's name; NULL if there are fewer. */
const char *crowd_argument(int number);

/* Ends the program, and says why: something that no case tests went wrong. */
void crowd_give_up(const char *format, ...)
    __attribute__((noreturn, format(printf, 1, 2)));

/* Runs fn in CROWD greenthreads at once, and waits for them all. */
void crowd_run(member_fn *fn);

/* The same in three steps. To kill is to kill all of them, in a random order
 * and with random pauses of up to `pause` between two. */
void crowd_start(member_fn *fn);
void crowd_kill(green_time pause);
void crowd_wait(void);

/* How many of the crowd have come to here and not gone on from there; the most
 * that there were is printed as "in flight". */
void crowd_enter(void);
void crowd_leave(void);
int crowd_inside(void);

/* Waits until all of the crowd are here. */
void crowd_gather(void);

/* Notes that this member has failed, and the library's words. */
void crowd_failed(struct member *me, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A random number from 0 to most - 1, the same in each run with one seed. */
unsigned crowd_random(unsigned most);

/* Remembers how many descriptors are open; crowd_main prints how many more
 * there are at the end. Where it is not called, they are those at the start. */
void crowd_count_descriptors(void);

#endif
