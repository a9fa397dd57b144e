/*
 * Functions of shared libraries that the extension does not name as needed, so
 * that it can be imported on a system without them: they are looked up at their
 * first call. Without the library they return a failure, and the hub that
 * stands on it says that it is not available.
 */
#ifndef GREENHUB_PYTHON_LATE_H
#define GREENHUB_PYTHON_LATE_H

#include <dlfcn.h>
#include <stddef.h>
#include <stdio.h>

/* Why the last look-up failed, "" if none did. In module.c. */
extern char late_failure[160];

/* The function of this name; NULL if the library or the function is missing.
 * *place keeps it. */
static inline void *late_find(void **place, const char *library,
                              const char *name)
{
    void *handle, *found = *place;

    if (found)
        return found;
    handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (handle)
        found = dlsym(handle, name);
    if (!found)
        snprintf(late_failure, sizeof late_failure, "%s", dlerror());
    *place = found;
    return found;
}

/* NOLINTBEGIN(bugprone-macro-parentheses): of declarations */

/* Defines a function with the parameters `declared`, which it passes as
 * `passed`. Each declaration is checked against the library's header. */
#define LATE(result, name, declared, passed, failure)                          \
    result name declared                                                       \
    {                                                                          \
        static void *place;                                                    \
        result(*found) declared;                                               \
                                                                               \
        *(void **)&found = late_find(&place, LIBRARY, #name);                  \
        return found ? found passed : (failure);                               \
    }

#define LATE_VOID(name, declared, passed)                                      \
    void name declared                                                         \
    {                                                                          \
        static void *place;                                                    \
        void(*found) declared;                                                 \
                                                                               \
        *(void **)&found = late_find(&place, LIBRARY, #name);                  \
        if (found)                                                             \
            found passed;                                                      \
    }

/* NOLINTEND(bugprone-macro-parentheses) */

#endif
