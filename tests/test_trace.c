/* green_trace_start and green_trace_stop. */
#include "support.h"

#include <fcntl.h>
#include <greenhub.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char file[64], *text;
static int fds[2];

static void choose_file(void)
{
    int fd;

    snprintf(file, sizeof file, "/tmp/greenhub-test-XXXXXX");
    fd = mkstemp(file);
    ck_assert_int_ge(fd, 0);
    close(fd);
}

static void remove_file(void)
{
    unlink(file);
}

static void read_file(void)
{
    int fd = open(file, O_RDONLY);
    off_t size = lseek(fd, 0, SEEK_END);

    ck_assert_int_ge(size, 0);
    text = realloc(text, (size_t)size + 1);
    ck_assert_ptr_nonnull(text);
    ck_assert_int_eq(pread(fd, text, (size_t)size, 0), size);
    text[size] = '\0';
    close(fd);
}

static void begin(size_t events)
{
    struct green_trace_options options = {.events = events};

    ck_ok(green_trace_start(file, &options));
}

static void end(void)
{
    ck_ok(green_trace_stop());
    read_file();
}

static void contains(const char *words)
{
    ck_assert_msg(strstr(text, words) != NULL, "no %s in\n%s", words, text);
}

static void lacks(const char *words)
{
    ck_assert_msg(strstr(text, words) == NULL, "%s in\n%s", words, text);
}

/* A line that has all these words. */
static void has_line(const char *first, const char *second, const char *third)
{
    char *copy = strdup(text), *rest = copy, *line;
    bool found = false;

    while ((line = strsep(&rest, "\n")) != NULL && !found)
        found =
            strstr(line, first) && strstr(line, second) && strstr(line, third);
    free(copy);
    ck_assert_msg(found, "no line with %s %s %s in\n%s", first, second, third,
                  text);
}

static int count_of(const char *words)
{
    int count = 0;

    for (const char *at = strstr(text, words); at; at = strstr(at + 1, words))
        count++;
    return count;
}

static long dropped(void)
{
    const char *at = strstr(text, "\"dropped_events\":");

    ck_assert_ptr_nonnull(at);
    return strtol(at + strlen("\"dropped_events\":"), NULL, 10);
}

/* ---- What ran, and why it stopped --------------------------------------- */

static void *reads(void *arg)
{
    char byte;

    ck_assert_int_eq(green_read(fds[0], &byte, 1), 1);
    return arg;
}

static void *sleeps(void *arg)
{
    ck_ok(green_sleep(GREEN_MSEC));
    return arg;
}

static void *yields(void *arg)
{
    for (int i = 0; i < *(int *)arg; i++)
        ck_ok(green_yield());
    return arg;
}

/* Two that switch to each other so often. */
static void switch_often(const char *name, int times)
{
    struct green_thread *one = spawn_named(name, yields, &times);

    ck_ok(green_join(spawn_named(name, yields, &times), NULL));
    ck_ok(green_join(one, NULL));
}

START_TEST(who_ran_and_what_they_waited_for)
{
    struct green_thread *reader, *sleeper;
    char words[32];

    unix_pair(fds);
    begin(0);
    reader = spawn_named("a reader", reads, NULL);
    sleeper = spawn_named("a sleeper", sleeps, NULL);
    ck_ok(green_join(sleeper, NULL));
    ck_assert_int_eq(green_write(fds[1], "x", 1), 1);
    ck_ok(green_join(reader, NULL));
    end();
    snprintf(words, sizeof words, "\"descriptor\":%d}", fds[0]);
    has_line("\"ph\":\"i\"", "\"spawn\"", "\"greenthread\":");
    has_line("\"name\":\"a reader\"", "\"then\":\"end\"", "\"dur\":");
    has_line("\"name\":\"a sleeper\"", "\"then\":\"sleep\"", "\"dur\":");
    has_line("\"name\":\"main\"", "\"then\":\"join\"", "\"ph\":\"X\"");
    has_line("\"name\":\"main\"", "\"then\":\"it still runs\"", "\"dur\":");
    has_line("\"wake\"", "\"whom\":\"a reader\"", "\"ph\":\"i\"");
    has_line("\"name\":\"timer\"", "\"callback\":", "\"ph\":\"i\"");
    has_line("\"name\":\"wait\"", "\"cat\":\"hub\"", "\"dur\":");
    has_line("\"name\":\"send\"", "\"result\":1}", "\"cat\":\"call\"");
    if (strcmp(hub_under_test(), "uring") != 0) { /* which reads itself */
        has_line("\"name\":\"a reader\"", "\"then\":\"read\"", words);
        has_line("\"name\":\"recv\"", "\"errno\":11}", "\"cat\":\"call\"");
    }
    ck_assert_int_eq(dropped(), 0);
    ck_assert_int_eq(count_of("\"ph\":\"s\""),
                     count_of("\"wake\",\"cat\":\"gre") +
                         count_of("\"spawn\""));
}
END_TEST

START_TEST(nothing_before_the_start_or_after_the_end)
{
    int count = 10;

    ck_ok(green_join(spawn_named("before", yields, &count), NULL));
    begin(0);
    ck_ok(green_join(spawn_named("first", yields, &count), NULL));
    end();
    contains("\"first\"");
    lacks("\"before\"");
    ck_ok(green_join(spawn_named("between", yields, &count), NULL));
    begin(0);
    ck_ok(green_join(spawn_named("second", yields, &count), NULL));
    end();
    contains("\"second\"");
    lacks("\"before\"");
    lacks("\"first\"");
    lacks("\"between\"");
}
END_TEST

START_TEST(a_full_ring_keeps_the_newest)
{
    const int many = 300;

    begin(100); /* 128 */
    switch_often("old", 3);
    switch_often("new", many);
    end();
    contains("\"name\":\"new\"");
    lacks("\"old\"");
    ck_assert_int_ge(dropped(), many - 128);
    ck_assert_int_le(count_of("\n") - 2 * count_of("\"ph\":\"s\""), 128 + 8);
    begin(0);
    switch_often("third", many);
    end();
    ck_assert_int_ge(count_of("\"name\":\"third\""), 2 * many);
    ck_assert_int_eq(dropped(), 0);
}
END_TEST

START_TEST(names_are_json)
{
    int once = 1;

    begin(0);
    ck_ok(green_join(spawn_named("\"\\\n\x7f", yields, &once), NULL));
    ck_ok(green_join(
        spawn_named("\xc3\xa9\xff\xe2\x82\xac\xf0\x9f\x98\x80", yields, &once),
        NULL));
    ck_ok(green_join(spawn_named("\xed\xa0\x80\xc0\x80\xe2\x82", yields, &once),
                     NULL));
    end();
    contains("\"\\\"\\\\\\u000a\\u007f\"");
    contains("\"\xc3\xa9\\ufffd\xe2\x82\xac\xf0\x9f\x98\x80\"");
    contains("\"\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\"");
}
END_TEST

START_TEST(errors_are_kept_as_they_were)
{
    char byte;

    pipe_pair(fds);
    begin(0);
    ck_fails(green_read(-1, &byte, 1), EBADF);
    ck_fails(green_accept(fds[0], NULL, NULL), ENOTSOCK);
    errno = EDOM;
    ck_ok(green_trace_stop());
    ck_assert_int_eq(errno, EDOM);
}
END_TEST

/* ---- OS threads --------------------------------------------------------- */

static atomic_int ready, stop;

static void *spins(void *arg)
{
    atomic_store(&ready, 1);
    while (!atomic_load(&stop))
        ;
    return arg;
}

static void *other_main(void *arg)
{
    ck_ok(
        green_join(spawn_named("elsewhere", arg ? spins : sleeps, NULL), NULL));
    return NULL;
}

START_TEST(each_os_thread_has_its_events)
{
    pthread_t thread;

    begin(0);
    ck_ok(green_join(spawn_named("here", sleeps, NULL), NULL));
    ck_assert_int_eq(pthread_create(&thread, NULL, other_main, NULL), 0);
    pthread_join(thread, NULL);
    end();
    contains("\"name\":\"here\"");
    has_line("\"name\":\"elsewhere\"", "\"then\":\"sleep\"", "\"dur\":");
    ck_assert_int_eq(count_of("\"thread_name\""), 2);
    ck_assert_int_eq(dropped(), 0);
}
END_TEST

START_TEST(what_runs_at_the_end_is_in_it)
{
    pthread_t thread;

    begin(0);
    ck_assert_int_eq(pthread_create(&thread, NULL, other_main, "spins"), 0);
    while (!atomic_load(&ready))
        sched_yield();
    end();
    atomic_store(&stop, 1);
    pthread_join(thread, NULL);
    has_line("\"name\":\"elsewhere\"", "\"it still runs\"", "\"dur\":");
}
END_TEST

/* Starts traces and stops them while other OS threads record. */
START_TEST(traces_of_busy_os_threads)
{
    pthread_t threads[2];
    int count = 2;

    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, other_main, NULL),
                         0);
    for (int i = 0; i < 20; i++) {
        begin(i % 2 ? 64 : 1024);
        ck_ok(green_join(spawn_named("here", yields, &count), NULL));
        end();
        contains("\"here\"");
    }
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
}
END_TEST

START_TEST(rings_of_ended_os_threads_are_limited)
{
    long before;
    pthread_t thread;

    begin(0);
    ck_ok(green_yield());
    before = mapped_kib();
    for (int i = 0; i < 80; i++) {
        ck_assert_int_eq(pthread_create(&thread, NULL, other_main, NULL), 0);
        pthread_join(thread, NULL);
    }
    if (!checker())
        ck_assert_int_le(mapped_kib() - before, 66 * 4200 + 100000);
    end();
    ck_assert_int_le(count_of("\"thread_name\""), 66);
    ck_assert_int_gt(dropped(), 0);
}
END_TEST

/* ---- Processes ---------------------------------------------------------- */

START_TEST(a_forked_child_has_no_trace)
{
    int count = 2;
    pid_t child;

    begin(0);
    ck_ok(green_join(spawn_named("parent", yields, &count), NULL));
    child = fork();
    if (child == 0) {
        if (green_join(spawn_named("child", yields, &count), NULL) < 0)
            _exit(1);
        if (green_trace_stop() == 0 || errno != ENOENT)
            _exit(2);
        exit(0);
    }
    ck_assert_int_eq(wait_child(child), 0);
    end();
    contains("\"parent\"");
    lacks("\"child\"");
}
END_TEST

START_TEST(a_forked_child_may_begin_its_own)
{
    int count = 2;
    pid_t child;

    ck_ok(green_trace_start("/dev/null", NULL));
    ck_ok(green_join(spawn_named("parent", yields, &count), NULL));
    child = fork();
    if (child == 0) {
        if (green_trace_start(file, NULL) < 0)
            _exit(1);
        if (green_join(spawn_named("child", yields, &count), NULL) < 0)
            _exit(2);
        exit(0); /* which writes it */
    }
    ck_assert_int_eq(wait_child(child), 0);
    ck_ok(green_trace_stop());
    read_file();
    contains("\"name\":\"child\"");
    lacks("\"name\":\"parent\"");
}
END_TEST

/* A program that changes its folder, and closes what it does not know. */
START_TEST(a_daemon_writes_where_it_was_told)
{
    pid_t child = fork();
    int fd;

    if (child == 0) {
        if (chdir("/tmp") < 0 ||
            green_trace_start(file + strlen("/tmp/"), NULL) < 0 ||
            chdir("/") < 0)
            _exit(1);
        for (fd = 3; fd < 100; fd++)
            close(fd);
        fd = open("/dev/full", O_WRONLY);
        _exit(green_trace_stop() < 0 || close(fd) < 0);
    }
    ck_assert_int_eq(wait_child(child), 0);
    read_file();
    contains("\"traceEvents\"");
}
END_TEST

/* ---- Errors ------------------------------------------------------------- */

START_TEST(wrong_uses_fail)
{
    struct green_trace_options options = {.events = (1u << 24) + 1};
    struct stat status;

    ck_fails(green_trace_stop(), ENOENT);
    ck_fails(green_trace_start(NULL, NULL), EINVAL);
    ck_fails(green_trace_start(file, &options), EINVAL);
    options = (struct green_trace_options){.reserved = {1}};
    ck_fails(green_trace_start(file, &options), EINVAL);
    ck_fails(green_trace_start("/nowhere/file", NULL), ENOENT);
    ck_fails(green_trace_stop(), ENOENT);
    unlink(file);
    ck_ok(green_trace_start(file, NULL));
    ck_ok(stat(file, &status));
    ck_assert_int_eq(status.st_mode & 0777, 0600);
    ck_fails(green_trace_start(file, NULL), EBUSY);
    ck_ok(green_trace_stop());
    ck_fails(green_trace_stop(), ENOENT);
    read_file();
    contains("\"traceEvents\":[");
}
END_TEST

START_TEST(a_full_disk_is_reported_and_ends_it)
{
    ck_ok(green_trace_start("/dev/full", NULL));
    ck_fails(green_trace_stop(), ENOSPC);
    begin(0);
    end();
}
END_TEST

/* ---- In callbacks, and without greenthreads ------------------------------ */

static void stop_in_callback(struct green_timer *timer)
{
    *(int *)timer->arg = green_trace_stop();
}

START_TEST(a_callback_may_stop_it)
{
    int result = -1;
    struct green_timer timer = {.callback = stop_in_callback, .arg = &result};

    begin(0);
    ck_ok(green_hub_schedule(green_get_hub(), &timer, green_now()));
    ck_ok(green_sleep(GREEN_MSEC));
    ck_ok(result);
    read_file();
    has_line("\"name\":\"main\"", "\"then\":\"sleep\"", "\"dur\":");
}
END_TEST

static void abort_hub(struct green_timer *timer)
{
    green_hub_abort(timer->arg);
}

START_TEST(a_hub_alone_is_traced)
{
    struct green_hub *hub = green_get_hub();
    struct green_timer timer = {.callback = abort_hub, .arg = hub};

    begin(0);
    ck_ok(green_hub_schedule(hub, &timer, green_now() + GREEN_MSEC));
    ck_ok(green_hub_run(hub));
    end();
    has_line("\"name\":\"wait\"", "\"cat\":\"hub\"", "\"dur\":");
    contains("\"name\":\"timer\"");
}
END_TEST

START_TEST(another_hub_goes_on_with_it)
{
    int count = 2;

    begin(0);
    ck_ok(green_join(spawn_named("on one", yields, &count), NULL));
    ck_ok(green_use_hub("poll"));
    ck_ok(green_join(spawn_named("on another", yields, &count), NULL));
    end();
    contains("\"on one\"");
    contains("\"on another\"");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("trace");
    TCase *tcase = add_tcase(suite, "trace");

    tcase_add_checked_fixture(tcase, choose_file, remove_file);
    tcase_add_test(tcase, who_ran_and_what_they_waited_for);
    tcase_add_test(tcase, nothing_before_the_start_or_after_the_end);
    tcase_add_test(tcase, a_full_ring_keeps_the_newest);
    tcase_add_test(tcase, names_are_json);
    tcase_add_test(tcase, errors_are_kept_as_they_were);
    tcase_add_test(tcase, each_os_thread_has_its_events);
    tcase_add_test(tcase, what_runs_at_the_end_is_in_it);
    tcase_add_test(tcase, traces_of_busy_os_threads);
    tcase_add_test(tcase, rings_of_ended_os_threads_are_limited);
    tcase_add_test(tcase, a_forked_child_has_no_trace);
    tcase_add_test(tcase, a_forked_child_may_begin_its_own);
    tcase_add_test(tcase, a_daemon_writes_where_it_was_told);
    tcase_add_test(tcase, wrong_uses_fail);
    tcase_add_test(tcase, a_full_disk_is_reported_and_ends_it);
    tcase_add_test(tcase, a_callback_may_stop_it);
    tcase_add_test(tcase, a_hub_alone_is_traced);
    tcase_add_test(tcase, another_hub_goes_on_with_it);
    return run_suite(suite);
}
