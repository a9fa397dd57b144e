/* green_serve on several OS threads, each with a hub of its own. */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>

#include "server.h"

#define THREADS 3
#define CLIENTS 60

/* A handler on another OS thread cannot assert: it records what it saw. */
static _Atomic int on_main, elsewhere, now, peak;
static _Atomic bool other_hub;
static pthread_t main_thread;

static void note_thread(int fd, void *arg)
{
    int count = atomic_fetch_add(&now, 1) + 1, most = peak;

    while (count > most && !atomic_compare_exchange_weak(&peak, &most, count))
        ;
    if (pthread_equal(pthread_self(), main_thread))
        on_main++;
    else
        elsewhere++;
    if (arg && strcmp(green_hub_name(green_get_hub()), arg) != 0)
        other_hub = true;
    echo(fd, NULL);
    now--;
}

static void serve_on_threads(unsigned threads)
{
    main_thread = pthread_self();
    handler = note_thread;
    options.threads = threads;
    options.arg = (void *)(uintptr_t)hub_under_test();
    serve_tcp();
}

static void all_are_served(int count)
{
    ck_assert_uint_eq(server.accepted, (uint64_t)count);
    ck_assert_int_eq(begun, count);
    ck_assert_int_eq(ended, count);
}

START_TEST(connections_are_spread)
{
    int fds[CLIENTS];

    serve_on_threads(2);
    for (int i = 0; i < CLIENTS; i++)
        fds[i] = client();
    ck_assert_uint_eq(server.active, CLIENTS);
    for (int i = 0; i < CLIENTS; i++) {
        round_trip(fds[i]);
        ck_ok(green_close(fds[i]));
    }
    stop_server();
    all_are_served(CLIENTS);
    /* The kernel chooses at random: one OS thread gets none in one of 2^60
     * runs. */
    ck_assert_int_gt(on_main, 0);
    ck_assert_int_gt(elsewhere, 0);
    ck_assert(!other_hub); /* their hubs are of the caller's kind */
}
END_TEST

/* OS threads share a Unix listener without SO_REUSEPORT; each connection is
 * served. */
START_TEST(a_unix_socket_is_shared)
{
    int fds[CLIENTS];
    char at[64];

    main_thread = pthread_self();
    handler = note_thread;
    options.threads = THREADS;
    snprintf(at, sizeof at, "unix://@greenhub-test-share-%d", getpid());
    listen_for_server(at, false);
    start_server();
    for (int i = 0; i < CLIENTS; i++)
        fds[i] = client();
    for (int i = 0; i < CLIENTS; i++)
        ck_ok(green_close(fds[i]));
    stop_server();
    all_are_served(CLIENTS);
}
END_TEST

/* The limit applies to all OS threads together, and each connection is served
 * in the end. */
START_TEST(at_most_max_connections_over_all_threads)
{
    int fds[CLIENTS];

    options.max_connections = 2;
    serve_on_threads(THREADS);
    for (int i = 0; i < CLIENTS; i++)
        fds[i] = dial_server();
    for (int i = 0; i < CLIENTS; i++)
        ck_ok(green_shutdown(fds[i], SHUT_WR));
    for (int i = 0; i < CLIENTS; i++)
        sees_the_end(fds[i]);
    stop_server();
    all_are_served(CLIENTS);
    ck_assert_int_le(peak, 2);
}
END_TEST

START_TEST(a_stop_waits_for_handlers_of_all_threads)
{
    int fds[CLIENTS];

    serve_on_threads(THREADS);
    for (int i = 0; i < CLIENTS; i++)
        fds[i] = client();
    ck_ok(green_server_stop(&server));
    run_others();
    ck_assert_int_eq(serve_result, 1000); /* has not returned */
    ck_assert_int_eq(ended, 0);
    for (int i = 0; i < CLIENTS; i++) {
        round_trip(fds[i]);
        ck_ok(green_close(fds[i]));
    }
    has_ended(0, 0);
    all_are_served(CLIENTS);
}
END_TEST

/* 0: the stop kills them; 1: their caller is killed; 2: the listener is
 * closed. */
START_TEST(handlers_of_all_threads_are_killed)
{
    static const int errors[] = {0, ECANCELED, EBADF};
    int fds[CLIENTS];

    options.kill_on_stop = _i == 0;
    serve_on_threads(THREADS);
    for (int i = 0; i < CLIENTS; i++)
        fds[i] = client();
    if (_i == 0)
        ck_ok(green_server_stop(&server));
    else if (_i == 1)
        ck_ok(green_kill(keeper));
    else
        ck_ok(green_close(listener));
    has_ended(_i == 0 ? 0 : -1, errors[_i]);
    all_are_served(CLIENTS);
    for (int i = 0; i < CLIENTS; i++)
        sees_the_end(fds[i]);
}
END_TEST

START_TEST(a_stop_before_the_threads_start)
{
    options.threads = THREADS;
    listen_for_server("tcp://127.0.0.1:0", true);
    ck_ok(green_server_stop(&server));
    ck_ok(green_serve(listener, echo, &options));
    ck_assert_uint_eq(server.accepted, 0);
}
END_TEST

START_TEST(a_hub_of_their_own)
{
    const char *hub = strcmp(hub_under_test(), "poll") ? "poll" : "selects";
    int fds[CLIENTS];

    options.hub = hub;
    serve_on_threads(2);
    for (int i = 0; i < CLIENTS; i++)
        fds[i] = client();
    for (int i = 0; i < CLIENTS; i++)
        ck_ok(green_close(fds[i]));
    stop_server();
    all_are_served(CLIENTS);
    ck_assert(other_hub);
}
END_TEST

START_TEST(an_unknown_hub)
{
    options.hub = "no_such_hub";
    serve_on_threads(THREADS);
    has_ended(-1, ENOENT);
    ck_assert_ptr_nonnull(strstr(green_hub_error(), "no_such_hub"));
    /* On one OS thread green_serve makes no hub. */
    options.threads = 1;
    start_server();
    ck_ok(green_close(client()));
    stop_server();
}
END_TEST

START_TEST(without_reuse_port)
{
    int fds;

    options.threads = 2;
    listen_for_server("tcp://127.0.0.1:0", false);
    fds = count_fds();
    ck_fails(green_serve(listener, echo, &options), EINVAL);
    ck_assert_int_eq(count_fds(), fds);
}
END_TEST

/* Too few descriptors for the listeners of all OS threads. */
START_TEST(no_descriptors_for_the_threads)
{
    struct rlimit limit, before;
    int fds;

    options.threads = 20;
    listen_for_server("tcp://127.0.0.1:0", true);
    fds = count_fds();
    ck_ok(getrlimit(RLIMIT_NOFILE, &before));
    limit = before;
    limit.rlim_cur = (rlim_t)(listener + 12);
    ck_ok(setrlimit(RLIMIT_NOFILE, &limit));
    ck_fails(green_serve(listener, echo, &options), EMFILE);
    ck_ok(setrlimit(RLIMIT_NOFILE, &before));
    ck_assert_int_eq(count_fds(), fds);
}
END_TEST

START_TEST(nothing_leaks)
{
    int before;

    serve_on_threads(THREADS);
    ck_ok(green_close(client()));
    stop_server();
    before = count_fds();
    for (int i = 0; i < 10; i++) {
        ck_ok(green_close(listener));
        serve_on_threads(THREADS);
        for (int j = 0; j < 5; j++)
            ck_ok(green_close(client()));
        stop_server();
        ck_assert_int_eq(count_fds(), before);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("net threads");
    TCase *threads = add_tcase(suite, "threads");
    TCase *bad = add_tcase(suite, "bad");

    tcase_add_test(threads, connections_are_spread);
    tcase_add_test(threads, a_unix_socket_is_shared);
    tcase_add_test(threads, at_most_max_connections_over_all_threads);
    tcase_add_test(threads, a_stop_waits_for_handlers_of_all_threads);
    tcase_add_loop_test(threads, handlers_of_all_threads_are_killed, 0, 3);
    tcase_add_test(threads, a_stop_before_the_threads_start);
    tcase_add_test(threads, a_hub_of_their_own);
    tcase_add_test(threads, nothing_leaks);
    tcase_add_test(bad, an_unknown_hub);
    tcase_add_test(bad, without_reuse_port);
    tcase_add_test(bad, no_descriptors_for_the_threads);
    return run_suite(suite);
}
