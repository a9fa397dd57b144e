/*
 * What a program's resolver has found, in the form of getaddrinfo(3). The C
 * library makes the list, of numbers, so that services, types of sockets, and
 * freeaddrinfo(3) are its own.
 */
#ifndef GREEN_ANSWER_H
#define GREEN_ANSWER_H

#include <netdb.h>

#include <greenhub/resolve.h>

/* Whether a program's resolver can answer such a question: not if the name is
 * too long, or to be converted (AI_IDN). */
bool green__can_answer(const char *node, const struct addrinfo *hints);

/* As getaddrinfo(3), for names. May switch. */
int green__answer(const struct green_resolver *resolver, const char *node,
                  const char *service, const struct addrinfo *hints,
                  struct addrinfo **found);

#endif
