/* How many connections each address has. */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http.h"

#define BUCKETS 1024

struct entry {
    struct entry *next;
    unsigned char address[16];
    unsigned count;
};

struct green__http_addresses {
    pthread_mutex_t mutex; /* held for a few instructions */
    unsigned most;
    struct entry uncounted; /* of sockets without an address */
    struct entry *buckets[BUCKETS];
};

struct green__http_addresses *green__http_addresses_create(unsigned most)
{
    struct green__http_addresses *addresses = calloc(1, sizeof *addresses);

    if (!addresses)
        return NULL;
    pthread_mutex_init(&addresses->mutex, NULL);
    addresses->most = most;
    return addresses;
}

void green__http_addresses_free(struct green__http_addresses *addresses)
{
    if (!addresses)
        return;
    pthread_mutex_destroy(&addresses->mutex);
    free(addresses);
}

/* The address of "tcp://HOST:PORT". Of IPv6 the first 64 bits, which one client
 * has for itself. */
static bool parse(const char *peer, unsigned char address[16])
{
    char host[64] = "";

    memset(address, 0, 16);
    if (sscanf(peer, "tcp://[%63[^]]", host) == 1 ||
        sscanf(peer, "tcp6://[%63[^]]", host) == 1) {
        if (inet_pton(AF_INET6, host, address) != 1)
            return false;
        /* but not of an IPv4 address in it */
        if (memcmp(address, "\0\0\0\0\0\0\0\0\0\0\377\377", 12) != 0)
            memset(address + 8, 0, 8);
        return true;
    }
    return sscanf(peer, "tcp://%63[^:]", host) == 1 &&
           inet_pton(AF_INET, host, address + 12) == 1;
}

static struct entry **bucket_of(struct green__http_addresses *addresses,
                                const unsigned char address[16])
{
    uint32_t hash = 2166136261u;

    for (int i = 0; i < 16; i++)
        hash = (hash ^ address[i]) * 16777619u;
    return &addresses->buckets[hash % BUCKETS];
}

/* Called with the mutex held. */
static struct entry *find(struct green__http_addresses *addresses,
                          const unsigned char address[16])
{
    struct entry **bucket = bucket_of(addresses, address), *entry;

    for (entry = *bucket; entry; entry = entry->next)
        if (memcmp(entry->address, address, 16) == 0)
            return entry;
    entry = calloc(1, sizeof *entry);
    if (!entry)
        return NULL;
    memcpy(entry->address, address, 16);
    entry->next = *bucket;
    *bucket = entry;
    return entry;
}

void *green__http_addresses_enter(struct green__http_addresses *addresses,
                                  const char *peer)
{
    unsigned char address[16];
    struct entry *entry;

    if (!parse(peer, address))
        return &addresses->uncounted;
    pthread_mutex_lock(&addresses->mutex);
    entry = find(addresses, address);
    if (entry && entry->count >= addresses->most)
        entry = NULL;
    if (entry)
        entry->count++;
    pthread_mutex_unlock(&addresses->mutex);
    return entry;
}

void green__http_addresses_leave(struct green__http_addresses *addresses,
                                 void *entry_of)
{
    struct entry *entry = entry_of, **link;

    if (entry == &addresses->uncounted)
        return;
    pthread_mutex_lock(&addresses->mutex);
    if (--entry->count == 0) {
        link = bucket_of(addresses, entry->address);
        while (*link != entry)
            link = &(*link)->next;
        *link = entry->next;
        free(entry);
    }
    pthread_mutex_unlock(&addresses->mutex);
}
