/* The servers of the process, for those who watch it. */
#ifndef GREEN_SERVERS_H
#define GREEN_SERVERS_H

#include "net/server.h"

/* What green_serve runs now. */
void green__servers_add(struct green__run *run);
void green__servers_remove(struct green__run *run);

struct green__server_counts {
    char address[128];
    uint64_t accepted, active, pauses;
    unsigned os_threads, most; /* most: max_connections; 0: no limit */
    bool full;                 /* it waits until a connection finishes */
    bool stops;
};

/* Counts up to `room` servers. Returns how many. From any thread. */
size_t green__servers_count(struct green__server_counts *to, size_t room);

#endif
