/*
 * Uploads with progress: PUT writes the body to a file of a folder, as it comes, and GET of
 * /progress says how far each upload is. A file appears when it is whole.
 *
 *     http_upload tcp://127.0.0.1:8080 FOLDER
 *     curl -T film.mp4 http://127.0.0.1:8080/film.mp4
 *     curl http://127.0.0.1:8080/progress
 */
#include <greenhub.h>
#include <greenhub/http.h>

#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MOST ((uint64_t)16 << 30)

static struct upload {
    struct upload *next;
    const char *name;
    unsigned long long got;
    long long size; /* -1: not known */
} * uploads;

static int copy(struct green_http *http, struct upload *upload, int fd)
{
    char bytes[16384];
    ssize_t n;

    while ((n = green_http_read(http, bytes, sizeof bytes)) > 0) {
        if (green_write_all(fd, bytes, (size_t)n) < 0)
            return -1;
        upload->got += (unsigned long long)n;
    }
    return (int)n;
}

static int put(struct green_http *http, int folder, const char *name)
{
    struct upload upload = {uploads, name, 0, green_http_length(http)};
    struct upload **link = &uploads;
    char part[300];
    int fd, result;

    snprintf(part, sizeof part, ".%.250s.part", name);
    fd = openat(folder, part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0)
        return green_http_error(http, 409);
    uploads = &upload;
    green_http_limit_body(http, MOST);
    result = copy(http, &upload, fd);
    while (*link != &upload)
        link = &(*link)->next;
    *link = upload.next;
    if (green_close(fd) < 0 || result < 0 ||
        renameat(folder, part, folder, name) < 0) {
        unlinkat(folder, part, 0);
        return -1;
    }
    return green_http_reply(http, 201, NULL, "", 0);
}

static int handle(struct green_http *http, void *folder)
{
    const char *name = green_http_path(http) + 1;

    if (strcmp(name, "progress") == 0) {
        for (struct upload *one = uploads; one; one = one->next)
            green_http_print(http, "%s %llu %lld\n", one->name, one->got,
                             one->size);
        return 0;
    }
    if (strcmp(green_http_method(http), "PUT") != 0)
        return green_http_error(http, 405);
    if (!*name || *name == '.' || strpbrk(name, "/%"))
        return green_http_error(http, 403);
    return put(http, *(int *)folder, name);
}

int main(int argc, char **argv)
{
    char address[128];
    int listener, folder;
    struct green_http_options options = {.arg = &folder};

    if (argc != 3)
        errx(2, "usage: http_upload ADDRESS FOLDER");
    folder = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        err(1, "%s", argv[2]);
    listener = green_listen(argv[1], NULL);
    if (listener < 0)
        errx(1, "%s", green_net_error());
    green_local_address(listener, address, sizeof address);
    printf("listening on %s\n", address);
    fflush(stdout);
    if (green_http_serve(listener, handle, &options) < 0)
        errx(1, "%s", green_net_error());
    return 0;
}
