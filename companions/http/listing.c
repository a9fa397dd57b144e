/* The page of a folder: links to what is in it, by name. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "http.h"

/* ---- Texts in a page ------------------------------------------------------------- */

static int print_text(struct green_http *http, const char *text)
{
    for (; *text; text++) {
        const char *mark = strchr("&<>\"'", *text);
        int result = mark ? green_http_print(http, "&#%d;", *mark)
                          : green_http_write(http, text, 1);

        if (result < 0)
            return -1;
    }
    return 0;
}

/* As a relative link: a name with a colon is not a scheme. */
static int print_link(struct green_http *http, const char *name)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";

    if (green_http_write(http, "./", 2) < 0)
        return -1;
    for (; *name; name++) {
        int result = strchr(plain, *name)
                         ? green_http_write(http, name, 1)
                         : green_http_print(http, "%%%02X",
                                            (unsigned)(unsigned char)*name);

        if (result < 0)
            return -1;
    }
    return 0;
}

static int print_begin(struct green_http *http)
{
    if (green_http_add(http, "Content-Type", "text/html; charset=utf-8") < 0 ||
        green_http_print(http, "<!doctype html><meta name=viewport "
                               "content=\"width=device-width\"><title>") < 0 ||
        print_text(http, green_http_path(http)) < 0 ||
        green_http_print(http, "</title><style>body{font-family:sans-serif}"
                               "td{padding:0 1em}</style><h1>") < 0 ||
        print_text(http, green_http_path(http)) < 0)
        return -1;
    return green_http_print(http, "</h1><table>\n%s",
                            strcmp(green_http_path(http), "/") == 0
                                ? ""
                                : "<tr><td><a href=\"../\">../</a>\n");
}

/* ---- Entries ------------------------------------------------------------------------ */

struct place {
    int root, fd;
    const char *path;
};

/* What a link leads to counts, if it may be served. */
static int look(const struct place *place, const char *name,
                struct stat *status)
{
    char path[PATH_MAX];
    int fd, result;

    if (fstatat(place->fd, name, status, AT_SYMLINK_NOFOLLOW) < 0)
        return -1;
    if (!S_ISLNK(status->st_mode))
        return 0;
    if (snprintf(path, sizeof path, "%s/%s", place->path, name) >=
        (int)sizeof path)
        return -1;
    fd = green__http_open_beneath(place->root, path);
    if (fd < 0)
        return -1;
    result = fstat(fd, status);
    close(fd);
    return result;
}

static int print_entry(struct green_http *http, const struct place *place,
                       const char *name)
{
    struct stat status;
    struct tm parts = {0};
    char when[32];
    const char *end;

    if (look(place, name, &status) < 0 ||
        !(S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)))
        return 0; /* is not served */
    end = S_ISDIR(status.st_mode) ? "/" : "";
    gmtime_r(&status.st_mtim.tv_sec, &parts);
    strftime(when, sizeof when, "%Y-%m-%d %H:%M", &parts);
    if (green_http_print(http, "<tr><td><a href=\"") < 0 ||
        print_link(http, name) < 0 ||
        green_http_print(http, "%s\">", end) < 0 ||
        print_text(http, name) < 0 ||
        green_http_print(http, "%s</a><td>%s", end, when) < 0)
        return -1;
    if (*end)
        return green_http_print(http, "\n");
    return green_http_print(http, "<td align=right>%lld\n",
                            (long long)status.st_size);
}

/* ---- The names ------------------------------------------------------------------- */

struct names {
    char **name;
    size_t count, room;
};

static void free_names(struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->name[i]);
    free(names->name);
}

static int add_name(struct names *names, const char *name)
{
    if (names->count == names->room) {
        size_t room = names->room ? 2 * names->room : 64;
        char **larger = realloc(names->name, room * sizeof *larger);

        if (!larger)
            return -1;
        names->name = larger;
        names->room = room;
    }
    names->name[names->count] = strdup(name);
    return names->name[names->count++] ? 0 : -1;
}

static bool is_listed(const char *name, bool dot_files)
{
    return name[0] != '.' ||
           (dot_files && strcmp(name, ".") != 0 && strcmp(name, "..") != 0);
}

/* Returns 0, or -1. */
static int read_names(DIR *folder, bool dot_files, struct names *names)
{
    const struct dirent *entry;
    int result = 0;

    for (errno = 0; result == 0 && (entry = readdir(folder)) != NULL; errno = 0)
        if (is_listed(entry->d_name, dot_files))
            result = add_name(names, entry->d_name);
    return errno ? -1 : result;
}

static int by_name(const void *left, const void *right)
{
    return strcoll(*(char *const *)left, *(char *const *)right);
}

/* In order. Like scandirat, which glibc alone has. Returns 0, or -1. */
static int find_names(int fd, bool dot_files, struct names *names)
{
    int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = own >= 0 ? fdopendir(own) : NULL;
    int result;

    if (!folder) {
        if (own >= 0)
            close(own);
        return -1;
    }
    result = read_names(folder, dot_files, names);
    closedir(folder);
    if (result == 0 && names->count > 0)
        qsort(names->name, names->count, sizeof *names->name, by_name);
    return result;
}

int green__http_list(struct green_http *http, int root, const char *path,
                     int fd, bool dot_files)
{
    struct place place = {.root = root, .fd = fd, .path = path};
    struct names names = {0};
    int result = print_begin(http);

    if (find_names(fd, dot_files, &names) < 0)
        result = -1;
    for (size_t i = 0; i < names.count && result == 0; i++)
        result = print_entry(http, &place, names.name[i]);
    free_names(&names);
    return result < 0 ? -1 : green_http_print(http, "</table>\n");
}
