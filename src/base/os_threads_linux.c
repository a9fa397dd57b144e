/* OS threads by way of /proc: see os_threads.h. */
#include "base/os_threads.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/system.h"

/* Linux gives the directory two links more than the process has OS threads. */
bool green__os_thread_is_alone(void)
{
    struct stat tasks;

    return stat("/proc/self/task", &tasks) == 0 && tasks.st_nlink == 3;
}

void green__os_thread_name(int os_thread, char *name, size_t size)
{
    char path[64];
    ssize_t n = 0;
    int fd;

    snprintf(path, sizeof path, "/proc/self/task/%d/comm", os_thread);
    fd = green__system.open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        n = green__system.read(fd, name, size - 1);
        green__system.close(fd);
    }
    name[n > 0 ? n - 1 : 0] = '\0';
}
