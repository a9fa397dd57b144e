/*
 * What the model tests share. Each runs random operations on the real object
 * and on a simple model side by side, and compares all that can be observed.
 * Each operation that may wait runs in a greenthread of its own.
 *
 * The calls are the same in each run, so that a failure can be repeated: the
 * seed is the number of the loop.
 */
#ifndef TESTS_MODEL_H
#define TESTS_MODEL_H

#include "support.h"

/* Marsaglia's xorshift32. */
static uint32_t random_state;

static inline void begin_random(int seed)
{
    random_state = 2463534242u ^ ((uint32_t)seed * 2654435761u);
}

static inline int random_below(int limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return (int)(random_state % (uint32_t)limit);
}

/* Numbers in order of arrival. */
#define ROW_SIZE 512

struct row {
    int length;
    int at[ROW_SIZE];
};

static inline void row_append(struct row *row, int number)
{
    ck_assert_int_lt(row->length, ROW_SIZE);
    row->at[row->length++] = number;
}

static inline int row_take(struct row *row, int index)
{
    int number = row->at[index];

    row->length--;
    memmove(&row->at[index], &row->at[index + 1],
            (size_t)(row->length - index) * sizeof row->at[0]);
    return number;
}

/* Removes a number if it is there. */
static inline void row_remove(struct row *row, int number)
{
    for (int i = 0; i < row->length; i++)
        if (row->at[i] == number)
            row_take(row, i--);
}

/* Yields until all runnable greenthreads have run. */
static inline void run_others(void)
{
    for (int i = 0; i < 4; i++)
        ck_ok(green_sleep(0));
}

#endif
