/* The command "trace" of the door that green_debug_serve opens. */
#include "support.h"

#include "door.h"

#include <fcntl.h>
#include <greenhub.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* glibc raises it when a large block is freed, and keeps such blocks then. */
#ifdef M_MMAP_THRESHOLD
#define FIX_MMAP_THRESHOLD() mallopt(M_MMAP_THRESHOLD, 1 << 20)
#else
#define FIX_MMAP_THRESHOLD() 0
#endif

static volatile bool stop;

static void *sleeps(void *arg)
{
    const struct timespec pace = {.tv_nsec = 1000000};

    while (!stop) {
        if (on_sim()) /* whose clock waits for nothing: answers would be long */
            nanosleep(&pace, NULL);
        green_sleep(GREEN_MSEC);
    }
    return arg;
}

static int count_of(const char *text, const char *words)
{
    int count = 0;

    for (text = strstr(text, words); text; text = strstr(text + 1, words))
        count++;
    return count;
}

/* Begins a trace that lasts until the connection that is returned ends. */
static int begin(const char *path)
{
    int fd = knock(path);

    say(fd, "trace 3600\n");
    ask_door("help"); /* it comes later, so the trace has begun then */
    return fd;
}

/* ---- What is in it ------------------------------------------------------ */

START_TEST(what_runs_meanwhile_is_in_it)
{
    struct green_thread *thread;
    const char *answer;

    open_door();
    thread = spawn_named("a sleeper", sleeps, NULL);
    do /* on a busy machine it may not run meanwhile */
        answer = ask_door("trace 0.05");
    while (!strstr(answer, "\"name\":\"a sleeper\""));
    answer_has("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n");
    answer_has("\"then\":");
    answer_has("\"dropped_events\":0}}\n");
    ck_assert_str_eq(answer + strlen(answer) - 3, "}}\n");
    ask_door("trace 0.05"); /* another one */
    answer_has("\"dropped_events\":");
    stop = true;
    ck_ok(green_join(thread, NULL));
}
END_TEST

static atomic_int waits;

static void *waits_on_its_hub(void *arg)
{
    ck_ok(green_use_hub(hub_under_test()));
    atomic_store(&waits, 1);
    ck_ok(green_sleep(GREEN_FOREVER));
    return arg;
}

/* It is woken for that. */
START_TEST(an_os_thread_that_only_waits_is_in_it)
{
    pthread_t thread;

    open_door();
    ck_assert_int_eq(pthread_create(&thread, NULL, waits_on_its_hub, NULL), 0);
    while (!atomic_load(&waits))
        sched_yield();
    while (count_of(ask_door("trace 0.05"), "\"thread_name\"") < 2)
        ; /* on a busy machine it may wake too late */
    answer_has("\"name\":\"hub\"");
    ck_assert_int_eq(pthread_detach(thread), 0);
}
END_TEST

/* ---- One at a time ------------------------------------------------------ */

START_TEST(one_at_a_time)
{
    int fd = begin(open_door());

    ck_assert_str_eq(ask_door("trace 0.01"), "error: a trace is on already\n");
    ck_fails(green_trace_start("/dev/null", NULL), EBUSY);
    ck_fails(green_trace_stop(), ENOENT);
    close(fd); /* it ends with the one who asked */
    ask_door("trace 0.01");
    answer_has("\"traceEvents\"");
    ck_ok(green_trace_start("/dev/null", NULL));
    ck_assert_str_eq(ask_door("trace 0.01"), "error: a trace is on already\n");
    ck_ok(green_trace_stop());
    ask_door("trace 0.01");
    answer_has("\"traceEvents\"");
}
END_TEST

START_TEST(it_ends_with_the_door)
{
    int fd = begin(open_door());

    ck_fails(green_trace_start("/dev/null", NULL), EBUSY);
    ck_ok(green_debug_serve(NULL));
    ck_ok(green_trace_start("/dev/null", NULL));
    ck_ok(green_trace_stop());
    close(fd);
}
END_TEST

/* Whether a trace takes the room for 4 MiB of events of two OS threads, and gives
 * it back. */
static bool takes_room_and_returns_it(const char *path)
{
    long before = mapped_kib(), more = 0;
    int fd = begin(path);

    for (int i = 0; i < 300 && more < 8000; i++) {
        ck_ok(green_sleep(GREEN_MSEC));
        more = mapped_kib() - before;
    }
    close(fd);
    for (int i = 0; i < 300 && mapped_kib() - before > 2000; i++)
        ck_ok(green_sleep(GREEN_MSEC));
    return more >= 8000 && mapped_kib() - before <= 2000;
}

/* One of the two only waits. Repeated, since libc maps room of its own when an OS
 * thread first allocates something. */
START_TEST(what_nobody_waits_for_is_freed)
{
    const char *path = open_door();
    pthread_t thread;

    (void)FIX_MMAP_THRESHOLD();
    ck_assert_int_eq(pthread_create(&thread, NULL, waits_on_its_hub, NULL), 0);
    while (!atomic_load(&waits))
        sched_yield();
    while (!checker() && !takes_room_and_returns_it(path))
        ;
    ck_assert_int_eq(pthread_detach(thread), 0);
}
END_TEST

START_TEST(a_forked_child_has_none)
{
    const char *path = open_door();
    int fd = begin(path);
    pid_t child = fork();

    if (child == 0) {
        if (green_trace_stop() == 0 || errno != ENOENT)
            _exit(1);
        if (green_trace_start("/dev/null", NULL) < 0)
            _exit(2);
        _exit(green_trace_stop() < 0 ? 3 : 0);
    }
    ck_assert_int_eq(wait_child(child), 0);
    ck_fails(green_trace_start("/dev/null", NULL), EBUSY);
    close(fd);
    ask_door("help");
    ck_ok(green_trace_start("/dev/null", NULL));
    ck_ok(green_trace_stop());
}
END_TEST

/* ---- Errors ------------------------------------------------------------- */

START_TEST(wrong_words)
{
    static const char *const lines[] = {
        "trace",     "trace 0",    "trace -1",  "trace nan",
        "trace 1 2", "trace 3601", "trace now", "trace 1s",
    };

    open_door();
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        ck_assert_str_eq(ask_door(lines[i]), "error: trace takes seconds, "
                                             "from 0.01 to 3600\n");
    ck_ok(green_trace_start("/dev/null", NULL));
    ck_ok(green_trace_stop());
}
END_TEST

/* The number of the file that the answer is written to. */
static int answer_file(void)
{
    for (int fd = 0; fd < 1000; fd++) {
        char link[64], to[64] = "";

        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        if (readlink(link, to, sizeof to - 1) > 0 &&
            strstr(to, "greenhub-answer"))
            return fd;
    }
    ck_abort_msg("there is none");
    return -1;
}

/* The program closes what it does not know, and has files there itself. */
START_TEST(nothing_is_written_to_files_of_the_program)
{
    const char *path = open_door();
    char name[] = "/tmp/greenhub-test-XXXXXX";
    int fd = knock(path), mine = mkstemp(name), there;

    ck_assert_int_ge(mine, 0);
    unlink(name);
    say(fd, "trace 0.3\n");
    ask_door("help");
    there = answer_file();
    /* unseen by ThreadSanitizer, which would take it for a race */
    ck_assert_int_eq((int)syscall(SYS_dup3, mine, there, O_CLOEXEC), there);
    ck_assert_ptr_null(hear(fd));
    ck_assert_int_eq(lseek(mine, 0, SEEK_END), 0);
    syscall(SYS_close, there);
    close(mine);
    close(fd);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("debug_trace");
    TCase *tcase = add_tcase(suite, "trace");

    tcase_add_test(tcase, what_runs_meanwhile_is_in_it);
    tcase_add_test(tcase, an_os_thread_that_only_waits_is_in_it);
    tcase_add_test(tcase, one_at_a_time);
    tcase_add_test(tcase, it_ends_with_the_door);
    tcase_add_test(tcase, what_nobody_waits_for_is_freed);
    tcase_add_test(tcase, a_forked_child_has_none);
    tcase_add_test(tcase, wrong_words);
    tcase_add_test(tcase, nothing_is_written_to_files_of_the_program);
    return run_suite(suite);
}
