/*
 * Answers, by name and family, as long as their TTL says. What is being asked is
 * here, too, so that any number of greenthreads wait for one answer. The memory
 * of the answers has a bound: the one that was used longest ago goes first.
 */
#ifndef DNS_CACHE_H
#define DNS_CACHE_H

#include <stdbool.h>
#include <sys/queue.h>

#include <greenhub.h>

#define GREEN__DNS_BUCKETS 256

struct green__dns;

struct green__dns_entry {
    char name[256];
    int family;
    struct green__dns *dns;
    unsigned references; /* the cache's, who waits, c-ares */
    bool known, listed;  /* answered; in the cache */

    struct green_event answered;
    int error; /* 0, or the errno of the look-up */
    struct green_socket_address *addresses;
    size_t count;
    char canonical[256];
    green_time expires;

    LIST_ENTRY(green__dns_entry) bucket;
    LIST_ENTRY(green__dns_entry) any;
    TAILQ_ENTRY(green__dns_entry) age, waiting;
};

TAILQ_HEAD(green__dns_entries, green__dns_entry);
LIST_HEAD(green__dns_list, green__dns_entry);

struct green__dns_cache {
    struct green__dns_list buckets[GREEN__DNS_BUCKETS];
    struct green__dns_entries by_age; /* the known ones, newest first */
    struct green__dns_list all;       /* also those that are not found */
    size_t bytes;
};

void green__dns_cache_init(struct green__dns_cache *it);

/* The entry of a name, asked or known and not expired; or NULL. */
struct green__dns_entry *green__dns_cache_find(struct green__dns_cache *it,
                                               const char *name, int family);

/* A new entry, which the cache and the caller have; NULL without memory. */
struct green__dns_entry *green__dns_cache_add(struct green__dns_cache *it,
                                              const char *name, int family);

/* An entry has been answered: keeps it for its time, or not at all. */
void green__dns_cache_keep(struct green__dns_cache *it,
                           struct green__dns_entry *entry, green_time ttl);

/* Forgets what is known; what is being asked stays. */
void green__dns_cache_clear(struct green__dns_cache *it);

/* Frees all entries, whoever has them: their greenthreads no longer exist. */
void green__dns_cache_end(struct green__dns_cache *it);

void green__dns_entry_release(struct green__dns_entry *entry);

#endif
