/*
 * fork in a running program, from main and from a greenthread: the child
 * exchanges messages on a hub of its own and forks too, the parent's exchanges
 * continue, the bytes of both are exact, and no greenthread of the parent runs
 * in a child.
 */
#include "stress.h"

#define TALKS 50
#define CHILDREN 20
#define ROUNDS 100
#define WELL 42

struct shared {
    unsigned strays; /* greenthreads of a parent that ran in a child */
};

static struct shared *shared;
static pid_t owner; /* the process whose greenthreads run */
static bool stop;

struct talk {
    int fds[2];
    uint64_t state;
    unsigned rounds; /* 0: until `stop` */
};

static void *answer(void *arg)
{
    struct talk *talk = arg;
    char buffer[600];
    ssize_t n;

    while ((n = green_read(talk->fds[1], buffer, sizeof buffer)) > 0)
        child_must(green_write_all(talk->fds[1], buffer, (size_t)n) == 0);
    child_must(n == 0 && green_close(talk->fds[1]) == 0);
    return NULL;
}

static void note_process(void)
{
    if (getpid() != owner)
        __atomic_fetch_add(&shared->strays, 1, __ATOMIC_RELAXED);
}

static void *ask(void *arg)
{
    struct talk *talk = arg;
    struct green_thread *thread = green_spawn(answer, talk);
    char out[500], in[500];
    unsigned i;

    for (i = 0; talk->rounds ? i < talk->rounds : !stop; i++) {
        size_t size = 1 + next_random(&talk->state) % sizeof out;

        fill_random(out, size, &talk->state);
        child_must(green_write_all(talk->fds[0], out, size) == 0);
        child_must(green_read_full(talk->fds[0], in, size) == (ssize_t)size);
        child_must(memcmp(in, out, size) == 0);
        child_must(green_sleep(i % 8 ? 0 : 100 * GREEN_USEC) == 0);
        note_process();
    }
    child_must(green_close(talk->fds[0]) == 0);
    child_must(green_join(thread, NULL) == 0);
    return (void *)(intptr_t)i;
}

static void start_talks(struct talk *talks, struct green_thread **threads,
                        unsigned rounds)
{
    for (int i = 0; i < TALKS; i++) {
        talks[i] = (struct talk){
            .rounds = rounds, .state = (uint64_t)getpid() << 16 | (unsigned)i};
        make_pair(i % 2, talks[i].fds);
        threads[i] = green_spawn(ask, &talks[i]);
        child_must(threads[i] != NULL);
    }
}

static unsigned finish_talks(struct green_thread **threads)
{
    unsigned rounds = 0;
    void *result;

    for (int i = 0; i < TALKS; i++) {
        child_must(green_join(threads[i], &result) == 0);
        rounds += (unsigned)(intptr_t)result;
    }
    return rounds;
}

/* The child's work: its own exchanges, and in the middle of them a fork. */
static int run_child(int depth)
{
    struct talk talks[TALKS];
    struct green_thread *threads[TALKS];
    pid_t pid = -1;

    owner = getpid();
    child_must(stats_now().alive == 1);
    start_talks(talks, threads, ROUNDS);
    child_must(green_sleep(GREEN_MSEC) == 0);
    if (depth > 0) {
        pid = fork();
        if (pid == 0)
            _exit(run_child(depth - 1));
    }
    child_must(finish_talks(threads) == TALKS * ROUNDS);
    if (depth > 0)
        child_must(wait_child(pid) == WELL);
    return WELL;
}

static void *fork_children(void *arg)
{
    pid_t children[CHILDREN];

    (void)arg;
    for (int i = 0; i < CHILDREN; i++) {
        children[i] = fork();
        if (children[i] == 0)
            _exit(run_child(i % 4 == 0));
        ck_assert_int_gt(children[i], 0);
        ck_ok(green_sleep(5 * GREEN_MSEC)); /* others run meanwhile */
    }
    for (int i = 0; i < CHILDREN; i++)
        ck_assert_int_eq(wait_child(children[i]), WELL);
    return NULL;
}

START_TEST(a_running_program_forks)
{
    struct talk talks[TALKS];
    struct green_thread *threads[TALKS], *forker;
    unsigned rounds;
    int before;

    shared = share_memory(sizeof *shared);
    owner = getpid();
    ck_ok(green_sleep(0));
    before = count_fds();
    start_talks(talks, threads, 0);
    if (_i == 0) {
        fork_children(NULL);
    } else {
        forker = green_spawn(fork_children, NULL);
        ck_ok(green_join(forker, NULL));
    }
    stop = true;
    rounds = finish_talks(threads);
    fprintf(stderr, "%s: %d children, %u rounds of the parent's meanwhile\n",
            hub_under_test(), CHILDREN, rounds);
    ck_assert_uint_gt(rounds, TALKS * 5);
    ck_assert_uint_eq(shared->strays, 0);
    ck_assert_int_eq(count_fds(), before);
    ck_assert_uint_eq(stats_now().alive, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stress fork");
    TCase *tcase = add_tcase(suite, "fork");

    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, a_running_program_forks, 0, 2);
    return run_suite(suite);
}
