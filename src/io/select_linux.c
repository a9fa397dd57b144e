/* See select.h. */
#include "io/select.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/system.h"

unsigned long green__descriptor_room(void)
{
    unsigned long size = 0;
    struct rlimit limit;
    FILE *status = green__system.fopen("/proc/self/status", "re");
    char line[128];

    while (status && !size && green__system.fgets(line, sizeof line, status))
        if (strncmp(line, "FDSize:", 7) == 0)
            size = strtoul(line + 7, NULL, 10);
    if (status)
        green__system.fclose(status);
    if (!size && getrlimit(RLIMIT_NOFILE, &limit) == 0)
        size = limit.rlim_cur;
    return size;
}
