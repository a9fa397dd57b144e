/*
 * What a hub has of this library: a channel of c-ares, which the hub's listeners
 * and a timer of it drive, and the cache.
 *
 * c-ares runs in callbacks of the hub alone: it must not be entered while it
 * runs, and in a greenthread a call of libc may switch if libgreenhub-patch
 * stands in front of it. So a greenthread puts its question into a queue, has
 * the hub call, and waits.
 */
#ifndef DNS_CHANNEL_H
#define DNS_CHANNEL_H

#include <ares.h>

#include "cache.h"
#include "reverse.h"
#include "settings.h"

struct green__dns_watch;

LIST_HEAD(green__dns_watches, green__dns_watch);

struct green__dns {
    struct green_hub *hub;
    struct green_hub_end end;
    struct green_timer timer;
    struct green_call call; /* answers the queues */
    bool called, ended;

    ares_channel channel, files;                /* NULL: to be made */
    bool uses_files, files_first, uses_servers; /* nsswitch.conf */
    struct green__dns_watches watches;
    struct green__dns_files seen;
    bool stale;  /* they have changed: another channel is needed */
    char *hosts; /* the text of the file of hosts, or NULL */

    struct green__dns_cache cache;
    struct green__dns_entries to_ask;
    struct green__dns_reverses reverses; /* all of them */
};

/* This OS thread's; NULL with errno. */
struct green__dns *green__dns_here(void);

/* Looks whether the files have changed, unless the hub is about to call, that is,
 * it has been looked for others. */
void green__dns_check_files(struct green__dns *it);

/* Has the hub call soon, to ask what is in the queues. */
void green__dns_call(struct green__dns *it);

/* The errno for a status of c-ares. */
int green__dns_error_of(int status);

#endif
