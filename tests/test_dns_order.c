/*
 * The order of addresses beside the C library's, for made-up answers. gai.conf
 * gives the C library the table of RFC 6724; its own is older. The machine's
 * IPv4 addresses have networks of one address: among IPv4 addresses the C
 * library looks at networks, greenhub leaves the order as it is.
 */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>

#include "dns_support.h"

#define ANSWERS 30
#define MOST 6

static const char *const pool[] = {
    "192.0.2.5",       "198.51.100.1", "10.0.0.1",  "169.254.1.9",
    "127.0.0.1",       "203.0.113.77", "::1",       "2001:db8::5",
    "2001:db8:0:1::5", "2001:db8:f::", "2400::1",   "2002:c000:201::1",
    "fd00::5",         "fd00:1::5",    "fec0::5",   "2001:0:1::1",
    "3ffe::1",         "::192.0.2.9",  "2a00:1::1", "2001:db8::4:5",
};

#define POOL (int)(sizeof pool / sizeof pool[0])

static const char table[] =
    "label ::1/128 0\nlabel ::/0 1\nlabel ::ffff:0:0/96 4\n"
    "label 2002::/16 2\nlabel 2001::/32 5\nlabel fc00::/7 13\n"
    "label ::/96 3\nlabel fec0::/10 11\nlabel 3ffe::/16 12\n"
    "precedence ::1/128 50\nprecedence ::/0 40\n"
    "precedence ::ffff:0:0/96 35\nprecedence 2002::/16 30\n"
    "precedence 2001::/32 5\nprecedence fc00::/7 3\nprecedence ::/96 1\n"
    "precedence fec0::/10 1\nprecedence 3ffe::/16 1\n";

/* What the machine has: all, or IPv4 alone, or IPv6 without unique local. */
static const char *const machines[] = {
    "ip addr add 192.0.2.100/32 dev lo && ip addr add 169.254.1.1/32 dev lo &&"
    "ip -6 addr add 2001:db8::100/64 dev lo nodad &&"
    "ip -6 addr add fd00::100/64 dev lo nodad &&"
    "ip -6 addr add 2002:c000:264::1/48 dev lo nodad &&"
    "ip route add default dev lo src 192.0.2.100 &&"
    "ip -6 route add default dev lo",
    "ip addr add 192.0.2.100/32 dev lo &&"
    "ip route add default dev lo src 192.0.2.100",
    "ip -6 addr add 2001:db8::100/64 dev lo nodad &&"
    "ip -6 route add default dev lo",
};

#define MACHINES (int)(sizeof machines / sizeof machines[0])

static const char *answers[ANSWERS][MOST];

/* The same ones in each run. */
static void make_answers(void)
{
    unsigned state = 6724;

    for (int i = 0; i < ANSWERS; i++)
        for (int j = 0; j < 2 + i % (MOST - 1); j++) {
            state = state * 1103515245u + 12345u;
            answers[i][j] = pool[(state >> 16) % POOL];
            for (int k = 0; k < j; k++)
                if (answers[i][k] == answers[i][j])
                    answers[i][j--] = NULL, k = j;
        }
}

static int look_up(struct green_look_up *it)
{
    int count = 0;

    for (int j = 0; j < MOST && answers[atoi(it->host + 1)][j]; j++)
        count += inet_pton(it->family, answers[atoi(it->host + 1)][j],
                           it->family == AF_INET
                               ? (void *)&it->addresses[count].at.v4.sin_addr
                               : (void *)&it->addresses[count].at.v6.sin6_addr);
    errno = ENODATA;
    return count ? count : -1;
}

static const struct green_resolver own = {.name = "own", .look_up = look_up};

static void write_hosts(void)
{
    char text[ANSWERS * MOST * 40] = "", line[64];

    for (int i = 0; i < ANSWERS; i++)
        for (int j = 0; j < MOST && answers[i][j]; j++) {
            snprintf(line, sizeof line, "%s n%d\n", answers[i][j], i);
            strcat(text, line);
        }
    write_etc("hosts", text);
}

static void append(char *text, const struct sockaddr *address, socklen_t length)
{
    char number[INET6_ADDRSTRLEN];

    ck_assert_int_eq(getnameinfo(address, length, number, sizeof number, NULL,
                                 0, NI_NUMERICHOST),
                     0);
    strcat(strcat(text, number), " ");
}

static void theirs(const char *name, char *text)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found;

    ck_assert_int_eq(getaddrinfo(name, NULL, &hints, &found), 0);
    for (const struct addrinfo *at = found; at; at = at->ai_next)
        append(text, at->ai_addr, at->ai_addrlen);
    freeaddrinfo(found);
}

static void ours(const char *name, char *text)
{
    struct green_socket_address found[MOST];
    int count = green_resolve(name, NULL, found, MOST);

    ck_assert_int_ge(count, 1);
    for (int i = 0; i < count; i++)
        append(text, &found[i].at.any, found[i].length);
}

START_TEST(as_getaddrinfo_orders_them)
{
    char name[8], left[MOST * 50], right[MOST * 50];

    if (!enter_namespace(__func__))
        return;
    make_answers();
    if (system(machines[_i]) != 0 || !put_over_etc("gai.conf", table)) {
        SKIP("needs the command ip, IPv6 and a gai.conf");
        return;
    }
    write_hosts();
    ck_ok(green_use_resolver(&own));
    for (int i = 0; i < ANSWERS; i++) {
        left[0] = right[0] = '\0';
        snprintf(name, sizeof name, "n%d", i);
        theirs(name, left);
        ours(name, right);
        ck_assert_str_eq(right, left);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dns order");
    TCase *tcase = add_tcase(suite, "order");

    tcase_add_loop_test(tcase, as_getaddrinfo_orders_them, 0, MACHINES);
    return run_suite(suite);
}
