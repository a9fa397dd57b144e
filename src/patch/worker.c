#include "patch/worker.h"

#include <errno.h>

#include "patch/count.h"

bool green__on_worker(enum green__worker_pool pool, long (*fn)(void *arg),
                      void *arg)
{
    const struct green__work work = {.fn = fn, .arg = arg};
    struct green_shield shield;
    bool shielded = green_shield_begin(&shield) == 0;
    long ignored;
    bool done = green__worker_pool_run(pool, &work, &ignored) == 0;
    int error = errno;

    if (shielded)
        green_shield_end(&shield);
    errno = error;
    green__count(done ? &green__counted.worker_calls
                      : &green__counted.native_instead);
    return done;
}
