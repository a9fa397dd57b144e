/*
 * An intrusive doubly linked list. A list is circular through its head; a link
 * that is in no list points at itself.
 */
#ifndef GREEN_LIST_H
#define GREEN_LIST_H

#include <stdbool.h>

#include <greenhub/base.h>

#include "base/attributes.h"

static inline void green__list_init(struct green_list *list)
{
    list->next = list;
    list->prev = list;
}

static inline bool green__list_empty(const struct green_list *list)
{
    return list->next == list;
}

/* Inserts `link` before `position`. If `position` is a list's head, it
 * appends. */
static inline void green__list_insert(struct green_list *position,
                                      struct green_list *link)
{
    link->next = position;
    link->prev = position->prev;
    position->prev->next = link;
    position->prev = link;
}

static inline void green__list_append(struct green_list *list,
                                      struct green_list *link)
{
    green__list_insert(list, link);
}

static inline void green__list_prepend(struct green_list *list,
                                       struct green_list *link)
{
    green__list_insert(list->next, link);
}

/* Removes `link`. A no-op if it is in no list. */
static inline void green__list_remove(struct green_list *link)
{
    link->next->prev = link->prev;
    link->prev->next = link->next;
    green__list_init(link);
}

/* Moves all of `from` to the end of `to`. */
static inline void green__list_splice(struct green_list *to,
                                      struct green_list *from)
{
    if (green__list_empty(from))
        return;
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    green__list_init(from);
}

/* Moves all of `from` in front of `to`. */
static inline void green__list_splice_front(struct green_list *to,
                                            struct green_list *from)
{
    green__list_splice(to->next, from);
}

#define green__list_each(list, link)                                           \
    for ((link) = (list)->next; (link) != (list); (link) = (link)->next)

/* The same, but the body may remove `link` itself. */
#define green__list_each_safe(list, link, following)                           \
    for ((link) = (list)->next, (following) = (link)->next; (link) != (list);  \
         (link) = (following), (following) = (link)->next)

#endif
