#include "patch/count.h"

#include <greenhub/patch.h>

#include "base/self.h"

struct green__counted green__counted;

static uint64_t read_counter(const _Atomic(uint64_t) *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

int green_patch_stats(struct green_patch_stats *stats)
{
    if (!stats)
        return green__refuse(EINVAL);
    *stats = (struct green_patch_stats){
        .lock_waits = read_counter(&green__counted.lock_waits),
        .foreign_wakes = read_counter(&green__counted.foreign_wakes),
        .worker_calls = read_counter(&green__counted.worker_calls),
        .threads = read_counter(&green__counted.threads),
        .native_instead = read_counter(&green__counted.native_instead),
    };
    return 0;
}
