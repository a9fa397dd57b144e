/* The end of green_serve: stopped, killed, timed out, its listener closed. */
#include <fcntl.h>
#include <pthread.h>

#include "server.h"

/* ---- Stopped ----------------------------------------------------------- */

START_TEST(a_stop_before_it_begins)
{
    int fd;

    listen_for_server("tcp://127.0.0.1:0", false);
    fd = dial_server();
    ck_ok(green_server_stop(&server));
    ck_ok(green_serve(listener, echo, &options));
    ck_assert_uint_eq(server.accepted, 0);
    ck_assert_int_eq(begun, 0);
    ck_ok(green_close(fd));
}
END_TEST

START_TEST(a_stop_waits_for_the_handlers)
{
    int fds[2];

    serve_tcp();
    fds[0] = client();
    fds[1] = client();
    ck_ok(green_server_stop(&server));
    for (int i = 1; i >= 0; i--) {
        run_others();
        ck_assert_int_eq(serve_result, 1000); /* has not returned */
        round_trip(fds[i]);
        ck_ok(green_close(fds[i]));
    }
    has_ended(0, 0);
    ck_assert_int_eq(ended, 2);
}
END_TEST

START_TEST(after_a_stop_none_is_accepted)
{
    int fd, late;

    serve_tcp();
    fd = client();
    ck_ok(green_server_stop(&server));
    run_others();
    late = dial_server(); /* into the backlog */
    run_others();
    ck_ok(green_close(fd));
    has_ended(0, 0);
    ck_assert_uint_eq(server.accepted, 1);
    /* The listener is still open, and the next server accepts the late
     * connection. */
    memset(&server, 0, sizeof server);
    start_server();
    round_trip(late);
    ck_ok(green_close(late));
    stop_server();
    ck_assert_uint_eq(server.accepted, 1);
}
END_TEST

START_TEST(a_second_stop_changes_nothing)
{
    serve_tcp();
    ck_ok(green_close(client()));
    ck_ok(green_server_stop(&server));
    stop_server();
    ck_ok(green_server_stop(&server)); /* also after its end */
}
END_TEST

static void stop_it(int fd, void *arg)
{
    begun++;
    ck_ok(green_server_stop(arg));
    echo(fd, arg);
}

START_TEST(a_handler_stops_it)
{
    int fd;

    handler = stop_it;
    options.arg = &server;
    serve_tcp();
    fd = client();
    ck_ok(green_close(fd));
    has_ended(0, 0);
    ck_assert_int_eq(ended, 1);
}
END_TEST

START_TEST(a_stop_may_kill_the_handlers)
{
    int fds[2];

    options.kill_on_stop = true;
    serve_tcp();
    fds[0] = client();
    fds[1] = client();
    stop_server();
    ck_assert_int_eq(ended, 2);
    sees_the_end(fds[0]);
    sees_the_end(fds[1]);
}
END_TEST

/* A killed handler may clean up within a shield, and the server waits for
 * it. */
static void clean_up(int fd, void *arg)
{
    struct green_shield shield;

    echo(fd, arg);
    ck_assert(green_killed());
    ck_ok(green_shield_begin(&shield));
    ck_ok(green_sleep(20 * GREEN_MSEC));
    ck_ok(green_write_all(fd, "bye", 3));
    ck_ok(green_shield_end(&shield));
    *(bool *)arg = true;
}

START_TEST(a_killed_handler_cleans_up)
{
    static bool tidy;
    char bye[4] = "";
    int fd;

    handler = clean_up;
    options.arg = &tidy;
    options.kill_on_stop = true;
    serve_tcp();
    fd = client();
    stop_server();
    ck_assert(tidy);
    ck_assert_int_eq(green_read_full(fd, bye, 3), 3);
    ck_assert_str_eq(bye, "bye");
    sees_the_end(fd);
}
END_TEST

/* A client that sends as fast as it can, from an OS thread of its own. */
static void *floods(void *arg)
{
    static const char bytes[65536];
    int fd = (int)(intptr_t)arg;

    while (send(fd, bytes, sizeof bytes, MSG_NOSIGNAL) > 0)
        ;
    return NULL;
}

/* A handler whose reads never have to wait. */
static void reads_slowly(int fd, void *arg)
{
    char buffer[4]; /* small: it reads more slowly than the client sends */

    (void)arg;
    begun++;
    while (green_read(fd, buffer, sizeof buffer) > 0)
        ;
    ended++;
}

START_TEST(a_flood_does_not_starve_others)
{
    pthread_t flood;
    int fd, other;

    if (on_sim()) {
        SKIP("while code runs, no time passes on a virtual clock");
        return;
    }
    options.kill_on_stop = true;
    handler = reads_slowly;
    serve_tcp();
    fd = dial_server();
    ck_ok(pthread_create(&flood, NULL, floods, (void *)(intptr_t)fd));
    wait_until(begun == 1);
    other = dial_server();
    wait_until(begun == 2);
    stop_server();
    ck_assert_int_eq(ended, 2);
    ck_ok(pthread_join(flood, NULL));
    ck_ok(close(fd));
    ck_ok(green_close(other));
}
END_TEST

#define MANY 300

/* When the server stops, some are accepted and their handlers have not
 * begun. */
START_TEST(a_stop_with_many_connections)
{
    int fds[MANY], before;

    handler = stop_it;
    options.arg = &server;
    options.kill_on_stop = true;
    listen_for_server("tcp://127.0.0.1:0", false);
    before = count_fds();
    for (int i = 0; i < MANY; i++)
        fds[i] = dial_server();
    start_server();
    has_ended(0, 0);
    ck_assert_uint_ge(server.accepted, 1);
    ck_assert_int_le(begun, 2 * (int)server.accepted); /* echo counts too */
    ck_assert_int_eq(begun, 2 * ended);
    ck_ok(green_close(listener));
    for (int i = 0; i < MANY; i++)
        sees_the_end(fds[i]);
    ck_assert_int_eq(count_fds(), before - 1);
}
END_TEST

/* On most hubs the server accepts it, and its handler has no time to begin. */
START_TEST(a_connection_that_comes_with_the_stop)
{
    int fd;

    options.kill_on_stop = true;
    serve_tcp();
    run_others();
    fd = dial_server();
    stop_server();
    ck_assert_int_eq(begun, ended);
    ck_ok(green_close(listener));
    sees_the_end(fd);
}
END_TEST

static void *stop_on_thread(void *arg)
{
    return green_server_stop(arg) < 0 ? "green_server_stop" : NULL;
}

START_TEST(another_os_thread_stops_it)
{
    pthread_t thread;
    void *failed;
    int fd;

    options.kill_on_stop = true;
    serve_tcp();
    fd = client();
    ck_ok(pthread_create(&thread, NULL, stop_on_thread, &server));
    has_ended(0, 0);
    ck_ok(pthread_join(thread, &failed));
    ck_assert_ptr_null(failed);
    ck_assert_int_eq(ended, 1);
    sees_the_end(fd);
}
END_TEST

/* green_serve may return, and its frame be gone, while another OS thread is
 * still in green_server_stop. */
START_TEST(many_os_threads_stop_it_at_once)
{
    pthread_t threads[4];
    void *failed;

    for (int round = 0; round < 50; round++) {
        serve_tcp();
        ck_ok(green_sleep(0));
        for (int i = 0; i < 4; i++)
            ck_ok(pthread_create(&threads[i], NULL, stop_on_thread, &server));
        has_ended(0, 0);
        for (int i = 0; i < 4; i++) {
            ck_ok(pthread_join(threads[i], &failed));
            ck_assert_ptr_null(failed);
        }
        ck_ok(green_close(listener));
    }
}
END_TEST

static void on_signal(int number)
{
    int error = errno;

    (void)number;
    errno = EXDEV;
    green_server_stop(&server);
    if (errno != EXDEV) /* green_server_stop must not change it */
        abort();
    errno = error;
}

START_TEST(a_signal_handler_stops_it)
{
    int fd;

    signal(SIGUSR1, on_signal);
    serve_tcp();
    fd = client();
    ck_ok(raise(SIGUSR1));
    run_others();
    round_trip(fd);
    ck_ok(green_close(fd));
    has_ended(0, 0);
    ck_assert_int_eq(ended, 1);
}
END_TEST

/* The signal arrives while the OS thread is in the hub's wait, or about to
 * wait. */
static void *send_signal(void *arg)
{
    return pthread_kill(*(pthread_t *)arg, SIGUSR1) ? "pthread_kill" : NULL;
}

START_TEST(a_signal_during_the_wait_stops_it)
{
    pthread_t self = pthread_self(), thread;
    void *failed;

    if (checker() && strcmp(checker(), "tsan") == 0) {
        SKIP("ThreadSanitizer delays a signal that arrives just before a wait");
        return;
    }
    signal(SIGUSR1, on_signal);
    for (int round = 0; round < 50; round++) {
        serve_tcp();
        ck_ok(pthread_create(&thread, NULL, send_signal, &self));
        has_ended(0, 0);
        ck_ok(pthread_join(thread, &failed));
        ck_assert_ptr_null(failed);
        ck_ok(green_close(listener));
    }
}
END_TEST

/* ---- Failed ------------------------------------------------------------ */

START_TEST(its_caller_is_killed)
{
    int fds[2];

    serve_tcp();
    fds[0] = client();
    fds[1] = client();
    ck_assert_uint_eq(server.active, 2);
    ck_ok(green_kill(keeper));
    has_ended(-1, ECANCELED);
    ck_assert_int_eq(ended, 2);
    ck_assert_uint_eq(server.accepted, 2);
    sees_the_end(fds[0]);
    sees_the_end(fds[1]);
    ck_ok(fcntl(listener, F_GETFD) < 0); /* the listener stays open */
}
END_TEST

START_TEST(its_caller_is_killed_while_it_waits_for_handlers)
{
    int fd;

    serve_tcp();
    fd = client();
    ck_ok(green_server_stop(&server));
    run_others();
    ck_assert_int_eq(ended, 0);
    ck_ok(green_kill(keeper));
    has_ended(-1, ECANCELED);
    ck_assert_int_eq(ended, 1);
    sees_the_end(fd);
}
END_TEST

START_TEST(its_caller_times_out)
{
    struct green_timeout timeout;
    int fd;

    listen_for_server("tcp://127.0.0.1:0", false);
    fd = dial_server();
    ck_ok(green_timeout_start(&timeout, 30 * GREEN_MSEC));
    ck_fails(green_serve(listener, echo, &options), ETIMEDOUT);
    ck_assert(green_timeout_fired(&timeout));
    ck_ok(green_timeout_cancel(&timeout));
    ck_assert_uint_eq(server.accepted, 1);
    ck_assert_uint_eq(server.active, 0);
    ck_assert_int_eq(ended, 1);
    sees_the_end(fd);
}
END_TEST

START_TEST(its_listener_is_closed)
{
    int fd;

    serve_tcp();
    fd = client();
    ck_ok(green_close(listener));
    has_ended(-1, EBADF);
    ck_assert_int_eq(ended, 1);
    sees_the_end(fd);
}
END_TEST

START_TEST(its_listener_is_shut_down)
{
    int fd;

    serve_tcp();
    fd = client();
    ck_ok(green_shutdown(listener, SHUT_RDWR));
    has_ended(-1, EINVAL); /* accept's error */
    sees_the_end(fd);
}
END_TEST

/* ---- Nothing leaks ------------------------------------------------------- */

static void end_by(int way)
{
    int fd;

    options.kill_on_stop = way == 1;
    options.max_connections = way == 2;
    serve_tcp();
    fd = client();
    if (way == 3)
        ck_ok(green_kill(keeper));
    else if (way == 4)
        ck_ok(green_close(listener));
    else
        ck_ok(green_server_stop(&server));
    ck_ok(green_close(fd));
    ck_ok(green_join(keeper, NULL));
    if (way != 4)
        ck_ok(green_close(listener));
}

START_TEST(nothing_leaks)
{
    uint64_t alive;
    int fds;

    end_by(_i);
    fds = count_fds();
    alive = stats_now().alive;
    for (int i = 0; i < 20; i++)
        end_by(_i);
    ck_assert_int_eq(count_fds(), fds);
    ck_assert_uint_eq(stats_now().alive, alive);
}
END_TEST

static void add_stopped(TCase *stopped)
{
    tcase_add_test(stopped, a_stop_before_it_begins);
    tcase_add_test(stopped, a_stop_waits_for_the_handlers);
    tcase_add_test(stopped, after_a_stop_none_is_accepted);
    tcase_add_test(stopped, a_second_stop_changes_nothing);
    tcase_add_test(stopped, a_handler_stops_it);
    tcase_add_test(stopped, a_stop_may_kill_the_handlers);
    tcase_add_test(stopped, a_killed_handler_cleans_up);
    tcase_add_test(stopped, a_flood_does_not_starve_others);
    tcase_add_test(stopped, a_stop_with_many_connections);
    tcase_add_test(stopped, a_connection_that_comes_with_the_stop);
    tcase_add_test(stopped, another_os_thread_stops_it);
    tcase_add_test(stopped, many_os_threads_stop_it_at_once);
    tcase_add_test(stopped, a_signal_handler_stops_it);
    tcase_add_test(stopped, a_signal_during_the_wait_stops_it);
}

int main(void)
{
    Suite *suite = suite_create("net stop");
    TCase *failed = add_tcase(suite, "failed");
    TCase *left = add_tcase(suite, "leaks");

    add_stopped(add_tcase(suite, "stopped"));
    tcase_add_test(failed, its_caller_is_killed);
    tcase_add_test(failed, its_caller_is_killed_while_it_waits_for_handlers);
    tcase_add_test(failed, its_caller_times_out);
    tcase_add_test(failed, its_listener_is_closed);
    tcase_add_test(failed, its_listener_is_shut_down);
    tcase_add_loop_test(left, nothing_leaks, 0, 5);
    return run_suite(suite);
}
