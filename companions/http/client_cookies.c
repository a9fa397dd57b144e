/* Cookies: RFC 6265, in memory. There is no list of public suffixes here: a Domain
 * of one label is refused, and more is not known. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "client.h"

#define MOST_COOKIES 300
#define MOST_SIZE 4096

struct cookie {
    struct cookie *next; /* in the order in which they came */
    char *name, *value, *domain, *path;
    bool only_host; /* not for what is below the domain */
    bool secure;
    bool lasts;
    time_t until;
};

struct green__http_jar {
    struct cookie *first;
    size_t count;
};

static void free_cookie(struct cookie *cookie)
{
    free(cookie->name);
    free(cookie->value);
    free(cookie->domain);
    free(cookie->path);
    free(cookie);
}

struct green__http_jar *green__http_jar_create(void)
{
    return calloc(1, sizeof(struct green__http_jar));
}

void green__http_jar_free(struct green__http_jar *jar)
{
    while (jar && jar->first) {
        struct cookie *next = jar->first->next;

        free_cookie(jar->first);
        jar->first = next;
    }
    free(jar);
}

/* ---- Which are sent -------------------------------------------------------------- */

static bool is_numeric(const char *host)
{
    return strchr(host, ':') || host[strspn(host, "0123456789.")] == '\0';
}

static bool is_below(const char *host, const char *domain)
{
    size_t size = strlen(host), length = strlen(domain);

    if (strcasecmp(host, domain) == 0)
        return true;
    return size > length && host[size - length - 1] == '.' &&
           strcasecmp(host + size - length, domain) == 0 && !is_numeric(host);
}

static bool path_matches(const char *path, const char *prefix)
{
    size_t length = strlen(prefix);

    return strncmp(path, prefix, length) == 0 &&
           (prefix[length - 1] == '/' || strchr("/?", path[length]));
}

static bool is_for(const struct cookie *cookie,
                   const struct green__http_url *url)
{
    if (cookie->lasts && cookie->until <= time(NULL))
        return false;
    if (cookie->secure && !url->tls)
        return false;
    if (cookie->only_host ? strcasecmp(url->host, cookie->domain) != 0
                          : !is_below(url->host, cookie->domain))
        return false;
    return path_matches(url->target, cookie->path);
}

int green__http_jar_add(const struct green__http_jar *jar,
                        const struct green__http_url *url,
                        struct green__http_text *text)
{
    const char *before = "Cookie: ";

    for (const struct cookie *one = jar->first; one; one = one->next) {
        if (!is_for(one, url))
            continue;
        if (green__http_text_put(text, before) < 0 ||
            green__http_text_put(text, one->name) < 0 ||
            green__http_text_put(text, "=") < 0 ||
            green__http_text_put(text, one->value) < 0)
            return -1;
        before = "; ";
    }
    return *before == ';' ? green__http_text_put(text, "\r\n") : 0;
}

/* ---- Which are kept ----------------------------------------------------------------- */

/* A part of the field without the blanks around it; NULL: no memory. */
static char *trimmed(const char *text, size_t length)
{
    while (length > 0 && strchr(" \t", *text))
        text++, length--;
    while (length > 0 && strchr(" \t", text[length - 1]))
        length--;
    return strndup(text, length);
}

/* The folder of a target: RFC 6265, 5.1.4. */
static char *usual_path(const char *target)
{
    size_t length = strcspn(target, "?");

    while (length > 1 && target[length - 1] != '/')
        length--;
    return strndup(target, length > 1 ? length - 1 : 1);
}

/* Also with '-' for blanks, as Netscape had it. */
static void take_expires(struct cookie *cookie, char *value)
{
    char *comma = strchr(value, ',');

    if (comma && strlen(comma) > 9 && comma[4] == '-' && comma[8] == '-' &&
        strspn(comma + 9, "0123456789") == 4)
        comma[4] = comma[8] = ' ';
    if (green__http_date_parse(value, &cookie->until))
        cookie->lasts = true;
}

static void take_max_age(struct cookie *cookie, const char *value)
{
    long seconds = strtol(value, NULL, 10);
    time_t now = time(NULL);

    if (*value != '-' && (*value < '0' || *value > '9'))
        return;
    cookie->lasts = true;
    if (seconds <= 0)
        cookie->until = 0;
    else
        cookie->until = seconds < INT32_MAX ? now + seconds : now + INT32_MAX;
}

static void replace(char **text, char *with)
{
    free(*text);
    *text = with;
}

/* Returns false if the cookie is to be refused. */
static bool take_attribute(struct cookie *cookie, const char *name, char *value,
                           bool *has_age)
{
    if (strcasecmp(name, "Secure") == 0) {
        cookie->secure = true;
    } else if (strcasecmp(name, "Max-Age") == 0) {
        take_max_age(cookie, value);
        *has_age = true;
    } else if (strcasecmp(name, "Expires") == 0 && !*has_age) {
        take_expires(cookie, value);
    } else if (strcasecmp(name, "Path") == 0 && *value == '/') {
        replace(&cookie->path, strdup(value));
        return cookie->path != NULL;
    } else if (strcasecmp(name, "Domain") == 0 && *value) {
        value += *value == '.';
        if (!is_below(cookie->domain, value) ||
            (!strchr(value, '.') && strcasecmp(value, cookie->domain) != 0))
            return false;
        replace(&cookie->domain, strdup(value));
        cookie->only_host = false;
        return cookie->domain != NULL;
    }
    return true;
}

static bool take_attributes(struct cookie *cookie, const char *text)
{
    bool has_age = false, good = true;

    while (*text == ';' && good) {
        size_t length = strcspn(++text, ";"), middle = strcspn(text, "=;");
        size_t begin = middle < length ? middle + 1 : length;
        char *name = trimmed(text, middle);
        char *value = trimmed(text + begin, length - begin);

        good = name && value && take_attribute(cookie, name, value, &has_age);
        free(name);
        free(value);
        text += length;
    }
    return good;
}

/* NULL: it is to be refused. */
static struct cookie *parse(const char *text, const struct green__http_url *url)
{
    size_t length = strcspn(text, ";"), middle = strcspn(text, "=;");
    struct cookie *cookie;

    if (middle == 0 || middle >= length || length > MOST_SIZE)
        return NULL;
    cookie = calloc(1, sizeof *cookie);
    if (!cookie)
        return NULL;
    cookie->only_host = true;
    cookie->name = trimmed(text, middle);
    cookie->value = trimmed(text + middle + 1, length - middle - 1);
    cookie->domain = strdup(url->host);
    cookie->path = usual_path(url->target);
    if (cookie->name && *cookie->name && cookie->value && cookie->domain &&
        cookie->path && take_attributes(cookie, text + length) &&
        (!cookie->secure || url->tls))
        return cookie;
    free_cookie(cookie);
    return NULL;
}

static bool is_same(const struct cookie *left, const struct cookie *right)
{
    return strcmp(left->name, right->name) == 0 &&
           strcmp(left->path, right->path) == 0 &&
           strcasecmp(left->domain, right->domain) == 0;
}

static void remove_at(struct green__http_jar *jar, struct cookie **place)
{
    struct cookie *cookie = *place;

    *place = cookie->next;
    free_cookie(cookie);
    jar->count--;
}

static void keep(struct green__http_jar *jar, struct cookie *cookie)
{
    struct cookie **place = &jar->first;

    while (*place) {
        if (is_same(*place, cookie))
            remove_at(jar, place);
        else
            place = &(*place)->next;
    }
    *place = cookie;
    jar->count++;
    if (jar->count > MOST_COOKIES)
        remove_at(jar, &jar->first);
}

void green__http_jar_take(struct green__http_jar *jar,
                          const struct green__http_url *url,
                          const struct green_http *in)
{
    const char *name, *value;

    for (size_t i = 0; green_http_header_at(in, i, &name, &value); i++) {
        struct cookie *cookie =
            strcasecmp(name, "Set-Cookie") == 0 ? parse(value, url) : NULL;

        if (cookie)
            keep(jar, cookie);
    }
}
