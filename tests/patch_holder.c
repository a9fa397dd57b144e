#include "patch_locks.h"

#include <unistd.h>

void patch_libraries(void)
{
    ck_assert_msg(green_patch(GREEN_PATCH_LIBRARIES) == 0, "%s",
                  green_hub_error());
}

struct green_patch_stats patch_stats(void)
{
    struct green_patch_stats stats;

    ck_ok(green_patch_stats(&stats));
    return stats;
}

void let_run(void)
{
    for (int i = 0; i < 20; i++)
        ck_ok(green_sleep(0));
}

/* ---- Who holds them -------------------------------------------------------- */

static void tell(int fd)
{
    ck_assert_int_eq(write(fd, "x", 1), 1);
}

static void be_told(int fd)
{
    char byte;

    ck_assert_int_eq(read(fd, &byte, 1), 1);
}

static void *hold_and_serve(void *arg)
{
    struct holder *holder = arg;

    holder->lock->hold();
    tell(holder->tells[1]);
    be_told(holder->told[0]);
    holder->lock->serve();
    return NULL;
}

static void *hold_on_hub(void *arg)
{
    struct green_thread *thread = green_spawn(hold_and_serve, arg);

    ck_ok(green_join(thread, NULL));
    return NULL;
}

bool is_beyond_sim(bool timed, enum who who)
{
    return on_sim() && timed && who != GREENTHREAD;
}

void hold(struct holder *holder, const struct lock *lock, enum who who)
{
    holder->lock = lock;
    holder->who = who;
    pipe_pair(holder->told);
    pipe_pair(holder->tells);
    lock->make();
    if (who == GREENTHREAD)
        holder->thread = green_spawn(hold_and_serve, holder);
    else
        ck_ok(pthread_create(&holder->os_thread, NULL,
                             who == OTHER_HUB ? hold_on_hub : hold_and_serve,
                             holder));
    be_told(holder->tells[0]);
}

void serve(struct holder *holder)
{
    tell(holder->told[1]);
    if (holder->who == GREENTHREAD)
        ck_ok(green_join(holder->thread, NULL));
    else
        ck_ok(pthread_join(holder->os_thread, NULL));
    for (int i = 0; i < 2; i++) {
        close(holder->told[i]);
        close(holder->tells[i]);
    }
}
