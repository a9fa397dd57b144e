/* Which proxy a URL goes by: the client's, or what the environment says. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "client.h"

struct green__http_proxies {
    struct green__http_url http, https; /* text NULL: none */
    char *except;
};

void green__http_proxies_free(struct green__http_proxies *proxies)
{
    if (!proxies)
        return;
    green__http_url_free(&proxies->http);
    green__http_url_free(&proxies->https);
    free(proxies->except);
    free(proxies);
}

/* ---- Where they are named ---------------------------------------------------- */

/* A variable in lower case, else in capitals; but HTTP_PROXY of a CGI program is what
 * a client has sent as field Proxy. */
static const char *variable(const char *lower, const char *upper)
{
    const char *value = getenv(lower);

    if ((!value || !*value) && upper)
        value = getenv(upper);
    return value && *value ? value : NULL;
}

/* Also HOST:PORT, as curl has it. */
static int parse(struct green__http_url *url, const char *text)
{
    char *whole;
    int result;

    if (!text)
        return 0;
    if (strstr(text, "://"))
        result = green__http_url_parse(url, text);
    else if (asprintf(&whole, "http://%s", text) < 0)
        return -1;
    else {
        result = green__http_url_parse(url, whole);
        free(whole);
    }
    if (result == 0 && url->tls) {
        green__http_url_free(url);
        errno = EPROTONOSUPPORT;
        return -1;
    }
    return result;
}

static int read_environment(struct green__http_proxies *proxies)
{
    const char *all = variable("all_proxy", "ALL_PROXY");
    const char *http = variable("http_proxy", NULL);
    const char *https = variable("https_proxy", "HTTPS_PROXY");
    const char *except = variable("no_proxy", "NO_PROXY");

    proxies->except = strdup(except ? except : "");
    if (!proxies->except || parse(&proxies->http, http ? http : all) < 0 ||
        parse(&proxies->https, https ? https : all) < 0)
        return -1;
    return 0;
}

static int read_option(struct green__http_proxies *proxies, const char *proxy)
{
    proxies->except = strdup("");
    if (!proxies->except || !*proxy)
        return proxies->except ? 0 : -1;
    return parse(&proxies->http, proxy) < 0 || parse(&proxies->https, proxy) < 0
               ? -1
               : 0;
}

struct green__http_proxies *green__http_proxies_create(const char *proxy)
{
    struct green__http_proxies *proxies = calloc(1, sizeof *proxies);
    int error;

    if (!proxies)
        return NULL;
    if ((proxy ? read_option(proxies, proxy) : read_environment(proxies)) == 0)
        return proxies;
    error = errno;
    green__http_proxies_free(proxies);
    errno = error;
    return NULL;
}

/* ---- no_proxy ------------------------------------------------------------------- */

/* Takes "ADDRESS/BITS" apart. Returns the bits, or -1. */
static long parse_network(const char *network, int family,
                          unsigned char begin[16])
{
    const char *slash = strchr(network, '/');
    char text[INET6_ADDRSTRLEN], *end;
    long bits;

    if (!slash || (size_t)(slash - network) >= sizeof text)
        return -1;
    memcpy(text, network, (size_t)(slash - network));
    text[slash - network] = '\0';
    bits = strtol(slash + 1, &end, 10);
    if (*end != '\0' || end == slash + 1 || bits < 0 ||
        bits > (family == AF_INET ? 32 : 128) ||
        inet_pton(family, text, begin) != 1)
        return -1;
    return bits;
}

static bool is_in_network(const char *host, const char *network)
{
    int family = strchr(host, ':') ? AF_INET6 : AF_INET;
    unsigned char address[16], begin[16];
    long bits = parse_network(network, family, begin);
    size_t whole = (size_t)bits / 8;

    if (bits < 0 || inet_pton(family, host, address) != 1)
        return false;
    return memcmp(address, begin, whole) == 0 &&
           (bits % 8 == 0 ||
            ((address[whole] ^ begin[whole]) & (0xff00 >> bits % 8)) == 0);
}

/* The name, or a domain that it is in. */
static bool is_in_domain(const char *host, const char *domain)
{
    size_t size = strlen(host), length;

    domain += *domain == '.';
    length = strlen(domain);
    return length > 0 && size >= length &&
           strcasecmp(host + size - length, domain) == 0 &&
           (size == length || host[size - length - 1] == '.');
}

static bool matches(const struct green__http_url *url, char *word)
{
    char *port = strrchr(word, ':');

    if (strcmp(word, "*") == 0)
        return true;
    if (strchr(word, '/'))
        return is_in_network(url->host, word);
    if (*word == '[') {
        word++;
        word[strcspn(word, "]")] = '\0';
        return strcasecmp(word, url->host) == 0;
    }
    if (port && strchr(word, ':') == port) {
        *port++ = '\0';
        if (strtoul(port, NULL, 10) != url->port)
            return false;
    }
    return is_in_domain(url->host, word);
}

static bool is_excepted(const char *list, const struct green__http_url *url)
{
    char word[256];

    while (*list) {
        size_t length;

        list += strspn(list, ", \t");
        length = strcspn(list, ", \t");
        if (length > 0 && length < sizeof word) {
            memcpy(word, list, length);
            word[length] = '\0';
            if (matches(url, word))
                return true;
        }
        list += length;
    }
    return false;
}

const struct green__http_url *
green__http_proxy_for(const struct green__http_proxies *proxies,
                      const struct green__http_url *url)
{
    const struct green__http_url *proxy =
        url->tls ? &proxies->https : &proxies->http;

    if (!proxy->text || is_excepted(proxies->except, url))
        return NULL;
    return proxy;
}

/* ---- Passwords --------------------------------------------------------------------- */

char *green__http_basic(const char *user)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnop"
                                 "qrstuvwxyz0123456789+/=";
    size_t size = strlen(user);
    char *text = malloc(7 + (size + 2) / 3 * 4), *to = text;

    if (!text)
        return NULL;
    to += sprintf(to, "Basic ");
    for (size_t i = 0; i < size; i += 3) {
        unsigned left = size - i < 3 ? (unsigned)(size - i) : 3, three = 0;

        for (unsigned j = 0; j < 3; j++)
            three = three << 8 | (j < left ? (unsigned char)user[i + j] : 0);
        for (unsigned j = 0; j < 4; j++)
            *to++ = digits[j > left ? 64 : three >> (18 - 6 * j) & 63];
    }
    *to = '\0';
    return text;
}
