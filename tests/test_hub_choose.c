/* Choosing a hub: names, the default, the environment, errors. */
#include "support.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static const struct {
    const char *asked, *given;
} known[] = {
    {"epolls", "epolls"},    {"epoll", "epolls"},   {"poll", "poll"},
    {"selects", "selects"},  {"select", "selects"}, {"libevent", "libevent"},
    {"pyevent", "libevent"}, {"uring", "uring"},    {"io_uring", "uring"},
    {"sim", "sim"},
};

#define KNOWN ((int)(sizeof known / sizeof known[0]))

/* Returns whether the hub is available; the reason and errno must agree with
 * that. */
static bool is_available(const char *name)
{
    const char *reason = NULL;

    if (green_hub_available(name, &reason))
        return true;
    ck_assert_int_ne(errno, 0);
    ck_assert_ptr_nonnull(reason);
    ck_assert_int_gt(strlen(reason), 0);
    return false;
}

START_TEST(each_name_and_alias)
{
    if (!is_available(known[_i].asked)) {
        int error = errno;

        ck_assert(may_be_missing(known[_i].given));
        ck_fails(green_use_hub(known[_i].asked), error);
        return;
    }
    ck_ok(green_use_hub(known[_i].asked));
    ck_assert_str_eq(green_hub_name(green_get_hub()), known[_i].given);
    ck_assert_str_eq(green_hub_get_module(green_get_hub())->name,
                     known[_i].given);
}
END_TEST

START_TEST(names_come_best_first)
{
    const char *const *names = green_hub_names();

    ck_assert_str_eq(names[0], "epolls");
    ck_assert_str_eq(names[1], "poll");
    ck_assert_str_eq(names[2], "selects");
    for (int i = 0; names[i]; i++)
        for (int j = 0; j < i; j++)
            ck_assert_str_ne(names[i], names[j]);
    for (int i = 0; i < KNOWN; i++) {
        int found = 0;

        for (int j = 0; names[j]; j++)
            found += strcmp(names[j], known[i].given) == 0;
        ck_assert_int_eq(found, 1);
    }
}
END_TEST

START_TEST(the_default_is_the_best)
{
    if (lacks_linux()) {
        SKIP("POSIX has no epoll: the default is poll");
        return;
    }
    unsetenv("GREENHUB_HUB");
    ck_assert_str_eq(green_hub_name(green_get_hub()), "epolls");
    ck_ok(green_use_hub("poll"));
    ck_ok(green_use_hub(NULL));
    ck_assert_str_eq(green_hub_name(green_get_hub()), "epolls");
}
END_TEST

START_TEST(the_environment_names_the_default)
{
    ck_assert_str_eq(green_hub_name(green_get_hub()), hub_under_test());
    setenv("GREENHUB_HUB", "selects", 1);
    ck_assert_str_eq(green_hub_name(green_get_hub()), hub_under_test());
    ck_ok(green_use_hub(NULL));
    ck_assert_str_eq(green_hub_name(green_get_hub()), "selects");
    ck_ok(green_use_hub("poll"));
    ck_assert_str_eq(green_hub_name(green_get_hub()), "poll");
}
END_TEST

START_TEST(a_wrong_name_in_the_environment)
{
    unsigned key;

    setenv("GREENHUB_HUB", "no_such_hub", 1);
    ck_fails_null(green_get_hub(), ENOENT);
    ck_assert_ptr_nonnull(strstr(green_hub_error(), "no_such_hub"));
    ck_fails(green_use_hub(NULL), ENOENT);
    ck_fails_null(green_self(), ENOENT);
    ck_fails(green_sleep(0), ENOENT);
    ck_fails(green_sleep(1), ENOENT);
    ck_fails_null(green_hub_available(NULL, NULL), ENOENT);
    ck_ok(green_key_create(&key, NULL));
    ck_fails(green_key_set(key, &key), ENOENT);
    ck_assert_ptr_null(green_key_get(key));
    /* A correct name works afterwards. */
    setenv("GREENHUB_HUB", hub_under_test(), 1);
    ck_ok(green_sleep(0));
}
END_TEST

START_TEST(one_hub_until_another_is_chosen)
{
    struct green_hub *hub = green_get_hub();

    ck_assert_ptr_nonnull(hub);
    ck_ok(green_sleep(1));
    ck_assert_ptr_eq(green_get_hub(), hub);
}
END_TEST

/* ---- Errors ---------------------------------------------------------- */

static char too_long[5000];

static const struct {
    const char *name;
    int error;
} refused[] = {
    {"", EINVAL},
    {too_long, EINVAL},
    {"no_such_hub", ENOENT},
    {"EPOLLS", ENOENT},
    {"./no_such_hub.so", ENOENT},
    {"/no/such/folder/hub.so:symbol", ENOENT},
    {"/proc/self/status", ENOEXEC},
    {"/", ENOEXEC},
};

START_TEST(a_failure_leaves_the_hub_unchanged)
{
    struct green_hub *hub = green_get_hub();
    struct green_hub_stats before = stats_now();
    const char *reason = NULL;

    memset(too_long, 'x', sizeof too_long - 1);
    ck_fails(green_use_hub(refused[_i].name), refused[_i].error);
    ck_assert_int_gt(strlen(green_hub_error()), 0);
    ck_assert_ptr_eq(green_get_hub(), hub);
    ck_assert_str_eq(green_hub_name(hub), hub_under_test());
    ck_fails_null(green_hub_available(refused[_i].name, &reason),
                  refused[_i].error);
    ck_assert_str_eq(reason, green_hub_error());
    ck_fails_null(green_hub_available(refused[_i].name, NULL),
                  refused[_i].error);
    ck_assert_uint_eq(stats_now().descriptors, before.descriptors);
    ck_ok(green_sleep(GREEN_MSEC));
}
END_TEST

START_TEST(messages_without_full_stop)
{
    ck_assert_str_eq(green_hub_error(), "");
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        const char *message;

        ck_assert_int_eq(green_use_hub(refused[i].name), -1);
        message = green_hub_error();
        ck_assert_int_gt(strlen(message), 0);
        ck_assert_int_ne(message[strlen(message) - 1], '.');
        ck_assert_int_lt(strlen(message), 256);
    }
}
END_TEST

START_TEST(no_descriptor_leaks)
{
    struct rlimit limit;
    struct green_hub *hub = green_get_hub();
    int open_before, lowest;

    ck_ok(getrlimit(RLIMIT_NOFILE, &limit));
    lowest = dup(0);
    close(lowest);
    open_before = count_fds();
    limit.rlim_cur = (rlim_t)lowest;
    ck_ok(setrlimit(RLIMIT_NOFILE, &limit));
    ck_fails(green_use_hub(hub_under_test()), EMFILE);
    ck_assert_int_gt(strlen(green_hub_error()), 0);
    limit.rlim_cur = limit.rlim_max;
    ck_ok(setrlimit(RLIMIT_NOFILE, &limit));
    ck_assert_int_eq(count_fds(), open_before);
    ck_assert_ptr_eq(green_get_hub(), hub);
    ck_ok(green_sleep(GREEN_MSEC));
    ck_ok(green_use_hub(hub_under_test()));
    ck_assert_int_eq(count_fds(), open_before);
}
END_TEST

START_TEST(null_arguments)
{
    ck_fails(green_use_hub_module(NULL), EINVAL);
    ck_assert_int_gt(strlen(green_hub_error()), 0);
    ck_fails_null(green_hub_name(NULL), EINVAL);
    ck_fails_null(green_hub_get_module(NULL), EINVAL);
}
END_TEST

/* ---- In a callback, and queries -------------------------------------- */

static int callback_error;

static void change_hub(struct green_call *call)
{
    (void)call;
    errno = 0;
    ck_assert_int_eq(green_use_hub("poll"), -1);
    callback_error = errno;
    ck_fails(green_use_hub_module(green_hub_available("poll", NULL)), EBUSY);
}

START_TEST(a_callback_cannot_eliminate_its_hub)
{
    struct green_hub *hub = green_get_hub();
    struct green_call call = {.callback = change_hub};

    ck_ok(green_hub_call(hub, &call));
    ck_ok(green_hub_wait(hub, 0));
    ck_ok(green_hub_dispatch(hub));
    ck_assert_int_eq(callback_error, EBUSY);
    ck_assert_ptr_eq(green_get_hub(), hub);
}
END_TEST

START_TEST(a_query_leaves_nothing_open)
{
    struct green_hub *hub = green_get_hub();
    int before = count_fds();

    for (int i = 0; i < KNOWN; i++) {
        const struct green_hub_module *module =
            green_hub_available(known[i].asked, NULL);

        if (module)
            ck_assert_str_eq(module->name, known[i].given);
    }
    ck_assert_str_eq(green_hub_available(NULL, NULL)->name, hub_under_test());
    ck_assert_int_eq(count_fds(), before);
    ck_assert_ptr_eq(green_get_hub(), hub);
}
END_TEST

START_TEST(the_version_has_three_parts)
{
    int a, b, c, end = 0;

    ck_assert_int_eq(sscanf(green_version(), "%d.%d.%d%n", &a, &b, &c, &end),
                     3);
    ck_assert_int_eq(green_version()[end], '\0');
    ck_assert_int_eq(a, GREEN_VERSION_MAJOR);
    ck_assert_int_eq(b, GREEN_VERSION_MINOR);
    ck_assert_int_eq(c, GREEN_VERSION_PATCH);
    ck_assert_int_eq(GREEN_VERSION, GREEN_VERSION_NUMBER(a, b, c));
    ck_assert_int_lt(GREEN_VERSION, GREEN_VERSION_NUMBER(a, b + 1, 0));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hub choose");
    TCase *names = add_tcase(suite, "names");
    TCase *refusals = add_tcase(suite, "errors");

    tcase_add_loop_test(names, each_name_and_alias, 0, KNOWN);
    tcase_add_test(names, names_come_best_first);
    tcase_add_test(names, the_default_is_the_best);
    tcase_add_test(names, the_environment_names_the_default);
    tcase_add_test(names, a_wrong_name_in_the_environment);
    tcase_add_test(names, one_hub_until_another_is_chosen);
    tcase_add_test(names, the_version_has_three_parts);
    tcase_add_loop_test(refusals, a_failure_leaves_the_hub_unchanged, 0,
                        (int)(sizeof refused / sizeof refused[0]));
    tcase_add_test(refusals, messages_without_full_stop);
    tcase_add_test(refusals, no_descriptor_leaks);
    tcase_add_test(refusals, null_arguments);
    tcase_add_test(refusals, a_callback_cannot_eliminate_its_hub);
    tcase_add_test(refusals, a_query_leaves_nothing_open);
    return run_suite(suite);
}
