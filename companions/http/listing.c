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

static int is_plain(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int is_real(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

int green__http_list(struct green_http *http, int root, const char *path,
                     int fd, bool dot_files)
{
    struct place place = {.root = root, .fd = fd, .path = path};
    struct dirent **entries;
    int result = print_begin(http);
    int count =
        scandirat(fd, ".", &entries, dot_files ? is_real : is_plain, alphasort);

    if (count < 0)
        return -1;
    for (int i = 0; i < count; i++) {
        if (result == 0)
            result = print_entry(http, &place, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return result < 0 ? -1 : green_http_print(http, "</table>\n");
}
