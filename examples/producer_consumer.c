/*
 * Producers and consumers over a queue that holds a few jobs at a time, so that
 * none runs ahead of the others.
 *
 *     producer_consumer [JOBS]       default 20
 *
 * Two producers put numbers, three consumers square them. task_done and join tell
 * when all is dealt with; closing the queue ends the consumers.
 */
#include <greenhub.h>

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static struct green_queue queue;
static struct green_wait_group producers;
static int jobs = 20, next_job;
static long sum;

static void produce(void *name)
{
    while (next_job < jobs) {
        int *job = malloc(sizeof *job);

        if (!job)
            err(1, "job");
        *job = ++next_job;
        printf("%s puts %d\n", (const char *)name, *job);
        if (green_queue_put(&queue, job) < 0)
            err(1, "put");
    }
    if (green_wait_group_done(&producers) < 0)
        err(1, "done");
}

static void consume(void *name)
{
    void *item;

    while (green_queue_get(&queue, &item) == 0) {
        int job = *(int *)item;

        free(item);
        if (green_sleep(GREEN_MSEC) < 0) /* hard work */
            err(1, "sleep");
        printf("%s: %d squared is %d\n", (const char *)name, job, job * job);
        sum += (long)job * job;
        if (green_queue_task_done(&queue) < 0)
            err(1, "task_done");
    }
    if (errno != EPIPE) /* closed: that was all */
        err(1, "get");
}

static void start(void (*fn)(void *), const char *name)
{
    if (green_spawn_n(fn, (void *)name) < 0)
        err(1, "%s", name);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        jobs = atoi(argv[1]);
    if (green_queue_init(&queue, 4) < 0 ||
        green_wait_group_add(&producers, 2) < 0)
        err(1, "queue");
    start(produce, "Ada");
    start(produce, "Ben");
    start(consume, "Cleo");
    start(consume, "Dan");
    start(consume, "Eve");

    if (green_wait_group_wait(&producers) < 0) /* all is put */
        err(1, "wait");
    if (green_queue_join(&queue) < 0) /* and dealt with */
        err(1, "join");
    green_queue_destroy(&queue);
    printf("the sum of the squares is %ld\n", sum);
    return 0;
}
