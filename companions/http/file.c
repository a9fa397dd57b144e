/* Files as responses: RFC 9110's conditional requests (13) and ranges (14). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "http.h"

static int refuse(int error)
{
    errno = error;
    return -1;
}

int green_http_sendfile(struct green_http *http, int fd, off_t offset,
                        size_t size)
{
    if (!http)
        return refuse(EINVAL);
    if (green_http_flush(http) < 0)
        return -1;
    if (http->has_length && size > http->length - http->written)
        return refuse(EMSGSIZE);
    if (size > 0 && http->end != GREEN__HTTP_BODILESS &&
        http->transport->send_file(http, fd, offset, size) < 0)
        return -1;
    http->written += size;
    return 0;
}

/* ---- Conditions ------------------------------------------------------------------ */

struct file {
    int fd;
    off_t size;
    struct timespec changed;
    char tag[64];                /* with its quotes */
    char date[GREEN__HTTP_DATE]; /* Last-Modified */
    off_t first, count;          /* of the range */
};

/* Whether a list of entity tags has this one; `weak`: or a weak one like it. */
static bool lists_tag(const char *list, const char *tag, bool weak)
{
    size_t length = strlen(tag);

    for (list += strspn(list, " \t,"); *list; list += strspn(list, " \t,")) {
        bool is_weak = strncmp(list, "W/", 2) == 0;
        const char *end;

        if (*list == '*')
            return true;
        list += is_weak ? 2 : 0;
        end = *list == '"' ? strchr(list + 1, '"') : NULL;
        if (!end)
            return false;
        if ((weak || !is_weak) && (size_t)(end + 1 - list) == length &&
            memcmp(list, tag, length) == 0)
            return true;
        list = end + 1;
    }
    return false;
}

/* RFC 9110, 13.2.2. Returns 0: go on, or the status that answers. */
static int check_conditions(const struct green_http *http,
                            const struct file *file)
{
    const char *match = green_http_header(http, "If-Match");
    const char *unchanged = green_http_header(http, "If-Unmodified-Since");
    const char *none = green_http_header(http, "If-None-Match");
    const char *changed = green_http_header(http, "If-Modified-Since");
    time_t when;

    if (match) {
        if (!lists_tag(match, file->tag, false))
            return 412;
    } else if (unchanged && green__http_date_parse(unchanged, &when) &&
               file->changed.tv_sec > when) {
        return 412;
    }
    if (none)
        return lists_tag(none, file->tag, true) ? 304 : 0;
    if (changed && green__http_date_parse(changed, &when) &&
        file->changed.tv_sec <= when)
        return 304;
    return 0;
}

/* ---- Ranges ------------------------------------------------------------------------ */

/* Whether If-Range says that the client's part is of this file. */
static bool is_the_same(const struct green_http *http, const struct file *file)
{
    const char *range = green_http_header(http, "If-Range");

    if (!range)
        return true;
    if (*range == '"')
        return strcmp(range, file->tag) == 0;
    return strcmp(range, file->date) == 0;
}

/* Reads digits. Returns whether there are some; if not, *value stays. */
static bool number(const char **text, off_t *value)
{
    const char *at = *text;
    off_t found = 0;

    for (; *at >= '0' && *at <= '9'; at++)
        found = found > (INT64_MAX - 9) / 10 ? INT64_MAX - 9
                                             : 10 * found + (*at - '0');
    if (at == *text)
        return false;
    *text = at;
    *value = found;
    return true;
}

/*
 * Takes one range. A server may ignore what it does not want to do: that are
 * several ranges, and what is not valid. Returns the status: 200, 206 or 416.
 */
static int choose_range(const struct green_http *http, struct file *file)
{
    const char *text = green_http_header(http, "Range");
    off_t first = 0, last = INT64_MAX - 9;
    bool has_first;

    if (!text || strncasecmp(text, "bytes=", 6) != 0 ||
        !is_the_same(http, file))
        return 200;
    text += 6;
    has_first = number(&text, &first);
    if (*text++ != '-')
        return 200;
    if (!number(&text, &last) && !has_first)
        return 200;
    if (*text != '\0' || (has_first && last < first))
        return 200;
    if (!has_first) { /* the last bytes */
        first = last < file->size ? file->size - last : 0;
        if (last == 0)
            return 416;
        last = file->size - 1;
    }
    if (first >= file->size)
        return 416;
    file->first = first;
    file->count = (last < file->size ? last + 1 : file->size) - first;
    return 206;
}

/* ---- The response --------------------------------------------------------------------- */

static int describe(int fd, struct file *file)
{
    struct stat status;

    if (fstat(fd, &status) < 0)
        return -1;
    if (!S_ISREG(status.st_mode))
        return refuse(EINVAL);
    *file = (struct file){.fd = fd,
                          .size = status.st_size,
                          .changed = status.st_mtim,
                          .count = status.st_size};
    snprintf(file->tag, sizeof file->tag, "\"%llx-%llx\"",
             (unsigned long long)status.st_size,
             (unsigned long long)status.st_mtim.tv_sec * 1000000000 +
                 (unsigned long long)status.st_mtim.tv_nsec);
    green__http_date_print(file->date, status.st_mtim.tv_sec);
    return 0;
}

static int refuse_method(struct green_http *http)
{
    if (green_http_add(http, "Allow", "GET, HEAD") < 0)
        return -1;
    return green_http_error(http, 405);
}

static int refuse_range(struct green_http *http, const struct file *file)
{
    char range[64];

    snprintf(range, sizeof range, "bytes */%lld", (long long)file->size);
    if (green_http_add(http, "Content-Range", range) < 0)
        return -1;
    return green_http_error(http, 416);
}

static int send_range(struct green_http *http, const struct file *file)
{
    char text[96];

    if (http->status == 206) {
        snprintf(
            text, sizeof text, "bytes %lld-%lld/%lld", (long long)file->first,
            (long long)(file->first + file->count - 1), (long long)file->size);
        if (green_http_add(http, "Content-Range", text) < 0)
            return -1;
    }
    snprintf(text, sizeof text, "%lld", (long long)file->count);
    if (green_http_add(http, "Content-Length", text) < 0)
        return -1;
    return green_http_sendfile(http, file->fd, file->first,
                               (size_t)file->count);
}

int green_http_file(struct green_http *http, int fd, const char *type)
{
    struct file file;
    int status;

    if (!http)
        return refuse(EINVAL);
    if (strcmp(http->method, "GET") != 0 && !http->is_head)
        return refuse_method(http);
    if (describe(fd, &file) < 0)
        return -1;
    status = check_conditions(http, &file);
    if (status == 412)
        return green_http_error(http, 412);
    if (green_http_add(http, "Last-Modified", file.date) < 0 ||
        green_http_add(http, "ETag", file.tag) < 0)
        return -1;
    if (status == 304)
        return green_http_status(http, 304);
    /* RFC 9110, 14.2: Range is for GET alone. */
    status = http->is_head ? 200 : choose_range(http, &file);
    if (green_http_add(http, "Accept-Ranges", "bytes") < 0)
        return -1;
    if (status == 416)
        return refuse_range(http, &file);
    if (green_http_status(http, status) < 0 ||
        (type && green_http_add(http, "Content-Type", type) < 0))
        return -1;
    return send_range(http, &file);
}
