/* Names asked of dnsmasq. */
#include <greenhub/dns.h>

#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dns_support.h"

#define DNSMASQ "/usr/sbin/dnsmasq"

static pid_t server;

static void start_dnsmasq(void)
{
    int fd;

    server = fork();
    ck_assert_int_ge(server, 0);
    if (server == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execl(DNSMASQ, DNSMASQ, "--conf-file=/dev/null", "--no-resolv",
              "--keep-in-foreground", "--no-hosts", "--user=root",
              "--group=root", "--pid-file=", "--bind-interfaces",
              "--listen-address=127.0.0.1", "--local=/test/",
              "--log-facility=/dev/null",
              "--host-record=both.test,192.0.2.1,2001:db8::1,300",
              "--host-record=four.test,192.0.2.4,300",
              "--cname=alias.test,both.test,60",
              "--address=/hundred.test/192.0.2.100",
              "--ptr-record=4.2.0.192.in-addr.arpa,four.test", (char *)NULL);
        _exit(127);
    }
    while ((fd = green_dial("tcp://127.0.0.1:53")) < 0) {
        ck_assert_int_eq(waitpid(server, NULL, WNOHANG), 0);
        ck_ok(green_sleep(5 * GREEN_MSEC));
    }
    ck_ok(green_close(fd));
}

static void stop_dnsmasq(void)
{
    ck_ok(kill(server, SIGKILL));
    ck_assert_int_eq(waitpid(server, NULL, 0), server);
}

static int resolve(const char *host, int family)
{
    const struct green_resolve_options options = {.family = family};

    return green_resolve(host, &options, NULL, 0);
}

static void answers_all(void)
{
    ck_assert_int_eq(resolve("both.test", AF_UNSPEC), 2);
    ck_assert_int_eq(resolve("alias.test", AF_UNSPEC), 2);
    ck_assert_int_eq(resolve("four.test", AF_UNSPEC), 1);
    ck_fails(resolve("four.test", AF_INET6), ENOENT);
    ck_fails(resolve("none.test", AF_UNSPEC), ENOENT);
    ck_fails(resolve("refused.example", AF_UNSPEC), EAGAIN);
}

static void *resolves(void *number)
{
    char host[32];

    snprintf(host, sizeof host, "n%d.hundred.test", (int)(intptr_t)number);
    ck_assert_int_eq(resolve(host, AF_INET), 1);
    return NULL;
}

static void answers_a_hundred_at_once(void)
{
    struct green_thread *threads[100];

    for (int i = 0; i < 100; i++)
        threads[i] = green_spawn(resolves, (void *)(intptr_t)i);
    for (int i = 0; i < 100; i++)
        ck_ok(green_join(threads[i], NULL));
}

START_TEST(answers)
{
    const struct addrinfo hints = {.ai_flags = AI_CANONNAME,
                                   .ai_socktype = SOCK_STREAM};
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr = {htonl(0xc0000204)}};
    struct addrinfo *found;
    char host[64];

    if (access(DNSMASQ, X_OK) < 0 || geteuid() != 0) {
        SKIP("needs dnsmasq, which needs root to change its groups");
        return;
    }
    if (!enter_namespace(__func__))
        return;
    write_etc("resolv.conf", "nameserver 127.0.0.1\nsearch test\n"
                             "options timeout:1 attempts:1\n");
    start_dnsmasq();
    ck_ok(green_use_dns());
    answers_all();
    answers_a_hundred_at_once();
    ck_assert_int_eq(resolve("both", AF_UNSPEC), 2); /* by the search domain */
    ck_assert_int_eq(green_getaddrinfo("alias", "80", &hints, &found), 0);
    ck_assert_str_eq(found->ai_canonname, "both.test");
    freeaddrinfo(found);
    ck_assert_int_eq(green_getnameinfo((struct sockaddr *)&at, sizeof at, host,
                                       sizeof host, NULL, 0, 0),
                     0);
    ck_assert_str_eq(host, "four.test");
    stop_dnsmasq();
    ck_assert_int_eq(resolve("both.test", AF_UNSPEC), 2); /* kept */
    ck_fails(resolve("new.test", AF_UNSPEC), EAGAIN);
    start_dnsmasq();
    ck_fails(resolve("new.test", AF_UNSPEC), ENOENT);
    stop_dnsmasq();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dns dnsmasq");

    tcase_add_test(add_tcase(suite, "dnsmasq"), answers);
    return run_suite(suite);
}
