/*
 * Addresses: the parser accepts or refuses any text; a socket address that the
 * library can format parses to the same address again.
 *
 * The first byte chooses the test: if it is even, the rest is a text; if odd,
 * the rest is the bytes of a socket address.
 */
#include <string.h>

#include "fuzz.h"
#include "net/address.h"

static void check_parsed(const struct green__address *address)
{
    char text[sizeof "unix://" + sizeof address->local.at];
    struct green__address again;

    if (address->scheme != GREEN__UNIX) {
        must(address->host[0] != '\0');
        must(memchr(address->host, '\0', sizeof address->host) != NULL);
        return;
    }
    must(address->local.length <= sizeof(struct sockaddr_un));
    must(green__address_format(&address->local, text, sizeof text) > 0);
    must(green__address_parse(text, &again) == 0);
    must(again.local.length == address->local.length);
    must(memcmp(&again.local.at, &address->local.at, again.local.length) == 0);
}

static void parse(const uint8_t *data, size_t size)
{
    char *text = text_of(data, size);
    struct green__address address;

    if (green__address_parse(text, &address) == 0)
        check_parsed(&address);
    free(text);
}

static void check_written(const struct green__endpoint *endpoint,
                          const char *text)
{
    struct green__address address;

    if (strcmp(text, "unix://") == 0)
        return; /* a socket without a name */
    must(green__address_parse(text, &address) == 0);
    if (endpoint->at.any.sa_family == AF_INET)
        must(address.port == ntohs(endpoint->at.v4.sin_port));
    if (endpoint->at.any.sa_family == AF_INET6)
        must(address.port == ntohs(endpoint->at.v6.sin6_port));
    if (endpoint->at.any.sa_family == AF_UNIX)
        must(!endpoint->at.local.sun_path[0] ==
             !address.local.at.local.sun_path[0]);
}

/* An endpoint as getsockname fills it, no longer than the input. */
static void format(const uint8_t *data, size_t size)
{
    struct green__endpoint endpoint = {.length = (socklen_t)size};
    char room[256], *text;
    size_t length;
    int written;

    if (size > sizeof(struct sockaddr_un))
        return;
    memcpy(&endpoint.at, data, size);
    written = green__address_format(&endpoint, room, sizeof room);
    if (written < 0)
        return;
    must(strlen(room) == (size_t)written);
    check_written(&endpoint, room);

    /* With one byte less it does not fit. */
    length = (size_t)written;
    text = malloc(length + 1);
    must(text != NULL);
    must(green__address_format(&endpoint, text, length + 1) == written);
    must(length == 0 || green__address_format(&endpoint, text, length) < 0);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (data[0] % 2 == 0)
        parse(data + 1, size - 1);
    else
        format(data + 1, size - 1);
    return 0;
}
