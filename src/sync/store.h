/*
 * A queue's items: a ring for first in, first out and last in, first out; a
 * binary heap for priorities.
 */
#ifndef GREEN_STORE_H
#define GREEN_STORE_H

#include <greenhub/queue.h>

enum green__order { GREEN__FIFO, GREEN__LIFO, GREEN__PRIORITY };

/* Puts an item in. Returns 0, or -1 with ENOMEM. */
int green__store_put(struct green_queue *queue, void *item);

/* Takes the next item out. The queue must not be empty. */
void *green__store_get(struct green_queue *queue);

void green__store_free(struct green_queue *queue);

#endif
