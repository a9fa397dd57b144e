#include "question.h"

#include <arpa/nameser.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "channel.h"
#include "reply.h"

/* The cache is cleared when the file changes. */
#define HOSTS_TTL (60 * GREEN_SEC)

static void finish(struct green__dns_entry *entry, green_time ttl)
{
    green__dns_cache_keep(&entry->dns->cache, entry, ttl);
    green_event_send(&entry->answered, NULL);
    green__dns_entry_release(entry);
}

/* ---- The file of hosts -------------------------------------------------- */

struct hosts_answer {
    struct green__dns_entry *entry;
    int status;
};

static size_t count_family(const struct ares_addrinfo_node *at, int family)
{
    size_t count = 0;

    for (; at; at = at->ai_next)
        count += at->ai_family == family;
    return count;
}

static void take(struct green__dns_entry *entry,
                 const struct ares_addrinfo *found)
{
    size_t count = count_family(found->nodes, entry->family);

    if (found->cnames && found->cnames->name)
        strncpy(entry->canonical, found->cnames->name,
                sizeof entry->canonical - 1);
    entry->error = count > 0 ? 0 : ENODATA;
    if (count == 0)
        return;
    entry->addresses = calloc(count, sizeof *entry->addresses);
    if (!entry->addresses) {
        entry->error = ENOMEM;
        return;
    }
    for (const struct ares_addrinfo_node *at = found->nodes; at;
         at = at->ai_next)
        if (at->ai_family == entry->family)
            memcpy(&entry->addresses[entry->count++].at, at->ai_addr,
                   at->ai_addrlen);
}

static void hosts_found(void *arg, int status, int timeouts,
                        struct ares_addrinfo *found)
{
    struct hosts_answer *it = arg;

    (void)timeouts;
    it->status = status;
    if (status == ARES_SUCCESS)
        take(it->entry, found);
    if (found)
        ares_freeaddrinfo(found);
}

/* A name that is in the file, with whichever family, is not asked for. */
static bool is_in_hosts(struct green__dns_entry *entry)
{
    const struct ares_addrinfo_hints hints = {.ai_family = AF_UNSPEC,
                                              .ai_socktype = SOCK_STREAM,
                                              .ai_flags = ARES_AI_NOSORT};
    struct hosts_answer it = {.entry = entry, .status = ARES_ENOTFOUND};

    /* c-ares reads the file each time: not if the name is nowhere in it. */
    if (entry->dns->hosts && !strcasestr(entry->dns->hosts, entry->name))
        return false;
    if (entry->dns->files)
        ares_getaddrinfo(entry->dns->files, entry->name, NULL, &hints,
                         hosts_found, &it);
    return it.status == ARES_SUCCESS;
}

/* ---- The servers -------------------------------------------------------- */

static bool ends_in_files(struct green__dns_entry *entry)
{
    return entry->error == ENOENT && entry->dns->uses_files &&
           !entry->dns->files_first && is_in_hosts(entry);
}

static void replied(void *arg, int status, int timeouts, unsigned char *reply,
                    int size)
{
    struct green__dns_entry *entry = arg;
    green_time ttl = 0;

    (void)timeouts;
    if (status == ARES_EDESTRUCTION || status == ARES_ECANCELLED) {
        /* The channel closes: the next one asks again. */
        if (!entry->dns->ended)
            TAILQ_INSERT_TAIL(&entry->dns->to_ask, entry, waiting);
        return;
    }
    entry->error = green__dns_error_of(status);
    if (status == ARES_SUCCESS)
        ttl = green__dns_reply_read(entry, reply, size);
    else if (ends_in_files(entry))
        ttl = HOSTS_TTL;
    if (entry->error == ENOENT || entry->error == ENODATA)
        ttl = green__dns_reply_negative_ttl(reply, size);
    finish(entry, ttl);
}

/* RFC 6761: no server is asked for these. */
static bool is_localhost(const char *name)
{
    const char local[] = "localhost";
    size_t length = strlen(name), end = sizeof local - 1;

    if (length > 0 && name[length - 1] == '.')
        length--;
    return length >= end && strncasecmp(name + length - end, local, end) == 0 &&
           (length == end || name[length - end - 1] == '.');
}

static void answer_without_servers(struct green__dns_entry *entry, bool local)
{
    entry->addresses = local ? calloc(1, sizeof *entry->addresses) : NULL;
    entry->error = local ? ENOMEM : ENOENT;
    if (entry->addresses) {
        entry->error = 0;
        entry->count = 1;
        if (entry->family == AF_INET6)
            entry->addresses->at.v6.sin6_addr = in6addr_loopback;
        else
            entry->addresses->at.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    }
    finish(entry, 0);
}

static void ask(struct green__dns_entry *entry)
{
    const struct green__dns *dns = entry->dns;
    bool local = is_localhost(entry->name);

    if (local || (dns->uses_files && dns->files_first) || !dns->uses_servers) {
        if (is_in_hosts(entry)) {
            finish(entry, HOSTS_TTL);
            return;
        }
        if (local || !dns->uses_servers) {
            answer_without_servers(entry, local);
            return;
        }
    }
    ares_search(dns->channel, entry->name, ns_c_in,
                entry->family == AF_INET6 ? ns_t_aaaa : ns_t_a, replied, entry);
}

void green__dns_ask_all(struct green__dns *dns, int status)
{
    struct green__dns_entry *entry;

    while ((entry = TAILQ_FIRST(&dns->to_ask)) != NULL) {
        TAILQ_REMOVE(&dns->to_ask, entry, waiting);
        entry->error = green__dns_error_of(status);
        if (status == ARES_SUCCESS)
            ask(entry);
        else
            finish(entry, 0);
    }
}

struct green__dns_entry *green__dns_ask(struct green__dns *dns,
                                        const char *name, int family)
{
    struct green__dns_entry *entry;

    green__dns_check_files(dns);
    entry = green__dns_cache_find(&dns->cache, name, family);
    if (!entry) {
        entry = green__dns_cache_add(&dns->cache, name, family);
        if (!entry)
            return NULL;
        entry->dns = dns;
        TAILQ_INSERT_TAIL(&dns->to_ask, entry, waiting);
        green__dns_call(dns);
    }
    entry->references++;
    return entry;
}
