/*
 * A stack overflow among neighbours: the process stops at the guard page with a
 * report, and the neighbours' stacks are unchanged. A handler of SIGSEGV that
 * the program installed before gets the fault after the report, checks the
 * neighbours, and writes the result to memory that the case reads.
 */
#include <greenhub.h>
#include <signal.h>

#include "stress.h"

#define NEIGHBOURS 64
#define STACK ((size_t)64 << 10)
#define GUARD ((size_t)64 << 10) /* the default */
#define CANARY (40u << 10)       /* at the used end of each neighbour's stack */

struct found {
    unsigned faults;   /* faults that reached the handler */
    unsigned intact;   /* unchanged neighbours */
    unsigned changed;  /* neighbours with changed stacks */
    unsigned adjacent; /* within a stack and its guard below the fault */
};

static struct found *found;
static unsigned char *canaries[NEIGHBOURS];
static int fds[2];

static bool is_intact(int i)
{
    uint64_t state = (uint64_t)i;

    for (size_t at = 0; at < CANARY; at++)
        if (canaries[i][at] != (unsigned char)next_random(&state))
            return false;
    return true;
}

static void check_neighbours(int number, siginfo_t *info, void *context)
{
    const char *fault = info->si_addr;

    (void)context;
    found->faults++;
    for (int i = 0; i < NEIGHBOURS; i++) {
        const char *hot_end = (const char *)canaries[i] + CANARY;

        if (is_intact(i))
            found->intact++;
        else
            found->changed++;
        found->adjacent +=
            hot_end <= fault && fault - hot_end < (long)(STACK + GUARD);
    }
    signal(number, SIG_DFL);
}

static void *neighbour_main(void *arg)
{
    int i = (int)(intptr_t)arg;
    unsigned char canary[CANARY];
    uint64_t state = (uint64_t)i;

    fill_random(canary, sizeof canary, &state);
    canaries[i] = canary;
    child_must(green_sleep(GREEN_FOREVER) == 0);
    return NULL;
}

/* Uses the frame after the call, or a compiler would turn the recursion into a
 * loop. */
static int deeper(int depth)
{
    volatile char frame[256];

    frame[0] = (char)depth;
    if (depth < 0)
        return 0;
    return deeper(depth + 1) + frame[0];
}

static void *overflows(void *arg)
{
    (void)arg;
    child_must(green_sleep(GREEN_MSEC) == 0); /* all neighbours have begun */
    return (void *)(intptr_t)deeper(0);
}

static void overflow_in_child(int place)
{
    const struct rlimit no_core = {0};
    struct sigaction action = {.sa_sigaction = check_neighbours,
                               .sa_flags = SA_SIGINFO | SA_ONSTACK};
    struct green_attr attr = {.stack_size = STACK};
    struct green_thread *deep = NULL;

    child_must(setrlimit(RLIMIT_CORE, &no_core) == 0);
    child_must(dup2(fds[1], STDERR_FILENO) == STDERR_FILENO);
    child_must(sigaction(SIGSEGV, &action, NULL) == 0);
    child_must(green_debug_stack_overflow(true) == 0);
    for (int i = 0; i < NEIGHBOURS; i++) {
        attr.name = "neighbour";
        if (i != place) {
            child_must(green_spawn_with(&attr, neighbour_main,
                                        (void *)(intptr_t)i) != NULL);
            continue;
        }
        attr.name = "the-deep-one";
        deep = green_spawn_with(&attr, overflows, NULL);
        child_must(green_spawn_with(NULL, neighbour_main,
                                    (void *)(intptr_t)i) != NULL);
    }
    green_join(deep, NULL);
    child_must(!"come back from an overflow");
}

static void read_report(char *text, size_t size)
{
    size_t have = 0;
    ssize_t n;

    while ((n = read(fds[0], text + have, size - 1 - have)) > 0)
        have += (size_t)n;
    text[have] = '\0';
}

START_TEST(it_stops_at_the_guard_page)
{
    char text[4096];
    pid_t pid;

    if (checker()) {
        SKIP("the checker has its own handler of SIGSEGV");
        return;
    }
    found = share_memory(sizeof *found);
    pipe_pair(fds);
    pid = fork();
    if (pid == 0)
        overflow_in_child(1 + _i * 7);
    close(fds[1]);
    read_report(text, sizeof text);
    ck_assert_msg(wait_child(pid) == 1000 + SIGSEGV, "its stderr: %s", text);
    ck_assert_ptr_nonnull(strstr(text, "the-deep-one"));
    ck_assert_ptr_nonnull(strstr(text, "used up its stack of 64 KiB"));
    ck_assert_ptr_nonnull(strstr(text, "spawned at"));
    ck_assert_uint_eq(found->faults, 1);
    ck_assert_uint_eq(found->changed, 0);
    ck_assert_uint_eq(found->intact, NEIGHBOURS);
    ck_assert_uint_ge(found->adjacent, 1);
    fprintf(stderr, "%s: %u of %u neighbours intact, %u adjacent; %s",
            hub_under_test(), found->intact, NEIGHBOURS, found->adjacent, text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stress overflow");
    TCase *tcase = add_tcase(suite, "overflow");

    tcase_add_loop_test(tcase, it_stops_at_the_guard_page, 0, 9);
    return run_suite(suite);
}
