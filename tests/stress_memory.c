/*
 * A million sleeping greenthreads with guard pages, and their memory; and
 * memory that the library returns to the system after a peak. Prints the
 * figures.
 */
#include "stress.h"

#define MILLION 1000000
#define MOST_BYTES 4600 /* resident, for each of the million */
#define PEAK 200000
#define DEFAULT_STACK ((size_t)256 << 10)

#define ADVICE_POPULATE_READ 22
#define ADVICE_GUARD_INSTALL 102

/* Why not, or NULL. Checks the effect, since an emulator may only claim
 * success. */
static const char *why_no_cheap_guards(void)
{
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    char *page = mmap(NULL, size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    bool guarded;

    ck_assert_ptr_ne(page, MAP_FAILED);
    guarded = madvise(page, size, ADVICE_GUARD_INSTALL) == 0 &&
              madvise(page, size, ADVICE_POPULATE_READ) < 0 && errno == EFAULT;
    munmap(page, size);
    return guarded ? NULL : "the kernel lacks MADV_GUARD_INSTALL";
}

static const char *why_not_enough_memory(long needed_mib)
{
    FILE *file = fopen("/proc/meminfo", "re");
    char line[128];
    long kib = 0;

    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "MemAvailable: %ld", &kib) == 1)
            break;
    if (file)
        fclose(file);
    return kib / 1024 >= needed_mib ? NULL : "not enough memory is free";
}

static long page_tables_kib(void)
{
    FILE *file = fopen("/proc/self/status", "re");
    char line[128];
    long kib = 0;

    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "VmPTE: %ld", &kib) == 1)
            break;
    if (file)
        fclose(file);
    return kib;
}

/* ---- A million ---------------------------------------------------------- */

static long parked, woken;
static green_time deadline;
static int probe[2];
static unsigned guards_found;

/*
 * Whether a page within a stack's size below this frame is unreadable; without
 * guard pages the stack of a neighbour lies there. write(2) of its bytes fails
 * with EFAULT, and raises no signal. The first stack of a mapping has no
 * neighbour below, so the caller checks several.
 */
static __attribute__((noinline)) bool has_guard(void)
{
    const char *here = __builtin_frame_address(0);
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char byte;

    for (size_t below = 0; below <= DEFAULT_STACK; below += page) {
        if (write(probe[1], here - below, 1) < 0)
            return errno == EFAULT;
        ck_assert_int_eq(read(probe[0], &byte, 1), 1);
    }
    return false;
}

static void sleeper(void *arg)
{
    (void)arg;
    parked++;
    ck_ok(green_sleep(deadline - green_now()));
    woken++;
}

static void guarded_sleeper(void *arg)
{
    guards_found += has_guard();
    sleeper(arg);
}

static void report_million(long kib, long tables, green_time took)
{
    fprintf(stderr,
            "%s: %d sleeping, %.0f bytes resident each (and %.0f of page "
            "tables), %u of %u guards found, spawned and parked in %.2f s\n",
            hub_under_test(), MILLION, (double)kib * 1024 / MILLION,
            (double)tables * 1024 / MILLION, guards_found, MILLION / 100000,
            (double)took / 1e9);
}

static void spawn_million(void)
{
    for (int i = 0; i < MILLION; i++)
        ck_assert_msg(green_spawn_n(i % 100000 == 7 ? guarded_sleeper : sleeper,
                                    NULL) == 0,
                      "%d: %s", i, green_hub_error());
}

/* Stacks and timers are the same on every hub: one hub is enough. */
START_TEST(a_million_sleep_and_wake)
{
    long before, tables, after;
    const char *why = why_no_cheap_guards();
    green_time start;

    if (!why && checker())
        why = "the checker uses more memory for each stack";
    if (!why)
        why = why_not_enough_memory(7000);
    if (!why && strcmp(hub_under_test(), "epolls") != 0)
        why = "the same on every hub; runs on epolls alone";
    if (why) {
        SKIP(why);
        return;
    }
    ck_ok(green_sleep(0));
    pipe_pair(probe);
    before = resident_kib();
    tables = page_tables_kib();
    start = green_now();
    spawn_million();
    /* Each sleeper computes its sleep from this when it first runs. */
    deadline = green_now() + 2 * GREEN_SEC + (green_now() - start) / 2;
    while (parked < MILLION)
        ck_ok(green_sleep(0));
    after = resident_kib();
    report_million(after - before, page_tables_kib() - tables,
                   green_now() - start);
    ck_assert_msg(woken == 0, "too slow: some woke before all slept");
    ck_assert_uint_eq(stats_now().alive, MILLION + 1);
    ck_assert_uint_eq(guards_found, MILLION / 100000);
    ck_assert_int_le((after - before) * 1024 / MILLION, MOST_BYTES);
    while (stats_now().alive > 1)
        ck_ok(green_sleep(20 * GREEN_MSEC));
    ck_assert_int_eq(woken, MILLION);
    ck_assert_int_ge(green_now(), deadline);
}
END_TEST

/* ---- After a peak -------------------------------------------------------- */

START_TEST(memory_is_returned_after_a_peak)
{
    int count = fewer_if_checked(PEAK, 20);
    const char *why = checker() ? "a checker uses memory itself" : NULL;
    long before, peak, after;
    green_time start;

    if (!why && why_no_cheap_guards())
        count = 20000; /* as many as vm.max_map_count allows */
    if (!why)
        why = why_not_enough_memory(2000);
    if (why) {
        SKIP(why);
        return;
    }
    ck_ok(green_sleep(0));
    before = resident_kib();
    for (int i = 0; i < count; i++)
        ck_ok(green_spawn_n(sleeper, NULL));
    deadline = green_now() + 2 * GREEN_SEC;
    while (parked < count)
        ck_ok(green_sleep(0));
    peak = resident_kib();
    ck_assert_int_eq(woken, 0);
    ck_assert_int_gt(peak - before, 3L * count); /* a real peak */
    while (stats_now().alive > 1)
        ck_ok(green_sleep(GREEN_MSEC));
    ck_assert_int_eq(woken, count);
    start = green_now();
    do {
        ck_ok(green_sleep(10 * GREEN_MSEC));
        after = resident_kib();
    } while (after - before > (peak - before) / 10 &&
             green_now() - start < 20 * GREEN_SEC);
    fprintf(stderr,
            "%s: resident %ld KiB, with %d greenthreads %ld, %.2f s "
            "after their end %ld\n",
            hub_under_test(), before, count, peak,
            (double)(green_now() - start) / 1e9, after);
    ck_assert_int_le(after - before, (peak - before) / 10);
    ck_assert_uint_eq(stats_now().alive, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stress memory");
    TCase *tcase = add_tcase(suite, "memory");

    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_million_sleep_and_wake);
    tcase_add_test(tcase, memory_is_returned_after_a_peak);
    return run_suite(suite);
}
