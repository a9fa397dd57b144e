/* Where the command finds the libraries that it does not link with. */
#include "library.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
