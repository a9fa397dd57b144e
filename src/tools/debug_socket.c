#include "tools/debug_socket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/environment.h"
#include "base/own_descriptor.h"
#include "base/self.h"
#include "base/system.h"

#define BACKLOG 16
#define SCHEME "unix:"

/* ---- Descriptors ----------------------------------------------------- */

struct green__descriptor_id green__descriptor_own(int fd)
{
    struct green__descriptor_id id = {.fd = green__own_descriptor(fd)};
    struct stat status;

    if (fd >= 0 && fstat(id.fd, &status) == 0) {
        id.device = status.st_dev;
        id.number = status.st_ino;
    }
    return id;
}

bool green__descriptor_is_ours(const struct green__descriptor_id *id)
{
    struct stat status;

    return id->fd >= 0 && fstat(id->fd, &status) == 0 &&
           status.st_dev == id->device && status.st_ino == id->number;
}

void green__descriptor_end(struct green__descriptor_id *id)
{
    if (id->fd < 0)
        return;
    green__own_descriptor_forget(id->fd);
    if (green__descriptor_is_ours(id))
        green__system.close(id->fd);
    id->fd = -1;
}

/* ---- The path -------------------------------------------------------- */

static int default_path(char *path, size_t size)
{
    const char *folder = green__getenv("XDG_RUNTIME_DIR");

    return snprintf(path, size, "%s/greenhub-%d.sock",
                    folder && *folder == '/' ? folder : "/tmp", getpid());
}

int green__debug_path(const char *where, char *path, size_t size)
{
    int length;

    if (strncmp(where, SCHEME, strlen(SCHEME)) != 0)
        return green__refuse(EINVAL);
    where += strlen(SCHEME);
    length =
        *where ? snprintf(path, size, "%s", where) : default_path(path, size);
    if (length < 0 || (size_t)length >= size)
        return green__refuse(EINVAL);
    return 0;
}

/* ---- The socket ------------------------------------------------------ */

/* Whether nobody listens at what is our own socket there. */
static bool is_left_behind(const struct sockaddr_un *address)
{
    struct stat status;
    bool refused;
    int fd;

    if (lstat(address->sun_path, &status) < 0 || !S_ISSOCK(status.st_mode) ||
        status.st_uid != geteuid())
        return false;
    fd = green__system.socket(AF_UNIX,
                              SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return false;
    refused = green__system.connect(fd, (const struct sockaddr *)address,
                                    sizeof *address) < 0 &&
              errno == ECONNREFUSED;
    green__system.close(fd);
    return refused;
}

static int bind_to(int fd, const struct sockaddr_un *address)
{
    const struct sockaddr *any = (const struct sockaddr *)address;

    if (bind(fd, any, sizeof *address) == 0)
        return 0;
    if (errno != EADDRINUSE)
        return -1;
    if (!is_left_behind(address))
        return green__refuse(EADDRINUSE);
    if (unlink(address->sun_path) < 0)
        return -1;
    return bind(fd, any, sizeof *address);
}

/* The file gets the mode that the socket has before bind. */
int green__debug_listen(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd, error;

    if (strlen(path) >= sizeof address.sun_path)
        return green__refuse(EINVAL);
    memcpy(address.sun_path, path, strlen(path) + 1);
    fd = green__system.socket(AF_UNIX,
                              SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    if (fchmod(fd, S_IRUSR | S_IWUSR) == 0 && bind_to(fd, &address) == 0 &&
        listen(fd, BACKLOG) == 0)
        return fd;
    error = errno;
    green__system.close(fd);
    return green__refuse(error);
}

bool green__debug_is_allowed(int fd)
{
    struct ucred peer;
    socklen_t size = sizeof peer;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
        return false;
    return peer.uid == geteuid() || peer.uid == 0;
}
