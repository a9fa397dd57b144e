/* Hub modules of other authors: passed as a struct, by file, by name; and what
 * is not a module. */
#include "support.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char path_of_result[600];

/* The path of one of the tests' hub modules in the build folder. */
static const char *path_in_build(const char *name)
{
    const char *build = getenv("GREENHUB_BUILD");

    snprintf(path_of_result, sizeof path_of_result, "%s/tests/%s",
             build ? build : ".", name);
    return path_of_result;
}

/* This OS thread's hub works. */
static void hub_works(void)
{
    int fds[2];
    char c;
    green_time start = green_now();

    pipe_pair(fds);
    ck_ok(green_sleep(2 * GREEN_MSEC));
    ck_assert_int_ge(green_now() - start, 2 * GREEN_MSEC);
    ck_assert_int_eq(green_write(fds[1], "x", 1), 1);
    ck_assert_int_eq(green_read(fds[0], &c, 1), 1);
    ck_assert_int_eq(c, 'x');
    close(fds[0]);
    close(fds[1]);
}

START_TEST(by_file)
{
    ck_ok(green_use_hub(path_in_build("greenhub_hub_test_good.so")));
    ck_assert_str_eq(green_hub_name(green_get_hub()), "test_good");
    hub_works();
    ck_ok(green_use_hub(hub_under_test()));
    hub_works();
}
END_TEST

START_TEST(by_file_and_symbol)
{
    ck_ok(green_use_hub(
        path_in_build("greenhub_hub_test_good.so:another_module")));
    ck_assert_str_eq(green_hub_name(green_get_hub()), "test_another");
    hub_works();
}
END_TEST

START_TEST(by_name_in_a_folder_of_the_path)
{
    char folders[800];

    ck_fails(green_use_hub("test_good"), ENOENT);
    snprintf(folders, sizeof folders, "/no/such/folder::%s", path_in_build(""));
    setenv("GREENHUB_HUB_PATH", folders, 1);
    ck_ok(green_use_hub("test_good"));
    ck_assert_str_eq(green_hub_name(green_get_hub()), "test_good");
    hub_works();
    ck_assert_str_eq(green_hub_available("test_good", NULL)->name, "test_good");
}
END_TEST

START_TEST(by_environment)
{
    setenv("GREENHUB_HUB", path_in_build("greenhub_hub_test_good.so"), 1);
    ck_assert_str_eq(green_hub_name(green_get_hub()), "test_good");
    hub_works();
}
END_TEST

static bool is_loaded(const char *name)
{
    FILE *file = fopen("/proc/self/maps", "re");
    char line[1024];
    bool found = false;

    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof line, file))
        found |= strstr(line, name) != NULL;
    fclose(file);
    return found;
}

START_TEST(loaded_repeatedly)
{
    const char *name = "greenhub_hub_test_good.so";
    int fds;

    green_get_hub();
    fds = count_fds();
    for (int i = 0; i < 20; i++) {
        ck_ok(green_use_hub(path_in_build(name)));
        ck_ok(green_sleep(0));
        ck_assert(is_loaded(name));
        ck_ok(green_use_hub(hub_under_test()));
        ck_ok(green_sleep(0));
        ck_assert(!is_loaded(name));
    }
    ck_assert_int_eq(count_fds(), fds);
}
END_TEST

/* ---- Passed as a struct ------------------------------------------------ */

static struct {
    int opens, closes, interests, waits, wakeups;
    struct green_hub *hub;
    size_t wrong_bytes;
} seen;

static int fake_open(struct green_hub *hub)
{
    const unsigned char *state = green_hub_state(hub);

    for (size_t i = 0; i < 100; i++)
        seen.wrong_bytes += state[i] != 0;
    ck_assert_uint_eq((uintptr_t)state % _Alignof(max_align_t), 0);
    memset(green_hub_state(hub), 0xa5, 100);
    seen.hub = hub;
    seen.opens++;
    return 0;
}

static void fake_close(struct green_hub *hub)
{
    ck_assert_ptr_eq(hub, seen.hub);
    seen.closes++;
}

static uint64_t last_token;

static int fake_interest(struct green_hub *hub, int fd, uint64_t token,
                         unsigned from, unsigned to)
{
    unsigned char *bytes = green_hub_descriptor_state(hub, fd);

    ck_assert_int_eq(green_hub_token_fd(token), fd);
    /* Without the capability, the library never asks for GREEN_EDGE. */
    ck_assert_uint_eq((from | to) & ~(GREEN_READ | GREEN_WRITE), 0);
    ck_assert_ptr_nonnull(bytes);
    if (!seen.interests++)
        ck_assert_int_eq(bytes[0] | bytes[39], 0);
    memset(bytes, 0x5a, 40);
    last_token = token;
    return 0;
}

/* Reports every descriptor as readable. */
static int fake_wait(struct green_hub *hub, green_time timeout)
{
    (void)timeout;
    seen.waits++;
    green_hub_ready(hub, last_token + ((uint64_t)1 << 32), GREEN_READ);
    green_hub_ready(hub, last_token, GREEN_READ);
    green_hub_ready(hub, last_token, GREEN_WRITE);
    return 0;
}

static void fake_wakeup(struct green_hub *hub)
{
    (void)hub;
    seen.wakeups++;
}

static const struct green_hub_module fake = {
    .abi = GREEN_HUB_ABI,
    .name = "fake",
    .state_size = 100,
    .descriptor_size = 40,
    .open = fake_open,
    .close = fake_close,
    .interest = fake_interest,
    .wait = fake_wait,
    .wakeup = fake_wakeup,
};

static unsigned reported, times_reported;

static void note(struct green_listener *listener, unsigned events)
{
    (void)listener;
    reported |= events;
    times_reported++;
}

START_TEST(passed_as_a_struct)
{
    struct green_listener l = {
        .fd = 0, .events = GREEN_READ | GREEN_WRITE, .callback = note};
    struct green_hub *hub;

    ck_ok(green_use_hub_module(&fake));
    hub = green_get_hub();
    ck_assert_ptr_eq(green_hub_get_module(hub), &fake);
    ck_assert_int_eq(seen.opens, 1);
    ck_assert_uint_eq(seen.wrong_bytes, 0);
    ck_assert_ptr_null(green_hub_descriptor_state(hub, 3000));
    ck_ok(green_hub_add(hub, &l));
    ck_assert_int_eq(seen.interests, 1);
    ck_ok(green_hub_wait(hub, 0));
    ck_assert_uint_eq(times_reported, 0);
    ck_ok(green_hub_dispatch(hub));
    /* Two reports make one call; the hub ignores the outdated token. */
    ck_assert_uint_eq(times_reported, 1);
    ck_assert_uint_eq(reported, GREEN_READ | GREEN_WRITE);
    ck_ok(green_hub_remove(hub, &l));
    ck_ok(green_use_hub("poll"));
    ck_assert_int_eq(seen.closes, 1);
}
END_TEST

static void nothing(struct green_call *call)
{
    (void)call;
}

START_TEST(its_own_wakeup_is_used)
{
    struct green_call call = {.callback = nothing};

    ck_ok(green_use_hub_module(&fake));
    ck_assert_int_eq(seen.interests, 0);
    ck_ok(green_hub_call_threadsafe(green_get_hub(), &call));
    ck_assert_int_eq(seen.wakeups, 1);
    ck_ok(green_hub_wait(green_get_hub(), 0));
    ck_ok(green_hub_dispatch(green_get_hub()));
}
END_TEST

static int fail_wait(struct green_hub *hub, green_time timeout)
{
    (void)hub, (void)timeout;
    errno = EIO;
    return -1;
}

/* A failure without an errno is still a failure. */
static int fail_silently(struct green_hub *hub, green_time timeout)
{
    (void)hub, (void)timeout;
    errno = 0;
    return -1;
}

static int refuse_silently(struct green_hub *hub, int fd, uint64_t token,
                           unsigned from, unsigned to)
{
    (void)hub, (void)fd, (void)token, (void)from, (void)to;
    errno = 0;
    return -1;
}

static int open_silently(struct green_hub *hub)
{
    (void)hub;
    errno = 0;
    return -1;
}

static int silent_fds[2];

static void *reads_and_fails(void *arg)
{
    char c;

    ck_fails(green_read(silent_fds[0], &c, 1), EIO);
    return arg;
}

static void *uses_the_stack(void *arg)
{
    volatile char room[30000];

    memset((char *)room, 0xee, sizeof room);
    ck_ok(green_sleep(0));
    return room[5] ? arg : NULL;
}

/* On a hub whose wait fails, which makes join fail too. */
static void runs(void *(*fn)(void *))
{
    struct green_thread *thread = green_spawn(fn, NULL);

    while (green_join(thread, NULL) < 0)
        ck_assert_int_eq(errno, EIO);
}

START_TEST(failures_without_an_errno)
{
    struct green_hub_module broken = fake;

    pipe_pair(silent_fds);
    broken.open = open_silently;
    ck_fails(green_use_hub_module(&broken), EIO);
    broken = fake;
    broken.wait = fail_silently;
    ck_ok(green_use_hub_module(&broken));
    runs(reads_and_fails);
    runs(uses_the_stack);
    ck_ok(green_use_hub(hub_under_test()));
    broken.interest = refuse_silently;
    ck_ok(green_use_hub_module(&broken));
    runs(reads_and_fails);
    runs(uses_the_stack);
    ck_ok(green_use_hub(hub_under_test()));
    hub_works();
}
END_TEST

START_TEST(a_wait_that_always_fails)
{
    struct green_hub_module broken = fake;

    broken.wait = fail_wait;
    ck_ok(green_use_hub_module(&broken));
    ck_fails(green_hub_wait(green_get_hub(), 0), EIO);
    ck_fails(green_hub_run(green_get_hub()), EIO);
    ck_fails(green_sleep(GREEN_SEC), EIO);
    ck_ok(green_use_hub(hub_under_test()));
    hub_works();
}
END_TEST

/* ---- Not a module -------------------------------------------------------- */

static const struct {
    const char *file;
    int error;
    const char *word; /* which the reason contains */
} not_modules[] = {
    {"greenhub_hub_test_bad.so", ENOENT, "green_hub_module"},
    {"greenhub_hub_test_good.so:no_such", ENOENT, "no_such"},
    {"greenhub_hub_test_bad.so:other_abi", EPROTO, "ABI"},
    {"greenhub_hub_test_bad.so:no_name", EPROTO, "name"},
    {"greenhub_hub_test_bad.so:bad_name", EPROTO, "name"},
    {"greenhub_hub_test_bad.so:no_interest", EPROTO, "interest"},
    {"greenhub_hub_test_bad.so:no_wait", EPROTO, "wait"},
    {"greenhub_hub_test_bad.so:no_now", EPROTO, "now"},
    {"greenhub_hub_test_bad.so:refuses", ENOSYS, "bad"},
    {"greenhub_hub_test_bad.so:refuses_in_words", EPERM,
     "the administrator does not allow it"},
    {"no_such_file.so", ENOENT, "no_such_file.so"},
};

START_TEST(no_module_in_a_file)
{
    struct green_hub *hub = green_get_hub();
    int fds = count_fds();

    ck_fails(green_use_hub(path_in_build(not_modules[_i].file)),
             not_modules[_i].error);
    ck_assert_msg(strstr(green_hub_error(), not_modules[_i].word) != NULL,
                  "\"%s\" does not contain \"%s\"", green_hub_error(),
                  not_modules[_i].word);
    ck_assert_ptr_eq(green_get_hub(), hub);
    ck_assert_int_eq(count_fds(), fds);
    hub_works();
}
END_TEST

START_TEST(a_file_that_is_not_a_shared_object)
{
    char name[] = "/tmp/greenhub-test-XXXXXX";
    int fd = mkstemp(name);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, "no ELF\n", 7), 7);
    close(fd);
    errno = 0;
    fd = green_use_hub(name);
    unlink(name);
    ck_assert_int_eq(fd, -1);
    ck_assert_int_eq(errno, ENOEXEC);
    ck_assert_int_gt(strlen(green_hub_error()), 0);
}
END_TEST

START_TEST(an_incomplete_struct)
{
    struct green_hub_module module = fake;

    module.abi++;
    ck_fails(green_use_hub_module(&module), EPROTO);
    module = fake;
    module.interest = NULL;
    ck_fails(green_use_hub_module(&module), EPROTO);
    module = fake;
    module.wait = NULL;
    ck_fails(green_use_hub_module(&module), EPROTO);
    module = fake;
    module.name = "";
    ck_fails(green_use_hub_module(&module), EPROTO);
    module = fake;
    module.capabilities = GREEN_HUB_VIRTUAL_TIME;
    ck_fails(green_use_hub_module(&module), EPROTO);
    for (size_t less = 1; less < 4096; less += 64) {
        module = fake;
        module.state_size = SIZE_MAX - less;
        ck_fails(green_use_hub_module(&module), EPROTO);
        module = fake;
        module.descriptor_size = SIZE_MAX - less;
        ck_fails(green_use_hub_module(&module), EPROTO);
        module.descriptor_size = SIZE_MAX / 256 - less;
        ck_fails(green_use_hub_module(&module), EPROTO);
    }
    ck_assert_int_eq(seen.opens, 0);
    hub_works();
}
END_TEST

START_TEST(long_messages_are_cut_and_errno_kept)
{
    char text[400];

    memset(text, 'w', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    errno = ESTALE;
    green_hub_set_error("%s", text);
    ck_assert_int_eq(errno, ESTALE);
    ck_assert_int_eq(strlen(green_hub_error()), 255);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hub module");
    TCase *good = add_tcase(suite, "good modules");
    TCase *bad = add_tcase(suite, "not modules");

    tcase_add_test(good, by_file);
    tcase_add_test(good, by_file_and_symbol);
    tcase_add_test(good, by_name_in_a_folder_of_the_path);
    tcase_add_test(good, by_environment);
    tcase_add_test(good, loaded_repeatedly);
    tcase_add_test(good, passed_as_a_struct);
    tcase_add_test(good, its_own_wakeup_is_used);
    tcase_add_test(good, a_wait_that_always_fails);
    tcase_add_test(good, failures_without_an_errno);
    tcase_add_loop_test(bad, no_module_in_a_file, 0,
                        (int)(sizeof not_modules / sizeof not_modules[0]));
    tcase_add_test(bad, a_file_that_is_not_a_shared_object);
    tcase_add_test(bad, an_incomplete_struct);
    tcase_add_test(bad, long_messages_are_cut_and_errno_kept);
    return run_suite(suite);
}
