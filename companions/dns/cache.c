#include "cache.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MOST_BYTES ((size_t)256 * 1024)

static unsigned bucket_of(const char *name, int family)
{
    unsigned hash = 2166136261u ^ (unsigned)family; /* FNV-1a */

    for (; *name; name++)
        hash = (hash ^ ((unsigned char)*name | 0x20)) * 16777619u;
    return (hash ^ hash >> 16) % GREEN__DNS_BUCKETS;
}

static size_t size_of(const struct green__dns_entry *entry)
{
    return sizeof *entry + entry->count * sizeof *entry->addresses;
}

void green__dns_cache_init(struct green__dns_cache *it)
{
    for (int i = 0; i < GREEN__DNS_BUCKETS; i++)
        LIST_INIT(&it->buckets[i]);
    TAILQ_INIT(&it->by_age);
    LIST_INIT(&it->all);
    it->bytes = 0;
}

static void free_entry(struct green__dns_entry *entry)
{
    LIST_REMOVE(entry, any);
    free(entry->addresses);
    free(entry);
}

void green__dns_entry_release(struct green__dns_entry *entry)
{
    int error = errno;

    if (--entry->references == 0)
        free_entry(entry);
    errno = error;
}

static void remove_entry(struct green__dns_cache *it,
                         struct green__dns_entry *entry)
{
    if (entry->known) {
        TAILQ_REMOVE(&it->by_age, entry, age);
        it->bytes -= size_of(entry);
    }
    LIST_REMOVE(entry, bucket);
    entry->listed = false;
    green__dns_entry_release(entry);
}

static struct green__dns_entry *find(const struct green__dns_cache *it,
                                     const char *name, int family)
{
    struct green__dns_entry *entry;

    LIST_FOREACH(entry, &it->buckets[bucket_of(name, family)], bucket)
    if (entry->family == family && strcasecmp(entry->name, name) == 0)
        return entry;
    return NULL;
}

struct green__dns_entry *green__dns_cache_find(struct green__dns_cache *it,
                                               const char *name, int family)
{
    struct green__dns_entry *entry = find(it, name, family);

    if (!entry || !entry->known)
        return entry;
    if (entry->expires <= green_now()) {
        remove_entry(it, entry);
        return NULL;
    }
    TAILQ_REMOVE(&it->by_age, entry, age);
    TAILQ_INSERT_HEAD(&it->by_age, entry, age);
    return entry;
}

struct green__dns_entry *green__dns_cache_add(struct green__dns_cache *it,
                                              const char *name, int family)
{
    struct green__dns_entry *entry = calloc(1, sizeof *entry);

    if (!entry) {
        errno = ENOMEM;
        return NULL;
    }
    snprintf(entry->name, sizeof entry->name, "%s", name);
    entry->family = family;
    entry->references = 2;
    entry->listed = true;
    LIST_INSERT_HEAD(&it->all, entry, any);
    LIST_INSERT_HEAD(&it->buckets[bucket_of(name, family)], entry, bucket);
    return entry;
}

/* The oldest go. An answer that is larger than all the room is alone. */
static void make_room(struct green__dns_cache *it, size_t size)
{
    struct green__dns_entry *entry, *before;

    entry = TAILQ_LAST(&it->by_age, green__dns_entries);
    for (; entry && it->bytes + size > MOST_BYTES; entry = before) {
        before = TAILQ_PREV(entry, green__dns_entries, age);
        remove_entry(it, entry);
    }
}

void green__dns_cache_keep(struct green__dns_cache *it,
                           struct green__dns_entry *entry, green_time ttl)
{
    if (!entry->listed)
        return;
    if (ttl <= 0) {
        remove_entry(it, entry);
        return;
    }
    make_room(it, size_of(entry));
    entry->known = true;
    entry->expires = green_after(ttl);
    TAILQ_INSERT_HEAD(&it->by_age, entry, age);
    it->bytes += size_of(entry);
}

void green__dns_cache_clear(struct green__dns_cache *it)
{
    struct green__dns_entry *entry, *next;

    for (entry = TAILQ_FIRST(&it->by_age); entry; entry = next) {
        next = TAILQ_NEXT(entry, age);
        remove_entry(it, entry);
    }
}

void green__dns_cache_end(struct green__dns_cache *it)
{
    struct green__dns_entry *entry, *next;

    for (entry = LIST_FIRST(&it->all); entry; entry = next) {
        next = LIST_NEXT(entry, any);
        free_entry(entry);
    }
}
