/* Fields: those of a request, and those that a response gets. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "http.h"

int green__http_text_add(struct green__http_text *text, const char *bytes,
                         size_t size, size_t most)
{
    if (size > most - text->size) {
        errno = EMSGSIZE;
        return -1;
    }
    if (size > text->room - text->size) {
        size_t room = 2 * (text->size + size) + 128;
        char *larger = realloc(text->bytes, room);

        if (!larger)
            return -1;
        text->bytes = larger;
        text->room = room;
    }
    if (size > 0)
        memcpy(text->bytes + text->size, bytes, size);
    text->size += size;
    return 0;
}

/* ---- Words ---------------------------------------------------------------- */

static bool is_token_byte(unsigned char byte)
{
    return (byte >= '0' && byte <= '9') ||
           ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z') ||
           (byte != '\0' && strchr("!#$%&'*+-.^_`|~", byte));
}

bool green__http_is_token(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!is_token_byte((unsigned char)text[i]))
            return false;
    return length > 0;
}

bool green__http_list_has(const char *list, const char *word)
{
    size_t length = strlen(word);

    while (*list) {
        size_t size;

        list += strspn(list, " \t,");
        size = strcspn(list, ", \t");
        if (size == length && strncasecmp(list, word, length) == 0)
            return true;
        list += strcspn(list, ",");
    }
    return false;
}

static bool is_one_of(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (strcasecmp(*names, name) == 0)
            return true;
    return false;
}

/* RFC 9110, 6.5.1. */
bool green__http_may_trail(const char *name)
{
    static const char *const names[] = {"Age",
                                        "Authorization",
                                        "Cache-Control",
                                        "Connection",
                                        "Content-Encoding",
                                        "Content-Length",
                                        "Content-Range",
                                        "Content-Type",
                                        "Cookie",
                                        "Date",
                                        "Expect",
                                        "Expires",
                                        "Host",
                                        "If-Match",
                                        "If-Modified-Since",
                                        "If-None-Match",
                                        "If-Range",
                                        "If-Unmodified-Since",
                                        "Keep-Alive",
                                        "Location",
                                        "Max-Forwards",
                                        "Pragma",
                                        "Proxy-Authorization",
                                        "Range",
                                        "Retry-After",
                                        "Set-Cookie",
                                        "TE",
                                        "Trailer",
                                        "Transfer-Encoding",
                                        "Upgrade",
                                        "Vary",
                                        "WWW-Authenticate",
                                        NULL};

    return !is_one_of(name, names);
}

/* ---- The request's ------------------------------------------------------------ */

const char *green_http_header(const struct green_http *http, const char *name)
{
    size_t length = name ? strlen(name) : 0;

    for (unsigned i = 0; i < http->field_count && name; i++) {
        const struct green__http_field *field = &http->field[i];

        if (field->name_length == length &&
            strcasecmp(http->base + field->name, name) == 0)
            return http->base + field->value;
    }
    return NULL;
}

bool green__http_field_has(const struct green_http *http, const char *name,
                           const char *word)
{
    const char *other, *value;

    for (size_t i = 0; green_http_header_at(http, i, &other, &value); i++)
        if (strcasecmp(other, name) == 0 && green__http_list_has(value, word))
            return true;
    return false;
}

bool green_http_header_at(const struct green_http *http, size_t index,
                          const char **name, const char **value)
{
    if (index >= http->field_count || http->refused == 431)
        return false;
    *name = http->base + http->field[index].name;
    *value = http->base + http->field[index].value;
    return true;
}

/* ---- The response's ------------------------------------------------------------- */

/* Also a line end in a value would begin another field. */
bool green__http_is_value(const char *value)
{
    for (; *value; value++)
        if (((unsigned char)*value < ' ' && *value != '\t') || *value == 0x7f)
            return false;
    return true;
}

static int add(struct green__http_text *text, const char *name,
               const char *value)
{
    size_t sizes[] = {strlen(name), 2, strlen(value), 2};
    const char *parts[] = {name, ": ", value, "\r\n"};
    size_t before = text->size;

    for (int i = 0; i < 4; i++) {
        if (green__http_text_add(text, parts[i], sizes[i],
                                 GREEN__HTTP_HEAD_MOST) < 0) {
            text->size = before;
            return -1;
        }
    }
    return 0;
}

static int refuse(int error)
{
    errno = error;
    return -1;
}

/* Notes a Content-Length. */
static int take_length(struct green_http *http, const char *value)
{
    char *end;

    errno = 0;
    if (http->has_length || *value < '0' || *value > '9')
        return refuse(EINVAL);
    http->length = strtoull(value, &end, 10);
    if (*end != '\0' || errno != 0)
        return refuse(EINVAL);
    http->has_length = true;
    return 0;
}

bool green__http_text_has(const struct green__http_text *fields,
                          const char *name)
{
    size_t length = strlen(name);

    for (size_t at = 0; at < fields->size;) {
        const char *line = fields->bytes + at;

        if (strncasecmp(line, name, length) == 0 && line[length] == ':')
            return true;
        at +=
            (size_t)((char *)memchr(line, '\n', fields->size - at) - line) + 1;
    }
    return false;
}

int green_http_add(struct green_http *http, const char *name, const char *value)
{
    static const char *const own[] = {"Connection",        "Keep-Alive",
                                      "Transfer-Encoding", "Trailer",
                                      "Upgrade",           NULL};

    if (!http || !name || !value || !green__http_is_token(name, strlen(name)) ||
        !green__http_is_value(value) || is_one_of(name, own))
        return refuse(EINVAL);
    if (http->head_sent)
        return refuse(EBUSY);
    /* It is sent behind the others, once it is known to be the right one. */
    if (strcasecmp(name, "Content-Length") == 0)
        return take_length(http, value);
    if (add(&http->fields, name, value) < 0)
        return -1;
    http->has_date |= strcasecmp(name, "Date") == 0;
    return 0;
}

int green_http_add_trailer(struct green_http *http, const char *name,
                           const char *value)
{
    if (!http || !name || !value || !green__http_is_token(name, strlen(name)) ||
        !green__http_is_value(value) || !green__http_may_trail(name))
        return refuse(EINVAL);
    return add(&http->trailer_fields, name, value);
}
