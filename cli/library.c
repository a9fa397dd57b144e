/* Where the command finds the libraries that it does not link with. */
#include "library.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

static bool find_folder(char folder[PATH_MAX])
{
    ssize_t length = readlink("/proc/self/exe", folder, PATH_MAX - 1);
    char *slash;

    if (length < 0)
        return false;
    folder[length] = '\0';
    slash = strrchr(folder, '/');
    if (slash)
        *slash = '\0';
    return slash != NULL;
}

/* In the build tree it is below the command; installed, in libdir, which is
 * where it was meant to be, or as far from the command as it was meant to be. */
bool cli_find_library(const char *name, const char *built, char path[PATH_MAX])
{
    char folder[PATH_MAX], found[PATH_MAX + 128];

    if (find_folder(folder)) {
        snprintf(found, sizeof found, "%s/%s/lib%s.so", folder, built, name);
        if (realpath(found, path))
            return true;
        snprintf(found, sizeof found,
                 "%s/../" CLI_LIBDIR "/lib%s.so." CLI_SOVERSION, folder, name);
        if (realpath(found, path))
            return true;
    }
    snprintf(found, sizeof found,
             CLI_PREFIX "/" CLI_LIBDIR "/lib%s.so." CLI_SOVERSION, name);
    return realpath(found, path) != NULL;
}

/* ISO C does not convert a pointer to an object to one to a function. */
static bool find(void *library, const struct cli_symbol *symbol)
{
    void *found = dlsym(library, symbol->name);

    memcpy(symbol->function, &found, sizeof found);
    return found != NULL;
}

int cli_load_companion(const char *option, const char *name,
                       const struct cli_symbol *symbols)
{
    char library_name[64], built[64], path[PATH_MAX];
    void *library;

    snprintf(library_name, sizeof library_name, "greenhub-%s", name);
    snprintf(built, sizeof built, "companions/%s", name);
    if (!cli_find_library(library_name, built, path))
        return cli_complain(CLI_FAILED,
                            "%s needs lib%s, which is not installed beside "
                            "this command",
                            option, library_name);
    library = dlopen(path, RTLD_NOW);
    if (!library)
        return cli_complain(CLI_FAILED, "%s: %s", option, dlerror());
    for (; symbols->name; symbols++)
        if (!find(library, symbols))
            return cli_complain(CLI_FAILED, "%s: %s is of another version",
                                option, path);
    return CLI_OK;
}
