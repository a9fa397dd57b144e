#include "patch/environment.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char *const variables[] = {
    "GREENHUB_PATCH",         "GREENHUB_PATCH_TLS",    "GREENHUB_PATCH_STACK",
    "GREENHUB_PATCH_THREADS", "GREENHUB_PATCH_REPORT",
};

/* The loader keeps a library's path as LD_PRELOAD gave it. */
static const char *own_path(void)
{
    Dl_info info;

    return dladdr((void *)(uintptr_t)green__environment_hide, &info)
               ? info.dli_fname
               : NULL;
}

static bool is_entry(const char *entry, size_t length, const char *path)
{
    return strlen(path) == length && strncmp(entry, path, length) == 0;
}

/* Copies the entries of `from`, which blanks or colons separate, but `path`. */
static void copy_others(char *to, const char *from, const char *path)
{
    char *begin = to;

    while (*(from += strspn(from, " :"))) {
        size_t length = strcspn(from, " :");

        if (!is_entry(from, length, path)) {
            if (to > begin)
                *to++ = ':';
            memcpy(to, from, length);
            to += length;
        }
        from += length;
    }
    *to = '\0';
}

/* Without memory, the children are patched too. */
static void leave_preload(void)
{
    const char *preload = getenv("LD_PRELOAD"), *path = own_path();
    char *others;

    if (!preload || !path || !(others = malloc(strlen(preload) + 1)))
        return;
    copy_others(others, preload, path);
    if (*others)
        setenv("LD_PRELOAD", others, 1);
    else
        unsetenv("LD_PRELOAD");
    free(others);
}

void green__environment_hide(void)
{
    if (getenv("GREENHUB_PATCH_CHILDREN"))
        return;
    leave_preload();
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
        unsetenv(variables[i]);
}
