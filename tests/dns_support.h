/*
 * What the tests of libgreenhub-dns share: a network of their own with files of
 * /etc of their own, and a name server that does what a test wants.
 */
#ifndef TESTS_DNS_SUPPORT_H
#define TESTS_DNS_SUPPORT_H

#include "support.h"

/*
 * Enters a network and a mount namespace, in which resolv.conf, hosts and
 * nsswitch.conf are the test's: nothing outside is touched. False, and the case
 * is skipped, if the system refuses it, or the hub's clock is not real.
 */
bool enter_namespace(const char *function);

/* Writes one of these files; "hosts" for /etc/hosts. */
void write_etc(const char *name, const char *text);

/* Puts another one over a file of /etc, which must exist. */
bool put_over_etc(const char *name, const char *text);

/*
 * A name server on 127.0.0.1 in greenthreads of this one's. The first label of
 * a name says what happens to the question:
 *
 *   plain    A 192.0.2.1, AAAA 2001:db8::1, TTL 300
 *   ttl0     the same, TTL 0             ttl1     TTL 1
 *   silent6  AAAA is never answered      silent   nothing is
 *   lost     the first question is lost  slow     answered after 50 ms
 *   cut      truncated, and complete by TCP: 100 addresses
 *   none     no such name, for 300 s     none0    no such name, no SOA
 *   v4       no AAAA                     alias    CNAME of plain.test
 *   failing  SERVFAIL                    broken   half an answer
 *
 * It answers for names below test., and that others do not exist.
 */
void start_server(void);
void stop_server(void);

/* How many questions it got: of all names, or that begin like this. */
unsigned questions(const char *name);

#endif
