/* green_debug_serve: the door's socket, and its connections. */
#include "support.h"

#include "door.h"

#include <fcntl.h>
#include <greenhub.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static struct green_event go;

static void *waits(void *arg)
{
    green_event_wait(&go, NULL);
    return arg;
}

/* ---- The socket -------------------------------------------------------- */

START_TEST(the_socket_is_the_owners_alone)
{
    const char *path = open_door();
    struct stat status;

    ck_ok(lstat(path, &status));
    ck_assert_int_eq(status.st_mode & 07777, 0600);
    ck_assert(S_ISSOCK(status.st_mode));
    ck_ok(green_debug_serve(NULL));
    ck_fails(lstat(path, &status), ENOENT);
    ck_fails(green_debug_serve(NULL), ENOENT);
}
END_TEST

START_TEST(refused_paths)
{
    char path[200] = "unix:/tmp/";

    ck_fails(green_debug_serve("tcp:127.0.0.1:1"), EINVAL);
    ck_fails(green_debug_serve("/tmp/x"), EINVAL);
    memset(path + strlen(path), 'x', sizeof path - strlen(path) - 1);
    ck_fails(green_debug_serve(path), EINVAL);
    ck_fails(green_debug_serve("unix:/tmp/no-such-folder/x"), ENOENT);
    ck_fails(green_debug_serve(NULL), ENOENT);
    ck_fails(green_debug_allow(2), EINVAL);
}
END_TEST

static int listen_at(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    ck_ok(bind(fd, (struct sockaddr *)&address, sizeof address));
    ck_ok(listen(fd, 1));
    return fd;
}

START_TEST(what_is_left_behind_is_replaced)
{
    char path[100];
    int fd;

    snprintf(path, sizeof path, "/tmp/greenhub-test-door-%d", getpid());
    fd = listen_at(path);
    ck_fails(green_debug_serve("unix:/tmp/no-such-folder/x"), ENOENT);
    {
        char where[120];

        snprintf(where, sizeof where, "unix:%s", path);
        ck_fails(green_debug_serve(where), EADDRINUSE);
    }
    close(fd);
    open_door();
    ask_door("help");
    answer_has("dump");
    ck_ok(green_debug_serve(NULL));
    fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    {
        char where[120];

        snprintf(where, sizeof where, "unix:%s", path);
        ck_fails(green_debug_serve(where), EADDRINUSE); /* no socket */
    }
    close(fd);
    ck_ok(unlink(path));
}
END_TEST

START_TEST(it_moves)
{
    char first[100], where[120];
    int fd;

    snprintf(first, sizeof first, "/tmp/greenhub-test-other-%d", getpid());
    snprintf(where, sizeof where, "unix:%s", first);
    ck_ok(green_debug_serve(where));
    fd = knock(first);
    open_door();
    ck_assert_int_eq(access(first, F_OK), -1);
    ck_assert_ptr_null(hear(fd)); /* its connections end */
    close(fd);
    ask_door("help");
    answer_has("dump");
    open_door(); /* where it is already */
    ask_door("help");
    answer_has("dump");
    ck_ok(green_debug_serve(NULL));
}
END_TEST

/* As another user that the file would let in. */
static int visit_as_other(const char *path)
{
    pid_t child = fork();

    if (child == 0) {
        const char *answer;

        if (setgid(65534) < 0 || setuid(65534) < 0)
            _exit(2);
        answer = hear(knock(path));
        _exit(answer && strstr(answer, "error: another user") ? 0 : 1);
    }
    return wait_child(child);
}

START_TEST(other_users_are_refused)
{
    const char *path = open_door();

    if (geteuid() != 0) {
        SKIP("only root can become another user");
        return;
    }
    ck_ok(chmod(path, 0666));
    ck_assert_int_eq(visit_as_other(path), 0);
    ck_ok(green_debug_serve(NULL));
}
END_TEST

/* ---- Lines ------------------------------------------------------------- */

START_TEST(lines_are_answered_in_order)
{
    int fd = knock(open_door());
    const char *answer;

    say(fd, "help\r\n\nbogus word\nhelp");
    shutdown(fd, SHUT_WR); /* the last line has no end: it is none */
    answer = hear(fd);
    ck_assert_ptr_nonnull(strstr(answer, "backtrace ADDRESS"));
    ck_assert_str_eq(hear(fd), "");
    ck_assert_str_eq(hear(fd), "error: no command bogus; help lists them\n");
    ck_assert_ptr_null(hear(fd));
    close(fd);
}
END_TEST

START_TEST(a_line_that_is_too_long_ends_the_connection)
{
    int fd = knock(open_door());
    char line[1025];

    memset(line, 'x', sizeof line - 1);
    line[sizeof line - 1] = '\0';
    say(fd, line);
    ck_assert_str_eq(hear(fd), "error: the line is too long\n");
    ck_assert_ptr_null(hear(fd));
    close(fd);
}
END_TEST

START_TEST(quit_ends_the_connection)
{
    int fd = knock(open_door());

    say(fd, "quit\nhelp\n");
    ck_assert_str_eq(hear(fd), "");
    ck_assert_ptr_null(hear(fd));
    close(fd);
}
END_TEST

/* It asks for more than the socket's buffer holds, and reads nothing. */
START_TEST(who_does_not_read_keeps_nobody_waiting)
{
    int fd = knock(open_door());
    struct green_thread *threads[1000];

    for (int i = 0; i < 1000; i++)
        threads[i] = spawn_named("one-of-many", waits, NULL);
    ck_ok(green_sleep(0));
    for (int i = 0; i < 20; i++)
        say(fd, "dump\n");
    ask_door("help");
    answer_has("dump");
    close(fd);
    ask_door("help");
    answer_has("dump");
    ck_ok(green_event_send(&go, NULL));
    for (int i = 0; i < 1000; i++)
        ck_ok(green_join(threads[i], NULL));
}
END_TEST

START_TEST(connections_are_limited)
{
    const char *path = open_door(), *answer;
    int many[17];

    for (int i = 0; i < 17; i++)
        many[i] = knock(path);
    answer = hear(many[16]);
    ck_assert_str_eq(answer, "error: too many connections\n");
    close(many[16]);
    say(many[15], "quit\n");
    ck_assert_str_eq(hear(many[15]), "");
    ck_assert_ptr_null(hear(many[15]));
    ask_door("help");
    answer_has("dump");
    for (int i = 0; i < 16; i++)
        close(many[i]);
}
END_TEST

/* ---- Fork, and programs that close what they do not know ---------------- */

START_TEST(a_forked_child_has_no_door)
{
    const char *path = open_door();
    pid_t child;

    ck_ok(green_sleep(0));
    child = fork();
    if (child == 0) {
        int fd = -1;

        if (green_debug_serve(NULL) == 0 || errno != ENOENT)
            _exit(1);
        if (access(path, F_OK) != 0)
            _exit(2);
        open_door();
        fd = knock(path);
        say(fd, "help\n");
        if (!hear(fd))
            _exit(3);
        _exit(green_debug_serve(NULL) == 0 ? 0 : 4);
    }
    ck_assert_int_eq(wait_child(child), 0);
    ask_door("help");
    answer_has("dump");
}
END_TEST

START_TEST(closed_by_the_program)
{
    bool open_before[100];
    int before, ours[2];

    if (checker() && strcmp(checker(), "tsan") == 0) {
        SKIP("it takes it for a race to close what another OS thread has");
        return;
    }
    for (int fd = 0; fd < 100; fd++)
        open_before[fd] = fcntl(fd, F_GETFD) >= 0;
    before = knock(open_door());
    say(before, "help\n");
    ck_assert_ptr_nonnull(hear(before));
    for (int fd = 0; fd < 100; fd++)
        if (!open_before[fd])
            close(fd);
    ck_ok(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ours));
    for (int i = 0; i < 10; i++)
        ck_assert_int_ge(dup(ours[0]), 0);
    ck_assert_int_eq(write(ours[1], "help\n", 5), 5);
    open_door(); /* and answers nothing on what is not its own */
    ck_assert_ptr_nonnull(ask_door("help"));
    ck_assert_int_eq(recv(ours[1], &before, 1, MSG_DONTWAIT), -1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("debug_serve");
    TCase *tcase = add_tcase(suite, "socket");

    tcase_add_test(tcase, the_socket_is_the_owners_alone);
    tcase_add_test(tcase, refused_paths);
    tcase_add_test(tcase, what_is_left_behind_is_replaced);
    tcase_add_test(tcase, it_moves);
    tcase_add_test(tcase, other_users_are_refused);

    tcase = add_tcase(suite, "lines");
    tcase_add_test(tcase, lines_are_answered_in_order);
    tcase_add_test(tcase, a_line_that_is_too_long_ends_the_connection);
    tcase_add_test(tcase, quit_ends_the_connection);
    tcase_add_test(tcase, who_does_not_read_keeps_nobody_waiting);
    tcase_add_test(tcase, connections_are_limited);

    tcase = add_tcase(suite, "process");
    tcase_add_test(tcase, a_forked_child_has_no_door);
    tcase_add_test(tcase, closed_by_the_program);
    return run_suite(suite);
}
