/*
 * 100,000 scopes, nested 200 deep, stopped from above, from below and in the
 * middle: all of them end, and all memory is freed.
 */
#include <malloc.h>

#include "stress.h"

#define DEPTH 200
#define TREES 50
#define WAVES 10

enum { KILL_ROOT, STOP_ROOT, KILL_MIDDLE, KILL_LEAF, FAIL_LEAF, KINDS };

struct tree {
    struct green_thread *root, *middle, *leaf;
    struct green_scope scope;
    int fds[2]; /* the leaf reads from it, and fails at its end */
    int error;  /* the outermost scope's */
};

/* On the heap; a deferred function of its own frees it. */
struct level {
    struct tree *tree;
    int depth;
};

static uint64_t entered, left, deferred;

static void free_level(void *arg)
{
    deferred++;
    free(arg);
}

static int nest(void *arg);

static int spawn_level(struct green_scope *scope, struct tree *tree, int depth)
{
    struct level *level = malloc(sizeof *level);

    *level = (struct level){.tree = tree, .depth = depth};
    return green_scope_spawn(scope, nest, level);
}

/* Returns the error that ended its wait. */
static int leaf_main(struct tree *tree)
{
    char byte;

    tree->leaf = green_self();
    if (green_read(tree->fds[0], &byte, 1) < 0)
        return errno;
    return EPROTO;
}

/* Every second one waits in the body of its scope, the others at the scope's
 * end. */
static int nest(void *arg)
{
    struct level *level = arg;
    struct green_scope scope;
    int error = 0;

    ck_ok(green_at_exit(free_level, level));
    ck_ok(green_scope_begin(&scope, GREEN_FOREVER));
    entered++;
    if (level->depth == DEPTH / 2)
        level->tree->middle = green_self();
    if (level->depth == 1)
        error = leaf_main(level->tree);
    else
        ck_ok(spawn_level(&scope, level->tree, level->depth - 1));
    if (level->depth % 2 == 0)
        ck_fails(green_sleep(GREEN_FOREVER), ECANCELED);
    if (green_scope_end(&scope) < 0)
        error = errno;
    left++;
    ck_assert_int_ne(error, 0);
    errno = error;
    return -1;
}

static void *tree_main(void *arg)
{
    struct tree *tree = arg;

    ck_ok(green_scope_begin(&tree->scope, GREEN_FOREVER));
    entered++;
    ck_ok(spawn_level(&tree->scope, tree, DEPTH - 1));
    tree->error = green_scope_end(&tree->scope) < 0 ? errno : 0;
    left++;
    return tree;
}

static void stop_tree(struct tree *tree, int kind)
{
    switch (kind) {
    case KILL_ROOT:
        ck_ok(green_kill(tree->root));
        break;
    case STOP_ROOT:
        ck_ok(green_scope_stop(&tree->scope));
        break;
    case KILL_MIDDLE:
        ck_ok(green_kill(tree->middle));
        break;
    case KILL_LEAF:
        ck_ok(green_kill(tree->leaf));
        break;
    case FAIL_LEAF:
        ck_ok(green_close(tree->fds[1]));
        break;
    }
}

static void run_wave(void)
{
    static struct tree trees[TREES];
    uint64_t before = entered, deferred_before = deferred;

    for (int i = 0; i < TREES; i++) {
        pipe_pair(trees[i].fds);
        trees[i].root = green_spawn(tree_main, &trees[i]);
        ck_assert_msg(trees[i].root != NULL, "%s", green_hub_error());
    }
    while (entered < before + TREES * DEPTH)
        ck_ok(green_sleep(0));
    ck_ok(green_sleep(0));
    ck_assert_uint_eq(stats_now().alive, TREES * DEPTH + 1);
    for (int i = 0; i < TREES; i++)
        stop_tree(&trees[i], i % KINDS);
    for (int i = 0; i < TREES; i++) {
        ck_ok(green_join(trees[i].root, NULL));
        ck_assert_int_eq(trees[i].error,
                         i % KINDS == FAIL_LEAF ? EPROTO : ECANCELED);
        ck_ok(green_close(trees[i].fds[0]));
        if (i % KINDS != FAIL_LEAF)
            ck_ok(green_close(trees[i].fds[1]));
    }
    ck_assert_uint_eq(deferred - deferred_before, TREES * (DEPTH - 1));
}

struct left_over {
    size_t heap;
    long mapped;
    int mappings, fds;
};

static struct left_over count_left_over(void)
{
    return (struct left_over){
        .heap = mallinfo2().uordblks,
        .mapped = mapped_kib(),
        .mappings = count_mappings(),
        .fds = count_fds(),
    };
}

START_TEST(nested_and_killed)
{
    struct left_over first, last;

    run_wave();
    first = count_left_over();
    for (int i = 1; i < fewer_if_checked(WAVES, 5); i++) {
        run_wave();
        ck_assert_uint_eq(entered, left);
        ck_assert_uint_eq(stats_now().alive, 1);
    }
    last = count_left_over();
    fprintf(stderr,
            "%s: %llu scopes; heap %zu and %zu B, mapped %ld and %ld KiB\n",
            hub_under_test(), (unsigned long long)left, first.heap, last.heap,
            first.mapped, last.mapped);
    ck_assert_uint_eq(stats_now().spawns, stats_now().finished);
    ck_assert_int_eq(last.fds, first.fds);
    if (!checker()) {
        /* 90,000 lie between the two counts: less than a byte each. */
        ck_assert_uint_lt(last.heap, first.heap + 10000);
        ck_assert_int_eq(last.mapped, first.mapped);
        ck_assert_int_eq(last.mappings, first.mappings);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stress scope");
    TCase *tcase = add_tcase(suite, "scope");

    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, nested_and_killed);
    return run_suite(suite);
}
