/* A kernel that refuses a system call that a hub needs, imitated by a seccomp
 * filter. */
#include "support.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <stddef.h>

/* From now on this system call fails with `error`. Returns false if the filter
 * cannot be installed. */
static bool refuse(int number, int error)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = 4, .filter = code};

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0 &&
           syscall(number, -1, 0, 0, 0) == -1 && errno == error;
}

static const int errors[] = {ENOSYS, EPERM};

START_TEST(no_epoll)
{
    struct green_hub *hub;
    const char *reason = NULL;

    if (lacks_linux()) {
        SKIP("POSIX has no epoll");
        return;
    }
    ck_ok(green_use_hub("selects"));
    hub = green_get_hub();
    if (!refuse(SYS_epoll_create1, errors[_i])) {
        SKIP("seccomp filters are not available");
        return;
    }
    ck_fails(green_use_hub("epolls"), errors[_i]);
    ck_assert_ptr_nonnull(strstr(green_hub_error(), "epoll"));
    ck_assert_ptr_eq(green_get_hub(), hub);
    ck_fails_null(green_hub_available("epolls", &reason), errors[_i]);
    ck_assert_ptr_nonnull(strstr(reason, "epoll"));
    ck_ok(green_sleep(GREEN_MSEC));
}
END_TEST

START_TEST(the_next_best_is_the_default)
{
    unsetenv("GREENHUB_HUB");
    if (!refuse(SYS_epoll_create1, errors[_i])) {
        SKIP("seccomp filters are not available");
        return;
    }
    ck_assert_str_eq(green_hub_name(green_get_hub()), "poll");
    ck_ok(green_sleep(GREEN_MSEC));
}
END_TEST

/* epoll_pwait2 is newer than epoll; without it timeouts are as exact. */
START_TEST(no_epoll_pwait2)
{
    green_time start;
    uint64_t waits;

    if (lacks_linux()) {
        SKIP("POSIX has no epoll");
        return;
    }
    if (!refuse(SYS_epoll_pwait2, errors[_i])) {
        SKIP("seccomp filters are not available");
        return;
    }
    ck_ok(green_use_hub("epolls"));
    for (int i = 0; i < 20; i++) {
        waits = stats_now().waits;
        start = green_now();
        ck_ok(green_sleep(300 * GREEN_USEC));
        ck_assert_int_ge(green_now() - start, 300 * GREEN_USEC);
        ck_assert_uint_le(stats_now().waits - waits, 3);
    }
}
END_TEST

/* As in most containers. The hub gives the reason, and nothing else changes. */
START_TEST(no_io_uring)
{
    struct green_hub *hub = green_get_hub();
    const char *reason = NULL;

    if (!green_hub_available("uring", &reason) && errno == ENOSYS) {
        SKIP(reason); /* not built in, or refused before the filter */
        return;
    }
    if (strcmp(green_hub_name(hub), "uring") == 0) {
        ck_ok(green_use_hub("poll"));
        hub = green_get_hub();
    }
    if (!refuse(SYS_io_uring_setup, errors[_i])) {
        SKIP("seccomp filters are not available");
        return;
    }
    ck_fails(green_use_hub("uring"), errors[_i]);
    ck_assert_ptr_nonnull(strstr(green_hub_error(), "io_uring"));
    ck_assert_ptr_eq(green_get_hub(), hub);
    ck_fails_null(green_hub_available("io_uring", &reason), errors[_i]);
    ck_assert_ptr_nonnull(strstr(reason, "io_uring"));
    ck_ok(green_sleep(GREEN_MSEC));
    ck_ok(green_use_hub("poll"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hub refused");
    TCase *tcase = add_tcase(suite, "by the kernel");

    tcase_add_loop_test(tcase, no_epoll, 0, 2);
    tcase_add_loop_test(tcase, the_next_best_is_the_default, 0, 2);
    tcase_add_loop_test(tcase, no_epoll_pwait2, 0, 2);
    tcase_add_loop_test(tcase, no_io_uring, 0, 2);
    return run_suite(suite);
}
