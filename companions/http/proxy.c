/* The PROXY protocol, versions 1 and 2: a proxy says who the client is. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http.h"

static const char signature[12] = "\r\n\r\n\0\r\nQUIT\n";

/* Reads exactly `size` bytes: nothing beyond the header must be taken. */
static int read_exactly(struct green__http_connection *connection, void *bytes,
                        size_t size, green_time deadline)
{
    size_t done = 0;

    while (done < size) {
        green_time left = deadline - green_now();
        ssize_t n = green__http_input(connection, (char *)bytes + done,
                                      size - done, left > 0 ? left : 1);

        if (n <= 0)
            return -1;
        done += (size_t)n;
    }
    return 0;
}

/* ---- Version 1 ------------------------------------------------------------------ */

static bool is_port(const char *text)
{
    return *text && strspn(text, "0123456789") == strlen(text) &&
           strlen(text) <= 5 && strtoul(text, NULL, 10) <= 65535;
}

/* "PROXY TCP4 SOURCE DESTINATION PORT PORT". */
static int take_line(struct green__http_connection *connection,
                     const char *line)
{
    char family[5], from[48], to[48], port[8], to_port[8];
    unsigned char binary[16];
    int end = 0;

    if (strcmp(line, "PROXY UNKNOWN") == 0 ||
        strncmp(line, "PROXY UNKNOWN ", 14) == 0)
        return 0; /* the address of the connection itself counts */
    if (sscanf(line, "PROXY %4s %47s %47s %7s %7s%n", family, from, to, port,
               to_port, &end) != 5 ||
        line[end] != '\0' || !is_port(port) || !is_port(to_port))
        return -1;
    if (strcmp(family, "TCP4") == 0 && inet_pton(AF_INET, from, binary) == 1)
        snprintf(connection->peer, sizeof connection->peer, "tcp://%s:%s", from,
                 port);
    else if (strcmp(family, "TCP6") == 0 &&
             inet_pton(AF_INET6, from, binary) == 1)
        snprintf(connection->peer, sizeof connection->peer, "tcp://[%s]:%s",
                 from, port);
    else
        return -1;
    return 0;
}

/* The line has at most 107 bytes, of which `size` are there. */
static int read_line(struct green__http_connection *connection, char *line,
                     size_t size, green_time deadline)
{
    while (size < 107) {
        if (read_exactly(connection, line + size, 1, deadline) < 0)
            return -1;
        size++;
        if (line[size - 1] != '\n')
            continue;
        if (line[size - 2] != '\r')
            return -1;
        line[size - 2] = '\0';
        if (strlen(line) != size - 2)
            return -1;
        return take_line(connection, line);
    }
    return -1;
}

/* ---- Version 2 -------------------------------------------------------------------- */

static void take_binary(struct green__http_connection *connection, int family,
                        const unsigned char *bytes, size_t size)
{
    char text[INET6_ADDRSTRLEN];

    if (family == 0x11 && size >= 12)
        snprintf(connection->peer, sizeof connection->peer, "tcp://%s:%d",
                 inet_ntop(AF_INET, bytes, text, sizeof text),
                 bytes[8] << 8 | bytes[9]);
    else if (family == 0x21 && size >= 36)
        snprintf(connection->peer, sizeof connection->peer, "tcp://[%s]:%d",
                 inet_ntop(AF_INET6, bytes, text, sizeof text),
                 bytes[32] << 8 | bytes[33]);
}

/* Behind the signature: version and command, family, length. */
static int read_binary(struct green__http_connection *connection,
                       green_time deadline)
{
    unsigned char head[4], rest[2048];
    size_t size;

    if (read_exactly(connection, head, sizeof head, deadline) < 0)
        return -1;
    size = (size_t)(head[2] << 8 | head[3]);
    if (head[0] >> 4 != 2 || (head[0] & 15) > 1 || size > sizeof rest ||
        read_exactly(connection, rest, size, deadline) < 0)
        return -1;
    if ((head[0] & 15) == 1) /* 0: the proxy speaks for itself */
        take_binary(connection, head[1], rest, size);
    return 0;
}

int green__http_proxy_read(struct green__http_connection *connection)
{
    green_time deadline =
        green_after(connection->config->options.header_timeout);
    char line[108];

    if (read_exactly(connection, line, sizeof signature, deadline) < 0)
        return -1;
    if (memcmp(line, signature, sizeof signature) == 0)
        return read_binary(connection, deadline);
    if (memcmp(line, "PROXY ", 6) != 0)
        return -1;
    return read_line(connection, line, sizeof signature, deadline);
}
