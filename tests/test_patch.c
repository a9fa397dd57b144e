/* libgreenhub-patch: groups, native regions, name look-ups, processes. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <greenhub/patch.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

static void setup(void)
{
    ck_assert_msg(green_patch(GREEN_PATCH_LIBRARIES) == 0, "%s",
                  green_hub_error());
}

static int others_ran;
/* What a call waits for, and another greenthread writes to. Children that a
 * command starts have its number, too. */
static int gate[2];

static void await_gate(void)
{
    char c;

    ck_assert_int_eq(read(gate[0], &c, 1), 1);
}

static void *runs_meanwhile(void *arg)
{
    others_ran++;
    ck_assert_int_eq(write(gate[1], "x", 1), 1);
    return arg;
}

/* Whether another greenthread can run during the call. */
static bool lets_others_run(void (*call)(void))
{
    struct green_thread *thread;
    bool ran;

    ck_ok(pipe(gate));
    others_ran = 0;
    thread = green_spawn(runs_meanwhile, NULL);
    call();
    ran = others_ran > 0;
    ck_ok(green_join(thread, NULL));
    return ran;
}

/* Under chaos a greenthread may run when it is spawned already. */
static bool keeps_others_waiting(void (*call)(void))
{
    return !lets_others_run(call) || in_chaos();
}

static void naps(void)
{
    ck_ok(usleep(1000));
}

/* ---- Groups ------------------------------------------------------------ */

START_TEST(nothing_is_patched_by_being_loaded)
{
    ck_assert_uint_eq(green_patched(), 0);
    ck_assert_ptr_nonnull(green_self());
    ck_assert(keeps_others_waiting(naps));
}
END_TEST

START_TEST(groups_are_added)
{
    ck_ok(green_patch(GREEN_PATCH_IO));
    ck_assert_uint_eq(green_patched(), GREEN_PATCH_IO);
    ck_assert(keeps_others_waiting(naps));
    ck_ok(green_patch(GREEN_PATCH_TIME));
    ck_assert_uint_eq(green_patched(), GREEN_PATCH_IO | GREEN_PATCH_TIME);
    ck_assert(lets_others_run(naps));
}
END_TEST

START_TEST(unknown_groups_are_refused)
{
    ck_fails(green_patch(1u << 31), EINVAL);
    ck_assert_ptr_nonnull(strstr(green_hub_error(), "unknown group"));
    ck_assert_uint_eq(green_patched(), 0);
    ck_fails(green_patch_stats(NULL), EINVAL);
}
END_TEST

static void *waits_for_the_end(void *arg)
{
    char c;

    ck_assert_int_eq(read(*(int *)arg, &c, 1), 0);
    return NULL;
}

START_TEST(threads_are_not_patched_once_there_are_some)
{
    pthread_t thread;
    int fds[2];

    pipe_pair(fds);
    ck_assert_int_eq(pthread_create(&thread, NULL, waits_for_the_end, &fds[0]),
                     0);
    ck_fails(green_patch(GREEN_PATCH_THREADS), EBUSY);
    ck_ok(green_patch(GREEN_PATCH_LIBRARIES));
    close(fds[1]);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
}
END_TEST

/* ---- Native regions, and other native callers --------------------------- */

static void naps_natively(void)
{
    struct green_native outer, inner;

    errno = EXDEV;
    green_native_begin(&outer);
    green_native_begin(&inner);
    green_native_end(&inner);
    ck_assert_int_eq(errno, EXDEV);
    naps();
    green_native_end(&outer);
    ck_assert_int_eq(errno, EXDEV);
}

START_TEST(a_native_region_blocks_the_os_thread)
{
    ck_assert(keeps_others_waiting(naps_natively));
    ck_assert(lets_others_run(naps));
}
END_TEST

START_TEST(a_native_region_without_a_hub_is_nothing)
{
    struct green_native region;

    green_native_begin(&region);
    green_native_end(&region);
    green_native_begin(NULL);
    green_native_end(NULL);
    ck_ok(usleep(1));
}
END_TEST

static void reads_in_a_callback(struct green_call *call)
{
    char c;

    ck_assert_int_eq(read(*(int *)call->arg, &c, 1), 1);
    others_ran = 7;
}

/* It would fail with EDEADLK if it were green. */
START_TEST(a_callback_is_native)
{
    int fds[2];
    struct green_call call = {.callback = reads_in_a_callback, .arg = &fds[0]};

    pipe_pair(fds);
    ck_assert_int_eq(write(fds[1], "x", 1), 1);
    ck_ok(green_hub_call(green_get_hub(), &call));
    while (others_ran != 7)
        ck_ok(green_yield());
}
END_TEST

static void *naps_on_an_os_thread(void *arg)
{
    return usleep(1000) == 0 ? arg : NULL;
}

START_TEST(an_os_thread_without_greenthreads_is_native)
{
    pthread_t thread;
    void *result;
    int fds;

    ck_assert_int_eq(pthread_create(&thread, NULL, naps_on_an_os_thread, &fds),
                     0);
    ck_assert_int_eq(pthread_join(thread, &result), 0);
    ck_assert_ptr_eq(result, &fds);
}
END_TEST

static pthread_t napper;

static void *waits_on_an_os_thread(void *arg)
{
    await_gate();
    return arg;
}

static void joins_an_os_thread(void)
{
    void *result;

    ck_assert_int_eq(
        pthread_create(&napper, NULL, waits_on_an_os_thread, &others_ran), 0);
    ck_assert_int_eq(pthread_join(napper, &result), 0);
    ck_assert_ptr_eq(result, &others_ran);
}

static void *joins_though_killed(void *arg)
{
    joins_an_os_thread();
    ck_assert(green_killed());
    return arg;
}

START_TEST(others_run_while_an_os_thread_is_joined)
{
    struct green_thread *thread;

    ck_assert(lets_others_run(joins_an_os_thread));
    thread = green_spawn(joins_though_killed, NULL);
    ck_ok(green_yield());
    ck_ok(green_kill(thread));
    ck_assert_int_eq(write(gate[1], "x", 1), 1);
    ck_ok(green_join(thread, NULL));
    ck_assert_int_eq(pthread_join(pthread_self(), NULL), EDEADLK);
}
END_TEST

/* ---- The hubs' own descriptors -------------------------------------------- */

#define FIRST 3

static void close_by_number(void)
{
    for (int fd = FIRST; fd < (int)sysconf(_SC_OPEN_MAX); fd++)
        (void)close(fd);
}

static void close_by_range(void)
{
    ck_ok(close_range(FIRST, ~0u, 0));
}

static void close_from(void)
{
    closefrom(FIRST);
}

static void (*const ways_to_close[])(void) = {close_by_number, close_by_range,
                                              close_from};
#define WAYS ((int)(sizeof ways_to_close / sizeof ways_to_close[0]))

static int number_of_status;

static void *waits_for_what_is_closed(void *arg)
{
    char c;

    errno = 0;
    number_of_status = read(*(int *)arg, &c, 1) < 0 ? errno : 0;
    return NULL;
}

/* As a daemon does at its start. 0, or the number of the step that failed. */
static int close_all(void (*way)(void))
{
    struct green_thread *thread;
    int fds[2];
    char c;

    if (pipe(fds) < 0 || !(thread = green_spawn(waits_for_what_is_closed, fds)))
        return 1;
    if (green_yield() < 0)
        return 2;
    way();
    if (fcntl(fds[0], F_GETFD) >= 0 || green_join(thread, NULL) < 0)
        return 3;
    if (number_of_status != EBADF)
        return 4;
    if (usleep(1000) < 0 || pipe(fds) < 0 || fds[0] != FIRST)
        return 5;
    for (int fd = fds[1] + 1; fd < 100; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            return 7;
    return write(fds[1], "x", 1) == 1 && read(fds[0], &c, 1) == 1 ? 0 : 6;
}

START_TEST(a_program_may_close_all_numbers)
{
    pid_t child;

    if (strcmp(hub_under_test(), "libevent") == 0) {
        SKIP("libevent does not tell which descriptors it has");
        return;
    }
    child = fork();
    if (child == 0)
        _exit(close_all(ways_to_close[_i]));
    ck_assert_int_eq(wait_child(child), 0);
}
END_TEST

/* ---- Names ----------------------------------------------------------------- */

static void looks_localhost_up(void)
{
    struct hostent *entry = gethostbyname("localhost");

    ck_assert_ptr_nonnull(entry);
    ck_assert_int_eq(entry->h_addrtype, AF_INET);
    ck_assert_ptr_null(gethostbyname("no such name"));
    ck_assert_int_ne(h_errno, 0);
}

static void looks_up_by_the_others(void)
{
    const struct in_addr address = {htonl(INADDR_LOOPBACK)};
    struct hostent entry, *found = NULL;
    char buffer[1024];
    int error = 0;

    ck_assert_ptr_nonnull(gethostbyname2("localhost", AF_INET));
    ck_assert_ptr_nonnull(gethostbyaddr(&address, sizeof address, AF_INET));
    ck_assert_int_eq(gethostbyname_r("localhost", &entry, buffer, sizeof buffer,
                                     &found, &error),
                     0);
    ck_assert_ptr_eq(found, &entry);
    ck_assert_int_eq(gethostbyname2_r("localhost", AF_INET, &entry, buffer,
                                      sizeof buffer, &found, &error),
                     0);
    ck_assert_ptr_eq(found, &entry);
    ck_assert_int_eq(gethostbyaddr_r(&address, sizeof address, AF_INET, &entry,
                                     buffer, sizeof buffer, &found, &error),
                     0);
    ck_assert_ptr_eq(found, &entry);
}

static void gives_an_address_a_name(void)
{
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_addr = {htonl(INADDR_LOOPBACK)}};
    char host[256];

    ck_assert_int_eq(getnameinfo((const struct sockaddr *)&address,
                                 sizeof address, host, sizeof host, NULL, 0, 0),
                     0);
    ck_assert_str_ne(host, "");
}

static void asks_for_addresses(void)
{
    struct addrinfo *found = NULL;

    ck_assert_int_eq(getaddrinfo("localhost", "80", NULL, &found), 0);
    ck_assert_ptr_nonnull(found);
    freeaddrinfo(found);
    ck_assert_int_ne(getaddrinfo("no such name", NULL, NULL, &found), 0);
}

START_TEST(names_are_looked_up_by_other_os_threads)
{
    ck_assert(lets_others_run(looks_localhost_up));
    ck_assert(lets_others_run(looks_up_by_the_others));
    ck_assert(lets_others_run(gives_an_address_a_name));
    ck_assert(lets_others_run(asks_for_addresses));
}
END_TEST

static void *looks_up_too(void *arg)
{
    (void)arg;
    return gethostbyname("localhost");
}

/* libc has one answer for all its threads. */
START_TEST(an_answer_stays_while_others_look_up)
{
    struct hostent *mine = gethostbyname("localhost");
    struct green_thread *other = green_spawn(looks_up_too, NULL);
    void *theirs;

    ck_assert_ptr_nonnull(mine);
    ck_ok(green_join(other, &theirs));
    ck_assert_ptr_nonnull(theirs);
    ck_assert_ptr_ne(mine, theirs);
    ck_assert_int_eq(mine->h_addrtype, AF_INET);
    ck_assert_str_eq(mine->h_name, "localhost");
}
END_TEST

static void looks_a_number_up(void)
{
    struct addrinfo *found = NULL;

    ck_assert_ptr_nonnull(gethostbyname("127.0.0.1"));
    ck_assert_int_eq(getaddrinfo("127.0.0.1", "80", NULL, &found), 0);
    freeaddrinfo(found);
}

START_TEST(numbers_need_no_thread)
{
    struct green_patch_stats stats;

    looks_a_number_up();
    ck_ok(green_patch_stats(&stats));
    ck_assert_uint_eq(stats.worker_calls, 0);
}
END_TEST

/* ---- Processes --------------------------------------------------------------- */

static pid_t child_that_waits(void)
{
    pid_t child = fork();

    ck_assert_int_ge(child, 0);
    if (child == 0) {
        struct green_native region;

        green_native_begin(&region);
        await_gate();
        _exit(5);
    }
    return child;
}

static void ck_five(int status)
{
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 5);
}

static void waits_for_one(void)
{
    pid_t child = child_that_waits();
    int status = 0;

    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_five(status);
}

static struct rusage usage;

static void waits(void)
{
    pid_t child = child_that_waits();
    int status = 0;

    ck_assert_int_eq(wait(&status), child);
    ck_five(status);
}

static void waits_by_wait3(void)
{
    pid_t child = child_that_waits();
    int status = 0;

    ck_assert_int_eq(wait3(&status, 0, &usage), child);
    ck_five(status);
}

static void waits_by_wait4(void)
{
    pid_t child = child_that_waits();
    int status = 0;

    ck_assert_int_eq(wait4(-1, &status, 0, &usage), child);
    ck_five(status);
}

static void waits_by_id(void)
{
    pid_t child = child_that_waits();
    siginfo_t info;

    ck_ok(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT));
    ck_assert_int_eq(info.si_pid, child);
    ck_assert_int_eq(info.si_status, 5);
    ck_ok(waitid(P_ALL, 0, NULL, WEXITED));
    ck_fails(waitid(P_ALL, 0, &info, WEXITED), ECHILD);
}

static void runs_a_command(void)
{
    char command[64];

    snprintf(command, sizeof command,
             "head -c 1 /proc/self/fd/%d >/dev/null; exit 5", gate[0]);
    ck_five(system(command));
    ck_assert_int_ne(system(NULL), 0);
}

static void closes_a_command(void)
{
    char command[64], line[16];
    FILE *stream;

    snprintf(command, sizeof command,
             "echo hello; head -c 1 /proc/self/fd/%d >/dev/null; exit 5",
             gate[0]);
    stream = popen(command, "r");
    ck_assert_ptr_nonnull(fgets(line, sizeof line, stream));
    ck_assert_str_eq(line, "hello\n");
    ck_five(pclose(stream));
}

START_TEST(others_run_while_a_child_is_waited_for)
{
    ck_assert(lets_others_run(waits_for_one));
    ck_assert(lets_others_run(waits));
    ck_assert(lets_others_run(waits_by_wait3));
    ck_assert(lets_others_run(waits_by_wait4));
    ck_assert(lets_others_run(waits_by_id));
    ck_assert(lets_others_run(runs_a_command));
    ck_assert(lets_others_run(closes_a_command));
    ck_fails(waitpid(-1, NULL, 0), ECHILD);
    ck_fails(waitpid(-1, NULL, 0x40), EINVAL);
}
END_TEST

static void *waits_in_vain(void *arg)
{
    ck_fails(waitpid(*(pid_t *)arg, NULL, 0), ECANCELED);
    return arg;
}

START_TEST(a_kill_ends_a_wait_and_loses_nothing)
{
    struct green_thread *thread;
    pid_t child;

    ck_ok(pipe(gate));
    child = child_that_waits();
    thread = green_spawn(waits_in_vain, &child);
    ck_ok(green_yield());
    ck_ok(green_kill(thread));
    ck_ok(green_join(thread, NULL));
    ck_assert_int_eq(write(gate[1], "x", 1), 1);
    ck_assert_int_eq(wait_child(child), 5);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("patch");
    TCase *tcase = add_tcase(suite, "groups");

    tcase_add_test(tcase, nothing_is_patched_by_being_loaded);
    tcase_add_test(tcase, groups_are_added);
    tcase_add_test(tcase, unknown_groups_are_refused);
    tcase_add_test(tcase, threads_are_not_patched_once_there_are_some);
    tcase_add_test(tcase, a_native_region_without_a_hub_is_nothing);

    tcase = add_tcase(suite, "native");
    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, a_native_region_blocks_the_os_thread);
    tcase_add_test(tcase, a_callback_is_native);
    tcase_add_test(tcase, an_os_thread_without_greenthreads_is_native);
    tcase_add_test(tcase, others_run_while_an_os_thread_is_joined);

    tcase = add_tcase(suite, "own descriptors");
    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_loop_test(tcase, a_program_may_close_all_numbers, 0, WAYS);

    tcase = add_tcase(suite, "names and processes");
    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, names_are_looked_up_by_other_os_threads);
    tcase_add_test(tcase, an_answer_stays_while_others_look_up);
    tcase_add_test(tcase, numbers_need_no_thread);
    tcase_add_test(tcase, others_run_while_a_child_is_waited_for);
    tcase_add_test(tcase, a_kill_ends_a_wait_and_loses_nothing);
    return run_suite(suite);
}
