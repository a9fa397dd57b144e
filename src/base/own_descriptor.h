/*
 * Descriptors that hubs have for themselves: an epoll instance, an eventfd, a
 * ring. A program that knows nothing of greenhub may close all numbers that it
 * has not opened, as daemons do at their start; the patch library keeps it from
 * closing these, and has them made out of the way.
 */
#ifndef GREEN_OWN_DESCRIPTOR_H
#define GREEN_OWN_DESCRIPTOR_H

#include <stdbool.h>

#include "base/attributes.h"

/* Notes that fd, if it is one, is a hub's. Returns it, or the higher number that
 * it has from now on. Preserves errno. */
int green__own_descriptor(int fd);

/* Whether the program has closed it, and perhaps has a file of its own under the
 * number now. Sees neither epolls nor eventfds of the program. Preserves
 * errno. */
bool green__own_descriptor_is_lost(int fd);

/* Closes it, unless it is lost. */
void green__own_descriptor_close(int fd);

/* Before another library closes it. */
void green__own_descriptor_forget(int fd);

/* Those that are made from now on have numbers near the process's limit. */
GREEN__PRIVATE void green__own_descriptors_rise(void);

/* Any OS thread; async-signal-safe. */
GREEN__PRIVATE bool green__is_own_descriptor(int fd);

#endif
