/*
 * Producers and consumers over a queue that holds a few jobs at a time, so that
 * nobody runs ahead of the others.
 *
 *     producer_consumer [JOBS]       default 20
 *
 * Two producers put numbers, three consumers square them. task_done and join tell
 * when all is dealt with; closing the queue ends the consumers.
 */
#include <greenhub.h>

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
            break;
        *job = ++next_job;
        printf("%s puts %d\n", (const char *)name, *job);
        if (green_queue_put(&queue, job) < 0)
            free(job);
    }
    green_wait_group_done(&producers);
}

static void consume(void *name)
{
    void *item;

    while (green_queue_get(&queue, &item) == 0) {
        int job = *(int *)item;

        free(item);
        green_sleep(GREEN_MSEC); /* hard work */
        printf("%s: %d squared is %d\n", (const char *)name, job, job * job);
        sum += (long)job * job;
        green_queue_task_done(&queue);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1)
        jobs = atoi(argv[1]);
    if (green_queue_init(&queue, 4) < 0)
        return perror("queue"), 1;
    green_wait_group_add(&producers, 2);
    green_spawn_n(produce, "Ada");
    green_spawn_n(produce, "Ben");
    green_spawn_n(consume, "Cleo");
    green_spawn_n(consume, "Dan");
    green_spawn_n(consume, "Eve");

    green_wait_group_wait(&producers); /* all is put */
    green_queue_join(&queue);          /* and dealt with */
    green_queue_destroy(&queue);
    printf("the sum of the squares is %ld\n", sum);
    return 0;
}
