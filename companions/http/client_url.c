/* URLs of http and https, and references to them: RFC 3986. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "client.h"

static int refuse(int error)
{
    errno = error;
    return -1;
}

void green__http_url_free(struct green__http_url *url)
{
    free(url->user);
    free(url->host);
    free(url->authority);
    free(url->target);
    free(url->text);
    *url = (struct green__http_url){0};
}

/* ---- Parts -------------------------------------------------------------------- */

static const char *after_scheme(struct green__http_url *url, const char *text)
{
    url->tls = strncasecmp(text, "https://", 8) == 0;
    url->port = url->tls ? 443 : 80;
    if (url->tls)
        return text + 8;
    if (strncasecmp(text, "http://", 7) == 0)
        return text + 7;
    errno = strstr(text, "://") ? EPROTONOSUPPORT : EINVAL;
    return NULL;
}

/* HOST or HOST:PORT, in memory that this takes apart. */
static int split_authority(struct green__http_url *url, char *text)
{
    char *port = strrchr(text, ':'), *host = text;

    for (char *at = text; *at; at++)
        if (*at >= 'A' && *at <= 'Z')
            *at = (char)(*at + ('a' - 'A'));
    if (!green__http_is_authority(text) || strpbrk(text, "%!$&'()*+,;="))
        return refuse(EINVAL);
    if (port && !strchr(port, ']')) {
        *port++ = '\0';
        if (*port)
            url->port = (unsigned)strtoul(port, NULL, 10);
        if (url->port == 0)
            return refuse(EINVAL);
    }
    if (*host == '[') {
        host++;
        host[strlen(host) - 1] = '\0';
    }
    url->host = strdup(host);
    return url->host ? 0 : -1;
}

static int take_authority(struct green__http_url *url, const char *text,
                          size_t length)
{
    char *copy = strndup(text, length), *at, *host = copy;
    int result;

    if (!copy)
        return -1;
    at = strrchr(copy, '@');
    if (at) {
        *at = '\0';
        host = at + 1;
        url->user = strdup(copy);
        if (!url->user || green_http_decode(url->user) < 0) {
            free(copy);
            return -1;
        }
    }
    result = split_authority(url, host);
    free(copy);
    return result;
}

static int take_target(struct green__http_url *url, const char *text)
{
    size_t length = strcspn(text, "#"), room = length + 2;

    for (size_t i = 0; i < length; i++)
        if (text[i] <= ' ' || text[i] >= 0x7f)
            return refuse(EINVAL);
    url->target = malloc(room);
    if (!url->target)
        return -1;
    snprintf(url->target, room, "%s%.*s", *text == '/' ? "" : "/", (int)length,
             text);
    return 0;
}

/* Puts together what is sent as Host, and what the program sees. */
static int print_parts(struct green__http_url *url)
{
    bool is_usual = url->port == (url->tls ? 443u : 80u);
    bool is_address = strchr(url->host, ':') != NULL;
    char port[8] = "";

    if (!is_usual)
        snprintf(port, sizeof port, ":%u", url->port);
    if (asprintf(&url->authority, "%s%s%s%s", is_address ? "[" : "", url->host,
                 is_address ? "]" : "", port) < 0) {
        url->authority = NULL;
        return refuse(ENOMEM);
    }
    if (asprintf(&url->text, "http%s://%s%s", url->tls ? "s" : "",
                 url->authority, url->target) < 0) {
        url->text = NULL;
        return refuse(ENOMEM);
    }
    return 0;
}

int green__http_url_parse(struct green__http_url *url, const char *text)
{
    size_t length;
    int error;

    *url = (struct green__http_url){0};
    text = after_scheme(url, text);
    if (!text)
        return -1;
    length = strcspn(text, "/?#");
    if (take_authority(url, text, length) == 0 &&
        take_target(url, text + length) == 0 && print_parts(url) == 0)
        return 0;
    error = errno;
    green__http_url_free(url);
    return refuse(error);
}

/* ---- References ----------------------------------------------------------------- */

/* Servers send blanks and UTF-8 in Location, which browsers escape. */
static char *escape(const char *text)
{
    char *escaped = malloc(3 * strlen(text) + 1), *to = escaped;

    if (!escaped)
        return NULL;
    for (; *text; text++) {
        unsigned char byte = (unsigned char)*text;

        if (byte > ' ' && byte < 0x7f)
            *to++ = *text;
        else
            to += sprintf(to, "%%%02X", byte);
    }
    *to = '\0';
    return escaped;
}

static bool has_scheme(const char *text)
{
    size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz"
                                 "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");

    return length > 0 && text[length] == ':';
}

/* Removes what a segment of ".." cancels, and "."; RFC 3986, 5.2.4. The path
 * begins with '/'. */
static void remove_dots(char *path)
{
    char *from = path, *to = path, *query = path + strcspn(path, "?#");

    while (from < query) {
        size_t length = 1 + strcspn(from + 1, "/?#");
        bool is_last = from + length == query;

        if (length == 3 && memcmp(from, "/..", 3) == 0) {
            while (to > path && *--to != '/')
                ;
        } else if (length != 2 || memcmp(from, "/.", 2) != 0) {
            memmove(to, from, length);
            to += length;
            is_last = false;
        }
        if (is_last)
            *to++ = '/';
        from += length;
    }
    memmove(to, query, strlen(query) + 1);
}

/* How much of the base's target stands before a reference. */
static size_t kept_length(const char *target, const char *reference)
{
    size_t path = strcspn(target, "?");

    if (*reference == '/')
        return 0;
    if (*reference == '?')
        return path;
    if (*reference == '#' || !*reference)
        return strlen(target);
    while (path > 0 && target[path - 1] != '/')
        path--;
    return path;
}

static char *combine(const struct green__http_url *base, const char *reference)
{
    const char *scheme = base->tls ? "https" : "http";
    char *all, *path;

    if (has_scheme(reference))
        return strdup(reference);
    if (strncmp(reference, "//", 2) == 0)
        return asprintf(&all, "%s:%s", scheme, reference) < 0 ? NULL : all;
    if (asprintf(&all, "%s://%s%.*s%s", scheme, base->authority,
                 (int)kept_length(base->target, reference), base->target,
                 reference) < 0)
        return NULL;
    path = all + strlen(scheme) + 3 + strlen(base->authority);
    remove_dots(path);
    return all;
}

int green__http_url_resolve(struct green__http_url *url,
                            const struct green__http_url *base,
                            const char *location)
{
    char *escaped = escape(location), *all = NULL;
    int result = -1, error;

    *url = (struct green__http_url){0};
    if (escaped)
        all = combine(base, escaped);
    if (all)
        result = green__http_url_parse(url, all);
    else
        errno = ENOMEM;
    error = errno;
    free(escaped);
    free(all);
    errno = error;
    return result;
}
