#include "reply.h"

#include <arpa/nameser.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ares.h>

#define MAX_TTL 86400
#define MAX_NEGATIVE_TTL 10800 /* RFC 2308, section 5 */

static green_time seconds(unsigned value, unsigned most)
{
    return (value < most ? value : most) * GREEN_SEC;
}

/* ---- Addresses --------------------------------------------------------- */

/* Both structs begin with the address; the TTL follows. */
union ttl {
    struct ares_addrttl v4;
    struct ares_addr6ttl v6;
};

static int parse(int family, const unsigned char *reply, int size,
                 struct hostent **host, void *ttls, int *count)
{
    return family == AF_INET6
               ? ares_parse_aaaa_reply(reply, size, host, ttls, count)
               : ares_parse_a_reply(reply, size, host, ttls, count);
}

static int store(struct green__dns_entry *entry, const void *ttls, int count)
{
    const struct ares_addrttl *v4 = ttls;
    const struct ares_addr6ttl *v6 = ttls;
    int ttl, least = MAX_TTL;

    entry->addresses = calloc((size_t)count, sizeof *entry->addresses);
    if (!entry->addresses) {
        entry->error = ENOMEM;
        return 0;
    }
    for (int i = 0; i < count; i++) {
        if (entry->family == AF_INET6)
            memcpy(&entry->addresses[i].at.v6.sin6_addr, &v6[i].ip6addr, 16);
        else
            entry->addresses[i].at.v4.sin_addr = v4[i].ipaddr;
        ttl = entry->family == AF_INET6 ? v6[i].ttl : v4[i].ttl;
        least = ttl < least ? ttl : least;
    }
    entry->count = (size_t)count;
    return least < 0 ? 0 : least;
}

green_time green__dns_reply_read(struct green__dns_entry *entry,
                                 const unsigned char *reply, int size)
{
    /* Not more than there are records in the answer. */
    int count = size >= NS_HFIXEDSZ ? reply[6] << 8 | reply[7] : 0, ttl = 0;
    union ttl *ttls = calloc((size_t)count + 1, sizeof *ttls);
    struct hostent *host = NULL;
    int status = ttls ? parse(entry->family, reply, size, &host, ttls, &count)
                      : ARES_ENOMEM;

    if (status == ARES_SUCCESS && count > 0) {
        snprintf(entry->canonical, sizeof entry->canonical, "%s",
                 host->h_name ? host->h_name : "");
        ttl = store(entry, ttls, count);
    } else {
        entry->error = status == ARES_ENOMEM     ? ENOMEM
                       : status == ARES_EBADRESP ? EIO
                                                 : ENODATA;
    }
    if (host)
        ares_free_hostent(host);
    free(ttls);
    return seconds((unsigned)ttl, MAX_TTL);
}

/* ---- "There is none" --------------------------------------------------- */

struct reader {
    const unsigned char *reply, *at;
    int size;
};

static int left(const struct reader *it)
{
    return it->size - (int)(it->at - it->reply);
}

static bool skip(struct reader *it, int bytes)
{
    if (bytes > left(it))
        return false;
    it->at += bytes;
    return true;
}

static bool skip_name(struct reader *it)
{
    char *name;
    long length;

    if (left(it) <= 0 || ares_expand_name(it->at, it->reply, it->size, &name,
                                          &length) != ARES_SUCCESS)
        return false;
    ares_free_string(name);
    return skip(it, (int)length);
}

static unsigned number(const unsigned char *at)
{
    return (unsigned)at[0] << 24 | (unsigned)at[1] << 16 |
           (unsigned)at[2] << 8 | at[3];
}

/* One record: its TTL, or the last word of a SOA record, whichever is less. */
static bool read_record(struct reader *it, green_time *found)
{
    const unsigned char *head;
    int type, size;
    unsigned ttl, minimum;

    if (!skip_name(it))
        return false;
    head = it->at;
    if (!skip(it, NS_RRFIXEDSZ))
        return false;
    type = head[0] << 8 | head[1];
    size = head[8] << 8 | head[9];
    if (!skip(it, size))
        return false;
    if (type == ns_t_soa && size >= 22) {
        ttl = number(head + 4);
        minimum = number(it->at - 4);
        *found = seconds(ttl < minimum ? ttl : minimum, MAX_NEGATIVE_TTL);
    }
    return true;
}

green_time green__dns_reply_negative_ttl(const unsigned char *reply, int size)
{
    struct reader it = {.reply = reply, .at = reply, .size = size};
    green_time found = 0;
    int questions, records;

    if (!reply || !skip(&it, NS_HFIXEDSZ))
        return 0;
    questions = reply[4] << 8 | reply[5];
    records = (reply[6] << 8 | reply[7]) + (reply[8] << 8 | reply[9]);
    while (questions-- > 0)
        if (!skip_name(&it) || !skip(&it, NS_QFIXEDSZ))
            return 0;
    while (records-- > 0 && read_record(&it, &found))
        continue;
    return found;
}
