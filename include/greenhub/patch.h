/*
 * Blocking code made green, without recompiling it: libraries that call read,
 * connect, poll, getaddrinfo, pthread_mutex_lock, ... then block the calling
 * greenthread alone. The functions are in libgreenhub-patch.so, which defines
 * these names of libc in front of libc: link it with
 *
 *     cc program.c $(pkg-config --cflags --libs greenhub-patch) -lpq ...
 *
 * or preload it. Being loaded changes nothing: each call goes on to libc until
 * green_patch, or GREENHUB_PATCH=libraries in the environment, asks for more.
 *
 * A patched function is green if the caller is a greenthread, its group is on,
 * and no native region is open. Everything else is native: OS threads without
 * greenthreads, a hub's callbacks, the functions of a hub module, and the
 * signal handlers that are installed while the group SIGNALS is on. (Other
 * handlers must not call what may block.)
 *
 * A green call has the result and errno of the native one. In addition it fails
 * with ECANCELED or ETIMEDOUT if the greenthread is killed or a timeout around
 * it fires, and the library above reports its own error. Waits for semaphores
 * end so, too. Waits for mutexes, conditions, rwlocks, barriers, pthread_once,
 * futexes and C++'s static variables do not, because those functions have no
 * such error; nor do gethostbyname and its kin, getnameinfo, system, pclose, and
 * pthread_join of an OS thread, because another OS thread uses the caller's
 * memory meanwhile. The greenthread's next other call fails instead.
 *
 * greenhub.h does not include this header. docs/patch.md describes what can be
 * patched, and what cannot.
 */
#ifndef GREENHUB_PATCH_H
#define GREENHUB_PATCH_H

#include <greenhub/base.h>

#include <stdbool.h>

GREEN_BEGIN_DECLS

/* Groups of libc's functions. */
enum green_patch_group {
    GREEN_PATCH_IO = 1 << 0,      /* read, send, connect, poll, close, ... */
    GREEN_PATCH_TIME = 1 << 1,    /* sleep, nanosleep, sched_yield, ... */
    GREEN_PATCH_NAMES = 1 << 2,   /* getaddrinfo, gethostbyname, ... */
    GREEN_PATCH_LOCKS = 1 << 3,   /* mutexes, semaphores, pthread_join, ... */
    GREEN_PATCH_KEYS = 1 << 4,    /* pthread_getspecific and its kin */
    GREEN_PATCH_PROCESS = 1 << 5, /* waitpid, system, pclose, ... */
    GREEN_PATCH_SIGNALS = 1 << 6, /* sigaction, pause, sigwait, ... */
    GREEN_PATCH_STDIO = 1 << 7,   /* stdio on sockets, pipes, FIFOs */
    GREEN_PATCH_FILES = 1 << 8,   /* open, fsync, flock, lockf, ... */
    GREEN_PATCH_THREADS = 1 << 9, /* pthread_create makes greenthreads */

    /* What libraries that block need. */
    GREEN_PATCH_LIBRARIES = 0x3f,
};

/*
 * Turns groups on, for all OS threads, in addition to those that are on, and
 * makes the calling OS thread's hub. Returns 0, or -1 with errno and a message
 * in green_hub_error(): EINVAL for an unknown group; ENOTSUP if the functions
 * of this library are not in front of libc's (it was loaded by dlopen, or
 * linked after libc), belong to another version of greenhub, or cannot do what
 * a group needs with this libc; EBUSY for THREADS once the program has other OS
 * threads; ENOMEM; the errors of green_get_hub. After an error no further group
 * is on. Never switches. Any OS thread may call it.
 */
GREEN_API int green_patch(unsigned groups);

/* Returns the groups that are on. Never switches. Any OS thread may call it. */
GREEN_API unsigned green_patched(void);

/*
 * A native region of a greenthread. It needs no initialisation, and is in use
 * from green_native_begin to green_native_end, usually in one function.
 */
struct green_native {
    struct green_thread *thread; /* set by the library */
    bool outer;                  /* another region is open around it */
};

/*
 * Begins a native region: until its end the calling greenthread's calls of libc
 * are native, and block the OS thread. Regions may be nested; end the inner one
 * first. On an OS thread without greenthreads, and for NULL, it does nothing.
 * Never switches, and preserves errno. Any OS thread may call it.
 */
GREEN_API void green_native_begin(struct green_native *region);

/*
 * Ends the region. Only the greenthread that began it may call this. For a
 * region that has ended, and for NULL, it does nothing. Never switches, and
 * preserves errno.
 */
GREEN_API void green_native_end(struct green_native *region);

/* Counters since the program started, of all OS threads. */
struct green_patch_stats {
    uint64_t lock_waits;     /* waits for locks, conditions, semaphores, ... */
    uint64_t foreign_wakes;  /* of them, ended by another OS thread */
    uint64_t worker_calls;   /* calls that a worker thread made */
    uint64_t threads;        /* pthread_create calls that made a greenthread */
    uint64_t native_instead; /* calls made native because memory was short */
    uint64_t reserved[11];   /* 0 */
};

/* Writes the counters. Returns 0, or -1 with EINVAL for NULL. Never switches.
 * Any OS thread may call it. */
GREEN_API int green_patch_stats(struct green_patch_stats *stats);

GREEN_END_DECLS

#endif
