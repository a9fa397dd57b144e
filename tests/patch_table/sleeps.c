/* sleep, nanosleep and their kin. */
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "table.h"

#define MILLISECOND 1000000

/* Those that hubs' clocks go along with. */
static const clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC,
                                   CLOCK_BOOTTIME, CLOCK_TAI};

static void wrong_times(int (*call)(const struct timespec *, struct timespec *))
{
    const struct timespec wrong[] = {
        {-1, 0}, {0, -1}, {0, 1000000000}, {LONG_MIN, 0}, {1, LONG_MAX}};

    for (size_t i = 0; i < COUNT(wrong); i++)
        said(call(&wrong[i], NULL));
    said(call(NULL, NULL));
}

static void short_times(int (*call)(const struct timespec *, struct timespec *))
{
    const struct timespec none = {0, 0}, one = {0, 1}, some = {0, MILLISECOND};
    struct timespec left = {7, 7};

    said(call(&none, &left));
    said(call(&one, &left));
    said(call(&some, &left));
    say_waited(0);
    say("%ld %ld", (long)left.tv_sec, left.tv_nsec);
    said(call(&some, NULL));
    say_waited(0);
}

/* ---- sleep ------------------------------------------------------------- */

static void sleep_nothing(void)
{
    said(sleep(0));
}

static void sleep_one_second(void)
{
    unsigned left = sleep(1);

    say_waited(1000000000);
    said(left);
}

/* ---- usleep ------------------------------------------------------------ */

static void usleep_short(void)
{
    said(usleep(0));
    said(usleep(1));
    said(usleep(2000));
    said(usleep(999999));
}

static void usleep_long(void)
{
    int result = usleep(1000001);

    say_waited(1000001000);
    said(result);
}

/* ---- nanosleep ----------------------------------------------------------- */

static void nanosleep_wrong(void)
{
    wrong_times(nanosleep);
}

static void nanosleep_short(void)
{
    short_times(nanosleep);
}

/* ---- clock_nanosleep ----------------------------------------------------- */

static int on_monotonic(const struct timespec *time, struct timespec *left)
{
    return clock_nanosleep(CLOCK_MONOTONIC, 0, time, left);
}

static int until_on_monotonic(const struct timespec *time,
                              struct timespec *left)
{
    return clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, time, left);
}

static void clock_wrong(void)
{
    wrong_times(on_monotonic);
}

static void clock_wrong_absolute(void)
{
    wrong_times(until_on_monotonic);
}

static void clock_short(void)
{
    short_times(on_monotonic);
}

static void clock_unknown(void)
{
    const struct timespec time = {0, 1};
    const clockid_t wrong[] = {-1, 4, 5, 6, CLOCK_THREAD_CPUTIME_ID, 99};

    for (size_t i = 0; i < COUNT(wrong); i++)
        said_error(clock_nanosleep(wrong[i], 0, &time, NULL));
}

static void clock_flags(void)
{
    const struct timespec time = {0, 1};

    said_error(clock_nanosleep(CLOCK_MONOTONIC, 2, &time, NULL));
    said_error(
        clock_nanosleep(CLOCK_MONOTONIC, 4 | TIMER_ABSTIME, &time, NULL));
}

static void each_clock(void)
{
    const struct timespec time = {0, 2 * MILLISECOND};

    for (size_t i = 0; i < COUNT(clocks); i++) {
        said_error(clock_nanosleep(clocks[i], 0, &time, NULL));
        begin();
        (void)clock_nanosleep(clocks[i], 0, &time, NULL);
        say_waited(2 * MILLISECOND);
    }
}

static void in_the_past(void)
{
    struct timespec time, left = {7, 7};

    for (size_t i = 0; i < COUNT(clocks); i++) {
        time = (struct timespec){0};
        begin();
        said_error(clock_nanosleep(clocks[i], TIMER_ABSTIME, &time, &left));
        clock_gettime(clocks[i], &time);
        begin();
        said_error(clock_nanosleep(clocks[i], TIMER_ABSTIME, &time, &left));
    }
    say("%ld %ld", (long)left.tv_sec, left.tv_nsec);
}

static void in_the_future(void)
{
    struct timespec time, left = {7, 7};

    for (size_t i = 0; i < COUNT(clocks); i++) {
        clock_gettime(clocks[i], &time);
        time.tv_nsec += 2 * MILLISECOND;
        time.tv_sec += time.tv_nsec / 1000000000;
        time.tv_nsec %= 1000000000;
        begin();
        said_error(clock_nanosleep(clocks[i], TIMER_ABSTIME, &time, &left));
    }
    say("%ld %ld", (long)left.tv_sec, left.tv_nsec);
}

static void yields(void)
{
    said(sched_yield());
    said(sched_yield());
}

/* ---- Killed -------------------------------------------------------------- */

static void sleep_killed(void)
{
    later(act_nothing);
    said(sleep(1));
}

static void usleep_killed(void)
{
    later(act_nothing);
    said(usleep(20000));
}

static void nanosleep_killed(void)
{
    const struct timespec time = {0, 20 * MILLISECOND};
    struct timespec left = {7, 7};

    later(act_nothing);
    said(nanosleep(&time, &left));
}

static void clock_killed(void)
{
    const struct timespec time = {0, 20 * MILLISECOND};

    later(act_nothing);
    said_error(clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL));
}

static const struct row rows[] = {
    {"sleep", "nothing", sleep_nothing},
    {"sleep", "one second", sleep_one_second},
    {"sleep", "killed", sleep_killed, BLOCKS},
    {"usleep", "short", usleep_short},
    {"usleep", "above a second", usleep_long},
    {"usleep", "killed", usleep_killed, BLOCKS},
    {"nanosleep", "wrong times", nanosleep_wrong},
    {"nanosleep", "short", nanosleep_short},
    {"nanosleep", "killed", nanosleep_killed, BLOCKS},
    {"clock_nanosleep", "wrong times", clock_wrong},
    {"clock_nanosleep", "wrong absolute times", clock_wrong_absolute},
    {"clock_nanosleep", "short", clock_short},
    {"clock_nanosleep", "unknown clocks", clock_unknown},
    {"clock_nanosleep", "unknown flags", clock_flags},
    {"clock_nanosleep", "each clock", each_clock},
    {"clock_nanosleep", "in the past", in_the_past},
    {"clock_nanosleep", "in the future", in_the_future},
    {"clock_nanosleep", "killed", clock_killed, BLOCKS},
    {"sched_yield", "twice", yields},
};

void add_sleeps(void)
{
    add_rows(rows, COUNT(rows));
}
