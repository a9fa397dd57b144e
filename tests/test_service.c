/* Services: sockets and messages of a service manager, and upgrades. The new
 * process of an upgrade is this program, with an argument. */
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "children.h"

static char program[256];

/* ---- Socket activation ------------------------------------------------------ */

static void pass(const char *count, const char *names)
{
    char pid[32];

    snprintf(pid, sizeof pid, "%d", (int)getpid());
    ck_ok(setenv("LISTEN_PID", pid, 1));
    ck_ok(setenv("LISTEN_FDS", count, 1));
    ck_ok(names ? setenv("LISTEN_FDNAMES", names, 1)
                : unsetenv("LISTEN_FDNAMES"));
}

/* 3 and 4, without a hub that has them. */
static void open_three_and_four(void)
{
    while (fcntl(4, F_GETFD) < 0)
        ck_assert_int_ge(dup(0), 0);
    ck_ok(fcntl(4, F_SETFD, 0));
}

START_TEST(descriptors_are_passed)
{
    open_three_and_four();
    pass("2", "web:api");
    ck_assert_int_eq(green_listen_fds(), 2);
    ck_assert_int_eq(fcntl(4, F_GETFD), FD_CLOEXEC);
    ck_assert_int_eq(green_listen_fd("web"), 3);
    ck_assert_int_eq(green_listen_fd("api"), 4);
    ck_assert_int_eq(green_listen_fd(NULL), 3);
    ck_fails(green_listen_fd("ap"), ENOENT);
    ck_fails(green_listen_fd("web:api"), ENOENT);
    pass("1", "web:api"); /* more names than descriptors */
    ck_fails(green_listen_fd("api"), ENOENT);
    pass("1", NULL);
    ck_fails(green_listen_fd("web"), ENOENT);
    ck_assert_int_eq(green_listen_fd(NULL), 3);
}
END_TEST

START_TEST(none_are_passed)
{
    ck_assert_int_eq(green_listen_fds(), 0);
    ck_fails(green_listen_fd(NULL), ENOENT);
    pass("2", NULL);
    ck_ok(setenv("LISTEN_PID", "1", 1)); /* they are another process's */
    ck_assert_int_eq(green_listen_fds(), 0);
    pass("0", NULL);
    ck_assert_int_eq(green_listen_fds(), 0);
    ck_fails(green_listen_fd(NULL), ENOENT);
    ck_ok(unsetenv("LISTEN_FDS"));
    ck_assert_int_eq(green_listen_fds(), 0);
}
END_TEST

START_TEST(descriptors_that_are_wrong)
{
    const char *const counts[] = {
        "", "x", "-1", "1x", "99999999999", "99999999999999999999999"};

    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        pass(counts[i], NULL);
        ck_fails(green_listen_fds(), EINVAL);
        ck_fails(green_listen_fd(NULL), EINVAL);
    }
    pass("500", NULL);
    ck_fails(green_listen_fds(), EBADF);
    ck_ok(setenv("LISTEN_PID", "self", 1));
    ck_fails(green_listen_fds(), EINVAL);
}
END_TEST

/* ---- Notifications ----------------------------------------------------------- */

/* A service manager's socket, at an abstract name or a path. */
static int manager(bool abstract)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char name[64];
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    snprintf(name, sizeof name, "%stest-service-%d", abstract ? "@" : "/tmp/",
             (int)getpid());
    strcpy(address.sun_path, name);
    if (abstract)
        address.sun_path[0] = '\0';
    ck_assert_int_ge(fd, 0);
    ck_ok(bind(
        fd, (struct sockaddr *)&address,
        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))));
    ck_ok(setenv("NOTIFY_SOCKET", name, 1));
    return fd;
}

static void ck_receives(int fd, const char *text)
{
    char buffer[256] = "";

    ck_assert_int_ge(green_recv(fd, buffer, sizeof buffer - 1, 0), 0);
    ck_assert_str_eq(buffer, text);
}

/* From two processes, in any order. */
static void ck_receives_both(int fd, const char *one, const char *other)
{
    char buffer[256] = "";

    ck_assert_int_ge(green_recv(fd, buffer, sizeof buffer - 1, 0), 0);
    ck_receives(fd, strcmp(buffer, one) == 0 ? other : one);
    ck_assert(strcmp(buffer, one) == 0 || strcmp(buffer, other) == 0);
}

START_TEST(a_manager_is_told)
{
    int fd = manager(_i), fds;
    char buffer[256] = "";
    long long time;

    green_get_hub();
    fds = count_fds();
    ck_assert_int_eq(green_notify("READY=1\nSTATUS=it runs"), 1);
    ck_receives(fd, "READY=1\nSTATUS=it runs");
    ck_assert_int_eq(green_notify("STOPPING=1"), 1);
    ck_receives(fd, "STOPPING=1");
    ck_assert_int_eq(green_notify_reloading(), 1);
    ck_assert_int_gt(green_recv(fd, buffer, sizeof buffer - 1, 0), 0);
    ck_assert_int_eq(sscanf(buffer, "RELOADING=1\nMONOTONIC_USEC=%lld", &time),
                     1);
    ck_assert_int_le(time, real_clock() / 1000);
    ck_assert_int_gt(time, real_clock() / 1000 - 60000000);
    ck_assert_int_eq(count_fds(), fds);
    if (!_i)
        ck_ok(unlink(getenv("NOTIFY_SOCKET")));
}
END_TEST

START_TEST(nobody_is_told)
{
    ck_ok(unsetenv("NOTIFY_SOCKET"));
    ck_assert_int_eq(green_notify("READY=1"), 0);
    ck_ok(setenv("NOTIFY_SOCKET", "", 1));
    ck_assert_int_eq(green_notify("READY=1"), 0);
    ck_fails(green_notify(""), EINVAL);
    ck_fails(green_notify(NULL), EINVAL);
    ck_ok(setenv("NOTIFY_SOCKET", "relative", 1));
    ck_fails(green_notify("READY=1"), EINVAL);
    ck_ok(setenv("NOTIFY_SOCKET", "/nonexistent/notify", 1));
    ck_fails(green_notify("READY=1"), ENOENT);
    ck_ok(setenv("NOTIFY_SOCKET", "@nobody-listens-here", 1));
    ck_fails(green_notify("READY=1"), ECONNREFUSED);
    ck_ok(close(manager(true)));
    ck_fails(green_notify("READY=1"), ECONNREFUSED);
}
END_TEST

/* The manager's queue is full: the greenthread waits, and the others run. */
static void *tells(void *arg)
{
    while (green_notify("STATUS=busy") == 1)
        ++*(int *)arg;
    ck_assert_int_eq(errno, ECANCELED);
    return NULL;
}

START_TEST(a_manager_that_is_busy)
{
    int fd = manager(true), sent = 0, before = -1;
    struct green_thread *thread = green_spawn(tells, &sent);

    while (sent != before) {
        before = sent;
        ck_ok(green_sleep(10 * GREEN_MSEC));
    }
    ck_assert_int_gt(sent, 0);
    ck_receives(fd, "STATUS=busy");
    while (sent == before)
        ck_ok(green_sleep(GREEN_MSEC));
    ck_ok(green_kill(thread));
    ck_ok(green_join(thread, NULL));
}
END_TEST

START_TEST(the_watchdog_is_fed)
{
    char pid[32];
    int fd = manager(true);

    ck_assert_int_eq(green_watchdog_time(), 0);
    ck_assert_int_eq(green_watchdog_start(), 0);
    ck_ok(setenv("WATCHDOG_USEC", "10000", 1));
    ck_assert_int_eq(green_watchdog_time(), 10 * GREEN_MSEC);
    ck_ok(setenv("WATCHDOG_PID", "1", 1));
    ck_assert_int_eq(green_watchdog_time(), 0);
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    ck_ok(setenv("WATCHDOG_PID", pid, 1));
    ck_ok(setenv("WATCHDOG_USEC", "10s", 1));
    ck_assert_int_eq(green_watchdog_time(), 0);
    ck_ok(setenv("WATCHDOG_USEC", "10000", 1));
    ck_assert_int_eq(green_watchdog_start(), 1);
    for (int i = 0; i < 5; i++)
        ck_receives(fd, "WATCHDOG=1");
}
END_TEST

/* ---- Upgrades ------------------------------------------------------------------ */

/* The new process: answers one connection with its number. */
static void answer(int fd, void *server)
{
    char text[32];

    snprintf(text, sizeof text, "%d\n", (int)getpid());
    green_write_all(fd, text, strlen(text));
    green_server_stop(server);
}

static int be_the_new_process(void)
{
    struct green_server server = {.accepted = 0};
    const struct green_serve_options options = {.server = &server,
                                                .arg = &server};
    int listener = green_listen_fd("web");

    if (listener < 0 || green_notify("READY=1") < 0)
        return 1;
    return green_serve(listener, answer, &options) < 0;
}

static int listener;

static void listen_here(char address[128])
{
    listener = green_listen("tcp://127.0.0.1:0", NULL);
    ck_assert_int_ge(listener, 0);
    ck_assert_int_gt(green_local_address(listener, address, 128), 0);
}

START_TEST(a_new_process_takes_over)
{
    const char *const argv[] = {program, "--new", NULL};
    const struct green_upgrade_options options = {.argv = argv,
                                                  .listeners = &listener,
                                                  .listener_count = 1,
                                                  .names = "web",
                                                  .timeout = GREEN_FOREVER};
    char address[128], text[64], expected[64];
    int fds, fd, status, notified = manager(true);
    ssize_t n;
    pid_t pid;

    if (lacks_linux()) {
        SKIP("an upgrade needs Linux");
        return;
    }
    listen_here(address);
    fds = count_fds();
    pid = green_upgrade(&options);
    ck_assert_int_gt(pid, 0);
    ck_assert_int_eq(count_fds(), fds);
    snprintf(expected, sizeof expected, "MAINPID=%d\nREADY=1", (int)pid);
    ck_receives_both(notified, "READY=1", expected);
    ck_ok(green_close(listener)); /* which the new process goes on with */
    fd = green_dial(address);
    ck_assert_int_ge(fd, 0);
    n = green_read_full(fd, text, sizeof text);
    ck_assert_int_gt(n, 0);
    snprintf(expected, sizeof expected, "%d\n", (int)pid);
    ck_assert_mem_eq(text, expected, strlen(expected));
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
}
END_TEST

static void fails_to_upgrade(const char *const *argv, green_time time,
                             int error)
{
    const struct green_upgrade_options options = {.argv = argv,
                                                  .listeners = &listener,
                                                  .listener_count = 1,
                                                  .timeout = time};
    int fds = count_fds();

    ck_fails(green_upgrade(&options), error);
    ck_no_child();
    ck_assert_int_eq(count_fds(), fds);
}

START_TEST(a_new_process_that_fails)
{
    const char *const missing[] = {"/nonexistent/service", NULL};
    const char *const ends[] = {"false", NULL}, *const empty[] = {NULL};
    SHELL(hangs, "trap '' TERM; exec sleep 1000");
    char address[128];

    if (lacks_linux()) {
        SKIP("an upgrade needs Linux");
        return;
    }
    listen_here(address);
    fails_to_upgrade(ends, GREEN_FOREVER, ECHILD);
    fails_to_upgrade(missing, GREEN_FOREVER, ECHILD);
    fails_to_upgrade(hangs, 20 * GREEN_MSEC, ETIMEDOUT);
    fails_to_upgrade(hangs, -1, EINVAL);
    fails_to_upgrade(empty, 0, EINVAL);
    ck_fails(green_upgrade(NULL), EINVAL);
    ck_ok(green_close(listener));
    fails_to_upgrade(ends, 0, EBADF);
}
END_TEST

static void *upgrades(void *argv)
{
    fails_to_upgrade(argv, GREEN_FOREVER, ECANCELED);
    return NULL;
}

START_TEST(an_upgrade_is_killed)
{
    SHELL(hangs, "exec sleep 1000");
    char address[128];
    struct green_thread *thread;

    if (lacks_linux()) {
        SKIP("an upgrade needs Linux");
        return;
    }
    listen_here(address);
    thread = green_spawn(upgrades, (void *)(uintptr_t)hangs);
    ck_ok(green_sleep(10 * GREEN_MSEC));
    ck_ok(green_kill(thread));
    ck_ok(green_join(thread, NULL));
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("service");
    TCase *activation = add_tcase(suite, "activation");
    TCase *notification = add_tcase(suite, "notification");
    TCase *upgrade = add_tcase(suite, "upgrade");

    tcase_add_test(activation, descriptors_are_passed);
    tcase_add_test(activation, none_are_passed);
    tcase_add_test(activation, descriptors_that_are_wrong);
    tcase_add_loop_test(notification, a_manager_is_told, 0, 2);
    tcase_add_test(notification, nobody_is_told);
    tcase_add_test(notification, a_manager_that_is_busy);
    tcase_add_test(notification, the_watchdog_is_fed);
    tcase_add_test(upgrade, a_new_process_takes_over);
    tcase_add_test(upgrade, a_new_process_that_fails);
    tcase_add_test(upgrade, an_upgrade_is_killed);
    return suite;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--new") == 0)
        return be_the_new_process();
    if (readlink("/proc/self/exe", program, sizeof program - 1) < 0)
        return 1;
    return run_suite(make_suite());
}
