/* Thread-local data for each greenthread: the thread control block, through forks,
 * signals, loaded libraries and the ends of OS threads. */
#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/self.h"
#include "context/thread_pointer.h"
#include "unit_own_tls.h"

/* ---- Variables ------------------------------------------------------------ */

START_TEST(variables_and_errno_are_its_own)
{
    BEGIN();
    number = 7;
    for (int i = 0; i < 3; i++) {
        struct green_thread *thread = spawn_own(use_variables, NULL);

        errno = EDOM;
        green_sleep(0);
        ck_assert_int_eq(*errno_here(), EDOM);
        ck_ok(green_join(thread, NULL));
        run_own(use_variables, MANY); /* in used blocks, which are as new */
    }
    ck_assert_int_eq(*number_here(), 7);
    ck_assert_int_eq(room[0], 0);
}
END_TEST

/* What kernels need that do not let programs write the thread pointer. */
START_TEST(system_calls_change_to_it_too)
{
    BEGIN();
    green__thread_pointer_by_call = true;
    number = 7;
    run_own(use_variables, MANY);
    ck_assert_int_eq(*number_here(), 7);
}
END_TEST

static void note_callback(struct green_timer *timer)
{
    *(int *)timer->arg = *number_here();
}

/* A callback of the hub, and a greenthread without a block, have the OS
 * thread's. */
START_TEST(others_keep_those_of_the_os_thread)
{
    int seen = 0;
    struct green_timer timer = {.callback = note_callback, .arg = &seen};

    BEGIN();
    number = 7;
    green_hub_schedule(green_get_hub(), &timer, green_now());
    run_own(use_variables, 2);
    ck_ok(green_sleep(GREEN_MSEC));
    ck_assert_int_eq(seen, 7);
}
END_TEST

static void note_identity(void *arg)
{
    struct green__tls *tls = green__tls_current();
    pthread_t *id = arg;

    ck_assert_ptr_nonnull(tls);
    *id = pthread_self();
    ck_assert_int_ne(pthread_equal(*id, green__tls_id(tls)), 0);
    ck_assert_ptr_eq(green__tls_of(*id), tls);
    green_sleep(0);
    ck_assert_int_ne(pthread_equal(*id, pthread_self()), 0);
    ck_assert_ptr_eq(green__self(), arg ? green__self() : NULL);
    ck_assert_ptr_nonnull(green__self()->scheduler);
}

START_TEST(each_is_a_thread_of_its_own)
{
    struct green_thread *threads[MANY];
    pthread_t ids[MANY];

    BEGIN();
    for (int i = 0; i < MANY; i++)
        threads[i] = spawn_own(note_identity, &ids[i]);
    for (int i = 0; i < MANY; i++)
        ck_ok(green_join(threads[i], NULL));
    for (int i = 0; i < MANY; i++) {
        ck_assert_int_eq(pthread_equal(ids[i], pthread_self()), 0);
        for (int j = 0; j < i; j++)
            ck_assert_int_eq(pthread_equal(ids[i], ids[j]), 0);
    }
    ck_assert_ptr_null(green__tls_current());
    ck_assert_ptr_null(green__tls_of(pthread_self()));
}
END_TEST

/* ---- Fork, signals ---------------------------------------------------------- */

static void use_child(void)
{
    ck_assert_int_eq(*number_here(), 5);
    *errno_here() = EDOM;
    free(malloc(100));
    ck_ok(green_sleep(GREEN_MSEC));
    ck_assert_int_eq(*errno_here(), EDOM);
    run_own(use_variables, 2);
    _exit(0);
}

static void fork_under_os(void *arg)
{
    void *os;
    pid_t child;

    (void)arg;
    *number_here() = 5;
    *errno_here() = EDOM;
    os = green__tls_enter_os();
    child = fork();
    green__tls_leave_os(os);
    if (child == 0)
        use_child();
    ck_assert_int_eq(wait_child(child), 0);
    ck_assert_int_eq(*number_here(), 5);
}

START_TEST(fork_works_under_the_os_threads_block)
{
    BEGIN();
    run_own(fork_under_os, 2);
}
END_TEST

static void fail_under_os(void *arg)
{
    void *os;

    (void)arg;
    *errno_here() = 0;
    os = green__tls_enter_os();
    ck_assert_int_eq(*number_here(), 7);
    ck_assert_int_lt(close(-1), 0);
    green__tls_leave_os(os);
    ck_assert_int_eq(*errno_here(), EBADF);
    ck_assert_int_eq(*number_here(), 42);
}

START_TEST(errno_comes_back_from_the_os_threads_block)
{
    BEGIN();
    number = 7;
    run_own(fail_under_os, 1);
    errno = EDOM;
    ck_assert_ptr_null(green__tls_enter_os());
    green__tls_leave_os(NULL);
    ck_assert_int_eq(errno, EDOM);
}
END_TEST

static int signals_seen;

static void on_signal(int signal)
{
    (void)signal;
    signals_seen += *number_here();
    *errno_here() = EBADF;
}

static void be_signalled(void *arg)
{
    *number_here() = (int)(intptr_t)arg + 1;
    *errno_here() = 0;
    ck_ok(kill(getpid(), SIGUSR1));
    ck_assert_int_eq(*errno_here(), EBADF);
    ck_ok(raise(SIGUSR1));
    green_sleep(0);
}

START_TEST(handlers_of_signals_run_on_it)
{
    struct sigaction action = {.sa_handler = on_signal};

    BEGIN();
    ck_ok(sigaction(SIGUSR1, &action, NULL));
    number = 1000;
    run_own(be_signalled, 2);
    ck_assert_int_eq(signals_seen, 2 * 1 + 2 * 2);
}
END_TEST

/* ---- Libraries, OS threads -------------------------------------------------- */

static int *(*number_in_library)(void);
static char *(*room_in_library)(void);

static void use_library(void *arg)
{
    int mine = (int)(intptr_t)arg + 1;

    while (!number_in_library)
        green_sleep(0);
    ck_assert_int_eq(*number_in_library(), 42);
    ck_assert_int_eq(room_in_library()[2999], 0);
    *number_in_library() = mine;
    memset(room_in_library(), mine, 3000);
    green_sleep(0);
    ck_assert_int_eq(*number_in_library(), mine);
    ck_assert_int_eq(room_in_library()[2999], mine);
}

static void load_library(void)
{
    char path[4096];
    void *library;

    snprintf(path, sizeof path, "%s/tests/thread_local.so",
             getenv("GREENHUB_BUILD"));
    library = dlopen(path, RTLD_NOW);
    ck_assert_msg(library != NULL, "%s", dlerror());
    *(void **)&room_in_library = dlsym(library, "thread_local_room");
    *(void **)&number_in_library = dlsym(library, "thread_local_number");
    ck_assert(number_in_library && room_in_library);
}

START_TEST(a_library_that_is_loaded_late_has_variables)
{
    struct green_thread *threads[2];
    struct mallinfo2 before;

    BEGIN();
    run_own(nothing, MANY);
    for (int i = 0; i < 2; i++)
        threads[i] = spawn_own(use_library, (void *)(intptr_t)i);
    ck_ok(green_sleep(0));
    load_library();
    for (int i = 0; i < 2; i++)
        ck_ok(green_join(threads[i], NULL));
    for (int i = 0; i < 10; i++)
        run_own(use_library, MANY);
    before = mallinfo2();
    for (int i = 0; i < 100; i++)
        run_own(use_library, MANY);
    ck_assert_uint_le(mallinfo2().uordblks, before.uordblks + 65536);
}
END_TEST

static void *run_hub(void *arg)
{
    if (!begin_here())
        return NULL;
    *number_here() = 9;
    for (int i = 0; i < 10; i++) {
        run_own(use_variables, MANY);
        run_own(use_malloc, MANY);
    }
    ck_assert_int_eq(*number_here(), 9);
    if (arg) /* not joined: it ends with the OS thread */
        spawn_own(use_variables, NULL);
    return NULL;
}

START_TEST(each_os_thread_has_its_own)
{
    pthread_t threads[2];
    size_t before = 0;

    BEGIN();
    for (int i = 0; i < 20; i++) {
        for (int j = 0; j < 2; j++)
            ck_ok(pthread_create(&threads[j], NULL, run_hub, j ? &i : NULL));
        run_own(use_malloc, MANY);
        for (int j = 0; j < 2; j++)
            ck_ok(pthread_join(threads[j], NULL));
        if (i == 4)
            before = mallinfo2().uordblks;
    }
    ck_assert_uint_le(mallinfo2().uordblks, before + 65536);
}
END_TEST

static void wait_for_ever(void *arg)
{
    (void)arg;
    green_sleep(GREEN_FOREVER);
}

START_TEST(those_dropped_with_their_hub_are_freed)
{
    struct green_thread *thread;
    size_t before = 0;

    BEGIN();
    for (int i = 0; i < 20; i++) {
        thread = spawn_own(wait_for_ever, NULL);
        green_detach(spawn_own(wait_for_ever, NULL));
        ck_ok(green_sleep(0));
        ck_ok(green_use_hub(i % 2 ? "poll" : "epolls"));
        ck_cancelled(thread);
        if (i == 9)
            before = mallinfo2().uordblks;
    }
    ck_assert_uint_le(mallinfo2().uordblks, before + 4096);
    run_own(use_variables, MANY);
}
END_TEST

START_TEST(it_is_refused_out_of_order)
{
    ck_fails(green__tls_here(green__scheduler()), ENOTSUP);
    ck_fails_null(green__tls_make(), ENOTSUP);
    green__tls_free(NULL);
    BEGIN();
    ck_ok(green__tls_prepare());
    ck_ok(green__tls_here(green__scheduler()));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tls");
    TCase *tcase = add_tcase(suite, "tls");

    tcase_add_test(tcase, variables_and_errno_are_its_own);
    tcase_add_test(tcase, system_calls_change_to_it_too);
    tcase_add_test(tcase, others_keep_those_of_the_os_thread);
    tcase_add_test(tcase, each_is_a_thread_of_its_own);
    tcase_add_test(tcase, fork_works_under_the_os_threads_block);
    tcase_add_test(tcase, errno_comes_back_from_the_os_threads_block);
    tcase_add_test(tcase, handlers_of_signals_run_on_it);
    tcase_add_test(tcase, a_library_that_is_loaded_late_has_variables);
    tcase_add_test(tcase, each_os_thread_has_its_own);
    tcase_add_test(tcase, those_dropped_with_their_hub_are_freed);
    tcase_add_test(tcase, it_is_refused_out_of_order);
    return run_suite(suite);
}
