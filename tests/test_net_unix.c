/* Unix sockets: paths, paths left by dead servers, and abstract names. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "net_support.h"

static char unix_text[256], folder[64], path[128];

static void remove_folder(void)
{
    unlink(path);
    rmdir(folder);
}

/* Makes a folder for the case; stores a path in it in `path`, and its address
 * in `text`. */
static void make_path(void)
{
    const char *tmp = getenv("TMPDIR");

    snprintf(folder, sizeof folder, "%.40s/greenhub-XXXXXX",
             tmp && strlen(tmp) <= 40 ? tmp : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/socket", folder);
    snprintf(text, sizeof text, "unix://%s", path);
}

static int listen_unix(void)
{
    int fd;

    make_path();
    strcpy(unix_text, text);
    fd = listen_at(unix_text);
    ck_assert_str_eq(text, unix_text);
    return fd;
}

START_TEST(a_unix_listener_is_reached)
{
    int listener = listen_unix();

    is_reached_at(listener, unix_text);
    remove_folder();
}
END_TEST

START_TEST(a_path_left_behind_is_replaced)
{
    int listener = listen_unix();

    ck_ok(green_close(listener));
    ck_ok(access(path, F_OK)); /* as a dead server's */
    ck_fails(green_dial(unix_text), ECONNREFUSED);
    is_reached_at(listen_at(unix_text), unix_text);
    remove_folder();
}
END_TEST

START_TEST(a_live_path_is_refused)
{
    int listener = listen_unix();
    int fds = count_fds();

    ck_fails(green_listen(unix_text, NULL), EADDRINUSE);
    ck_assert_int_eq(count_fds(), fds);
    /* The check for a live server has left a connection, which is closed
     * already. */
    ck_ok(green_close(green_accept(listener, NULL, NULL)));
    is_reached_at(listener, unix_text);
    remove_folder();
}
END_TEST

/* A server that is too busy to accept the check's connection is alive too. */
START_TEST(a_live_path_with_a_full_backlog_is_refused)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int listener = listen_unix(), fd, count = 0;

    strcpy(address.sun_path, path);
    ck_ok(listen(listener, 1));
    do {
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        ck_assert_int_lt(count++, 10);
    } while (connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
    ck_assert_int_eq(errno, EAGAIN);
    ck_fails(green_listen(unix_text, NULL), EADDRINUSE);
    remove_folder();
}
END_TEST

START_TEST(a_file_that_is_not_a_socket_is_kept)
{
    FILE *file;
    char word[16];

    make_path();
    file = fopen(path, "we");
    ck_assert_ptr_nonnull(file);
    fputs("precious", file);
    fclose(file);
    ck_fails(green_listen(text, NULL), EADDRINUSE);
    ck_fails(green_dial(text), ECONNREFUSED);
    file = fopen(path, "re");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fscanf(file, "%15s", word), 1);
    fclose(file);
    ck_assert_str_eq(word, "precious");
    remove_folder();
}
END_TEST

START_TEST(a_path_in_no_folder)
{
    int fds = (green_get_hub(), count_fds());

    ck_fails(green_listen("unix:///no/such/folder/socket", NULL), ENOENT);
    ck_fails(green_dial("unix:///no/such/folder/socket"), ENOENT);
    ck_assert_int_eq(count_fds(), fds);
}
END_TEST

START_TEST(a_folder_without_write_permission)
{
    make_path();
    green_get_hub();
    ck_ok(chmod(folder, 0500));
    if (geteuid() == 0) /* root may always write */
        ck_ok(seteuid(65534));
    ck_fails(green_listen(text, NULL), EACCES);
    if (getuid() == 0)
        ck_ok(seteuid(0));
    remove_folder();
}
END_TEST

START_TEST(the_longest_path)
{
    struct sockaddr_un address;
    char cwd[PATH_MAX];
    int listener;

    make_path();
    ck_assert_ptr_nonnull(getcwd(cwd, sizeof cwd));
    ck_ok(chdir(folder));
    memset(text, 0, sizeof text);
    memset(text, 'x', 7 + sizeof address.sun_path);
    memcpy(text, "unix://", 7);
    strcpy(unix_text, text);
    strcpy(path, unix_text + 7);
    listener = listen_at(unix_text);
    ck_assert_str_eq(text, unix_text);
    is_reached_at(listener, unix_text);
    strcat(unix_text, "x");
    ck_fails(green_listen(unix_text, NULL), EINVAL);
    unlink(path);
    ck_ok(chdir(cwd));
    rmdir(folder);
}
END_TEST

START_TEST(an_abstract_name)
{
    char address[96];
    int listener;

    snprintf(address, sizeof address, "unix://@greenhub-test-%d", getpid());
    ck_fails(green_dial(address), ECONNREFUSED);
    listener = listen_at(address);
    ck_assert_str_eq(text, address);
    ck_fails(green_listen(address, NULL), EADDRINUSE);
    is_reached_at(listener, address);
    /* Closing frees the name. */
    ck_ok(green_close(listener));
    is_reached_at(listen_at(address), address);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("net unix");
    TCase *local = add_tcase(suite, "unix");

    tcase_add_test(local, a_unix_listener_is_reached);
    tcase_add_test(local, a_path_left_behind_is_replaced);
    tcase_add_test(local, a_live_path_is_refused);
    tcase_add_test(local, a_live_path_with_a_full_backlog_is_refused);
    tcase_add_test(local, a_file_that_is_not_a_socket_is_kept);
    tcase_add_test(local, a_path_in_no_folder);
    tcase_add_test(local, a_folder_without_write_permission);
    tcase_add_test(local, the_longest_path);
    tcase_add_test(local, an_abstract_name);
    return run_suite(suite);
}
