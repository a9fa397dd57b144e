/*
 * What a queue holds: a ring for first in, first out and last in, first out; a
 * binary heap for priorities.
 */
#ifndef GREEN_STORE_H
#define GREEN_STORE_H

#include <greenhub/queue.h>

enum green__order { GREEN__FIFO, GREEN__LIFO, GREEN__PRIORITY };

/* Puts one in. 0, or -1 and ENOMEM. */
int green__store_put(struct green_queue *queue, void *item);

/* Takes the next one out; there is one. */
void *green__store_get(struct green_queue *queue);

void green__store_free(struct green_queue *queue);

#endif
