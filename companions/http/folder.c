/* The files of a folder. What a path names is opened by openat2(2), which leads
 * nowhere else; where the kernel lacks it, no symbolic link is followed. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "http.h"

struct green_http_folder {
    int fd;
    char *index;
    bool list, dot_files, prepared;
};

/* ---- Opening --------------------------------------------------------------------- */

#define HOW (O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)

/* One name after the other. */
static int open_by_names(int folder, const char *path)
{
    char name[NAME_MAX + 1];
    int fd = folder, next;

    do {
        size_t length = strcspn(path, "/");

        if (length > NAME_MAX) {
            errno = ENAMETOOLONG;
            return -1;
        }
        memcpy(name, path, length);
        name[length] = '\0';
        path += length + strspn(path + length, "/");
        next = openat(fd, name, HOW | O_NOFOLLOW | (*path ? O_DIRECTORY : 0));
        if (fd != folder)
            close(fd);
        fd = next;
    } while (fd >= 0 && *path);
    return fd;
}

int green__http_open_beneath(int folder, const char *path)
{
    struct open_how how = {
        .flags = HOW,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };
    int fd;

    do
        fd = (int)syscall(SYS_openat2, folder, path, &how, sizeof how);
    while (fd < 0 && errno == EAGAIN); /* something was renamed meanwhile */
    return fd < 0 && errno == ENOSYS ? open_by_names(folder, path) : fd;
}

/* ---- Paths ----------------------------------------------------------------------- */

/*
 * Decodes a path into what is below the folder: "." for "/". Returns NULL if it
 * names nothing that is served.
 */
static char *below(const struct green_http_folder *folder, const char *path)
{
    char *copy = strdup(path + strspn(path, "/"));
    ssize_t length = copy ? green_http_decode(copy) : -1;
    const char *name = copy;

    if (length < 0 || (size_t)length != strlen(copy) || *copy == '/')
        goto none;
    for (; name; name = strchr(name, '/')) {
        name += *name == '/';
        if (strcmp(name, "..") == 0 || strncmp(name, "../", 3) == 0 ||
            (*name == '.' && !folder->dot_files))
            goto none;
    }
    if (length == 0) {
        free(copy);
        return strdup(".");
    }
    return copy;

none:
    free(copy);
    return NULL;
}

/* ---- Prepared files ---------------------------------------------------------------- */

/* Whether Accept-Encoding names a coding, and not with "q=0". */
static bool accepts(const struct green_http *http, const char *coding)
{
    const char *list = green_http_header(http, "Accept-Encoding");
    size_t length = strlen(coding);

    while (list && *list) {
        const char *end, *q;

        list += strspn(list, " \t,");
        end = list + strcspn(list, ",");
        if (strncasecmp(list, coding, length) == 0 &&
            strchr(",; \t", list[length])) {
            q = strstr(list, "q=");
            return !q || q > end || strtod(q + 2, NULL) > 0;
        }
        list = end;
    }
    return false;
}

/* Opens PATH.br and the like, or returns -1. */
static int open_prepared(const struct green_http_folder *folder,
                         const struct green_http *http, const char *path,
                         const struct stat *plain, const char **coding)
{
    static const char *const kinds[][2] = {
        {"br", "br"}, {"zstd", "zst"}, {"gzip", "gz"}};
    char name[PATH_MAX];
    struct stat status;

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        int fd;

        *coding = kinds[i][0];
        if (!accepts(http, *coding) ||
            snprintf(name, sizeof name, "%s.%s", path, kinds[i][1]) >=
                (int)sizeof name)
            continue;
        fd = green__http_open_beneath(folder->fd, name);
        if (fd < 0)
            continue;
        if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
            status.st_mtim.tv_sec >= plain->st_mtim.tv_sec)
            return fd;
        close(fd);
    }
    return -1;
}

static int send_prepared(const struct green_http_folder *folder,
                         struct green_http *http, int fd, const char *path,
                         const struct stat *status)
{
    const char *type = green__http_type_of(path), *coding;
    int prepared, result, error;

    if (!type)
        type = "application/octet-stream";
    if (!folder->prepared)
        return green_http_file(http, fd, type);
    if (green_http_add(http, "Vary", "Accept-Encoding") < 0)
        return -1;
    prepared = open_prepared(folder, http, path, status, &coding);
    if (prepared < 0)
        return green_http_file(http, fd, type);
    result = green_http_add(http, "Content-Encoding", coding);
    if (result == 0)
        result = green_http_file(http, prepared, type);
    error = errno;
    close(prepared);
    errno = error;
    return result;
}

/* ---- Folders within --------------------------------------------------------------------- */

/* Sends a client that left the last '/' out to the path with it, so that the
 * links of the page work. */
static int add_slash(struct green_http *http)
{
    const char *path = green_http_path(http);
    const char *query = green_http_query(http);
    size_t room = strlen(path) + strlen(query) + 3;
    char *target = malloc(room);
    int result;

    if (!target)
        return -1;
    /* "//host" would be a link to another server. */
    path += strspn(path, "/") - 1;
    snprintf(target, room, "%s/%s%s", path, *query ? "?" : "", query);
    result = green_http_add(http, "Location", target);
    free(target);
    return result < 0 ? -1 : green_http_error(http, 301);
}

static int send_within(const struct green_http_folder *folder,
                       struct green_http *http, int fd, const char *path)
{
    const char *sent = green_http_path(http);
    char name[PATH_MAX];
    struct stat status;
    int index, result;

    if (sent[strlen(sent) - 1] != '/')
        return add_slash(http);
    if (snprintf(name, sizeof name, "%s/%s", path, folder->index) >=
        (int)sizeof name)
        return green_http_error(http, 404);
    index = green__http_open_beneath(folder->fd, name);
    if (index >= 0 && fstat(index, &status) == 0 && S_ISREG(status.st_mode)) {
        result = send_prepared(folder, http, index, name, &status);
        close(index);
        return result;
    }
    if (index >= 0)
        close(index);
    if (!folder->list)
        return green_http_error(http, 403);
    return green__http_list(http, folder->fd, path, fd, folder->dot_files);
}

static int send_error(struct green_http *http, int error)
{
    switch (error) {
    case EACCES:
    case EPERM:
        return green_http_error(http, 403);
    case EMFILE:
    case ENFILE:
    case ENOMEM:
        return green_http_error(http, 503);
    default: /* a link that leads out (EXDEV) is none, too */
        return green_http_error(http, 404);
    }
}

static int send_path(const struct green_http_folder *folder,
                     struct green_http *http, const char *path)
{
    int fd = green__http_open_beneath(folder->fd, path), result, error;
    struct stat status;

    if (fd < 0)
        return send_error(http, errno);
    if (fstat(fd, &status) < 0)
        result = send_error(http, errno);
    else if (S_ISDIR(status.st_mode))
        result = send_within(folder, http, fd, path);
    else if (S_ISREG(status.st_mode))
        result = send_prepared(folder, http, fd, path, &status);
    else
        result = green_http_error(http, 404);
    error = errno;
    close(fd);
    errno = error;
    return result;
}

int green_http_folder_handler(struct green_http *http, void *arg)
{
    const struct green_http_folder *folder = arg;
    char *path;
    int result, error;

    if (!http || !folder) {
        errno = EINVAL;
        return -1;
    }
    if (strcmp(http->method, "GET") != 0 && !http->is_head) {
        if (green_http_add(http, "Allow", "GET, HEAD") < 0)
            return -1;
        return green_http_error(http, 405);
    }
    if (*green_http_path(http) != '/')
        return green_http_error(http, 404);
    path = below(folder, green_http_path(http));
    if (!path)
        return green_http_error(http, 404);
    result = send_path(folder, http, path);
    error = errno;
    free(path);
    errno = error;
    return result;
}

/* ---- Their life ---------------------------------------------------------------------------- */

struct green_http_folder *
green_http_folder_open(const char *path,
                       const struct green_http_folder_options *options)
{
    static const struct green_http_folder_options defaults;
    struct green_http_folder *folder;

    if (!options)
        options = &defaults;
    for (size_t i = 0; i < 4; i++)
        if (options->reserved[i] != 0)
            path = NULL;
    if (!path) {
        errno = EINVAL;
        return NULL;
    }
    folder = calloc(1, sizeof *folder);
    if (!folder)
        return NULL;
    folder->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    folder->index = strdup(options->index ? options->index : "index.html");
    folder->list = options->list;
    folder->dot_files = options->dot_files;
    folder->prepared = options->prepared;
    if (folder->fd >= 0 && folder->index)
        return folder;
    green_http_folder_close(folder);
    return NULL;
}

void green_http_folder_close(struct green_http_folder *folder)
{
    int error = errno;

    if (!folder)
        return;
    if (folder->fd >= 0)
        close(folder->fd);
    free(folder->index);
    free(folder);
    errno = error;
}
