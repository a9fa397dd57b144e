/*
 * hub/timers.h compared with a simple model, an array searched from end to end.
 * The operations are random, and the same in each run.
 */
#include "hub/timers.h"

#include <stdio.h>

#include "support.h"

#define COUNT 400

static struct {
    struct green_timer timer;
    green_time when;
    uint64_t armed; /* serial number of the arming; 0: idle */
    bool fresh;     /* armed while timers fire: for the next iteration */
} model[COUNT];

static struct green__timers timers;
static uint64_t armings, fired;
static green_time now;
static bool firing;
static uint64_t state;

static uint64_t random_below(uint64_t limit)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (state >> 11) % limit;
}

/* Near, far, past, equal to others', at powers of two. */
static green_time random_time(void)
{
    switch (random_below(8)) {
    case 0:
        return now;
    case 1:
        return now > 1000 ? now - (green_time)random_below(1000) : 0;
    case 2:
        return GREEN_FOREVER - (green_time)random_below(2);
    case 3:
        return now + ((green_time)1 << random_below(50));
    case 4:
        return ((now >> 12) + 1) << 12;
    case 5:
        return now + (green_time)random_below(1000000000);
    }
    return now + (green_time)random_below(500);
}

static void arm(size_t i, green_time when)
{
    green__timers_remove(&timers, &model[i].timer);
    green__timers_add(&timers, &model[i].timer, when);
    model[i].when = when;
    model[i].armed = ++armings;
    model[i].fresh = firing;
}

static void cancel(size_t i)
{
    bool was = green__timers_remove(&timers, &model[i].timer);

    ck_assert(was == (model[i].armed != 0));
    model[i].armed = 0;
}

/* The timer that fires next in the model, or COUNT. Times before the last
 * firing count as equal, since all of them are due. */
static size_t next_due(void)
{
    size_t best = COUNT;

    for (size_t i = 0; i < COUNT; i++)
        if (model[i].armed && !model[i].fresh && model[i].when <= now &&
            (best == COUNT || model[i].when < model[best].when ||
             (model[i].when == model[best].when &&
              model[i].armed < model[best].armed)))
            best = i;
    return best;
}

static green_time last_fired;

static void on_fire(struct green_timer *timer)
{
    size_t i = (size_t)(intptr_t)timer->arg, best = next_due();

    ck_assert(model[i].armed && !model[i].fresh);
    ck_assert_int_le(timer->when, now);
    ck_assert_int_eq(timer->when, model[i].when);
    /* Timers armed for a time in the past fire in order of arming, so the order
     * is checked only for timers armed for the future. */
    if (model[i].when > last_fired && model[best].when > last_fired)
        ck_assert_uint_eq(i, best);
    model[i].armed = 0;
    fired++;
    if (random_below(4) == 0)
        arm(random_below(COUNT), random_time());
    if (random_below(4) == 0)
        cancel(random_below(COUNT));
}

static void fire(void)
{
    static const bool never;
    uint64_t before = fired;

    firing = true;
    ck_assert_uint_eq(green__timers_fire(&timers, now, &never), fired - before);
    firing = false;
    ck_assert_uint_eq(next_due(), COUNT);
    for (size_t i = 0; i < COUNT; i++)
        model[i].fresh = false;
    last_fired = now;
}

/* Never later than the earliest timer, and GREEN_FOREVER if there is none. */
static void check_next(void)
{
    green_time next = green__timers_next(&timers), earliest = GREEN_FOREVER;
    bool any = false;

    for (size_t i = 0; i < COUNT; i++)
        if (model[i].armed) {
            any = true;
            if (model[i].when < earliest)
                earliest = model[i].when;
        }
    if (!any)
        ck_assert_int_eq(next, GREEN_FOREVER);
    else
        ck_assert_int_le(next, earliest > now ? earliest : now);
}

START_TEST(against_a_model)
{
    state = 88172645463325252u + (uint64_t)_i * 7919;
    now = _i % 2 ? 0 : 123456789012345;
    last_fired = now;
    green__timers_init(&timers, now);
    for (size_t i = 0; i < COUNT; i++)
        model[i].timer = (struct green_timer){.callback = on_fire,
                                              .arg = (void *)(intptr_t)i};
    for (int step = 0; step < 4000; step++) {
        for (uint64_t n = random_below(8); n > 0; n--)
            arm(random_below(COUNT), random_time());
        for (uint64_t n = random_below(6); n > 0; n--)
            cancel(random_below(COUNT));
        check_next();
        now += (green_time)random_below(random_below(3) ? 300 : 100000000);
        fire();
    }
    ck_assert_uint_gt(fired, 1000);
}
END_TEST

static bool stop;
static int before_stop;

static void stops(struct green_timer *timer)
{
    (void)timer;
    before_stop++;
    stop = before_stop == 3;
}

START_TEST(stopped_by_a_callback)
{
    struct green_timer t[5] = {0};

    green__timers_init(&timers, 0);
    for (int i = 0; i < 5; i++) {
        t[i].callback = stops;
        green__timers_add(&timers, &t[i], 10);
    }
    ck_assert_uint_eq(green__timers_fire(&timers, 10, &stop), 3);
    ck_assert_int_eq(before_stop, 3);
}
END_TEST

START_TEST(forgotten_timers_are_idle)
{
    struct green_timer t[50] = {0};

    green__timers_init(&timers, 0);
    for (int i = 0; i < 50; i++)
        green__timers_add(&timers, &t[i], (green_time)1 << i);
    green__timers_forget(&timers);
    for (int i = 0; i < 50; i++)
        ck_assert(!green__timers_remove(&timers, &t[i]));
    ck_assert_int_eq(green__timers_next(&timers), GREEN_FOREVER);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("timers");
    TCase *tcase = add_tcase(suite, "timers");

    tcase_add_loop_test(tcase, against_a_model, 0, 12);
    tcase_add_test(tcase, stopped_by_a_callback);
    tcase_add_test(tcase, forgotten_timers_are_idle);
    return run_suite(suite);
}
