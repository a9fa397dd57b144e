/*
 * 100,000 greenthreads killed while they are parked, in a random order: each
 * returns through its own error paths, and all memory is freed.
 */
#include "stress.h"

#define PIPES 100

enum { SLEEPS, READS, JOINS, KINDS };

struct parked {
    struct green_thread *thread;
    int kind;
    bool unwound, deferred, joined;
};

static struct parked *all;
static int given_up; /* joins that a kill interrupted */
static int pipes[PIPES][2];

static void note_defer(void *arg)
{
    struct parked *p = arg;

    p->deferred = true;
}

/* Fails, unless the other greenthread ended before this one ran. */
static void join_before_killed(struct parked *other)
{
    if (green_join(other->thread, NULL) == 0)
        other->joined = true;
    else
        ck_assert_int_eq(errno, ECANCELED);
    given_up += !other->joined;
}

/* Waits without end, in one of three ways; fails as in a killed greenthread,
 * twice. */
static void *park(void *arg)
{
    struct parked *p = arg;
    long at = p - all;
    char byte;

    ck_ok(green_at_exit(note_defer, p));
    if (p->kind == SLEEPS)
        ck_fails(green_sleep(GREEN_FOREVER), ECANCELED);
    else if (p->kind == READS)
        ck_fails(green_read(pipes[at % PIPES][0], &byte, 1), ECANCELED);
    else
        join_before_killed(&all[at - JOINS]);
    ck_assert(green_killed());
    ck_fails(green_sleep(GREEN_SEC), ECANCELED);
    p->unwound = true;
    return p;
}

static void shuffle(int *order, int count)
{
    uint64_t state = 7;

    for (int i = 0; i < count; i++)
        order[i] = i;
    for (int i = count - 1; i > 0; i--) {
        int other = (int)(next_random(&state) % (unsigned)(i + 1));
        int kept = order[i];

        order[i] = order[other];
        order[other] = kept;
    }
}

static void spawn_all(int count)
{
    all = calloc((size_t)count, sizeof *all);
    ck_assert_ptr_nonnull(all);
    for (int i = 0; i < PIPES; i++)
        pipe_pair(pipes[i]);
    for (int i = 0; i < count; i++) {
        all[i].kind = i % KINDS;
        all[i].thread = green_spawn(park, &all[i]);
        ck_assert_msg(all[i].thread != NULL, "%d: %s", i, green_hub_error());
    }
    ck_ok(green_sleep(0));
    ck_ok(green_sleep(GREEN_MSEC));
    ck_assert_uint_eq(stats_now().alive, (unsigned)count + 1);
}

static void join_one(struct parked *p)
{
    void *result;

    if (!p->joined) {
        ck_ok(green_join(p->thread, &result));
        ck_assert_ptr_eq(result, p);
    }
    ck_assert(p->unwound && p->deferred);
}

static void join_all(int count)
{
    /* The joiners first: when they have given up joining the sleepers, this may
     * join them. */
    for (int i = JOINS; i < count; i += KINDS)
        join_one(&all[i]);
    for (int i = 0; i < count; i++)
        if (all[i].kind != JOINS)
            join_one(&all[i]);
    for (int i = 0; i < PIPES; i++) {
        ck_ok(green_close(pipes[i][0]));
        ck_ok(green_close(pipes[i][1]));
    }
    free(all);
    ck_assert_int_gt(given_up, count / KINDS / 4);
}

/* The library returns memory a little at a time: waits until it has, or until
 * the time is up. */
static long memory_after(long enough)
{
    for (int i = 0; i < 1000 && resident_kib() > enough && !checker(); i++)
        ck_ok(green_sleep(10 * GREEN_MSEC));
    return resident_kib();
}

START_TEST(killed_while_parked)
{
    /* With mprotect, vm.max_map_count allows about 32,000. */
    int count = fewer_if_checked(100000, 20), before_fds;
    long before, peak, after;
    int *order = calloc((size_t)count, sizeof *order);

    ck_ok(green_sleep(0));
    before = resident_kib();
    before_fds = count_fds();
    spawn_all(count);
    peak = resident_kib();
    shuffle(order, count);
    for (int i = 0; i < count; i++) {
        ck_ok(green_kill(all[order[i]].thread));
        ck_ok(green_kill(all[order[i]].thread)); /* no effect */
    }
    free(order);
    join_all(count);
    ck_assert_uint_eq(stats_now().alive, 1);
    ck_assert_int_eq(count_fds(), before_fds);
    after = memory_after(before + peak / 4);
    fprintf(stderr,
            "%s: %d killed; resident %ld KiB, at the peak %ld, "
            "after %ld\n",
            hub_under_test(), count, before, peak, after);
    if (!checker())
        ck_assert_int_le(after, before + peak / 4);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stress kill");
    TCase *tcase = add_tcase(suite, "kill");

    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, killed_while_parked);
    return run_suite(suite);
}
