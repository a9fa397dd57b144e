/* Where a process has its door: among the unix sockets that it listens at. */
#include "ask.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli.h"

static int connect_to(const char *path)
{
    struct sockaddr_un address;
    int fd;

    memset(&address, 0, sizeof address);
    address.sun_family = AF_UNIX;
    if (strlen(path) >= sizeof address.sun_path) {
        cli_complain(CLI_FAILED, "the path %s is too long", path);
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 &&
        connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    cli_complain(CLI_FAILED, "cannot connect to %s: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

/* ---- A process -------------------------------------------------------- */

#define MOST_SOCKETS 256

struct process {
    const char *number;
    unsigned long inodes[MOST_SOCKETS]; /* of its sockets */
    size_t count;
    char found[PATH_MAX]; /* a door by its default name, or the only one that
                            * could be one */
    unsigned candidates;  /* sockets of mode 0600 */
    bool by_name;
};

static bool list_sockets(struct process *process)
{
    char folder[64], path[PATH_MAX], link[64];
    const struct dirent *entry;
    DIR *dir;

    snprintf(folder, sizeof folder, "/proc/%.20s/fd", process->number);
    dir = opendir(folder);
    if (!dir)
        return false;
    while ((entry = readdir(dir)) != NULL) {
        const char *mark = "socket:[";
        ssize_t length;

        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        length = readlink(path, link, sizeof link - 1);
        if (length <= 0 || process->count == MOST_SOCKETS)
            continue;
        link[length] = '\0';
        if (strncmp(link, mark, strlen(mark)) == 0)
            process->inodes[process->count++] =
                strtoul(link + strlen(mark), NULL, 10);
    }
    closedir(dir);
    return true;
}

static bool has(const struct process *process, unsigned long inode)
{
    size_t i;

    for (i = 0; i < process->count; i++)
        if (process->inodes[i] == inode)
            return true;
    return false;
}

static void consider(struct process *process, const char *path)
{
    char name[64];
    const char *slash = strrchr(path, '/');
    struct stat status;
    bool by_name;

    snprintf(name, sizeof name, "greenhub-%.20s.sock", process->number);
    by_name = slash && strcmp(slash + 1, name) == 0;
    if (process->by_name || stat(path, &status) != 0 ||
        !S_ISSOCK(status.st_mode) || (status.st_mode & 0777) != 0600)
        return;
    process->by_name = by_name;
    process->candidates++;
    snprintf(process->found, sizeof process->found, "%s", path);
}

/* Lines "address: count protocol flags type state inode path"; flags 10000: it
 * listens. */
static void find_listening(struct process *process)
{
    char table[64], line[512], path[256];
    unsigned long inode, flags;
    FILE *file;

    snprintf(table, sizeof table, "/proc/%.20s/net/unix", process->number);
    file = fopen(table, "re");
    if (!file)
        return;
    while (fgets(line, sizeof line, file))
        /* NOLINTNEXTLINE(cert-err34-c): the kernel's own numbers */
        if (sscanf(line, "%*s %*s %*s %lx %*s %*s %lu %255[^\n]", &flags,
                   &inode, path) == 3 &&
            flags == 0x10000 && path[0] == '/' && has(process, inode))
            consider(process, path);
    fclose(file);
}

static int connect_to_process(const char *number)
{
    struct process *process = calloc(1, sizeof *process);
    int fd = -1;

    if (!process) {
        cli_complain(CLI_FAILED, "no memory");
        return -1;
    }
    process->number = number;
    if (!list_sockets(process))
        cli_complain(CLI_FAILED, "cannot look at process %s: %s", number,
                     strerror(errno));
    else if (find_listening(process), process->candidates == 0)
        cli_complain(CLI_FAILED,
                     "process %s does not serve: it has to call "
                     "green_debug_serve, or to be started with "
                     "GREENHUB_DEBUG=serve",
                     number);
    else if (process->candidates > 1 && !process->by_name)
        cli_complain(CLI_FAILED,
                     "process %s has several sockets; give the path of the "
                     "right one, such as %s",
                     number, process->found);
    else
        fd = connect_to(process->found);
    free(process);
    return fd;
}

int cli_ask_connect(const char *target)
{
    const char *c;

    for (c = target; isdigit((unsigned char)*c); c++)
        ;
    if (c > target && *c == '\0')
        return connect_to_process(target);
    return connect_to(strncmp(target, "unix:", 5) == 0 ? target + 5 : target);
}
