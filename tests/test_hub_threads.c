/* Hubs belong to OS threads: each OS thread has its own, and leaves nothing
 * behind. */
#include "support.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *const others[] = {"epolls",   "poll",  "selects",
                                     "libevent", "uring", "sim"};

#define OTHERS 6

static void run(void *(*fn)(void *), void *arg)
{
    pthread_t thread;
    void *failed;

    ck_ok(pthread_create(&thread, NULL, fn, arg));
    ck_ok(pthread_join(thread, &failed));
    ck_assert_msg(failed == NULL, "in the OS thread: %s", (char *)failed);
}

/* ---- Hybrid ----------------------------------------------------------- */

static void *on_another_hub(void *arg)
{
    struct green_hub *default_hub = green_get_hub();
    const char *name = arg;

    if (strcmp(green_hub_name(default_hub), hub_under_test()) != 0)
        return "the default is another one";
    if (!green_hub_available(name, NULL))
        return may_be_missing(name) ? NULL : "not available";
    if (green_use_hub(name) < 0)
        return "use_hub";
    if (strcmp(green_hub_name(green_get_hub()), name) != 0)
        return "another name";
    if (green_use_hub("no_such_hub") == 0 || !*green_hub_error())
        return "no error";
    return green_sleep(GREEN_MSEC) < 0 ? "sleep" : NULL;
}

START_TEST(a_special_hub_in_one_thread)
{
    struct green_hub *hub = green_get_hub();

    run(on_another_hub, (void *)others[_i]);
    ck_assert_ptr_eq(green_get_hub(), hub);
    ck_assert_str_eq(green_hub_name(hub), hub_under_test());
    /* The error message is per OS thread as well. */
    ck_assert_str_eq(green_hub_error(), "");
    ck_ok(green_sleep(GREEN_MSEC));
}
END_TEST

/* ---- Nothing leaks ----------------------------------------------------- */

static void parks(void *arg)
{
    char c;

    if (arg)
        green_read(*(int *)arg, &c, 1);
    else
        green_sleep(GREEN_FOREVER);
}

static void *returns(void *arg)
{
    return arg;
}

static int idle_pipe[2];

/* Makes one of everything, and destroys none. */
static void *leaves_all_behind(void *arg)
{
    static struct green_attr attr = {.name = "left behind"};

    (void)arg;
    for (int i = 0; i < 20; i++)
        if (green_spawn_n(parks, i % 2 ? idle_pipe : NULL) < 0)
            return "spawn_n";
    green_spawn_after(GREEN_SEC, returns, NULL);
    green_spawn_after_local(GREEN_SEC, returns, NULL);
    green_spawn_with(&attr, returns, NULL);
    if (green_sleep(GREEN_MSEC) < 0)
        return "sleep";
    green_spawn(returns, NULL); /* never runs */
    return NULL;
}

static void *exits_early(void *arg)
{
    leaves_all_behind(arg);
    pthread_exit(NULL);
}

static void exits_in_greenthread(void *arg)
{
    (void)arg;
    pthread_exit(NULL);
}

/* Main's OS thread ends while another greenthread runs. */
static void *ends_elsewhere(void *arg)
{
    (void)arg;
    if (green_spawn_n(exits_in_greenthread, NULL) < 0)
        return "spawn_n";
    green_sleep(GREEN_FOREVER);
    return "resumed";
}

static void nothing_leaks_from(void *(*fn)(void *))
{
    int fds, mappings = 0;
    long kib = 0;

    pipe_pair(idle_pipe);
    green_get_hub();
    fds = count_fds();
    for (int i = 0; i < 50; i++) {
        run(fn, NULL);
        if (i == 4) {
            mappings = count_mappings();
            kib = mapped_kib();
        }
    }
    ck_assert_int_eq(count_fds(), fds);
    /* The C library may have mapped memory meanwhile, but not 45 times. */
    ck_assert_int_le(count_mappings(), mappings + 4);
    if (!checker())
        ck_assert_int_le(mapped_kib(), kib + 20 * 1024);
}

START_TEST(a_finished_os_thread_leaves_nothing)
{
    nothing_leaks_from(leaves_all_behind);
}
END_TEST

START_TEST(an_os_thread_that_calls_pthread_exit)
{
    nothing_leaks_from(exits_early);
}
END_TEST

START_TEST(pthread_exit_in_a_greenthread)
{
    if (checker() && strcmp(checker(), "tsan") == 0) {
        SKIP("ThreadSanitizer does not support an OS thread's end on another "
             "stack");
        return;
    }
    nothing_leaks_from(ends_elsewhere);
}
END_TEST

static int deferred, destroyed;

static void note_defer(void *arg)
{
    ck_assert_ptr_eq(arg, &deferred);
    ck_assert_int_eq(destroyed, 0);
    deferred++;
}

static void note_destructor(void *value)
{
    ck_assert_ptr_eq(value, &destroyed);
    destroyed++;
}

static void *defers_in_main(void *arg)
{
    unsigned key;

    if (green_key_create(&key, note_destructor) < 0 ||
        green_key_set(key, &destroyed) < 0)
        return "key";
    return green_at_exit(note_defer, arg) < 0 ? "defer" : NULL;
}

START_TEST(mains_deferred_functions)
{
    run(defers_in_main, &deferred);
    ck_assert_int_eq(deferred, 1);
    ck_assert_int_eq(destroyed, 1);
}
END_TEST

/* ---- Several at once --------------------------------------------------- */

#define THREADS 4
#define ROUNDS 300

static void echoes(void *arg)
{
    int fd = *(int *)arg;
    char c;

    while (green_read(fd, &c, 1) == 1)
        if (green_write(fd, &c, 1) != 1)
            break;
}

static void *talks_to_itself(void *arg)
{
    int fds[2];
    char c;

    (void)arg;
    if (green_socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0)
        return "socketpair";
    if (green_spawn_n(echoes, &fds[1]) < 0)
        return "spawn_n";
    for (int i = 0; i < ROUNDS; i++) {
        if (green_write(fds[0], "x", 1) != 1 || green_read(fds[0], &c, 1) != 1)
            return "echo";
        if (i % 100 == 0 && green_sleep(GREEN_MSEC) < 0)
            return "sleep";
    }
    green_close(fds[0]);
    green_sleep(0);
    green_close(fds[1]);
    return NULL;
}

START_TEST(several_threads_at_once)
{
    pthread_t threads[THREADS];
    void *failed;

    for (int i = 0; i < THREADS; i++)
        ck_ok(pthread_create(&threads[i], NULL, talks_to_itself, NULL));
    ck_assert_ptr_null(talks_to_itself(NULL));
    for (int i = 0; i < THREADS; i++) {
        ck_ok(pthread_join(threads[i], &failed));
        ck_assert_msg(failed == NULL, "in the OS thread: %s", (char *)failed);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hub threads");
    TCase *hybrid = add_tcase(suite, "hybrid");
    TCase *ends = add_tcase(suite, "ends");

    tcase_add_loop_test(hybrid, a_special_hub_in_one_thread, 0, OTHERS);
    tcase_add_test(hybrid, several_threads_at_once);
    tcase_add_test(ends, a_finished_os_thread_leaves_nothing);
    tcase_add_test(ends, an_os_thread_that_calls_pthread_exit);
    tcase_add_test(ends, pthread_exit_in_a_greenthread);
    tcase_add_test(ends, mains_deferred_functions);
    return run_suite(suite);
}
