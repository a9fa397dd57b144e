/* Commands of the program's own. */
#include <errno.h>
#include <string.h>

#include <greenhub/debug.h>

#include "greenthread/schedulers.h"
#include "tools/debug_commands.h"

#define MOST 32
#define LONGEST 31

/* Kept by green__schedulers_lock, which is unlocked in a forked child. */
static struct registered {
    char name[LONGEST + 1]; /* empty: unused */
    void (*fn)(int fd, char **words, void *arg);
    void *arg;
    int os_thread;
    const struct green__scheduler *scheduler;
} commands[MOST];

static bool is_name(const char *name)
{
    const char *allowed = "abcdefghijklmnopqrstuvwxyz0123456789-_";
    size_t length = name ? strlen(name) : 0;

    return length > 0 && length <= LONGEST && strspn(name, allowed) == length;
}

/* The one by that name; "" finds one that is unused. */
static struct registered *find(const char *name)
{
    for (unsigned i = 0; i < MOST; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static int change(const char *name, const struct registered *to)
{
    struct registered *one = find(name);

    if (!to->fn && !one)
        return ENOENT;
    if (!one)
        one = find("");
    if (!one)
        return ENOSPC;
    *one = *to;
    return 0;
}

int green_debug_command(const char *name,
                        void (*fn)(int fd, char **words, void *arg), void *arg)
{
    struct registered to = {.fn = fn, .arg = arg};
    int error;

    if (!is_name(name))
        return green__refuse(EINVAL);
    if (green__debug_has_command(name))
        return green__refuse(EEXIST);
    if (fn) {
        to.scheduler = green__scheduler();
        if (!to.scheduler)
            return -1;
        to.os_thread = to.scheduler->os_thread;
        memcpy(to.name, name, strlen(name) + 1);
    }
    green__schedulers_lock();
    error = change(name, &to);
    green__schedulers_unlock();
    return error ? green__refuse(error) : 0;
}

struct green__errand *
green__debug_registered(char **words, int *os_thread,
                        const struct green__scheduler **scheduler)
{
    struct registered one = {.fn = NULL}, *found;
    struct green__errand *errand;

    green__schedulers_lock();
    found = words[0][0] ? find(words[0]) : NULL;
    if (found)
        one = *found;
    green__schedulers_unlock();
    if (!one.fn) {
        errno = ENOENT;
        return NULL;
    }
    errand = green__errand_create(words);
    if (!errand)
        return NULL;
    errand->fn = one.fn;
    errand->arg = one.arg;
    *os_thread = one.os_thread;
    *scheduler = one.scheduler;
    return errand;
}

void green__debug_print_registered(struct green__text *out)
{
    green__schedulers_lock();
    for (unsigned i = 0; i < MOST; i++)
        if (commands[i].name[0])
            green__print(out, "%-24sthe program's\n", commands[i].name);
    green__schedulers_unlock();
}
