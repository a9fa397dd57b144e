/* Where the command finds the libraries that it does not link with. */
#ifndef CLI_LIBRARY_H
#define CLI_LIBRARY_H

#include <limits.h>
#include <stdbool.h>

/* Finds libNAME.so, in a build tree below `built`. False: it is not there. */
bool cli_find_library(const char *name, const char *built, char path[PATH_MAX]);

/* A function of a library, and where to store its address. */
struct cli_symbol {
    const char *name;
    void *function; /* a pointer to a pointer to a function */
};

/* Loads libgreenhub-NAME, for an option of the command, and looks its functions up,
 * of which the last has no name. Returns CLI_OK, or what it has complained of. */
int cli_load_companion(const char *option, const char *name,
                       const struct cli_symbol *symbols);

#endif
