/* Where the command finds the libraries that it does not link with. */
#ifndef CLI_LIBRARY_H
#define CLI_LIBRARY_H

#include <limits.h>
#include <stdbool.h>

/* Finds libNAME.so, in a build tree below `built`. False: it is not there. */
bool cli_find_library(const char *name, const char *built, char path[PATH_MAX]);

#endif
