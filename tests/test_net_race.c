/*
 * Dialling a name with several addresses (RFC 8305), with a resolver of the
 * test's own. On the sim hub the clock is virtual, so that the times are exact;
 * on the others only their order counts.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>

#include "race_support.h"

/* ---- The resolver --------------------------------------------------------- */

/* What it answers for a family: after how long, an error, or addresses. */
struct answer {
    green_time delay;
    int error;
    const char *addresses[4];
};

static struct answer answers[2]; /* IPv4, IPv6 */
static unsigned cancelled;

static int look_up(struct green_look_up *it)
{
    const struct answer *answer = &answers[it->family == AF_INET6];
    int count = 0;

    if (green_sleep(answer->delay) < 0) {
        cancelled++;
        return -1;
    }
    for (; count < 4 && answer->addresses[count]; count++)
        inet_pton(it->family, answer->addresses[count],
                  it->family == AF_INET6
                      ? (void *)&it->addresses[count].at.v6.sin6_addr
                      : (void *)&it->addresses[count].at.v4.sin_addr);
    errno = answer->error;
    return answer->error ? -1 : count;
}

static const struct green_resolver own = {.name = "own", .look_up = look_up};

/* ---- Servers -------------------------------------------------------------- */

static int port;

/* 127.0.0.1 listens. At 127.0.0.3 nobody does. */
static void set_up(void)
{
    int listener = tcp_listener(&port);

    ck_assert_int_ge(listener, 0);
    ck_ok(green_use_resolver(&own));
    answers[0] = (struct answer){.addresses = {"127.0.0.1"}};
    answers[1] = (struct answer){.error = ENODATA};
}

static bool add_v6_server(void)
{
    char address[64];

    snprintf(address, sizeof address, "tcp6://[::1]:%d", port);
    return green_listen(address, NULL) >= 0;
}

/* 127.0.0.2 does not answer: its queue of connections is full. */
static void add_silent_server(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr = {htonl(0x7f000002)}};
    struct timeval moment = {.tv_usec = 20000};
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fd;

    ck_ok(bind(listener, (struct sockaddr *)&at, sizeof at));
    ck_ok(listen(listener, 0));
    do {
        fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        ck_ok(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &moment, sizeof moment));
    } while (syscall(SYS_connect, fd, &at, sizeof at) == 0);
    ck_assert_int_eq(errno, EINPROGRESS);
}

/* ---- The dial -------------------------------------------------------------- */

static green_time began;

static int dial(void)
{
    char address[64];

    memset(tried, 0, sizeof tried);
    snprintf(address, sizeof address, "tcp://name.test:%d", port);
    began = green_now();
    return green_dial(address);
}

/* It took this long, where the clock is virtual, and reached this family. */
static void connects(green_time expected, const char *attempts)
{
    int fds = (green_get_hub(), count_fds()), fd = dial();
    green_time took = green_now() - began;

    ck_assert_msg(fd >= 0, "%s", green_net_error());
    ck_assert_str_eq(tried, attempts);
    if (on_sim())
        ck_assert_int_eq(took / GREEN_MSEC, expected / GREEN_MSEC);
    ck_assert_int_ge(took, expected);
    ck_ok(green_close(fd));
    ck_assert_int_eq(count_fds(), fds);
}

START_TEST(the_next_begins_250_ms_later)
{
    set_up();
    add_silent_server();
    answers[0] = (struct answer){.addresses = {"127.0.0.2", "127.0.0.1"}};
    connects(250 * GREEN_MSEC, "44");
    answers[0] =
        (struct answer){.addresses = {"127.0.0.2", "127.0.0.2", "127.0.0.1"}};
    connects(500 * GREEN_MSEC, "444");
}
END_TEST

START_TEST(the_next_begins_when_one_fails)
{
    set_up();
    answers[0] =
        (struct answer){.addresses = {"127.0.0.3", "127.0.0.3", "127.0.0.1"}};
    connects(0, "444");
}
END_TEST

START_TEST(a_silent_family_costs_50_ms)
{
    set_up();
    answers[1].delay = GREEN_FOREVER;
    connects(50 * GREEN_MSEC, "4");
    ck_assert_int_eq(cancelled, 1);
}
END_TEST

START_TEST(ipv6_is_not_waited_for_longer_than_needed)
{
    set_up();
    answers[1].delay = 20 * GREEN_MSEC; /* then: no such address */
    connects(20 * GREEN_MSEC, "4");
    if (!add_v6_server()) {
        SKIP("needs IPv6");
        return;
    }
    answers[1] =
        (struct answer){.delay = 20 * GREEN_MSEC, .addresses = {"::1"}};
    connects(20 * GREEN_MSEC, "6");
    answers[0].delay = GREEN_FOREVER; /* IPv4 is not waited for at all */
    answers[1].delay = 0;
    connects(0, "6");
}
END_TEST

START_TEST(a_late_family_joins_in)
{
    set_up();
    if (!add_v6_server()) {
        SKIP("needs IPv6");
        return;
    }
    add_silent_server();
    answers[0] = (struct answer){.addresses = {"127.0.0.2", "127.0.0.2"}};
    answers[1] =
        (struct answer){.delay = 100 * GREEN_MSEC, .addresses = {"::1"}};
    connects(300 * GREEN_MSEC, "46");
}
END_TEST

START_TEST(families_take_turns)
{
    int fds;

    set_up();
    answers[0] =
        (struct answer){.addresses = {"127.0.0.3", "127.0.0.3", "127.0.0.3"}};
    answers[1] = (struct answer){.addresses = {"::1", "::1"}};
    fds = (green_get_hub(), count_fds());
    ck_fails(dial(), ECONNREFUSED);
    if (strchr(tried, '6')) /* else this system has no IPv6 */
        ck_assert_str_eq(tried, "64644");
    ck_assert_int_eq(count_fds(), fds);
}
END_TEST

START_TEST(one_failed_look_up_does_no_harm)
{
    set_up();
    answers[1].error = EAGAIN;
    connects(0, "4");
    answers[0].error = ENOENT;
    ck_fails(dial(), EAGAIN);
    answers[1].error = ENODATA;
    ck_fails(dial(), ENOENT);
    ck_assert_ptr_nonnull(strstr(green_net_error(), "name.test"));
}
END_TEST

static void *is_killed(void *unused)
{
    ck_fails(dial(), ECANCELED);
    return unused;
}

/* While it looks up, and while it connects; nothing is left open. */
START_TEST(kills_and_timeouts)
{
    struct green_timeout timeout;
    struct green_thread *thread;
    int fds;

    set_up();
    add_silent_server();
    answers[0] = (struct answer){.addresses = {"127.0.0.2", "127.0.0.2"}};
    answers[1].delay = _i ? GREEN_FOREVER : 0;
    fds = (green_get_hub(), count_fds());
    thread = green_spawn(is_killed, NULL);
    ck_ok(green_sleep((_i ? 10 : 300) * GREEN_MSEC));
    ck_ok(green_kill(thread));
    ck_ok(green_join(thread, NULL));
    ck_assert_int_eq(count_fds(), fds);
    ck_ok(green_timeout_start(&timeout, 20 * GREEN_MSEC));
    ck_fails(dial(), ETIMEDOUT);
    ck_ok(green_timeout_cancel(&timeout));
    ck_assert_int_eq(count_fds(), fds);
    ck_assert_int_eq(cancelled, _i ? 2 : 0);
}
END_TEST

static void in_a_callback(struct green_call *call)
{
    ck_fails(dial(), EDEADLK);
    call->arg = NULL;
}

START_TEST(not_in_a_callback)
{
    struct green_call call = {.callback = in_a_callback, .arg = &call};

    set_up();
    ck_ok(green_hub_call(green_get_hub(), &call));
    while (call.arg)
        ck_ok(green_sleep(GREEN_MSEC));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("net race");
    TCase *tcase = add_tcase(suite, "race");

    tcase_add_test(tcase, the_next_begins_250_ms_later);
    tcase_add_test(tcase, the_next_begins_when_one_fails);
    tcase_add_test(tcase, a_silent_family_costs_50_ms);
    tcase_add_test(tcase, ipv6_is_not_waited_for_longer_than_needed);
    tcase_add_test(tcase, a_late_family_joins_in);
    tcase_add_test(tcase, families_take_turns);
    tcase_add_test(tcase, one_failed_look_up_does_no_harm);
    tcase_add_loop_test(tcase, kills_and_timeouts, 0, 2);
    tcase_add_test(tcase, not_in_a_callback);
    return run_suite(suite);
}
