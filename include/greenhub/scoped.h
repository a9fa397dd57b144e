/*
 * Timeouts, shields and scopes that end with the block in which they are declared,
 * however it is left: by its end, by return, break, continue or goto, in C++ by an
 * exception too. The calls in greenhub/thread.h and greenhub/scope.h leave that to
 * the program.
 *
 *     for (;;) {
 *         GREEN_SCOPED_TIMEOUT(patience, 5 * GREEN_SEC);
 *
 *         n = green_read(fd, line, sizeof line);
 *         if (n < 0)
 *             return -1;            // cancelled, and errno is green_read's
 *         if (n == 0)
 *             continue;             // cancelled
 *         ...
 *     }                             // cancelled
 *
 * Each declares a variable of the name that it is given, and a constant NAME_result,
 * which is what beginning it has returned, with errno: 0, or -1 if there can be no
 * hub, or the duration is negative. It stands where a declaration may stand, and
 * needs a compiler that knows __attribute__((cleanup)): gcc and clang, in C11 and
 * C++17. A thread that ends by longjmp or pthread_exit does not end its blocks. errno
 * stays as it is where the block is left.
 *
 * greenhub.h does not include this header.
 */
#ifndef GREENHUB_SCOPED_H
#define GREENHUB_SCOPED_H

#include <errno.h>
#include <string.h>

#include <greenhub/base.h>
#include <greenhub/scope.h>
#include <greenhub/thread.h>

/* A timeout, green_timeout_start to green_timeout_cancel. It may be cancelled before. */
#define GREEN_SCOPED_TIMEOUT(name, duration)                                   \
    __attribute__((cleanup(green__scoped_timeout))) struct green_timeout name; \
    const int name##_result __attribute__((unused)) =                          \
        green_timeout_start(&name, duration)

/* A shield, green_shield_begin to green_shield_end. It may be ended before. */
#define GREEN_SCOPED_SHIELD(name)                                              \
    __attribute__((cleanup(green__scoped_shield))) struct green_shield name;   \
    const int name##_result __attribute__((unused)) = green_shield_begin(&name)

/*
 * A scope, from green_scope_begin. A block that is left without green_scope_end stops
 * it, and waits for its children; what they say is lost then. So the way through ends
 * with green_scope_end, and all others may be left alone.
 */
#define GREEN_SCOPED_SCOPE(name, duration)                                     \
    __attribute__((cleanup(green__scoped_scope))) struct green_scope name =    \
        green__scoped_none();                                                  \
    const int name##_result __attribute__((unused)) =                          \
        green_scope_begin(&name, duration)

/* ---- The library's --------------------------------------------------- */

static inline void green__scoped_timeout(struct green_timeout *timeout)
{
    int saved = errno;

    green_timeout_cancel(timeout);
    errno = saved;
}

static inline void green__scoped_shield(struct green_shield *shield)
{
    int saved = errno;

    green_shield_end(shield);
    errno = saved;
}

static inline struct green_scope green__scoped_none(void)
{
    struct green_scope none;

    memset(&none, 0, sizeof none);
    return none;
}

static inline void green__scoped_scope(struct green_scope *scope)
{
    int saved = errno;

    if (green_scope_stop(scope) == 0)
        green_scope_end(scope);
    errno = saved;
}

#endif
