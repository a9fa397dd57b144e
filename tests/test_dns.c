/* Names asked of a name server of the test's own. */
#include <greenhub/dns.h>

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "dns_support.h"

#define SET_UP()                                                               \
    do {                                                                       \
        if (!enter_namespace(__func__))                                        \
            return;                                                            \
        start_server();                                                        \
        ck_ok(green_use_dns());                                                \
    } while (0)

static int resolve(const char *host, int family)
{
    const struct green_resolve_options options = {.family = family};

    return green_resolve(host, &options, NULL, 0);
}

static const struct {
    const char *host;
    int v4, v6; /* the numbers of addresses, or an errno below 0 */
} names[] = {
    {"plain.test", 1, 1},
    {"PLAIN.Test", 1, 1},
    {"plain.test.", 1, 1},
    {"lost.test", 1, 1},
    {"slow.test", 1, 1},
    {"cut.test", 100, 100},
    {"alias.test", 1, 1},
    {"v4.test", 1, -ENOENT},
    {"none.test", -ENOENT, -ENOENT},
    {"none0.test", -ENOENT, -ENOENT},
    {"failing.test", -EAGAIN, -EAGAIN},
    {"silent.test", -EAGAIN, -EAGAIN},
    {"silent6.test", 1, -EAGAIN},
    {"localhost", 1, -ENOENT}, /* v6: as /etc/hosts says */
    {"any.localhost", 1, 1},
    {"two..dots.test", -ENOENT, -ENOENT},
    {"label-of-more-than-63-bytes-label-of-more-than-63-bytes-label-of-more."
     "test",
     -ENOENT, -ENOENT},
};

#define NAMES (int)(sizeof names / sizeof names[0])

static void answers(const char *host, int family, int expected)
{
    int count;

    errno = 0;
    count = resolve(host, family);
    if (expected < 0) {
        ck_assert_int_eq(count, -1);
        ck_assert_int_eq(errno, -expected);
    } else {
        ck_assert_msg(count == expected, "%s: %d, %s", host, count,
                      green_net_error());
    }
}

START_TEST(what_servers_say)
{
    int both = names[_i].v4;
    int fds;

    SET_UP();
    write_etc("resolv.conf",
              strncmp(names[_i].host, "silent", 6) == 0
                  ? "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n"
                  : "nameserver 127.0.0.1\noptions timeout:1 attempts:2\n");
    fds = count_fds();
    answers(names[_i].host, AF_INET, names[_i].v4);
    answers(names[_i].host, AF_INET6, names[_i].v6);
    if (names[_i].v6 > 0 && both > 0)
        both += names[_i].v6;
    answers(names[_i].host, AF_UNSPEC, both);
    ck_assert_int_eq(count_fds(), fds);
}
END_TEST

START_TEST(addresses_and_names)
{
    struct green_socket_address found[2];
    struct addrinfo hints = {.ai_flags = AI_CANONNAME,
                             .ai_family = AF_INET,
                             .ai_socktype = SOCK_STREAM},
                    *list;
    struct in6_addr v6;

    SET_UP();
    ck_assert_int_eq(green_resolve("plain.test", NULL, found, 2), 2);
    inet_pton(AF_INET6, "2001:db8::1", &v6);
    for (int i = 0; i < 2; i++)
        if (found[i].at.any.sa_family == AF_INET)
            ck_assert_int_eq(found[i].at.v4.sin_addr.s_addr, htonl(0xc0000201));
        else
            ck_assert_mem_eq(&found[i].at.v6.sin6_addr, &v6, 16);
    ck_assert_int_eq(green_getaddrinfo("alias.test", "80", &hints, &list), 0);
    ck_assert_str_eq(list->ai_canonname, "plain.test");
    freeaddrinfo(list);
    ck_assert_int_eq(green_getaddrinfo("none.test", "80", &hints, &list),
                     EAI_NONAME);
    hints.ai_family = AF_INET6;
    ck_assert_int_eq(green_getaddrinfo("v4.test", "80", &hints, &list),
                     EAI_NODATA);
}
END_TEST

START_TEST(answers_are_kept_as_long_as_they_say)
{
    SET_UP();
    for (int i = 0; i < 3; i++) {
        answers("plain.test", AF_UNSPEC, 2);
        answers("ttl0.test", AF_INET, 1);
        answers("none.test", AF_INET, -ENOENT);
        answers("none0.test", AF_INET, -ENOENT);
        answers("v4.test", AF_INET6, -ENOENT);
        answers("failing.test", AF_INET, -EAGAIN);
    }
    ck_assert_int_eq(questions("plain."), 2);
    ck_assert_int_eq(questions("ttl0."), 3);
    ck_assert_int_eq(questions("none."), 1);
    ck_assert_int_eq(questions("none0."), 3);
    ck_assert_int_eq(questions("v4."), 1);
    ck_assert_int_ge(questions("failing."), 3);
    answers("ttl1.test", AF_INET, 1);
    ck_ok(green_sleep(1100 * GREEN_MSEC));
    answers("ttl1.test", AF_INET, 1);
    ck_assert_int_eq(questions("ttl1."), 2);
}
END_TEST

/* More answers than there is memory for: the oldest go. */
START_TEST(the_memory_has_a_bound)
{
    char name[32];

    SET_UP();
    for (int i = 0; i < 600; i++) {
        snprintf(name, sizeof name, "n%d.test", i);
        answers(name, AF_INET, 1);
    }
    answers("n599.test", AF_INET, 1);
    ck_assert_int_eq(questions("n599."), 1);
    answers("n0.test", AF_INET, 1);
    ck_assert_int_eq(questions("n0."), 2);
}
END_TEST

static unsigned done;

static void *resolves(void *name)
{
    answers(name, AF_UNSPEC, 2);
    done++;
    return NULL;
}

START_TEST(a_hundred_at_once)
{
    static char hosts[100][32];
    struct green_thread *threads[100];
    struct green_thread_pool_stats stats;

    SET_UP();
    for (int i = 0; i < 100; i++) {
        snprintf(hosts[i], sizeof hosts[i], i % 2 ? "slow.%d.test" : "n%d.test",
                 i % 10 ? i : 0);
        threads[i] = green_spawn(resolves, hosts[i]);
    }
    for (int i = 0; i < 100; i++)
        ck_ok(green_join(threads[i], NULL));
    ck_assert_int_eq(done, 100);
    ck_assert_int_eq(questions("n0."), 2); /* of ten who ask */
    ck_ok(green_thread_pool_stats(&stats));
    ck_assert_int_eq(stats.threads, 0);
}
END_TEST

static void *is_cancelled(void *name)
{
    ck_fails(green_resolve(name, NULL, NULL, 0), ECANCELED);
    return NULL;
}

/* One of two who wait for the same answer goes; the other one gets it. */
START_TEST(cancelled)
{
    struct green_thread *killed, *stays;
    struct green_timeout timeout;

    SET_UP();
    write_etc("resolv.conf",
              "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n");
    killed = green_spawn(is_cancelled, "slow.test");
    stays = green_spawn(resolves, "slow.test");
    while (questions("slow.") < 2)
        ck_ok(green_sleep(GREEN_MSEC));
    ck_ok(green_kill(killed));
    ck_ok(green_join(killed, NULL));
    ck_ok(green_join(stays, NULL));
    ck_ok(green_timeout_start(&timeout, GREEN_MSEC));
    ck_fails(resolve("silent.test", AF_UNSPEC), ETIMEDOUT);
    ck_ok(green_timeout_cancel(&timeout));
    /* The hub ends with questions that nobody answers. */
    killed = green_spawn(is_cancelled, "silent.test");
    while (questions("silent.") < 2)
        ck_ok(green_sleep(GREEN_MSEC));
    ck_ok(green_use_hub(hub_under_test()));
    ck_cancelled(killed);
}
END_TEST

/* A forked child has a channel of its own; the parent's goes on. */
START_TEST(forked)
{
    struct green_thread *waits;
    pid_t pid;

    SET_UP();
    waits = green_spawn(resolves, "slow.test");
    while (questions("slow.") < 2)
        ck_ok(green_yield());
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        write_etc("hosts", "192.0.2.7 seven.test\n");
        _exit(resolve("seven.test", AF_INET) == 1 ? 0 : 1);
    }
    ck_assert_int_eq(wait_child(pid), 0);
    ck_ok(green_join(waits, NULL));
    ck_assert_int_eq(done, 1);
}
END_TEST

START_TEST(a_server_that_goes_and_comes_back)
{
    SET_UP();
    write_etc("resolv.conf",
              "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n");
    answers("n1.test", AF_UNSPEC, 1 + 1);
    stop_server();
    answers("n2.test", AF_UNSPEC, -EAGAIN);
    start_server();
    answers("n2.test", AF_UNSPEC, 1 + 1);
    /* The first of two is not there. */
    write_etc("resolv.conf", "nameserver 127.0.0.9\nnameserver 127.0.0.1\n"
                             "options timeout:1 attempts:1\n");
    answers("n3.test", AF_UNSPEC, 1 + 1);
}
END_TEST

static void *asks_silent(void *unused)
{
    answers("silent6.test", AF_INET6, -ENOENT);
    return unused;
}

START_TEST(files_that_change)
{
    struct green_thread *thread;

    SET_UP();
    answers("host.test", AF_UNSPEC, 2);
    write_etc("hosts", "192.0.2.9 host.test other # as a comment\n"
                       "192.0.2.10 host.test\n2001:db8::9 six.test\n");
    answers("host.test", AF_INET, 2);
    answers("host.test", AF_INET6, -ENOENT); /* the file has the last word */
    answers("other", AF_UNSPEC, 1);
    answers("six.test", AF_UNSPEC, 1);
    ck_assert_int_eq(questions("host.") + questions("six."), 2);
    /* Search domains. */
    write_etc("resolv.conf", "nameserver 127.0.0.1\nsearch x.y test\n");
    answers("plain", AF_UNSPEC, 2);
    ck_assert_int_eq(questions("plain.x.y"), 2);
    /* systemd-resolved writes this if there is none. */
    write_etc("resolv.conf", "nameserver 127.0.0.1\nsearch .\n");
    answers("plain", AF_UNSPEC, -ENOENT);
    ck_assert_int_ge(questions("plain."), 1);
    answers("plain.test", AF_UNSPEC, 2);
    answers("none.test", AF_INET, -ENOENT);
    answers("none.test", AF_INET, -ENOENT);
    ck_assert_int_eq(questions("none."), 1); /* kept, so not EBADNAME */
    /* Who waits for a server is taken along to the new one's answers. */
    thread = green_spawn(asks_silent, NULL);
    while (questions("silent6.") < 1)
        ck_ok(green_sleep(GREEN_MSEC));
    write_etc("nsswitch.conf", "hosts: files\n");
    write_etc("resolv.conf", "nameserver 127.0.0.1\n");
    answers("plain", AF_UNSPEC, -ENOENT);
    ck_ok(green_join(thread, NULL));
}
END_TEST

START_TEST(by_tcp_if_told_so)
{
    SET_UP();
    write_etc("resolv.conf", "nameserver 127.0.0.1\noptions use-vc\n");
    answers("cut.test", AF_INET, 100);
    ck_assert_int_eq(questions("cut."), 1);
}
END_TEST

START_TEST(names_of_addresses)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr = {htonl(0xc0000209)}};
    char host[64];

    SET_UP();
    write_etc("hosts", "192.0.2.9 host.test\n");
    ck_assert_int_eq(green_getnameinfo((struct sockaddr *)&at, sizeof at, host,
                                       sizeof host, NULL, 0, 0),
                     0);
    ck_assert_str_eq(host, "host.test");
    at.sin_addr.s_addr = htonl(0xc0000210);
    ck_assert_int_eq(green_getnameinfo((struct sockaddr *)&at, sizeof at, host,
                                       sizeof host, NULL, 0, 0),
                     0);
    ck_assert_str_eq(host, "192.0.2.16");
    ck_assert_int_eq(questions("16.2.0.192.in-addr.arpa"), 1);
}
END_TEST

/* Without it, silence takes 15 s. */
#define IMPATIENT "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n"

/* The time is shown by the race's tests on a virtual clock. */
START_TEST(dials_though_one_family_is_silent)
{
    char address[64], port[64];
    int listener, fd;

    SET_UP();
    write_etc("resolv.conf", IMPATIENT);
    listener = green_listen("tcp://127.0.0.1:0", NULL);
    ck_assert_int_gt(green_local_address(listener, port, sizeof port), 0);
    write_etc("hosts", "127.0.0.1 here.test\n");
    snprintf(address, sizeof address, "tcp://here.test:%s", port + 16);
    fd = green_dial(address);
    ck_assert_msg(fd >= 0, "%s", green_net_error());
    ck_ok(green_close(fd));
    /* 192.0.2.1 is not reachable from here: what counts is that it is tried. */
    ck_assert_int_eq(green_dial("tcp://silent6.test:80"), -1);
    ck_assert_int_eq(errno, ENETUNREACH);
}
END_TEST

/* The same with the system's resolver. */
START_TEST(dials_by_the_system_though_one_family_is_silent)
{
    SET_UP();
    write_etc("resolv.conf", IMPATIENT);
    ck_ok(green_use_resolver(NULL));
    ck_assert_int_eq(green_dial("tcp://silent6.test:80"), -1);
    ck_assert_int_eq(errno, ENETUNREACH);
    ck_assert_uint_ge(questions("silent6."), 3);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dns");
    TCase *tcase = add_tcase(suite, "server");

    tcase_add_loop_test(tcase, what_servers_say, 0, NAMES);
    tcase_add_test(tcase, addresses_and_names);
    tcase_add_test(tcase, answers_are_kept_as_long_as_they_say);
    tcase_add_test(tcase, the_memory_has_a_bound);
    tcase_add_test(tcase, a_hundred_at_once);
    tcase_add_test(tcase, cancelled);
    tcase_add_test(tcase, forked);
    tcase_add_test(tcase, a_server_that_goes_and_comes_back);
    tcase_add_test(tcase, files_that_change);
    tcase_add_test(tcase, by_tcp_if_told_so);
    tcase_add_test(tcase, names_of_addresses);
    tcase_add_test(tcase, dials_though_one_family_is_silent);
    tcase_add_test(tcase, dials_by_the_system_though_one_family_is_silent);
    return run_suite(suite);
}
