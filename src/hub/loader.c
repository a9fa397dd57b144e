/* Loads hub modules from shared objects. */
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/environment.h"
#include "hub/hub.h"

#define DEFAULT_SYMBOL "green_hub_module"

/* A limit at which no later sum or product overflows size_t. */
#define SIZE_LIMIT ((size_t)PTRDIFF_MAX / ((size_t)2 * GREEN__CHUNK))

int green__module_check(const struct green_hub_module *module)
{
    size_t length;

    if (!module)
        return green__fail(EINVAL, "no hub module was given");
    if (module->abi != GREEN_HUB_ABI)
        return green__fail(EPROTO,
                           "the hub module is of ABI version %u, this library "
                           "of %u: compile it anew",
                           module->abi, GREEN_HUB_ABI);
    length = module->name ? strlen(module->name) : 0;
    if (length == 0 || length > 64 ||
        strspn(module->name, "abcdefghijklmnopqrstuvwxyz0123456789_") != length)
        return green__fail(EPROTO, "the hub module's name is not [a-z0-9_]+");
    if (module->state_size > SIZE_LIMIT || module->descriptor_size > SIZE_LIMIT)
        return green__fail(EPROTO,
                           "the hub module %s wants more memory than there can "
                           "be",
                           module->name);
    if (!module->interest || !module->wait)
        return green__fail(EPROTO, "the hub module %s lacks %s", module->name,
                           module->interest ? "wait" : "interest");
    if ((module->capabilities & GREEN_HUB_VIRTUAL_TIME) && !module->now)
        return green__fail(EPROTO,
                           "the hub module %s has virtual time and no `now`",
                           module->name);
    if (!module->operations != !module->submit ||
        !module->operations != !module->cancel ||
        (module->operations && !module->release))
        return green__fail(EPROTO,
                           "the hub module %s has some of operations, submit, "
                           "cancel and release: operations need all four",
                           module->name);
    return 0;
}

void green__library_close(void *library)
{
    int saved = errno;

    if (library)
        dlclose(library);
    errno = saved;
}

static const struct green_hub_module *load(const char *path, const char *symbol,
                                           void **library)
{
    const struct green_hub_module *module;

    if (access(path, F_OK) < 0) {
        green__fail(ENOENT, "there is no hub file %.200s", path);
        return NULL;
    }
    *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!*library) {
        green__fail(ENOEXEC, "cannot load: %.230s", dlerror());
        return NULL;
    }
    module = dlsym(*library, symbol);
    if (!module) {
        green__fail(ENOENT, "%.120s has no symbol %.64s", path, symbol);
        return NULL;
    }
    return green__module_check(module) < 0 ? NULL : module;
}

const struct green_hub_module *green__module_load(const char *name,
                                                  void **library)
{
    const char *colon = strrchr(name, ':');
    char path[PATH_MAX];
    size_t length = strlen(name);

    if (colon && !strchr(colon, '/'))
        length = (size_t)(colon - name);
    else
        colon = NULL;
    snprintf(path, sizeof path, "%.*s", (int)length, name);
    return load(path, colon && colon[1] ? colon + 1 : DEFAULT_SYMBOL, library);
}

/* Searches the directories of a colon-separated list; true when found. */
static bool find_in(const char *folders, const char *name, char *path)
{
    while (folders && *folders) {
        size_t length = strcspn(folders, ":");
        int written = snprintf(path, PATH_MAX, "%.*s/greenhub_hub_%s.so",
                               (int)length, folders, name);

        if (length > 0 && written < PATH_MAX && access(path, F_OK) == 0)
            return true;
        folders += length + (folders[length] == ':');
    }
    return false;
}

const struct green_hub_module *green__module_search(const char *name,
                                                    void **library)
{
    char path[PATH_MAX];

    if (find_in(green__getenv("GREENHUB_HUB_PATH"), name, path) ||
        find_in(GREEN__HUB_DIR, name, path))
        return load(path, DEFAULT_SYMBOL, library);
    green__fail(ENOENT,
                "there is no hub \"%.64s\": not built in, and no "
                "greenhub_hub_%.64s.so in GREENHUB_HUB_PATH or %s",
                name, name, GREEN__HUB_DIR);
    return NULL;
}
