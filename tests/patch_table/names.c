/* Names and addresses, of what needs no server: numbers, and this host. */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>

#include "table.h"

static void found(const char *node, const char *service,
                  const struct addrinfo *hints)
{
    struct addrinfo *list = NULL;
    struct sockaddr_in *first;
    int result;

    begin();
    result = getaddrinfo(node, service, hints, &list);
    say("%s", result ? gai_strerror(result) : "found");
    if (!list)
        return;
    first = (struct sockaddr_in *)(void *)list->ai_addr;
    say("%d %d %x %d", list->ai_family, list->ai_socktype,
        list->ai_family == AF_INET ? first->sin_addr.s_addr : 0,
        ntohs(first->sin_port));
    freeaddrinfo(list);
}

static void addresses(void)
{
    const struct addrinfo stream = {.ai_socktype = SOCK_STREAM,
                                    .ai_family = AF_INET},
                          number = {.ai_flags = AI_NUMERICHOST},
                          wrong = {.ai_flags = -1}, kind = {.ai_family = 77};

    found("127.0.0.1", "80", &stream);
    found(NULL, "80", &stream);
    found("localhost", "80", &stream);
    found("not a number", "80", &number);
    found("127.0.0.1", "no such service", &stream);
    found("::1", "80", &stream);
    found("127.0.0.1", NULL, &wrong);
    found("127.0.0.1", NULL, &kind);
    found(NULL, NULL, NULL);
}

static void names(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(80)};
    char host[64] = "", service[64] = "";

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    said_error(getnameinfo((struct sockaddr *)&at, sizeof at, host, sizeof host,
                           service, sizeof service,
                           NI_NUMERICHOST | NI_NUMERICSERV) == 0
                   ? 0
                   : EINVAL);
    say("%s %s", host, service);
    said(getnameinfo((struct sockaddr *)&at, sizeof at, host, 2, NULL, 0,
                     NI_NUMERICHOST));
    said(getnameinfo((struct sockaddr *)&at, 1, host, sizeof host, NULL, 0, 0));
    said(getnameinfo((struct sockaddr *)&at, sizeof at, NULL, 0, NULL, 0, 0));
}

static void said_host(const struct hostent *host)
{
    if (host)
        say("%s %d %d", inet_ntoa(*(struct in_addr *)host->h_addr_list[0]),
            host->h_addrtype, host->h_length);
    else
        say("none, %d", h_errno);
}

static void hosts(void)
{
    said_host(gethostbyname("127.0.0.2"));
    said_host(gethostbyname("localhost"));
}

static void hosts_of_family(void)
{
    said_host(gethostbyname2("127.0.0.2", AF_INET));
    said_host(gethostbyname2("127.0.0.2", 77));
}

static void hosts_by_address(void)
{
    struct in_addr at = {htonl(INADDR_LOOPBACK)};

    said_host(gethostbyaddr(&at, sizeof at, AF_INET));
    said_host(gethostbyaddr(&at, sizeof at, 77));
}

static void said_entry(int result, const struct hostent *host, int error)
{
    say("%d", result);
    if (host)
        said_host(host);
    else
        say("none, %d", error);
}

static void reentrant_hosts(void)
{
    struct hostent entry, *host = NULL;
    char text[1024];
    int error = 0;

    said_entry(
        gethostbyname_r("127.0.0.2", &entry, text, sizeof text, &host, &error),
        host, error);
    said_entry(gethostbyname_r("127.0.0.2", &entry, text, 4, &host, &error),
               host, error);
}

static void reentrant_hosts_of_family(void)
{
    struct hostent entry, *host = NULL;
    char text[1024];
    int error = 0;

    said_entry(gethostbyname2_r("127.0.0.2", AF_INET, &entry, text, sizeof text,
                                &host, &error),
               host, error);
}

static void reentrant_hosts_by_address(void)
{
    struct in_addr at = {htonl(INADDR_LOOPBACK)};
    struct hostent entry, *host = NULL;
    char text[1024];
    int error = 0;

    said_entry(gethostbyaddr_r(&at, sizeof at, AF_INET, &entry, text,
                               sizeof text, &host, &error),
               host, error);
}

static const struct row rows[] = {
    {"getaddrinfo", "numbers and this host", addresses},
    {"getnameinfo", "numbers", names},
    {"gethostbyname", "a number, this host", hosts},
    {"gethostbyname2", "a number", hosts_of_family},
    {"gethostbyaddr", "this host", hosts_by_address},
    {"gethostbyname_r", "a number, too little room", reentrant_hosts},
    {"gethostbyname2_r", "a number", reentrant_hosts_of_family},
    {"gethostbyaddr_r", "this host", reentrant_hosts_by_address},
};

void add_names(void)
{
    add_rows(rows, COUNT(rows));
}
