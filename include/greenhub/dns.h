/*
 * Names asked of name servers by greenthreads themselves (libgreenhub-dns, on
 * c-ares): no OS thread waits, however many look-ups there are at once.
 *
 * It reads /etc/resolv.conf (servers, search, ndots, timeout, attempts, rotate,
 * use-vc) and /etc/hosts, again when they change, and the order of "files" and
 * "dns" in /etc/nsswitch.conf; other services of that file, such as mdns, it
 * does not have. Each hub keeps its answers as long as their TTL says, also that
 * a name does not exist, in at most 256 KiB.
 */
#ifndef GREENHUB_DNS_H
#define GREENHUB_DNS_H

#include <greenhub/base.h>

GREEN_BEGIN_DECLS

/*
 * Makes the whole process look up names by this library: green_resolve,
 * green_getaddrinfo, green_getnameinfo, green_dial and green_listen.
 * green_use_resolver(NULL) ends that. If no server answers, a look-up fails with
 * EAGAIN.
 * Returns 0, or -1: ENOMEM. Never switches. From any thread.
 */
GREEN_API int green_use_dns(void);

GREEN_END_DECLS

#endif
