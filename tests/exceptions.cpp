// C++ exceptions while greenthreads switch. Built with each C++ library.
#include <atomic>
#include <exception>
#include <stdexcept>
#include <string>

#include <pthread.h>
#include <unistd.h>

#include "rethrows.h"

extern "C" {
#include "support.h"
}

START_TEST(thrown_again_after_a_switch)
{
    ck_assert(rethrows::all_are_well());
}
END_TEST

// ---- What a greenthread can wait for -------------------------------------

static int fds[2];
static green_lock a_lock;
static green_event an_event;

static void by_yield()
{
    ck_ok(green_sleep(0));
}

static void by_timer()
{
    ck_ok(green_sleep(GREEN_MSEC));
}

static void by_descriptor()
{
    char byte;

    ck_assert_int_eq(green_read(fds[0], &byte, 1), 1);
}

static void by_lock()
{
    ck_ok(green_lock_acquire(&a_lock));
    ck_ok(green_lock_release(&a_lock));
}

static void by_event()
{
    ck_ok(green_event_wait(&an_event, nullptr));
}

static void (*const ways[])() = {by_yield, by_timer, by_descriptor, by_lock,
                                 by_event};

static void *wait_in_handler(void *arg)
{
    const std::string text(100, 'x');

    try {
        throw text;
    } catch (const std::string &caught) {
        static_cast<void (*const *)()>(arg)[0]();
        ck_assert(caught == text);
        ck_assert(std::current_exception() != nullptr);
    }
    ck_assert(std::current_exception() == nullptr);
    return arg;
}

// Main is in its handler while the other is in its own.
START_TEST(in_each_way)
{
    void *way = const_cast<void *>(static_cast<const void *>(&ways[_i]));
    green_thread *thread;

    pipe_pair(fds);
    ck_ok(green_lock_acquire(&a_lock));
    thread = green_spawn(wait_in_handler, way);
    try {
        throw std::runtime_error("main's");
    } catch (const std::runtime_error &caught) {
        ck_ok(green_sleep(GREEN_MSEC));
        ck_ok(green_lock_release(&a_lock));
        ck_ok(green_event_send(&an_event, nullptr));
        ck_assert_int_eq(green_write(fds[1], "x", 1), 1);
        ck_ok(green_join(thread, nullptr));
        ck_assert_str_eq(caught.what(), "main's");
        ck_assert(std::current_exception() != nullptr);
    }
}
END_TEST

// ---- Nested ----------------------------------------------------------------

static void nest(int depth, int number)
{
    try {
        throw depth * 1000 + number;
    } catch (int caught) {
        green_sleep(number % 3 ? 0 : GREEN_MSEC);
        if (depth < 5) {
            try {
                nest(depth + 1, number);
            } catch (int inner) {
                green_sleep(0);
                ck_assert_int_eq(inner, (depth + 1) * 1000 + number);
            }
        }
        green_sleep(0);
        ck_assert_int_eq(caught, depth * 1000 + number);
        throw;
    }
}

static void *nests(void *arg)
{
    int number = *static_cast<int *>(arg), caught = 0;

    try {
        nest(0, number);
    } catch (int outermost) {
        caught = outermost;
    }
    ck_assert_int_eq(caught, number);
    return arg;
}

START_TEST(nested_handlers)
{
    green_thread *threads[10];
    int numbers[10];

    for (int i = 0; i < 10; i++) {
        numbers[i] = i;
        threads[i] = green_spawn(nests, &numbers[i]);
    }
    for (int i = 0; i < 10; i++)
        ck_ok(green_join(threads[i], nullptr));
}
END_TEST

// ---- While it unwinds ------------------------------------------------------

struct switches_in_destructor {
    int before = 0, after = 0;
    int *sum;

    explicit switches_in_destructor(int *where) : sum(where) {}
    ~switches_in_destructor()
    {
        int before_switch = std::uncaught_exceptions();

        green_sleep(GREEN_MSEC);
        *sum = before_switch * 10 + std::uncaught_exceptions();
    }
};

static void *unwinds(void *arg)
{
    try {
        switches_in_destructor local(static_cast<int *>(arg));

        throw std::out_of_range("far away");
    } catch (const std::out_of_range &caught) {
        ck_assert_str_eq(caught.what(), "far away");
    }
    ck_assert_int_eq(std::uncaught_exceptions(), 0);
    return arg;
}

static void *sums_up(void *arg)
{
    for (int i = 0; i < 5; i++) {
        *static_cast<int *>(arg) += std::uncaught_exceptions();
        green_sleep(0);
    }
    return arg;
}

START_TEST(uncaught_exceptions)
{
    int sums[3] = {0, 0, 0};
    green_thread *threads[] = {green_spawn(unwinds, &sums[0]),
                               green_spawn(sums_up, &sums[1]),
                               green_spawn(unwinds, &sums[2])};

    for (green_thread *thread : threads)
        ck_ok(green_join(thread, nullptr));
    ck_assert_int_eq(sums[0], 11);
    ck_assert_int_eq(sums[1], 0);
    ck_assert_int_eq(sums[2], 11);
}
END_TEST

// ---- Through and across ----------------------------------------------------

static int deep(int depth)
{
    green_sleep(0);
    if (depth == 0)
        throw std::runtime_error("from below");
    return deep(depth - 1) + 1;
}

static void *goes_deep(void *arg)
{
    try {
        deep(50);
        ck_abort();
    } catch (const std::runtime_error &caught) {
        ck_assert_str_eq(caught.what(), "from below");
    }
    return arg;
}

START_TEST(thrown_through_frames_that_switched)
{
    green_thread *one = green_spawn(goes_deep, nullptr);
    green_thread *two = green_spawn(goes_deep, nullptr);

    ck_ok(green_join(one, nullptr));
    ck_ok(green_join(two, nullptr));
}
END_TEST

static std::exception_ptr handed_over;

static void *throws_to_joiner(void *arg)
{
    try {
        throw std::string("from another greenthread, and not short");
    } catch (...) {
        handed_over = std::current_exception();
        green_sleep(0);
    }
    return arg;
}

START_TEST(thrown_across_greenthreads)
{
    std::string text;

    ck_ok(green_join(green_spawn(throws_to_joiner, nullptr), nullptr));
    try {
        std::rethrow_exception(handed_over);
    } catch (const std::string &caught) {
        green_sleep(0);
        text = caught;
    }
    handed_over = nullptr;
    ck_assert_str_eq(text.c_str(), "from another greenthread, and not short");
}
END_TEST

static void *has_none(void *arg)
{
    ck_assert(std::current_exception() == nullptr);
    return arg;
}

START_TEST(spawned_in_a_handler)
{
    try {
        throw 1;
    } catch (int) {
        ck_ok(green_join(green_spawn(has_none, nullptr), nullptr));
        ck_assert(std::current_exception() != nullptr);
    }
}
END_TEST

// ---- Kill, end of the hub, fork ---------------------------------------------

static void *is_killed(void *arg)
{
    try {
        throw std::string("before the kill, and not short");
    } catch (const std::string &caught) {
        ck_fails(green_sleep(GREEN_FOREVER), ECANCELED);
        ck_assert_str_eq(caught.c_str(), "before the kill, and not short");
        try {
            throw std::runtime_error("after it");
        } catch (const std::runtime_error &) {
            ck_fails(green_sleep(GREEN_FOREVER), ECANCELED);
        }
    }
    return arg;
}

START_TEST(killed_in_a_handler)
{
    green_thread *one = green_spawn(is_killed, nullptr);
    green_thread *two = green_spawn(is_killed, nullptr);

    ck_ok(green_sleep(GREEN_MSEC));
    ck_ok(green_kill(one));
    ck_ok(green_kill(two));
    ck_ok(green_join(one, nullptr));
    ck_ok(green_join(two, nullptr));
}
END_TEST

static std::exception_ptr dropped; // keeps it reachable for leak checkers

static void *waits_for_ever(void *arg)
{
    try {
        throw 1;
    } catch (int) {
        dropped = std::current_exception();
        green_sleep(GREEN_FOREVER);
    }
    return arg;
}

START_TEST(dropped_in_a_handler)
{
    ck_ok(green_detach(green_spawn(waits_for_ever, nullptr)));
    ck_ok(green_sleep(GREEN_MSEC));
    try {
        throw std::string("mine, and not short");
    } catch (const std::string &caught) {
        ck_ok(green_use_hub(hub_under_test()));
        ck_ok(green_sleep(GREEN_MSEC));
        ck_assert_str_eq(caught.c_str(), "mine, and not short");
    }
    ck_assert(std::current_exception() == nullptr);
    ck_assert(rethrows::all_are_well());
}
END_TEST

static void *forks(void *arg)
{
    try {
        throw std::string("the parent's, and not short");
    } catch (const std::string &caught) {
        pid_t pid;

        green_sleep(0);
        pid = fork();
        if (pid == 0)
            _exit(caught == "the parent's, and not short" &&
                          rethrows::all_are_well()
                      ? 7
                      : 1);
        ck_assert_int_eq(wait_child(pid), 7);
        ck_assert_str_eq(caught.c_str(), "the parent's, and not short");
    }
    return arg;
}

START_TEST(forked_in_a_handler)
{
    green_thread *one = green_spawn(forks, nullptr);
    green_thread *two = green_spawn(waits_for_ever, nullptr);

    ck_ok(green_join(one, nullptr));
    ck_ok(green_detach(two));
}
END_TEST

static std::atomic<int> well;

static void *os_thread(void *arg)
{
    for (int i = 0; i < 20; i++)
        well += rethrows::all_are_well();
    return arg;
}

START_TEST(on_several_os_threads)
{
    pthread_t threads[3];

    for (pthread_t &thread : threads)
        ck_ok(pthread_create(&thread, nullptr, os_thread, nullptr));
    for (pthread_t thread : threads)
        ck_ok(pthread_join(thread, nullptr));
    ck_assert_int_eq(well, 60);
}
END_TEST

int main()
{
    Suite *suite = suite_create("exceptions");
    TCase *tcase = add_tcase(suite, "handlers");

    tcase_add_test(tcase, thrown_again_after_a_switch);
    tcase_add_loop_test(tcase, in_each_way, 0,
                        static_cast<int>(sizeof ways / sizeof ways[0]));
    tcase_add_test(tcase, nested_handlers);
    tcase_add_test(tcase, uncaught_exceptions);
    tcase_add_test(tcase, thrown_through_frames_that_switched);
    tcase_add_test(tcase, thrown_across_greenthreads);
    tcase_add_test(tcase, spawned_in_a_handler);
    tcase = add_tcase(suite, "ends");
    tcase_add_test(tcase, killed_in_a_handler);
    tcase_add_test(tcase, dropped_in_a_handler);
    tcase_add_test(tcase, forked_in_a_handler);
    tcase_add_test(tcase, on_several_os_threads);
    return run_suite(suite);
}
