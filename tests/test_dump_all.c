/* green_dump_all, and green_debug_dump_on_signal. */
#include "support.h"

#include <dirent.h>
#include <fcntl.h>
#include <greenhub.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* LeakSanitizer reads the map of the memory once for each stack, ThreadSanitizer
 * has no more than 8128, and a 32-bit process no address space for them. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) ||           \
    !defined(__LP64__)
#define MANY 2000
#else
#define MANY 20000
#endif

static char *text;
static size_t room;
static int fds[2], went_on;
static struct green_event go;

/* Reads a file from its begin. */
static void read_text(int fd)
{
    off_t size = lseek(fd, 0, SEEK_END);

    ck_assert_int_ge(size, 0);
    if ((size_t)size >= room) {
        room = (size_t)size + 1;
        text = realloc(text, room);
        ck_assert_ptr_nonnull(text);
    }
    ck_assert_int_eq(pread(fd, text, (size_t)size, 0), size);
    text[size] = '\0';
}

static int open_text(void)
{
    char name[] = "/tmp/greenhub-test-XXXXXX";
    int fd = mkstemp(name);

    ck_assert_int_ge(fd, 0);
    unlink(name);
    return fd;
}

static void dump_to_text(void)
{
    int fd = open_text();

    ck_ok(green_dump_all(fd));
    read_text(fd);
    close(fd);
}

static void contains(const char *words)
{
    ck_assert_msg(strstr(text, words) != NULL, "no \"%s\" in\n%s", words, text);
}

static void lacks(const char *words)
{
    ck_assert_msg(strstr(text, words) == NULL, "\"%s\" in\n%s", words, text);
}

static int count_of(const char *words)
{
    int count = 0;

    for (const char *at = strstr(text, words); at; at = strstr(at + 1, words))
        count++;
    return count;
}

static struct green_thread *named(const char *name, void *(*fn)(void *),
                                  void *arg)
{
    struct green_attr attr = {.name = name, .stack_size = 256 << 10};
    struct green_thread *thread = green_spawn_with(&attr, fn, arg);

    ck_assert_ptr_nonnull(thread);
    return thread;
}

static void *reads(void *arg)
{
    char c;

    ck_assert_int_eq(green_read(fds[0], &c, 1), 1);
    went_on++;
    return arg;
}

static void *waits(void *arg)
{
    ck_ok(green_event_wait(&go, NULL));
    went_on++;
    return arg;
}

/* ---- Another OS thread ------------------------------------------------- */

static struct {
    pthread_t thread;
    struct green_shared_event *end;
    atomic_int ready, stop;
} other;

static void *waits_for_end(void *arg)
{
    atomic_store(&other.ready, 1);
    ck_ok(green_shared_event_wait(other.end, NULL));
    return arg;
}

static void *other_main(void *arg)
{
    ck_ok(green_use_hub(NULL));
    ck_ok(green_join(named("elsewhere", waits_for_end, NULL), NULL));
    return arg;
}

static void start_other(void *(*fn)(void *))
{
    atomic_store(&other.ready, 0);
    atomic_store(&other.stop, 0);
    ck_assert_int_eq(pthread_create(&other.thread, NULL, fn, NULL), 0);
    while (!atomic_load(&other.ready))
        sched_yield();
}

static void join_other(void)
{
    atomic_store(&other.stop, 1);
    ck_assert_int_eq(pthread_join(other.thread, NULL), 0);
}

/* ---- The table --------------------------------------------------------- */

START_TEST(all_os_threads_are_in_one_table)
{
    struct green_thread *reader, *waiter;
    char wait[64];

    pipe_pair(fds);
    other.end = green_shared_event_create();
    ck_assert_ptr_nonnull(other.end);
    start_other(other_main);
    reader = named("the-reader", reads, NULL);
    waiter = named("the-waiter", waits, NULL);
    ck_ok(green_sleep(0));
    dump_to_text();
    snprintf(wait, sizeof wait, "read descriptor %d since ", fds[0]);
    contains(wait);
    contains("event since ");
    contains(hub_under_test());
    ck_assert_int_eq(count_of("  main "), 2);
    contains("  elsewhere ");
    contains("running");
    contains("green_read+0x");
    contains("green_event_wait+0x");
    contains("green_join+0x");
    contains("spawned at ");
    ck_assert_int_eq(went_on, 0);
    ck_ok(green_shared_event_send(other.end, NULL));
    join_other();
    green_shared_event_destroy(other.end);
    ck_assert_int_eq(write(fds[1], "x", 1), 1);
    ck_ok(green_event_send(&go, NULL));
    ck_ok(green_join(reader, NULL));
    ck_ok(green_join(waiter, NULL));
    ck_assert_int_eq(went_on, 2);
    dump_to_text();
    lacks("the-reader");
    lacks("elsewhere");
}
END_TEST

static void *dumps(void *arg)
{
    (void)arg;
    dump_to_text();
    return NULL;
}

START_TEST(an_os_thread_without_greenthreads_can_ask)
{
    pthread_t thread;
    struct green_thread *waiter = named("the-waiter", waits, NULL);

    ck_ok(green_sleep(0));
    ck_assert_int_eq(pthread_create(&thread, NULL, dumps, NULL), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    contains("the-waiter");
    contains("  main ");
    ck_ok(green_event_send(&go, NULL));
    ck_ok(green_join(waiter, NULL));
}
END_TEST

static void *uses_stack(void *arg)
{
    volatile char frame[150 << 10];

    for (size_t i = 0; i < sizeof frame; i += 1024)
        frame[i] = 1;
    return waits(arg);
}

/* "stack N of M KiB", of the greenthread by that name. */
static int stack_of(const char *name)
{
    const char *row = strstr(text, name), *stack;

    ck_assert_msg(row != NULL, "no %s in\n%s", name, text);
    stack = strstr(row, "  stack ");
    ck_assert_ptr_nonnull(stack);
    return atoi(stack + strlen("  stack "));
}

START_TEST(the_most_of_a_stack_is_told)
{
    struct green_thread *small = named("small", waits, NULL);
    struct green_thread *large = named("large", uses_stack, NULL);
    int used;

    if (checker()) {
        SKIP("a checker has stacks of its own");
        return;
    }
    ck_ok(green_sleep(0));
    dump_to_text();
    used = stack_of("  small ");
    ck_assert_int_ge(stack_of("  large "), 150);
    ck_assert_int_lt(stack_of("  large "), 200);
    ck_assert_int_lt(used, 30);
    dump_to_text(); /* the first one has not used any of it */
    ck_assert_int_eq(stack_of("  small "), used);
    ck_ok(green_event_send(&go, NULL));
    ck_ok(green_join(small, NULL));
    ck_ok(green_join(large, NULL));
}
END_TEST

START_TEST(very_many)
{
    for (int i = 0; i < MANY; i++)
        ck_assert_ptr_nonnull(green_spawn(waits, NULL));
    ck_ok(green_sleep(0));
    dump_to_text();
    ck_assert_int_eq(count_of("  event since "), MANY);
    ck_ok(green_event_send(&go, NULL));
    ck_ok(green_sleep(0));
}
END_TEST

START_TEST(dump_all_errors)
{
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

    ck_fails(green_dump_all(-1), EBADF);
    ck_ok(green_sleep(0));
    if (fd < 0) {
        SKIP("there is no /dev/full");
        return;
    }
    ck_fails(green_dump_all(fd), ENOSPC);
    ck_ok(green_sleep(0));
}
END_TEST

/* ---- In the middle of things ------------------------------------------- */

static void *yields(void *arg)
{
    while (!atomic_load(&other.stop))
        green_yield();
    return arg;
}

static void *ends_at_once(void *arg)
{
    return arg;
}

static void *switches_all_the_time(void *arg)
{
    struct green_thread *threads[3];

    ck_ok(green_use_hub(NULL));
    for (int i = 0; i < 3; i++)
        threads[i] = named("yields", yields, NULL);
    atomic_store(&other.ready, 1);
    while (!atomic_load(&other.stop))
        green_join(named("short", ends_at_once, NULL), NULL);
    for (int i = 0; i < 3; i++)
        ck_ok(green_join(threads[i], NULL));
    return arg;
}

/* The signal comes between any two instructions of a switch, a spawn, an
 * end. */
START_TEST(while_another_os_thread_switches)
{
    start_other(switches_all_the_time);
    for (int i = 0; i < (in_chaos() ? 30 : 300); i++) {
        dump_to_text();
        ck_assert_int_ge(count_of("  yields "), 3);
        lacks("does not answer");
    }
    join_other();
}
END_TEST

static void *blocks_signals(void *arg)
{
    sigset_t all;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    ck_ok(green_use_hub(NULL));
    ck_ok(green_sleep(0));
    atomic_store(&other.ready, 1);
    while (!atomic_load(&other.stop))
        sched_yield();
    return arg;
}

START_TEST(who_blocks_signals_is_named)
{
    start_other(blocks_signals);
    ck_ok(green_sleep(0));
    dump_to_text();
    contains("does not answer");
    contains("  main ");
    join_other();
}
END_TEST

static void *reads_blocking(void *arg)
{
    char c;

    ck_ok(green_use_hub(NULL));
    ck_ok(green_sleep(0));
    atomic_store(&other.ready, 1);
    ck_assert_int_eq(read(fds[0], &c, 1), 1); /* not EINTR */
    return arg;
}

START_TEST(a_blocking_call_is_restarted)
{
    if (checker() && strcmp(checker(), "tsan") == 0) {
        SKIP("it delivers signals after a read(2), not during it");
        return;
    }
    pipe_pair(fds);
    start_other(reads_blocking);
    for (int i = 0; i < 10; i++)
        dump_to_text();
    contains("running");
    ck_assert_int_eq(write(fds[1], "x", 1), 1);
    join_other();
}
END_TEST

/* ---- On a signal ------------------------------------------------------- */

/* Waits until the file ends with the row of the last one. */
static void wait_for_text(int fd, const char *words)
{
    do {
        sched_yield();
        read_text(fd);
    } while (!strstr(text, words));
}

static void *spins(void *arg)
{
    atomic_store(&other.ready, 1);
    while (!atomic_load(&other.stop))
        ;
    return arg;
}

static int dump_fd;

static void *asks_by_signal(void *arg)
{
    while (!atomic_load(&other.ready))
        sched_yield();
    ck_ok(kill(getpid(), SIGQUIT));
    wait_for_text(dump_fd, "the-waiter");
    atomic_store(&other.stop, 1);
    return arg;
}

START_TEST(one_that_spins_comes_first)
{
    struct green_thread *waiter = named("the-waiter", waits, NULL);
    struct green_thread *spinner;

    dump_fd = open_text();
    ck_ok(green_debug_dump_on_signal(SIGQUIT, dump_fd));
    ck_ok(green_sleep(0));
    atomic_store(&other.stop, 0);
    ck_assert_int_eq(pthread_create(&other.thread, NULL, asks_by_signal, NULL),
                     0);
    spinner = named("the-spinner", spins, NULL); /* it may run at once */
    ck_ok(green_join(spinner, NULL));
    ck_assert_int_eq(pthread_join(other.thread, NULL), 0);
    ck_assert(strstr(text, "the-spinner") < strstr(text, "the-waiter"));
    ck_assert(strstr(text, "the-spinner") < strstr(text, "  main "));
    ck_assert_int_eq(count_of("running"), 1);
    ck_ok(green_event_send(&go, NULL));
    ck_ok(green_join(waiter, NULL));
    ck_ok(green_debug_dump_on_signal(0, -1));
    /* ThreadSanitizer does not know that the helper has written all of it */
    syscall(SYS_close, dump_fd);
}
END_TEST

static void former_handler(int number)
{
    (void)number;
    went_on++;
}

START_TEST(the_former_action_is_restored)
{
    struct sigaction former = {.sa_handler = former_handler}, now;
    int fd = open_text();

    ck_ok(sigaction(SIGUSR2, &former, NULL));
    ck_ok(green_debug_dump_on_signal(SIGUSR2, fd));
    ck_ok(green_debug_dump_on_signal(SIGUSR1, fd));
    ck_ok(raise(SIGUSR2));
    ck_assert_int_eq(went_on, 1);
    ck_ok(green_debug_dump_on_signal(SIGUSR1, -1));
    ck_ok(sigaction(SIGUSR1, NULL, &now));
    ck_assert(now.sa_handler == SIG_DFL);
    ck_ok(green_debug_dump_on_signal(SIGUSR1, -1));
    close(fd);
}
END_TEST

START_TEST(dump_on_signal_errors)
{
    ck_fails(green_debug_dump_on_signal(SIGQUIT, 999), EBADF);
    ck_fails(green_debug_dump_on_signal(SIGKILL, 1), EINVAL);
    ck_fails(green_debug_dump_on_signal(0, 1), EINVAL);
    ck_fails(green_debug_dump_on_signal(99999, 1), EINVAL);
}
END_TEST

static bool others_sleep(void)
{
    DIR *tasks = opendir("/proc/self/task");
    struct dirent *task;
    bool all = true;

    ck_assert_ptr_nonnull(tasks);
    while ((task = readdir(tasks)) != NULL) {
        char path[300], state = 'S';
        FILE *file = NULL;

        snprintf(path, sizeof path, "/proc/self/task/%s/stat", task->d_name);
        if (task->d_name[0] != '.' && atoi(task->d_name) != getpid())
            file = fopen(path, "re");
        if (file && fscanf(file, "%*d (%*[^)]) %c", &state) == 1)
            all = all && state == 'S';
        if (file)
            fclose(file);
    }
    closedir(tasks);
    return all;
}

START_TEST(a_forked_child_asks_itself)
{
    int fd = open_text();
    pid_t pid;

    if (is_emulated()) {
        SKIP("qemu-user fails when a forked child starts an OS thread");
        return;
    }
    if (checker() && strcmp(checker(), "tsan") == 0) {
        SKIP("a forked child of several OS threads gets no signals from it");
        return;
    }
    ck_ok(green_sleep(0));
    ck_ok(green_debug_dump_on_signal(SIGQUIT, fd));
    while (
        !others_sleep()) /* may hold the lock of ASan's allocator till then */
        sched_yield();
    pid = fork();
    if (pid == 0) {
        raise(SIGQUIT);
        if (green_sleep(0) < 0 || green_dump_all(fd) < 0 ||
            green_debug_dump_on_signal(SIGUSR1, fd) < 0)
            _exit(1);
        raise(SIGUSR1);
        do
            read_text(fd);
        while (count_of("  main ") < 2);
        _exit(0);
    }
    ck_assert_int_eq(wait_child(pid), 0);
    read_text(fd);
    contains("a forked child has to ask for dumps itself");
    ck_ok(green_debug_dump_on_signal(0, -1));
    close(fd);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dump all");
    TCase *table = add_tcase(suite, "table");
    TCase *middle = add_tcase(suite, "middle");
    TCase *on_signal = add_tcase(suite, "on signal");

    tcase_add_test(table, all_os_threads_are_in_one_table);
    tcase_add_test(table, an_os_thread_without_greenthreads_can_ask);
    tcase_add_test(table, the_most_of_a_stack_is_told);
    tcase_add_test(table, very_many);
    tcase_add_test(table, dump_all_errors);
    tcase_add_test(middle, while_another_os_thread_switches);
    tcase_add_test(middle, who_blocks_signals_is_named);
    tcase_add_test(middle, a_blocking_call_is_restarted);
    tcase_add_test(on_signal, one_that_spins_comes_first);
    tcase_add_test(on_signal, the_former_action_is_restored);
    tcase_add_test(on_signal, dump_on_signal_errors);
    tcase_add_test(on_signal, a_forked_child_asks_itself);
    return run_suite(suite);
}
