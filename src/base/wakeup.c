#include "base/wakeup.h"

#include <pthread.h>
#include <sched.h>
#include <time.h>

#include "base/system.h"

#define YIELDS 100
#define NAP_NANOSECONDS 50000

void green__back_off(unsigned *round)
{
    const struct timespec nap = {.tv_nsec = NAP_NANOSECONDS};
    int state;

    if ((*round)++ < YIELDS) {
        green__system.sched_yield();
        return;
    }
    green__system.pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    green__system.nanosleep(&nap, NULL);
    green__system.pthread_setcancelstate(state, &state);
}
