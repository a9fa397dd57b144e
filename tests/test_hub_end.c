/* Functions that a hub calls when it ends. */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "support.h"

static char called[8];
static bool in_child;

static void ends(struct green_hub_end *end, bool forked)
{
    called[strlen(called)] = *(char *)end->arg;
    in_child = forked;
    free(end);
}

static void others(struct green_hub_end *end, bool forked)
{
    ends(end, forked);
}

static void add(const char *letter,
                void (*callback)(struct green_hub_end *, bool))
{
    struct green_hub_end *end = calloc(1, sizeof *end);

    end->callback = callback;
    end->arg = (void *)letter;
    ck_ok(green_hub_at_end(green_get_hub(), end));
    ck_fails(green_hub_at_end(green_get_hub(), end), EALREADY);
}

START_TEST(eliminated)
{
    add("a", ends);
    add("b", others);
    ck_assert_str_eq(green_hub_find_end(green_get_hub(), ends)->arg, "a");
    ck_assert_str_eq(green_hub_find_end(green_get_hub(), others)->arg, "b");
    ck_ok(green_use_hub(hub_under_test()));
    ck_assert_str_eq(called, "ba");
    ck_assert(!in_child);
    ck_assert_ptr_null(green_hub_find_end(green_get_hub(), ends));
}
END_TEST

static void *uses_a_hub(void *unused)
{
    ck_ok(green_use_hub(hub_under_test()));
    add("t", ends);
    return unused;
}

START_TEST(ends_with_its_thread)
{
    pthread_t thread;

    ck_ok(pthread_create(&thread, NULL, uses_a_hub, NULL));
    ck_ok(pthread_join(thread, NULL));
    ck_assert_str_eq(called, "t");
}
END_TEST

START_TEST(forked)
{
    pid_t pid;

    add("f", ends);
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0)
        _exit(strcmp(called, "f") == 0 && in_child ? 0 : 1);
    ck_assert_int_eq(wait_child(pid), 0);
    ck_assert_str_eq(called, "");
}
END_TEST

START_TEST(invalid_arguments)
{
    struct green_hub_end end = {.callback = NULL};

    ck_fails(green_hub_at_end(green_get_hub(), NULL), EINVAL);
    ck_fails(green_hub_at_end(green_get_hub(), &end), EINVAL);
    end.callback = ends;
    ck_fails(green_hub_at_end(NULL, &end), EINVAL);
    ck_assert_ptr_null(green_hub_find_end(NULL, ends));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hub end");
    TCase *tcase = add_tcase(suite, "end");

    tcase_add_test(tcase, eliminated);
    tcase_add_test(tcase, ends_with_its_thread);
    tcase_add_test(tcase, forked);
    tcase_add_test(tcase, invalid_arguments);
    return run_suite(suite);
}
