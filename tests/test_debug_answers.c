/* green_debug_serve: what the door answers. */
#include "support.h"

#include "door.h"

#include <greenhub.h>
#include <pthread.h>
#include <regex.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct green_event go;

static void *waits(void *arg)
{
    green_event_wait(&go, NULL);
    return arg;
}

/* ---- Looking ----------------------------------------------------------- */

START_TEST(dump_and_one_backtrace)
{
    struct green_thread *first = spawn_named("the-first", waits, NULL);
    struct green_thread *second = spawn_named("the-second", waits, NULL);
    char line[64];

    open_door();
    ck_ok(green_sleep(0));
    ask_door("dump");
    answer_has("the-first");
    answer_has("the-second");
    answer_has("green_event_wait+0x");
    snprintf(line, sizeof line, "backtrace %p", (void *)first);
    ask_door(line);
    answer_has("the-first");
    answer_has("green_event_wait+0x");
    answer_lacks("the-second");
    answer_lacks("OS thread");
    ask_door("backtrace 0x10");
    answer_has("error: no such greenthread");
    ask_door("backtrace");
    answer_has("error: backtrace takes");
    ask_door("backtrace 0x10 0x20");
    answer_has("error: backtrace takes");
    ck_ok(green_event_send(&go, NULL));
    ck_ok(green_join(first, NULL));
    ck_ok(green_join(second, NULL));
}
END_TEST

static void matches_each_line(const char *text, const char *pattern)
{
    char *copy = strdup(text), *state, *line;
    regex_t regex;

    ck_assert_int_eq(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
    for (line = strtok_r(copy, "\n", &state); line;
         line = strtok_r(NULL, "\n", &state))
        ck_assert_msg(regexec(&regex, line, 0, NULL, 0) == 0, "%s", line);
    regfree(&regex);
    free(copy);
}

START_TEST(stats_as_text_and_for_prometheus)
{
    open_door();
    ck_ok(green_sleep(0));
    matches_each_line(ask_door("stats"),
                      "^[^\t]+\t[a-z_]+\t[0-9]+(\\.[0-9]+)?$");
    answer_has("switches_total");
    answer_has("waiting_seconds_total");
    matches_each_line(
        ask_door("stats prometheus"),
        "^# (HELP greenhub_[a-z_]+ .*|TYPE greenhub_[a-z_]+ (counter|gauge))$|"
        "^greenhub_[a-z_]+\\{[a-z_]+=\"[^\"]*\"(,[a-z_]+=\"[^\"]*\")*\\} "
        "[0-9]+(\\.[0-9]+)?$");
    answer_has("greenhub_greenthreads{os_thread=");
    answer_has("greenhub_pool_os_threads{pool=\"threads\"} 1\n");
    ask_door("stats bogus");
    answer_has("error: stats takes");
}
END_TEST

/* The number of key= in a line that has the words. */
static double number_of(const char *words, const char *key)
{
    const char *line = ask_door("top 0.05"), *at;
    char pattern[64];

    line = strstr(line, words);
    ck_assert_msg(line != NULL, "no %s", words);
    snprintf(pattern, sizeof pattern, "\t%s=", key);
    at = strstr(line, pattern);
    ck_assert_msg(at && at < line + 1 + strcspn(line + 1, "\n"), "no %s in %s",
                  key, line);
    return strtod(at + strlen(pattern), NULL);
}

static volatile bool stop;

static void *yields(void *arg)
{
    while (!stop)
        ck_ok(green_sleep(0));
    return arg;
}

START_TEST(top_counts_groups)
{
    struct green_thread *threads[7];

    open_door();
    for (int i = 0; i < 5; i++) {
        char name[32];

        snprintf(name, sizeof name, "conn-%d", i);
        threads[i] = spawn_named(name, waits, NULL);
    }
    threads[5] = spawn_named("busy", yields, NULL);
    threads[6] = spawn_named("busy", yields, NULL);
    ck_ok(green_sleep(0));
    ck_assert_int_eq((int)number_of("\tname=conn-*\t", "count"), 5);
    answer_has("\twait=event\t");
    answer_has("\tname=main\t");
    answer_has("\nthreads\tid=");
    ck_assert_int_eq((int)number_of("\nthreads\t", "greenthreads"), 8);
    ck_assert(number_of("\nthreads\t", "switches") > 0);
    ck_assert(number_of("\nthreads\t", "delay_samples") > 0);
    ck_assert(number_of("\nthreads\t", "iterations") > 0);
    stop = true;
    ck_ok(green_event_send(&go, NULL));
    for (int i = 0; i < 7; i++)
        ck_ok(green_join(threads[i], NULL));
}
END_TEST

START_TEST(top_errors)
{
    open_door();
    ask_door("top 0");
    answer_has("error: top takes");
    ask_door("top -1");
    answer_has("error: top takes");
    ask_door("top nan");
    answer_has("error: top takes");
    ask_door("top 1 json");
    answer_has("error: top takes");
    ask_door("top json 0.01");
    answer_has("{\"process\": [{");
    ck_ok(green_debug_serve(NULL));
}
END_TEST

static void *sleeps(void *arg)
{
    while (!stop)
        ck_ok(green_sleep(2 * GREEN_MSEC));
    return arg;
}

/* Times of a wait are the hub's; how long it waited is not virtual. */
START_TEST(time_of_waits_is_counted)
{
    struct green_thread *sleeper = NULL;

    open_door();
    if (!on_sim()) /* many short waits */
        sleeper = spawn_named("sleeper", sleeps, NULL);
    ck_ok(green_sleep(0));
    ck_assert(number_of("\nthreads\t", "waiting") > 0.2);
    ck_assert(number_of("\nthreads\t", "waiting") <= 1);
    stop = true;
    if (sleeper)
        ck_ok(green_join(sleeper, NULL));
}
END_TEST

START_TEST(more_groups_than_there_is_room_for)
{
    struct green_thread *threads[400];

    open_door();
    for (int i = 0; i < 400; i++) {
        char name[32];

        snprintf(name, sizeof name, "%d-of-them", i);
        threads[i] = spawn_named(name, waits, NULL);
    }
    ck_ok(green_sleep(0));
    ck_assert_int_eq((int)number_of("\tname=(others)\t", "count"), 401 - 256);
    ck_ok(green_event_send(&go, NULL));
    for (int i = 0; i < 400; i++)
        ck_ok(green_join(threads[i], NULL));
}
END_TEST

/* ---- While a greenthread computes -------------------------------------- */

static atomic_int spinning, answered;

static void *ask_while_it_spins(void *arg)
{
    const char *path = arg, *answer;
    int fd = knock(path);

    while (!atomic_load(&spinning))
        sched_yield();
    say(fd, "dump\n");
    answer = hear(fd);
    ck_assert_ptr_nonnull(strstr(answer, "the-spinner"));
    ck_assert_ptr_nonnull(strstr(answer, "running"));
    say(fd, "top 0.05\n");
    answer = hear(fd);
    ck_assert_ptr_nonnull(strstr(answer, "\trunning=the-spinner\t"));
    say(fd, "mine\n");
    answer = hear(fd);
    ck_assert_ptr_nonnull(strstr(answer, "does not answer"));
    atomic_store(&answered, 1);
    forget_answer();
    close(fd);
    return NULL;
}

static void *spins(void *arg)
{
    atomic_store(&spinning, 1);
    while (!atomic_load(&answered))
        ;
    return arg;
}

static void answers(int fd, char **words, void *arg)
{
    dprintf(fd, "%s %s\n\n%s", words[0], words[1] ? words[1] : "-",
            (const char *)arg);
}

START_TEST(it_answers_while_one_computes)
{
    pthread_t client;
    const char *path = open_door();

    ck_ok(green_debug_command("mine", answers, "end"));
    ck_assert_int_eq(pthread_create(&client, NULL, ask_while_it_spins,
                                    (void *)(uintptr_t)path),
                     0);
    ck_ok(green_join(spawn_named("the-spinner", spins, NULL), NULL));
    ck_assert_int_eq(pthread_join(client, NULL), 0);
    ask_door("mine"); /* the one that was left does nothing */
    answer_has("mine -\n \nend\n");
}
END_TEST

/* ---- Servers and pools ------------------------------------------------- */

static struct green_server server;

static void handles(int fd, void *arg)
{
    char c;

    (void)arg;
    green_read(fd, &c, 1);
}

static void *serves(void *arg)
{
    struct green_serve_options options = {.server = &server};

    ck_ok(green_serve(*(int *)arg, handles, &options));
    return NULL;
}

START_TEST(servers_and_pools_are_counted)
{
    int listener = green_listen("tcp://127.0.0.1:0", NULL), client;
    char address[128];
    struct green_thread *thread;

    open_door();
    ck_assert_int_ge(listener, 0);
    ck_assert_int_ge(green_local_address(listener, address, sizeof address), 0);
    thread = spawn_named("server", serves, &listener);
    client = green_dial(address);
    ck_assert_int_ge(client, 0);
    while (atomic_load(&server.accepted) == 0)
        ck_ok(green_sleep(GREEN_MSEC));
    ck_assert_int_eq((int)number_of("\nservers\t", "accepted"), 1);
    answer_has(address);
    ck_assert_int_eq((int)number_of("\nservers\t", "active"), 1);
    ck_assert_int_eq((int)number_of("\npools\tname=threads", "running"), 1);
    ask_door("stats prometheus");
    answer_has("greenhub_server_accepted_total{address=");
    ck_ok(green_server_stop(&server));
    green_close(client);
    ck_ok(green_join(thread, NULL));
    ask_door("top 0.01");
    answer_lacks("\nservers\t");
}
END_TEST

static int fds[2];

static void *reads(void *arg)
{
    char c;

    ck_fails(green_read(fds[0], &c, 1), ECANCELED);
    return arg;
}

/* ---- Killing ----------------------------------------------------------- */

START_TEST(kill_has_to_be_allowed)
{
    struct green_thread *victim;
    char line[64];

    open_door();
    pipe_pair(fds);
    victim = spawn_named("victim", reads, NULL);
    ck_ok(green_sleep(0));
    snprintf(line, sizeof line, "kill %p", (void *)victim);
    ask_door(line);
    answer_has("error: the program does not allow it");
    ck_ok(green_debug_allow(GREEN_DEBUG_KILL));
    ask_door("kill 0x10");
    answer_has("error: no such greenthread");
    ask_door("kill");
    answer_has("error: kill takes");
    ck_assert_str_eq(ask_door(line), "killed\n");
    ck_ok(green_join(victim, NULL));
    ask_door(line);
    answer_has("error: no such greenthread");
    ck_ok(green_debug_allow(0));
    ask_door(line);
    answer_has("error: the program does not allow it");
}
END_TEST

/* ---- Commands of the program's own ------------------------------------- */

static void sleeps_and_answers(int fd, char **words, void *arg)
{
    (void)words;
    (void)arg;
    ck_ok(green_sleep(GREEN_MSEC));
    dprintf(fd, "slept\n");
}

START_TEST(commands_of_the_program)
{
    open_door();
    ck_ok(green_debug_command("mine", answers, "last"));
    ask_door("mine word");
    ck_assert_str_eq(ask_door("mine word"), "mine word\n \nlast\n");
    ask_door("help");
    answer_has("mine ");
    ck_ok(green_debug_command("mine", sleeps_and_answers, NULL));
    ck_assert_str_eq(ask_door("mine"), "slept\n");
    ck_ok(green_debug_command("mine", NULL, NULL));
    ask_door("mine");
    answer_has("error: no command mine");
}
END_TEST

START_TEST(command_errors)
{
    char name[40];

    ck_fails(green_debug_command(NULL, answers, NULL), EINVAL);
    ck_fails(green_debug_command("", answers, NULL), EINVAL);
    ck_fails(green_debug_command("two words", answers, NULL), EINVAL);
    ck_fails(green_debug_command("Upper", answers, NULL), EINVAL);
    memset(name, 'a', sizeof name);
    name[32] = '\0';
    ck_fails(green_debug_command(name, answers, NULL), EINVAL);
    ck_fails(green_debug_command("dump", answers, NULL), EEXIST);
    ck_fails(green_debug_command("mine", NULL, NULL), ENOENT);
    for (int i = 0; i < 32; i++) {
        snprintf(name, sizeof name, "c%d", i);
        ck_ok(green_debug_command(name, answers, NULL));
    }
    ck_fails(green_debug_command("one-more", answers, NULL), ENOSPC);
}
END_TEST

static void *registers(void *arg)
{
    ck_ok(green_use_hub(NULL));
    ck_ok(green_debug_command("theirs", answers, NULL));
    return arg;
}

START_TEST(its_os_thread_has_ended)
{
    pthread_t thread;

    open_door();
    ck_assert_int_eq(pthread_create(&thread, NULL, registers, NULL), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ask_door("theirs");
    answer_has("error: its OS thread has ended");
}
END_TEST

/* ---- OS threads that end, or change their hub, meanwhile ---------------- */

static atomic_int registered, running, over;

static void waits_for_ever(int fd, char **words, void *arg)
{
    (void)fd;
    (void)words;
    (void)arg;
    atomic_store(&running, 1);
    green_sleep(GREEN_FOREVER);
}

static void register_theirs(void (*fn)(int fd, char **words, void *arg))
{
    ck_ok(green_use_hub(hub_under_test()));
    ck_ok(green_debug_command("theirs", fn, NULL));
    atomic_store(&registered, 1);
}

static void *ends_before_it_runs(void *arg)
{
    register_theirs(waits_for_ever);
    while (!atomic_load(&over))
        sched_yield();
    return arg;
}

static void *ends_while_it_runs(void *arg)
{
    register_theirs(waits_for_ever);
    while (!atomic_load(&running))
        ck_ok(green_sleep(GREEN_MSEC));
    return arg;
}

static void *changes_its_hub(void *arg)
{
    register_theirs(waits_for_ever);
    while (!atomic_load(&running))
        ck_ok(green_sleep(GREEN_MSEC));
    ck_ok(green_debug_command("theirs", answers, ""));
    ck_ok(green_use_hub(hub_under_test()));
    while (!atomic_load(&over))
        ck_ok(green_sleep(GREEN_MSEC));
    return arg;
}

/* Has the OS thread asked, and returns the connection. */
static int ask_theirs(pthread_t *thread, void *(*fn)(void *))
{
    int fd = knock(open_door());

    ck_assert_int_eq(pthread_create(thread, NULL, fn, NULL), 0);
    while (!atomic_load(&registered))
        sched_yield();
    say(fd, "theirs\n");
    ask_door("help"); /* it comes later, so the OS thread has been asked then */
    return fd;
}

START_TEST(its_os_thread_ends_before_it_runs)
{
    pthread_t thread;
    int fd = ask_theirs(&thread, ends_before_it_runs);

    atomic_store(&over, 1);
    ck_assert_ptr_nonnull(strstr(hear(fd), "error: its OS thread has ended"));
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    close(fd);
}
END_TEST

START_TEST(its_os_thread_ends_while_it_runs)
{
    pthread_t thread;
    int fd = ask_theirs(&thread, ends_while_it_runs);

    ck_assert_ptr_nonnull(strstr(hear(fd), "error: its OS thread has ended"));
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    close(fd);
}
END_TEST

START_TEST(its_os_thread_changes_its_hub)
{
    pthread_t thread;
    int fd = ask_theirs(&thread, changes_its_hub);

    ck_assert_ptr_nonnull(strstr(hear(fd), "or has another hub"));
    say(fd, "theirs\n");
    ck_assert_str_eq(hear(fd), "theirs -\n \n");
    atomic_store(&over, 1);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    close(fd);
}
END_TEST

static void changes_the_hub(int fd, char **words, void *arg)
{
    (void)words;
    (void)arg;
    ck_ok(green_use_hub(hub_under_test()));
    dprintf(fd, "changed\n");
    atomic_store(&over, 1);
}

static void *lives_on(void *arg)
{
    register_theirs(changes_the_hub);
    while (!atomic_load(&over))
        ck_ok(green_sleep(GREEN_MSEC));
    return arg;
}

/* Which drops the OS thread's main. */
START_TEST(a_command_changes_the_hub)
{
    pthread_t thread;
    int fd = ask_theirs(&thread, lives_on);

    ck_assert_str_eq(hear(fd), "changed\n");
    ck_assert_int_eq(pthread_detach(thread), 0);
    close(fd);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("debug_answers");
    TCase *tcase = add_tcase(suite, "look");

    tcase_add_test(tcase, dump_and_one_backtrace);
    tcase_add_test(tcase, stats_as_text_and_for_prometheus);
    tcase_add_test(tcase, top_counts_groups);
    tcase_add_test(tcase, top_errors);
    tcase_add_test(tcase, time_of_waits_is_counted);
    tcase_add_test(tcase, more_groups_than_there_is_room_for);
    tcase_add_test(tcase, it_answers_while_one_computes);
    tcase_add_test(tcase, servers_and_pools_are_counted);

    tcase = add_tcase(suite, "change");
    tcase_add_test(tcase, kill_has_to_be_allowed);
    tcase_add_test(tcase, commands_of_the_program);
    tcase_add_test(tcase, command_errors);
    tcase_add_test(tcase, its_os_thread_has_ended);
    tcase_add_test(tcase, its_os_thread_ends_before_it_runs);
    tcase_add_test(tcase, its_os_thread_ends_while_it_runs);
    tcase_add_test(tcase, its_os_thread_changes_its_hub);
    tcase_add_test(tcase, a_command_changes_the_hub);
    return run_suite(suite);
}
