/*
 * Own TLS: a thread control block (TCB) for each greenthread that stands for a
 * thread, so that __thread variables, errno, the locale, keys and what the C
 * library keeps for each thread are its own.
 *
 * The C library makes the block (_dl_allocate_tls); this code fills in what
 * pthread_create would fill in. Nothing about the library's layout is guessed:
 * green__tls_prepare asks the library itself, by the descriptors that it exports
 * to debuggers (_thread_db_*) and by its answers for the calling thread, tries
 * the result, and refuses where an answer is missing.
 *
 * Not its own are malloc's cache and arena, and the resolver's state, which all
 * TCBs of an OS thread share: none of them is in use across a switch. Nor is
 * what the kernel knows of the OS thread: its id, list of robust mutexes and
 * rseq area. Code that needs these runs between green__tls_enter_os and
 * green__tls_leave_os.
 *
 * A limit: a library that is loaded while such greenthreads live, and that was
 * compiled for static TLS (initial-exec) with initial values, has zeros for them
 * in those; in later ones it has its values. The C library would set them in its
 * own list of threads, whose lock nobody else can take. Libraries compiled as
 * usual are not affected.
 */
#ifndef GREEN_PATCH_TLS_H
#define GREEN_PATCH_TLS_H

#include <pthread.h>

#include "greenthread/identity.h"

struct green__scheduler;
struct green__tls_home;

struct green__tls {
    /* for green__identity_set; its release is green__tls_free */
    struct green__identity identity;
    void *user;              /* the caller's; NULL at first */
    struct green__tls *next; /* among the unused ones */
};

/*
 * Finds out how, once for the process. Returns 0, or -1 with ENOTSUP and the
 * reason in green_hub_error(). It starts an OS thread for a moment, so that the
 * C library takes the process for one with threads from now on: it keeps that in
 * each TCB, and a later thread would change it in one alone.
 */
int green__tls_prepare(void);

/*
 * Has the calling OS thread make TCBs: `s` is its scheduler, and the switch
 * changes TCBs from now on. Call it under the OS thread's own TCB. Returns 0, or
 * -1 with ENOTSUP before green__tls_prepare, or ENOMEM.
 */
int green__tls_here(struct green__scheduler *s);

/* Makes a TCB that a greenthread of this OS thread can run on. NULL with ENOMEM,
 * or ENOTSUP before green__tls_here. */
struct green__tls *green__tls_make(void);

/* The same for another OS thread, by its home: green__tls_home_here() there,
 * which is NULL before green__tls_here. Any OS thread may free a TCB that no
 * greenthread runs on. */
struct green__tls *green__tls_make_for(struct green__tls_home *home);
struct green__tls_home *green__tls_home_here(void);

/* Frees it, under another one; keeps some for the next green__tls_make. */
void green__tls_free(struct green__tls *tls);

/* The first and the last call on a new TCB. The last one runs the destructors of
 * thread-local objects and of keys, which may switch. */
void green__tls_begins(void);
void green__tls_ends(void);

/*
 * Between the two the caller is under the OS thread's TCB, for calls of which
 * the kernel or the C library knows the OS thread alone: fork, setuid and its
 * kind, robust mutexes and mutexes with priority inheritance. Nothing in between
 * may switch. green__tls_leave_os takes over errno, and what enter_os has
 * returned; under the OS thread's TCB both do nothing.
 */
void *green__tls_enter_os(void);
void green__tls_leave_os(void *entered);

/* The current TCB; NULL: the OS thread's. */
struct green__tls *green__tls_current(void);

/* What pthread_self() returns on it, and back; NULL for what is no TCB of this
 * code's, if it is an OS thread's. */
pthread_t green__tls_id(const struct green__tls *tls);
struct green__tls *green__tls_of(pthread_t id);

#endif
