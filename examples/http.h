/* What the crawlers share: one page over plain HTTP. */
#ifndef EXAMPLES_HTTP_H
#define EXAMPLES_HTTP_H

#include <greenhub.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Reads to the end, into memory that is to be freed. NULL with errno. */
static char *read_all(int fd)
{
    size_t size = 4096, length = 0;
    char *text = malloc(size + 1), *larger;
    ssize_t n = -1;

    while (text && (n = green_read(fd, text + length, size - length)) > 0) {
        length += (size_t)n;
        if (length < size)
            continue;
        larger = realloc(text, (size *= 2) + 1);
        if (!larger)
            free(text);
        text = larger;
    }
    if (text && n == 0) {
        text[length] = '\0';
        return text;
    }
    free(text);
    return NULL;
}

/* Cuts the head off an answer. NULL and EPROTO if it says no. */
static char *body_of(char *answer)
{
    char *body = strstr(answer, "\r\n\r\n");
    int status = 0;

    if (body && sscanf(answer, "HTTP/1.%*d %d", &status) == 1 && status == 200)
        return memmove(answer, body + 4, strlen(body + 4) + 1);
    free(answer);
    errno = EPROTO;
    return NULL;
}

/*
 * The page at "http://HOST:PORT/PATH", to be freed. NULL with errno: as green_dial,
 * green_read and green_write, EINVAL for another kind of URL, EPROTO if the server
 * says no.
 */
static char *http_get(const char *url)
{
    char host[256], address[300], request[1400], *answer;
    int fd, error, end = 0;

    if (sscanf(url, "http://%255[^/ ]%n", host, &end) != 1 ||
        strlen(url + end) > 1000) {
        errno = EINVAL;
        return NULL;
    }
    snprintf(address, sizeof address, "tcp://%s%s", host,
             strchr(host, ':') ? "" : ":80");
    snprintf(request, sizeof request, "GET %s HTTP/1.0\r\nHost: %s\r\n\r\n",
             url[end] ? url + end : "/", host);
    fd = green_dial(address);
    if (fd < 0)
        return NULL;
    answer =
        green_write_all(fd, request, strlen(request)) < 0 ? NULL : read_all(fd);
    error = errno;
    green_close(fd);
    errno = error;
    return answer ? body_of(answer) : NULL;
}

#endif
