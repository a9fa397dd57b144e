/*
 * A connection of the door. It sends lines; each is answered before the next one is
 * read. An answer is written to a memory file first, so nothing waits for a client
 * that does not read, and then sent as the client takes it.
 */
#ifndef GREEN_DEBUG_CONNECTION_H
#define GREEN_DEBUG_CONNECTION_H

#include <greenhub/base.h>

#include "greenthread/survey.h"
#include "tools/debug_errand.h"
#include "tools/debug_socket.h"

#define GREEN__DEBUG_LINE 1024

enum green__connection_state {
    GREEN__CONNECTION_READS,
    GREEN__CONNECTION_WATCHES, /* until `due` */
    GREEN__CONNECTION_WAITS,   /* for its errand */
    GREEN__CONNECTION_SENDS,
};

struct green__connection {
    struct green__descriptor_id id; /* fd -1: unused */
    enum green__connection_state state;
    bool ends; /* after what is being sent */
    char line[GREEN__DEBUG_LINE];
    size_t have;
    struct green__descriptor_id answer; /* the memory file */
    off_t sent, size;
    green_time due;               /* of CLOCK_MONOTONIC */
    struct green__survey *before; /* when it began to watch */
    bool json;
    bool traces; /* what it watches is a trace */
    struct green__errand *errand;
};

/* Begins one for an accepted socket. */
void green__connection_begin(struct green__connection *connection, int fd);
void green__connection_end(struct green__connection *connection);

/* The events of poll(2) that it waits for; lowers *due if it has something to do
 * earlier. */
short green__connection_events(const struct green__connection *connection,
                               green_time *due);

/* Does what is to be done. */
void green__connection_step(struct green__connection *connection, short events);

#endif
