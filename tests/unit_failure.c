/*
 * The n-th allocation or system call fails, for each n: the call reports an
 * error, nothing leaks, and everything works afterwards.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/system.h"
#include "support.h"

static int left; /* calls until one fails */
static bool has_failed;

static bool fails_now(void)
{
    if (left-- != 0)
        return false;
    has_failed = true;
    return true;
}

static void *allocate(size_t count, size_t size)
{
    return fails_now() ? NULL : calloc(count, size);
}

static void *reallocate(void *memory, size_t size)
{
    return fails_now() ? NULL : realloc(memory, size);
}

static void *map(void *at, size_t size, int p, int f, int fd, off_t offset)
{
    if (!fails_now())
        return mmap(at, size, p, f, fd, offset);
    errno = ENOMEM;
    return MAP_FAILED;
}

static int make_eventfd(unsigned count, int flags)
{
    if (!fails_now())
        return eventfd(count, flags);
    errno = EMFILE;
    return -1;
}

static void fail_call(int n)
{
    left = n;
    has_failed = false;
    green__system.allocate = allocate;
    green__system.reallocate = reallocate;
    green__system.map = map;
    green__system.eventfd = make_eventfd;
}

static void fail_none(void)
{
    left = -1;
}

static const char *const hubs[] = {"epolls", "poll",     "selects",
                                   "sim",    "libevent", "uring"};

START_TEST(making_a_hub)
{
    const char *name = hubs[_i];
    struct green_hub *hub;
    int fds, n = 0;

    if (!green_hub_available(name, NULL)) {
        SKIP("this build lacks the hub");
        return;
    }
    ck_ok(green_use_hub("poll"));
    hub = green_get_hub();
    fds = count_fds();
    for (;; n++) {
        int result;

        fail_call(n);
        result = green_use_hub(name);
        if (!has_failed) {
            ck_assert_int_eq(result, 0);
            break;
        }
        fail_none();
        ck_assert_int_eq(result, -1);
        ck_assert_int_gt(strlen(green_hub_error()), 0);
        ck_assert_ptr_eq(green_get_hub(), hub);
        ck_assert_int_eq(count_fds(), fds);
    }
    fail_none();
    ck_assert_int_ge(n, 1);
    ck_ok(green_sleep(GREEN_MSEC));
}
END_TEST

static void *returns(void *arg)
{
    return arg;
}

static void note(struct green_thread *thread, void *arg)
{
    (void)thread, (void)arg;
}

static void note_n(void *arg)
{
    (void)arg;
}

/* Fails with -1 or NULL, and ENOMEM; so may the first use of a greenthread on
 * this OS thread. */
static bool spawn_and_more(void)
{
    const struct green_attr attr = {.name = "named"};
    struct green_thread *thread = green_spawn_with(&attr, returns, NULL);
    bool succeeded = true;
    unsigned key;

    if (!thread)
        return false;
    ck_ok(green_key_create(&key, NULL));
    if (green_link(thread, note, NULL) < 0 || green_at_exit(note_n, NULL) < 0 ||
        green_key_set(key, &key) < 0 || green_set_name(green_self(), "me") < 0)
        succeeded = false;
    if (!succeeded)
        ck_assert_int_eq(errno, ENOMEM);
    left = left < 0 ? left : -1;
    ck_ok(green_key_delete(key));
    ck_ok(green_join(thread, NULL));
    return succeeded;
}

START_TEST(greenthreads)
{
    int n = 0;

    ck_assert_ptr_nonnull(green_get_hub());
    for (;; n++) {
        bool succeeded;

        fail_call(n);
        succeeded = spawn_and_more();
        if (!has_failed) {
            ck_assert(succeeded);
            break;
        }
        fail_none();
        ck_assert(!succeeded);
        ck_assert_int_eq(errno, ENOMEM);
        ck_ok(green_sleep(0));
        ck_assert_uint_eq(stats_now().alive, 1);
    }
    ck_assert_int_ge(n, 3);
}
END_TEST

static void never(struct green_listener *listener, unsigned events)
{
    (void)listener, (void)events;
    ck_abort_msg("nothing was ready");
}

START_TEST(listeners)
{
    struct green_hub *hub;
    struct green_listener l = {.fd = 0, .events = GREEN_READ};
    int fds[2], n = 0, result;

    if (lacks_linux() && _i % 3 == 0) {
        SKIP("POSIX has no epoll");
        return;
    }
    ck_ok(green_use_hub(hubs[_i % 3]));
    hub = green_get_hub();
    pipe_pair(fds);
    l.fd = raise_fd(fds[0], 900);
    l.callback = never;
    for (;; n++) {
        fail_call(n);
        result = green_hub_add(hub, &l);
        if (!has_failed)
            break;
        fail_none();
        ck_assert_int_eq(result, -1);
        ck_assert_int_eq(errno, ENOMEM);
        ck_fails(green_hub_remove(hub, &l), ENOENT);
    }
    fail_none();
    ck_assert_int_ge(n, 1);
    ck_ok(result);
    ck_ok(green_hub_remove(hub, &l));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("failure");
    TCase *tcase = add_tcase(suite, "failure");

    tcase_add_loop_test(tcase, making_a_hub, 0, 5);
    tcase_add_test(tcase, greenthreads);
    tcase_add_loop_test(tcase, listeners, 0, 3);
    return run_suite(suite);
}
