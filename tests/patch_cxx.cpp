// C++'s own locks in greenthreads, without recompiling the library that has
// them. Built with each C++ library.
#include <atomic>
#include <barrier>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <future>
#include <latch>
#include <mutex>
#include <semaphore>
#include <shared_mutex>
#include <stdexcept>
#include <thread>

#include <greenhub/patch.h>
#include <unistd.h>

extern "C" {
#include "support.h"
}

using namespace std::chrono_literals;

// ---- Who takes part ----------------------------------------------------------

static constexpr int greens = 5, natives = 2, others = 3,
                     everybody = greens + natives + others;

static void (*role)(int me);

static void *play(void *me)
{
    role(static_cast<int>(reinterpret_cast<intptr_t>(me)));
    return nullptr;
}

static void *number(int i)
{
    return reinterpret_cast<void *>(static_cast<intptr_t>(i));
}

static void play_green(int first, int count)
{
    std::deque<green_thread *> threads;

    for (int i = 0; i < count; i++)
        threads.push_back(green_spawn(play, number(first + i)));
    for (green_thread *thread : threads)
        ck_ok(green_join(thread, nullptr));
}

static void patch_libraries()
{
    ck_assert_msg(green_patch(GREEN_PATCH_LIBRARIES) == 0, "%s",
                  green_hub_error());
}

// Greenthreads of this OS thread and of another one, and two OS threads.
static void play_all(void (*the_role)(int me))
{
    patch_libraries();
    role = the_role;
    std::thread one([] { role(greens); }), two([] { role(greens + 1); });
    std::thread hub([] { play_green(greens + natives, others); });

    play_green(0, greens);
    one.join();
    two.join();
    hub.join();
}

// ---- Static variables ----------------------------------------------------------

static std::atomic<int> made, called;

struct slow {
    int value;

    slow() : value(42)
    {
        usleep(3000);
        made++;
    }
};

static slow &the_slow()
{
    static slow one;

    return one;
}

START_TEST(a_slow_initialiser_runs_once)
{
    play_all([](int) { ck_assert_int_eq(the_slow().value, 42); });
    ck_assert_int_eq(made, 1);
}
END_TEST

static int fail_twice()
{
    usleep(1000);
    if (called++ < 2)
        throw std::runtime_error("not yet");
    return 7;
}

static int after_failures()
{
    static int value = fail_twice();

    return value;
}

START_TEST(an_initialiser_that_throws_runs_again)
{
    static std::atomic<int> caught;

    play_all([](int) {
        for (;;) {
            try {
                ck_assert_int_eq(after_failures(), 7);
                return;
            } catch (const std::runtime_error &) {
                caught++;
            }
        }
    });
    ck_assert_int_eq(caught, 2);
    ck_assert_int_eq(called, 3);
}
END_TEST

START_TEST(call_once_runs_once)
{
    static std::once_flag flag;

    play_all([](int) {
        std::call_once(flag, [] {
            usleep(3000);
            called++;
        });
        ck_assert_int_eq(called, 1);
    });
}
END_TEST

START_TEST(call_once_runs_again_after_an_exception)
{
    static std::once_flag flag;
    static std::atomic<int> caught;

    play_all([](int) {
        try {
            std::call_once(flag, [] {
                usleep(1000);
                if (called++ < 2)
                    throw std::runtime_error("not yet");
            });
        } catch (const std::runtime_error &) {
            caught++;
        }
    });
    ck_assert_int_eq(caught, 2);
    ck_assert_int_eq(called, 3);
}
END_TEST

// ---- Mutexes and conditions -----------------------------------------------------

static constexpr int rounds = 300;
static int inside;
static long sum;

template <class lock> static void count_up(lock &mutex)
{
    for (int i = 0; i < rounds; i++) {
        std::lock_guard guard(mutex);

        ck_assert_int_eq(inside++, 0);
        std::this_thread::yield();
        sum++;
        ck_assert_int_eq(--inside, 0);
    }
}

START_TEST(mutex)
{
    static std::mutex mutex;

    play_all([](int) { count_up(mutex); });
    ck_assert_int_eq(sum, everybody * rounds);
}
END_TEST

START_TEST(recursive_mutex)
{
    static std::recursive_mutex mutex;

    play_all([](int) {
        for (int i = 0; i < rounds; i++) {
            std::lock_guard outer(mutex);
            std::lock_guard inner(mutex);

            ck_assert_int_eq(inside++, 0);
            std::this_thread::yield();
            ck_assert_int_eq(--inside, 0);
        }
    });
}
END_TEST

START_TEST(timed_mutex)
{
    static std::timed_mutex mutex;

    play_all([](int) { count_up(mutex); });
    mutex.lock();
    ck_ok(green_join(green_spawn(
                         [](void *) -> void * {
                             ck_assert(!mutex.try_lock());
                             ck_assert(!mutex.try_lock_for(2ms));
                             return nullptr;
                         },
                         nullptr),
                     nullptr));
    mutex.unlock();
}
END_TEST

START_TEST(shared_mutex)
{
    static std::shared_mutex mutex;
    static long left, right;

    play_all([](int me) {
        for (int i = 0; i < rounds; i++) {
            if ((i + me) % 3 == 0) {
                std::unique_lock writer(mutex);

                left++;
                std::this_thread::yield();
                right++;
            } else {
                std::shared_lock reader(mutex);

                ck_assert_int_eq(left, right);
            }
        }
    });
}
END_TEST

START_TEST(condition_variable)
{
    static std::mutex mutex;
    static std::condition_variable changed;
    static int turn;

    play_all([](int me) {
        for (int i = 0; i < rounds; i++) {
            std::unique_lock lock(mutex);

            changed.wait(lock, [me] { return turn == me; });
            turn = (turn + 1) % everybody;
            changed.notify_all();
        }
    });
    ck_assert_int_eq(turn, 0);
}
END_TEST

START_TEST(condition_variable_any)
{
    static std::shared_mutex mutex;
    static std::condition_variable_any changed;
    static int turn;

    play_all([](int me) {
        for (int i = 0; i < 50; i++) {
            std::unique_lock lock(mutex);

            while (!changed.wait_for(lock, 10s, [me] { return turn == me; }))
                continue;
            turn = (turn + 1) % everybody;
            changed.notify_all();
        }
    });
}
END_TEST

static void *wait_in_vain(void *)
{
    std::mutex mutex;
    std::condition_variable never;
    std::unique_lock lock(mutex);

    // They ask the clock after each wait, and may come back sooner on sim.
    ck_assert(!never.wait_for(lock, 2ms, [] { return false; }));
    ck_assert(!never.wait_until(lock, std::chrono::system_clock::now() + 2ms,
                                [] { return false; }));
    return nullptr;
}

START_TEST(condition_variables_time_out)
{
    patch_libraries();
    ck_ok(green_join(green_spawn(wait_in_vain, nullptr), nullptr));
}
END_TEST

// ---- Futures ----------------------------------------------------------------------

START_TEST(future)
{
    static std::promise<int> promises[everybody];

    play_all([](int me) {
        std::future<int> mine = promises[me].get_future();

        if (me == 0)
            usleep(2000);
        // Each waits for the one before, of whatever OS thread.
        promises[(me + 1) % everybody].set_value(me);
        ck_assert_int_eq(mine.get(), (me + everybody - 1) % everybody);
    });
}
END_TEST

START_TEST(a_future_of_an_os_thread)
{
    patch_libraries();
    for (int i = 0; i < 50; i++) {
        std::future<int> later = std::async(std::launch::async, [i] {
            usleep(100);
            return i;
        });

        ck_assert_int_eq(later.get(), i);
    }
}
END_TEST

// ---- C++20 ------------------------------------------------------------------------

START_TEST(atomic_wait)
{
    // On sim a wait for a futex of several processes looks without a pause.
    static const int turns = on_sim() ? rounds / 10 : rounds;
    static std::atomic<int> turn;

    play_all([](int me) {
        for (int i = 0; i < turns; i++) {
            for (int seen = turn; seen != me; seen = turn)
                turn.wait(seen);
            turn = (me + 1) % everybody;
            turn.notify_all();
        }
    });
    ck_assert_int_eq(turn, 0);
}
END_TEST

START_TEST(counting_semaphore)
{
    static std::counting_semaphore<3> permits(3);
    static std::atomic<int> holders;

    play_all([](int) {
        for (int i = 0; i < rounds; i++) {
            permits.acquire();
            ck_assert_int_le(++holders, 3);
            std::this_thread::yield();
            holders--;
            permits.release();
        }
    });
    ck_assert(permits.try_acquire_for(1ms));
}
END_TEST

START_TEST(latch_and_barrier)
{
    static std::latch latch(everybody);
    static std::barrier barrier(everybody);
    static std::atomic<int> arrived;

    play_all([](int) {
        latch.arrive_and_wait();
        for (int i = 1; i <= 50; i++) {
            arrived++;
            barrier.arrive_and_wait();
            ck_assert_int_ge(arrived, i * everybody);
        }
    });
}
END_TEST

// ---- Kills --------------------------------------------------------------------------

static std::atomic<int> word;

static void *wait_for_word(void *)
{
    word.wait(0); // noexcept: an error that it does not know ends the program
    ck_fails(green_sleep(0), ECANCELED);
    return nullptr;
}

START_TEST(a_kill_does_not_end_the_program)
{
    green_thread *thread;

    patch_libraries();
    thread = green_spawn(wait_for_word, nullptr);
    ck_ok(green_sleep(GREEN_MSEC));
    ck_ok(green_kill(thread));
    ck_ok(green_sleep(GREEN_MSEC));
    word = 1;
    word.notify_one();
    ck_ok(green_join(thread, nullptr));
}
END_TEST

int main()
{
    Suite *suite = suite_create("patch_cxx");
    TCase *tcase = add_tcase(suite, "once");

    tcase_add_test(tcase, a_slow_initialiser_runs_once);
    tcase_add_test(tcase, an_initialiser_that_throws_runs_again);
    tcase_add_test(tcase, call_once_runs_once);
    tcase_add_test(tcase, call_once_runs_again_after_an_exception);
    tcase = add_tcase(suite, "locks");
    tcase_add_test(tcase, mutex);
    tcase_add_test(tcase, recursive_mutex);
    tcase_add_test(tcase, timed_mutex);
    tcase_add_test(tcase, shared_mutex);
    tcase_add_test(tcase, condition_variable);
    tcase_add_test(tcase, condition_variable_any);
    tcase_add_test(tcase, condition_variables_time_out);
    tcase_add_test(tcase, future);
    tcase_add_test(tcase, a_future_of_an_os_thread);
    tcase = add_tcase(suite, "atomic");
    tcase_add_test(tcase, atomic_wait);
    tcase_add_test(tcase, counting_semaphore);
    tcase_add_test(tcase, latch_and_barrier);
    tcase_add_test(tcase, a_kill_does_not_end_the_program);
    return run_suite(suite);
}
