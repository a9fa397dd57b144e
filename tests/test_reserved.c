/* The reserved words at the ends of structs: the library refuses options in
 * which one is not zero, and writes zeros to statistics. */
#include <unistd.h>

#include "support.h"

#define WORDS 4

/* Sets one word, as a program for a later version of the library might. */
static void set_reserved(uint64_t *words, int i)
{
    words[i] = 1;
}

static void *returns(void *arg)
{
    return arg;
}

START_TEST(of_attributes)
{
    struct green_attr attr = {.name = "n"};

    ck_ok(green_join(green_spawn_with(&attr, returns, NULL), NULL));
    set_reserved(attr.reserved, _i);
    ck_fails_null(green_spawn_with(&attr, returns, NULL), EINVAL);
}
END_TEST

START_TEST(of_options_to_listen)
{
    struct green_listen_options options = {.backlog = 1};
    const char *address = "tcp://127.0.0.1:0";
    int fd = green_listen(address, &options);

    ck_assert_int_ge(fd, 0);
    ck_ok(green_close(fd));
    set_reserved(options.reserved, _i);
    ck_fails(green_listen(address, &options), EINVAL);
    ck_assert_str_eq(green_net_error(),
                     "tcp://127.0.0.1:0: a reserved word is not zero");
}
END_TEST

static void handle(int fd, void *arg)
{
    (void)fd;
    (void)arg;
}

START_TEST(of_options_to_serve)
{
    struct green_server server = {.accepted = 0};
    struct green_serve_options options = {.server = &server};
    int fd = green_listen("tcp://127.0.0.1:0", NULL);

    ck_ok(green_server_stop(&server));
    ck_ok(green_serve(fd, handle, &options));
    set_reserved(options.reserved, _i);
    ck_fails(green_serve(fd, handle, &options), EINVAL);
    ck_ok(green_close(fd));
}
END_TEST

START_TEST(of_options_of_a_pool)
{
    struct green_resource_options options = {.create = returns};
    struct green_resource_pool *pool = green_resource_pool_create(&options);

    ck_ok(green_resource_pool_destroy(pool));
    set_reserved(options.reserved, _i);
    ck_fails_null(green_resource_pool_create(&options), EINVAL);
}
END_TEST

START_TEST(of_a_case)
{
    struct green_case one = {.kind = GREEN_CASE_NONE};

    ck_fails(green_choose(&one, 1, 0), EAGAIN);
    set_reserved(one.reserved, _i);
    ck_fails(green_choose(&one, 1, 0), EINVAL);
}
END_TEST

static void ck_zero(const uint64_t *words)
{
    for (int i = 0; i < WORDS; i++)
        ck_assert_uint_eq(words[i], 0);
}

START_TEST(of_statistics)
{
    const struct green_resource_options options = {.create = returns};
    struct green_resource_pool *pool = green_resource_pool_create(&options);
    struct green_hub_stats hub;
    struct green_thread_pool_stats threads;
    struct green_resource_stats resources;

    memset(&hub, 1, sizeof hub);
    memset(&threads, 1, sizeof threads);
    memset(&resources, 1, sizeof resources);
    ck_ok(green_hub_stats(green_get_hub(), &hub));
    ck_ok(green_thread_pool_stats(&threads));
    ck_ok(green_resource_pool_stats(pool, &resources));
    ck_zero(hub.reserved);
    ck_zero(threads.reserved);
    ck_zero(resources.reserved);
    ck_ok(green_resource_pool_destroy(pool));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("reserved");
    TCase *tcase = add_tcase(suite, "reserved words");

    tcase_add_loop_test(tcase, of_attributes, 0, WORDS);
    tcase_add_loop_test(tcase, of_options_to_listen, 0, WORDS);
    tcase_add_loop_test(tcase, of_options_to_serve, 0, WORDS);
    tcase_add_loop_test(tcase, of_options_of_a_pool, 0, WORDS);
    tcase_add_loop_test(tcase, of_a_case, 0, 2);
    tcase_add_test(tcase, of_statistics);
    return run_suite(suite);
}
