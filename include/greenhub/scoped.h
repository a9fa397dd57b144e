/*
 * Timeouts, shields and scopes that end automatically when control leaves the
 * block in which they are declared: at its end, by return, break, continue or
 * goto, and in C++ by an exception. With the functions of greenhub/thread.h and
 * greenhub/scope.h, the program must end them itself.
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
 * Each macro declares two names: a variable NAME, and a constant NAME_result.
 * The constant is 0 if the timeout, shield or scope was begun; or -1, with
 * errno set, if no hub can be made or the duration is negative. A macro may
 * stand wherever a declaration may. It needs a compiler with
 * __attribute__((cleanup)): gcc or clang, in C11 or C++17. Leaving the block
 * does not change errno. longjmp and pthread_exit leave a block without ending
 * what it began.
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

/*
 * A timeout: green_timeout_start, and green_timeout_cancel at the end of the
 * block. The program may cancel it earlier.
 */
#define GREEN_SCOPED_TIMEOUT(name, duration)                                   \
    __attribute__((cleanup(green__scoped_timeout))) struct green_timeout name; \
    const int name##_result __attribute__((unused)) =                          \
        green_timeout_start(&name, duration)

/*
 * A shield: green_shield_begin, and green_shield_end at the end of the block.
 * The program may end it earlier.
 */
#define GREEN_SCOPED_SHIELD(name)                                              \
    __attribute__((cleanup(green__scoped_shield))) struct green_shield name;   \
    const int name##_result __attribute__((unused)) = green_shield_begin(&name)

/*
 * A scope: green_scope_begin. Call green_scope_end on the successful path. If
 * control leaves the block without it, the scope is stopped, its children are
 * waited for, and their results are lost.
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
