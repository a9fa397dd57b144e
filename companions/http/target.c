/* The four forms of a request's target: RFC 9112, 3.2. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "http.h"

/* ---- Authorities ------------------------------------------------------------ */

static bool is_port(const char *text)
{
    size_t length = strspn(text, "0123456789");

    return length <= 5 && text[length] == '\0' &&
           strtoul(text, NULL, 10) <= 65535;
}

/* [ADDRESS] and what follows, or NULL. */
static const char *after_address(const char *text)
{
    const char *end = strchr(text, ']');
    char address[INET6_ADDRSTRLEN];
    struct in6_addr binary;
    size_t length;

    if (!end)
        return NULL;
    length = (size_t)(end - text - 1);
    if (length >= sizeof address)
        return NULL;
    memcpy(address, text + 1, length);
    address[length] = '\0';
    return inet_pton(AF_INET6, address, &binary) == 1 ? end + 1 : NULL;
}

/* The bytes of a name: RFC 3986's reg-name, without what no host has. */
static size_t name_length(const char *text)
{
    return strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                        "0123456789-._~%!$&'()*+,;=");
}

bool green__http_is_authority(const char *text)
{
    const char *end = text;

    if (*text == '[')
        end = after_address(text);
    else
        end += name_length(text);
    if (!end || end == text)
        return false;
    return *end == '\0' || (*end == ':' && is_port(end + 1));
}

/* ---- Targets ------------------------------------------------------------------- */

/* Printable ASCII, without a fragment. */
static bool is_visible(const char *text)
{
    for (; *text; text++)
        if (*text <= ' ' || *text >= 0x7f || *text == '#')
            return false;
    return true;
}

/* Sets path and query. */
static int split(struct green_http *http, const char *text)
{
    const char *target = http->base + http->target;
    const size_t room = strlen(text) + 2;
    char *mark;

    http->query = "";
    if (text == target && !strchr(text, '?'))
        return 0;
    http->path = malloc(room);
    if (!http->path)
        return 503;
    /* An absolute target may have no path. */
    snprintf(http->path, room, "%s%s", *text == '/' || *text == '*' ? "" : "/",
             text);
    mark = strchr(http->path, '?');
    if (!mark)
        return 0;
    *mark = '\0';
    http->query = mark + 1;
    return 0;
}

/* http://HOST/PATH: the host counts, and not the field. */
static int split_absolute(struct green_http *http, const char *text)
{
    size_t length = strcspn(text, "/?");

    http->authority = strndup(text, length);
    if (!http->authority)
        return 503;
    if (!green__http_is_authority(http->authority))
        return 400;
    http->host = http->authority;
    return split(http, text + length);
}

int green__http_target_check(struct green_http *http)
{
    const char *target = http->base + http->target;

    if (!is_visible(target))
        return 400;
    if (strcmp(http->method, "CONNECT") == 0) {
        const char *port = strrchr(target, ':');

        if (!port || port[1] == '\0' || !green__http_is_authority(target))
            return 400;
        http->host = target;
        http->path = calloc(1, 1);
        http->query = "";
        return http->path ? 0 : 503;
    }
    if (*target == '/')
        return split(http, target);
    if (strncasecmp(target, "http://", 7) == 0)
        return split_absolute(http, target + 7);
    if (strncasecmp(target, "https://", 8) == 0)
        return split_absolute(http, target + 8);
    if (strcmp(target, "*") == 0 && strcmp(http->method, "OPTIONS") == 0)
        return split(http, target);
    return 400;
}

/* ---- What handlers see ------------------------------------------------------------ */

const char *green_http_method(const struct green_http *http)
{
    return http->method ? http->method : "";
}

const char *green_http_target(const struct green_http *http)
{
    return http->version ? http->base + http->target : "";
}

const char *green_http_path(const struct green_http *http)
{
    return http->path ? http->path : green_http_target(http);
}

const char *green_http_query(const struct green_http *http)
{
    return http->query ? http->query : "";
}

const char *green_http_host(const struct green_http *http)
{
    return http->host ? http->host : "";
}

int green_http_version(const struct green_http *http)
{
    return http->version;
}

const char *green_http_peer(const struct green_http *http)
{
    return http->connection->peer;
}

struct green_stream *green_http_stream(const struct green_http *http)
{
    return http->connection->stream;
}

static int digit(char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    byte |= 0x20;
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

ssize_t green_http_decode(char *text)
{
    const char *from = text;
    char *to = text;

    if (!text)
        goto invalid;
    for (; *from; from++) {
        if (*from != '%') {
            *to++ = *from;
            continue;
        }
        if (digit(from[1]) < 0 || digit(from[2]) < 0)
            goto invalid;
        *to++ = (char)(16 * digit(from[1]) + digit(from[2]));
        from += 2;
    }
    *to = '\0';
    return to - text;

invalid:
    errno = EINVAL;
    return -1;
}
