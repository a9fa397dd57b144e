/* context/stack.h: the pool, its size classes, colours, guards and high-water
 * mark. */
#include "context/stack.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/system.h"
#include "support.h"

#define ROOM 100

static struct green__stack_pool pool;

static void set_up(void)
{
    green__stack_pool_init(&pool, ROOM);
}

static void tear_down(void)
{
    green__stack_pool_destroy(&pool);
}

static size_t size_of(const struct green__stack *stack)
{
    return stack->class->size;
}

static size_t colour_of(const struct green__stack *stack)
{
    return size_of(stack) - (size_t)(stack->top - stack->bottom);
}

START_TEST(sizes_are_rounded_up)
{
    const size_t asked[] = {0, 1, 16384, 16385, 65536, 65537, 1 << 20};
    const size_t given[] = {16384, 16384, 16384, 32768, 65536, 131072, 1 << 20};

    for (int i = 0; i < 7; i++)
        ck_assert_uint_eq(size_of(green__stack_acquire(&pool, asked[i])),
                          given[i] > pool.page_size ? given[i]
                                                    : pool.page_size);
    ck_assert_ptr_nonnull(green__stack_acquire(&pool, GREEN__STACK_MAX));
    ck_fails_null(green__stack_acquire(&pool, GREEN__STACK_MAX + 1), EINVAL);
}
END_TEST

START_TEST(the_last_released_is_the_first_acquired)
{
    struct green__stack *a = green__stack_acquire(&pool, 65536);
    struct green__stack *b = green__stack_acquire(&pool, 65536);

    ck_assert_ptr_ne(a, b);
    green__stack_release(a);
    green__stack_release(b);
    ck_assert_ptr_eq(green__stack_acquire(&pool, 65536), b);
    ck_assert_ptr_eq(green__stack_acquire(&pool, 65536), a);
}
END_TEST

static char *room_of(struct green__stack *stack)
{
    return (char *)stack - GREEN__STACK_ROOM(ROOM);
}

static int seen;

static bool is_seventh(const void *room)
{
    return *(const char *)room == 7;
}

static void add_up(void *room, void *arg)
{
    ck_assert_ptr_eq(arg, &pool);
    seen += *(char *)room;
}

/* Zero at first, not overlapping, aligned to cache lines; and the pool finds
 * it. */
START_TEST(each_has_room)
{
    struct green__stack *stacks[20];

    for (int i = 0; i < 20; i++) {
        const char none[ROOM] = {0};

        stacks[i] = green__stack_acquire(&pool, i % 2 ? 16384 : 65536);
        ck_assert_uint_eq((uintptr_t)room_of(stacks[i]) % 64, 0);
        ck_assert_int_eq(memcmp(room_of(stacks[i]), none, ROOM), 0);
        memset(room_of(stacks[i]), i, ROOM);
    }
    for (int i = 0; i < 20; i++) {
        ck_assert_int_eq(room_of(stacks[i])[0], i);
        ck_assert_int_eq(room_of(stacks[i])[ROOM - 1], i);
        ck_assert_ptr_nonnull(stacks[i]->class);
    }
    ck_assert_ptr_eq(green__stack_pool_find(&pool, is_seventh),
                     room_of(stacks[7]));
    green__stack_pool_each(&pool, add_up, &pool);
    ck_assert_int_eq(seen, 19 * 20 / 2);
    room_of(stacks[7])[0] = 0;
    ck_assert_ptr_null(green__stack_pool_find(&pool, is_seventh));
}
END_TEST

/* For ThreadSanitizer, the lowest word of a stack points to its record, or is
 * zero. */
static void clear_record(struct green__stack *stack)
{
    memset(stack->bottom, 0, sizeof(void *));
}

START_TEST(they_do_not_overlap_and_differ_in_colour)
{
    enum { COUNT = 64 };
    struct green__stack *stacks[COUNT];
    unsigned colours = 0;

    for (int i = 0; i < COUNT; i++) {
        char *bottom, *top;
        size_t colour;

        stacks[i] = green__stack_acquire(&pool, 32768);
        bottom = stacks[i]->bottom;
        top = stacks[i]->top;
        ck_assert_uint_eq((uintptr_t)top % 16, 0);
        colour = colour_of(stacks[i]);
        ck_assert_uint_lt(colour, pool.page_size);
        memset(bottom, i, (size_t)(top - bottom));
        if (i > 0 && colour != colour_of(stacks[i - 1]))
            colours++;
    }
    for (int i = 0; i < COUNT; i++) {
        const char *bottom = stacks[i]->bottom;
        const char *top = stacks[i]->top;
        size_t changed = 0;

        while (bottom < top)
            changed += *bottom++ != i;
        ck_assert_uint_eq(changed, 0);
    }
    for (int i = 0; i < COUNT; i++)
        clear_record(stacks[i]);
    ck_assert_uint_eq(colours, COUNT - 1);
}
END_TEST

/* A kernel without MADV_GUARD_INSTALL, where the library uses mprotect. */
static int refuse_advice(void *page, size_t size, int advice)
{
    if (advice == 102) { /* MADV_GUARD_INSTALL */
        errno = EINVAL;
        return -1;
    }
    return madvise(page, size, advice);
}

/* An emulator that reports success for any advice, and does nothing. */
static int ignore_advice(void *page, size_t size, int advice)
{
    (void)page, (void)size, (void)advice;
    return 0;
}

static bool is_inaccessible(char *place)
{
    pid_t pid = fork();

    if (pid == 0) {
        signal(SIGSEGV, SIG_DFL);
        signal(SIGBUS, SIG_DFL);
        *(volatile char *)place = 1;
        _exit(0);
    }
    return wait_child(pid) == 1000 + SIGSEGV;
}

static void check_guard(struct green__stack *stack, size_t guard)
{
    ck_assert_ptr_nonnull(stack);
    ck_assert_uint_eq(stack->class->guard, guard);
    stack->bottom[0] = 1;
    ck_assert(is_inaccessible(stack->bottom - 1));
    ck_assert(is_inaccessible(stack->bottom - guard));
    clear_record(stack);
}

START_TEST(a_guard_lies_below)
{
    int (*const ways[])(void *, size_t, int) = {madvise, refuse_advice,
                                                ignore_advice};

    green__system.advise = ways[_i];
    check_guard(green__stack_acquire(&pool, 65536), 64 << 10);
    check_guard(green__stack_acquire(&pool, 16384), 64 << 10);
}
END_TEST

START_TEST(guards_can_be_larger)
{
    struct green__stack *stack, *other;

    check_guard(green__stack_acquire_guarded(&pool, 16384, 0), 64 << 10);
    stack = green__stack_acquire_guarded(&pool, 16384, 100 << 10);
    check_guard(stack, 128 << 10);
    other = green__stack_acquire_guarded(&pool, 16384, 1 << 20);
    check_guard(other, 1 << 20);
    ck_assert_ptr_ne(stack->class, other->class);
    green__stack_release(stack);
    ck_assert_ptr_eq(green__stack_acquire_guarded(&pool, 16384, 128 << 10),
                     stack);
    ck_fails_null(green__stack_acquire_guarded(&pool, 16384, (1 << 30) + 1),
                  EINVAL);
}
END_TEST

/* ---- Many guards in one call ------------------------------------------ */

#define FRESH 1000

static ssize_t (*real_advise_many)(const struct iovec *, size_t, int);
static int alone, together;

static int counting_advise(void *page, size_t size, int advice)
{
    alone += advice == 102;
    return madvise(page, size, advice);
}

static ssize_t counting_advise_many(const struct iovec *ranges, size_t count,
                                    int advice)
{
    together++;
    return real_advise_many(ranges, count, advice);
}

static ssize_t no_advise_many(const struct iovec *ranges, size_t count,
                              int advice)
{
    (void)ranges, (void)count, (void)advice;
    together++;
    errno = EBADF; /* a kernel without PIDFD_SELF */
    return -1;
}

/* Claims success, as an emulator might. */
static ssize_t pretend_advise_many(const struct iovec *ranges, size_t count,
                                   int advice)
{
    (void)advice;
    together++;
    return (ssize_t)(count * ranges[0].iov_len);
}

/* Does half of it, as when the kernel finds an obstacle at the second range. */
static ssize_t half_advise_many(const struct iovec *ranges, size_t count,
                                int advice)
{
    together++;
    return real_advise_many(ranges, count / 2, advice);
}

static void acquire_fresh(void)
{
    struct green__stack *stacks[FRESH];

    green__system.advise = counting_advise;
    for (int i = 0; i < FRESH; i++)
        ck_assert_ptr_nonnull(stacks[i] = green__stack_acquire(&pool, 16384));
    for (int i = 0; i < FRESH; i += 111)
        check_guard(stacks[i], 64 << 10);
}

START_TEST(many_guards_in_one_call)
{
    if (lacks_linux()) {
        SKIP("POSIX makes guards by mprotect alone");
        return;
    }
    real_advise_many = green__system.advise_many;
    if (checker() || real_advise_many(NULL, 0, 102) < 0) {
        SKIP("the kernel or the checker makes one guard per call");
        return;
    }
    green__system.advise_many = counting_advise_many;
    acquire_fresh();
    ck_assert_int_le(alone, 10);
    ck_assert_int_le(together, FRESH / 64 + 10);
}
END_TEST

START_TEST(one_guard_per_call)
{
    ssize_t (*const ways[])(const struct iovec *, size_t, int) = {
        no_advise_many, pretend_advise_many, half_advise_many};

    if (lacks_linux()) {
        SKIP("POSIX makes guards by mprotect alone");
        return;
    }
    real_advise_many = green__system.advise_many;
    green__system.advise_many = ways[_i];
    acquire_fresh();
    ck_assert_int_le(together, 1); /* it is not tried again */
    ck_assert_int_ge(alone, together ? FRESH : 1);
}
END_TEST

static int no_protection(void *page, size_t size, int protection)
{
    (void)page, (void)size, (void)protection;
    errno = ENOMEM;
    return -1;
}

START_TEST(no_guard_no_stack)
{
    green__system.advise = refuse_advice;
    green__system.protect = no_protection;
    ck_fails_null(green__stack_acquire(&pool, 65536), ENOMEM);
    ck_assert_ptr_nonnull(strstr(
        green_hub_error(), lacks_linux() ? "no mapping" : "vm.max_map_count"));
    green__system.protect = mprotect;
    ck_assert_ptr_nonnull(green__stack_acquire(&pool, 65536));
}
END_TEST

#define MANY 5000

static struct green__stack *many[MANY];

static long fill(void)
{
    for (int i = 0; i < MANY; i++) {
        many[i] = green__stack_acquire(&pool, 16384);
        many[i]->top[-1] = 1;
    }
    return resident_kib();
}

START_TEST(idle_memory_is_returned)
{
    struct green__stack *again;
    long full = fill();

    for (int i = 0; i < MANY; i++)
        green__stack_release(many[i]);
    ck_assert(green__stack_pool_is_warm(&pool));
    /* Used a moment ago: the first round keeps the stacks, the next ones do
     * not. */
    green__stack_pool_cool(&pool);
    for (int i = 0; i < 10 && green__stack_pool_is_warm(&pool); i++)
        green__stack_pool_cool(&pool);
    ck_assert(!green__stack_pool_is_warm(&pool));
    if (!checker())
        ck_assert_int_lt(resident_kib(), full - 10000);
    again = green__stack_acquire(&pool, 16384);
    ck_assert_int_eq(again->top[-1], 1);
    ck_assert(!green__stack_pool_cool(&pool));
}
END_TEST

START_TEST(stacks_in_use_stay_warm)
{
    fill();
    for (int i = 0; i < MANY; i++)
        green__stack_release(many[i]);
    green__stack_pool_cool(&pool);
    /* All are used between two rounds, so the pool returns none. */
    for (int i = 0; i < MANY; i++)
        many[i] = green__stack_acquire(&pool, 16384);
    for (int i = 0; i < MANY; i++)
        green__stack_release(many[i]);
    ck_assert(!green__stack_pool_cool(&pool));
    ck_assert_uint_eq(pool.classes[0].warm_count, MANY);
}
END_TEST

static void *no_map(void *at, size_t size, int p, int f, int fd, off_t offset)
{
    (void)at, (void)size, (void)p, (void)f, (void)fd, (void)offset;
    errno = ENOMEM;
    return MAP_FAILED;
}

/* A 32-bit process has little of it, others are given a limit. */
static bool limit_address_space(void)
{
    struct rlimit limit = {.rlim_cur = (rlim_t)mapped_kib() << 10};

    if (sizeof(void *) == 4)
        return true;
    limit.rlim_cur += (rlim_t)1 << 29;
    limit.rlim_max = limit.rlim_cur;
    return !checker() && setrlimit(RLIMIT_AS, &limit) == 0;
}

START_TEST(no_address_space)
{
    struct green__stack *stack, *last = NULL;
    int count = 0;

    if (!limit_address_space()) {
        SKIP("a checker needs address space itself");
        return;
    }
    errno = 0;
    while ((stack = green__stack_acquire(&pool, 262144)) && count < 100000) {
        last = stack;
        count++;
    }
    ck_assert_ptr_null(stack);
    ck_assert_int_eq(errno, ENOMEM);
    ck_assert_ptr_nonnull(strstr(green_hub_error(), "address space"));
    ck_assert_int_gt(count, 1000);
    green__stack_release(last);
    ck_assert_ptr_eq(green__stack_acquire(&pool, 262144), last);
    tear_down();
    ck_assert_ptr_nonnull(green__stack_acquire(&pool, 262144));
}
END_TEST

START_TEST(no_memory)
{
    green__system.map = no_map;
    ck_fails_null(green__stack_acquire(&pool, 65536), ENOMEM);
    ck_assert_ptr_nonnull(strstr(green_hub_error(), "64 KiB"));
    green__system.map = mmap;
    ck_assert_ptr_nonnull(green__stack_acquire(&pool, 65536));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stack");
    TCase *tcase = add_tcase(suite, "stack");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, sizes_are_rounded_up);
    tcase_add_test(tcase, the_last_released_is_the_first_acquired);
    tcase_add_test(tcase, each_has_room);
    tcase_add_test(tcase, they_do_not_overlap_and_differ_in_colour);
    tcase_add_loop_test(tcase, a_guard_lies_below, 0, 3);
    tcase_add_test(tcase, guards_can_be_larger);
    tcase_add_test(tcase, many_guards_in_one_call);
    tcase_add_loop_test(tcase, one_guard_per_call, 0, 3);
    tcase_add_test(tcase, no_guard_no_stack);
    tcase_add_test(tcase, idle_memory_is_returned);
    tcase_add_test(tcase, stacks_in_use_stay_warm);
    tcase_add_test(tcase, no_address_space);
    tcase_add_test(tcase, no_memory);
    return run_suite(suite);
}
