/*
 * What users of tools for other runtimes have reported, tried on ours: memory that
 * grows with what was watched, OS threads that end while they are looked at, programs
 * that stay stopped when the asker dies, signal handlers that deadlock with the
 * allocator or the loader, system calls that fail with EINTR, names that break the
 * output.
 */
#include "support.h"

#include "door.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <greenhub.h>
#include <link.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct green_event go;
static atomic_int over, ready;

static void *returns(void *arg)
{
    return arg;
}

static void *waits(void *arg)
{
    green_event_wait(&go, NULL);
    return arg;
}

/* ---- What is watched ---------------------------------------------------- */

/* Each has a name of its own. */
static void come_and_go(int rounds)
{
    for (int i = 0; i < rounds; i++) {
        for (int j = 0; j < 100; j++) {
            char name[32];

            snprintf(name, sizeof name, "visitor %d of %d!", j, i);
            ck_ok(green_join(spawn_named(name, returns, NULL), NULL));
        }
        ask_door(i % 2 ? "top json 0.01" : "dump");
    }
}

START_TEST(memory_does_not_grow_with_what_was_watched)
{
    long before;

    open_door();
    come_and_go(10);
    before = resident_kib();
    come_and_go(30);
    if (!checker())
        ck_assert_int_lt(resident_kib() - before, 150);
}
END_TEST

/* ---- OS threads that come and go ---------------------------------------- */

static void *short_life(void *arg)
{
    ck_ok(green_join(spawn_named("short", returns, arg), NULL));
    return arg;
}

static void *starts_and_ends(void *arg)
{
    while (!atomic_load(&over)) {
        pthread_t thread;

        ck_assert_int_eq(pthread_create(&thread, NULL, short_life, NULL), 0);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
        atomic_store(&ready, 1);
    }
    return arg;
}

START_TEST(os_threads_end_while_they_are_looked_at)
{
    pthread_t thread;
    int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

    ck_assert_int_eq(pthread_create(&thread, NULL, starts_and_ends, NULL), 0);
    while (!atomic_load(&ready))
        ck_ok(green_sleep(GREEN_MSEC));
    for (int i = 0; i < fewer_if_checked(30, 4); i++)
        ck_ok(green_dump_all(fd));
    atomic_store(&over, 1);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    close(fd);
}
END_TEST

/* ---- Askers that die ---------------------------------------------------- */

START_TEST(a_program_goes_on_when_its_askers_die)
{
    static const char *const lines[] = {
        "dump\n", "top 5\n", "stats\n", "trace 5\n", "backtrace 0x1\n", "du"};
    const char *path = open_door();

    for (int i = 0; i < fewer_if_checked(60, 4); i++) {
        int fd = knock(path);

        say(fd, lines[i % 6]);
        close(fd);
        ck_ok(green_join(spawn_named("worker", returns, NULL), NULL));
    }
    ask_door("help");
    answer_has("dump");
    ask_door("trace 0.01"); /* none is left */
    answer_has("traceEvents");
}
END_TEST

/* ---- Signal handlers ---------------------------------------------------- */

static int look_at_object(struct dl_phdr_info *info, size_t size, void *arg)
{
    (void)size;
    *(size_t *)arg += strlen(info->dlpi_name);
    return 0;
}

/* Has the locks of the allocator and of the loader most of the time. */
static void *allocates_and_looks_up(void *arg)
{
    size_t sum = 0;

    while (!atomic_load(&over)) {
        void *blocks[32];
        Dl_info info;

        for (size_t i = 0; i < 32; i++)
            blocks[i] = malloc(64 << i % 12);
        for (size_t i = 0; i < 32; i++)
            free(blocks[i]);
        dl_iterate_phdr(look_at_object, &sum);
        sum += (size_t)dladdr((void *)(uintptr_t)waits, &info);
        atomic_store(&ready, 1);
    }
    ck_assert_uint_gt(sum, 0);
    return arg;
}

static void *other_main(void *fn)
{
    ck_ok(
        green_join(spawn_named("other", *(void *(**)(void *))fn, NULL), NULL));
    return NULL;
}

START_TEST(a_look_takes_no_lock_of_the_program)
{
    void *(*fn)(void *) = allocates_and_looks_up;
    pthread_t thread;
    int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

    ck_assert_int_eq(pthread_create(&thread, NULL, other_main, (void *)&fn), 0);
    while (!atomic_load(&ready))
        ck_ok(green_sleep(GREEN_MSEC));
    for (int i = 0; i < fewer_if_checked(40, 4); i++)
        ck_ok(green_dump_all(fd));
    atomic_store(&over, 1);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    close(fd);
}
END_TEST

/* ---- System calls ------------------------------------------------------- */

static int fds[2], plain[2];

static void *reads(void *arg)
{
    char byte;

    ck_assert_int_eq(green_read(fds[0], &byte, 1), 1);
    return arg;
}

static void *polls(void *arg)
{
    struct pollfd poll = {.fd = fds[0], .events = POLLPRI};

    ck_assert_int_eq(green_poll(&poll, 1, 50), 0);
    return arg;
}

static void *sleeps(void *arg)
{
    ck_ok(green_sleep(50 * GREEN_MSEC));
    return arg;
}

/* On an OS thread with a hub, which a look interrupts in a plain read. */
static void *reads_plainly(void *arg)
{
    char byte;

    ck_ok(green_sleep(0));
    atomic_store(&ready, 1);
    ck_assert_int_eq(read(plain[0], &byte, 1), 1);
    return arg;
}

static void *dumps(void *arg)
{
    int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

    while (!atomic_load(&over))
        ck_ok(green_dump_all(fd));
    close(fd);
    return arg;
}

START_TEST(a_look_ends_no_call_early)
{
    struct green_thread *reader, *poller, *sleeper;
    pthread_t thread, dumper;

    unix_pair(fds);
    pipe_pair(plain);
    ck_assert_int_eq(pthread_create(&thread, NULL, reads_plainly, NULL), 0);
    while (!atomic_load(&ready))
        ck_ok(green_sleep(GREEN_MSEC));
    ck_assert_int_eq(pthread_create(&dumper, NULL, dumps, NULL), 0);
    reader = spawn_named("reader", reads, NULL);
    poller = spawn_named("poller", polls, NULL);
    sleeper = spawn_named("sleeper", sleeps, NULL);
    ck_ok(green_join(poller, NULL));
    ck_ok(green_join(sleeper, NULL));
    ck_assert_int_eq(green_write(fds[1], "x", 1), 1);
    ck_ok(green_join(reader, NULL));
    ck_assert_int_eq(write(plain[1], "x", 1), 1);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    atomic_store(&over, 1);
    ck_assert_int_eq(pthread_join(dumper, NULL), 0);
}
END_TEST

/* ---- Names -------------------------------------------------------------- */

/* Without those of backtraces, which have as many frames as they like. */
static int lines_of(const char *text)
{
    int lines = 0;

    for (; *text; text += strcspn(text, "\n") + 1)
        lines += *text != ' ';
    return lines;
}

/* They would end the answer, add rows to the table, or values to a row. */
START_TEST(names_do_not_break_answers)
{
    static const char *const names[] = {"a\n\nb",        "c\td=e",  "f\"g\\",
                                        "h\x01\x1b[2Ji", "{\"j\":", "error: k"};
    struct green_thread *threads[6];
    int lines;

    open_door();
    for (int i = 0; i < 6; i++)
        threads[i] = spawn_named("plain", waits, NULL);
    ck_ok(green_sleep(0));
    lines = lines_of(ask_door("dump"));
    ck_ok(green_event_send(&go, NULL));
    for (int i = 0; i < 6; i++)
        ck_ok(green_join(threads[i], NULL));
    ck_ok(green_event_reset(&go));
    for (int i = 0; i < 6; i++)
        threads[i] = spawn_named(names[i], waits, NULL);
    ck_ok(green_sleep(0));
    ck_assert_int_eq(lines_of(ask_door("dump")), lines);
    answer_has("error: k");
    answer_lacks("\x1b");
    ask_door("top 0.01");
    answer_has("\tname=c?d=e\t");
    answer_has("\tname=error: k\t");
    answer_lacks("\x1b");
    ask_door("top json 0.01");
    answer_has("\"f\\\"g\\\\\"");
    answer_has("\"a\\u000a\\u000ab\"");
    answer_lacks("\x1b");
    ask_door("trace 0.01");
    answer_has("dropped_events");
    ck_ok(green_event_send(&go, NULL));
    for (int i = 0; i < 6; i++)
        ck_ok(green_join(threads[i], NULL));
}
END_TEST

static struct green_server server;

static void handles(int fd, void *arg)
{
    (void)fd;
    (void)arg;
}

static void *serves(void *arg)
{
    struct green_serve_options options = {.server = &server};

    ck_ok(green_serve(*(int *)arg, handles, &options));
    return NULL;
}

START_TEST(labels_are_escaped)
{
    char address[128];
    struct green_thread *thread;
    int listener;

    snprintf(address, sizeof address, "unix:///tmp/greenhub-test-\"\\-%d",
             getpid());
    open_door();
    listener = green_listen(address, NULL);
    ck_assert_int_ge(listener, 0);
    thread = spawn_named("server", serves, &listener);
    ck_ok(green_sleep(GREEN_MSEC));
    ask_door("stats prometheus");
    answer_has("{address=\"unix:///tmp/greenhub-test-\\\"\\\\-");
    ck_ok(green_server_stop(&server));
    ck_ok(green_join(thread, NULL));
    unlink(address + strlen("unix://"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("debug_reports");
    TCase *tcase = add_tcase(suite, "reports");

    tcase_add_test(tcase, memory_does_not_grow_with_what_was_watched);
    tcase_add_test(tcase, os_threads_end_while_they_are_looked_at);
    tcase_add_test(tcase, a_program_goes_on_when_its_askers_die);
    tcase_add_test(tcase, a_look_takes_no_lock_of_the_program);
    tcase_add_test(tcase, a_look_ends_no_call_early);
    tcase_add_test(tcase, names_do_not_break_answers);
    tcase_add_test(tcase, labels_are_escaped);
    return run_suite(suite);
}
