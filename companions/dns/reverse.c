#include "reverse.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "channel.h"

struct green__dns_reverse {
    struct green__dns *dns;
    struct green_socket_address address;
    bool asked, left; /* left: who asked does not wait any more */
    struct green_event answered;
    int error;
    char name[NI_MAXHOST];
    TAILQ_ENTRY(green__dns_reverse) link;
};

static void drop(struct green__dns_reverse *it)
{
    TAILQ_REMOVE(&it->dns->reverses, it, link);
    free(it);
}

static void finish(struct green__dns_reverse *it, int error)
{
    it->error = error;
    if (it->left)
        drop(it);
    else
        green_event_send(&it->answered, NULL);
}

static void found(void *arg, int status, int timeouts, struct hostent *host)
{
    struct green__dns_reverse *it = arg;

    (void)timeouts;
    if (it->dns->ended)
        return;
    if (status == ARES_SUCCESS && host && host->h_name)
        snprintf(it->name, sizeof it->name, "%s", host->h_name);
    finish(it, green__dns_error_of(status));
}

static void ask(struct green__dns_reverse *it)
{
    bool is_v6 = it->address.at.any.sa_family == AF_INET6;

    it->asked = true;
    ares_gethostbyaddr(it->dns->channel,
                       is_v6 ? (void *)&it->address.at.v6.sin6_addr
                             : (void *)&it->address.at.v4.sin_addr,
                       is_v6 ? 16 : 4, is_v6 ? AF_INET6 : AF_INET, found, it);
}

void green__dns_reverse_all(struct green__dns *dns, int status)
{
    struct green__dns_reverse *it, *next;

    for (it = TAILQ_FIRST(&dns->reverses); it; it = next) {
        next = TAILQ_NEXT(it, link);
        if (it->asked)
            continue;
        if (status == ARES_SUCCESS)
            ask(it);
        else
            finish(it, green__dns_error_of(status));
    }
}

void green__dns_reverse_end(struct green__dns *dns)
{
    struct green__dns_reverse *it, *next;

    for (it = TAILQ_FIRST(&dns->reverses); it; it = next) {
        next = TAILQ_NEXT(it, link);
        drop(it);
    }
}

static int wait_for(struct green__dns_reverse *it, char *name, size_t size)
{
    int error;

    if (green_event_wait(&it->answered, NULL) < 0) {
        it->left = true;
        return -1;
    }
    error = it->error;
    if (!error && strlen(it->name) >= size)
        error = ENOSPC;
    if (!error)
        memcpy(name, it->name, strlen(it->name) + 1);
    drop(it);
    errno = error;
    return error ? -1 : 0;
}

int green__dns_look_up_name(struct green__dns *dns,
                            const struct green_socket_address *address,
                            char *name, size_t size)
{
    struct green__dns_reverse *it = calloc(1, sizeof *it);

    if (!it) {
        errno = ENOMEM;
        return -1;
    }
    green__dns_check_files(dns);
    it->dns = dns;
    it->address = *address;
    TAILQ_INSERT_TAIL(&dns->reverses, it, link);
    green__dns_call(dns);
    return wait_for(it, name, size);
}
