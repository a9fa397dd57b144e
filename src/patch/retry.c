#include "patch/retry.h"

#include <greenhub/thread.h>

#include "base/clock.h"
#include "patch/lot.h"

#define FIRST_NAP (50 * GREEN_USEC)
#define LONGEST_NAP (10 * GREEN_MSEC)

void green__retry_wake(const void *address)
{
    int saved = errno;

    (void)green__lot_wake(address, GREEN__LOT_ALL);
    errno = saved;
}

static int nap_until(const struct green__retry *it, green_time until)
{
    struct green__lot_place here;

    if (green__lot_enter(&here, it->address, it->kind) < 0)
        return green_sleep(until - green_now());
    return green__lot_park(&here, until) == 0 || errno == EAGAIN ? 0 : -1;
}

int green__retry_wait(struct green__retry *it)
{
    green_time until;

    if (it->deadline != GREEN_FOREVER && green_now() >= it->deadline)
        return green__refuse(EAGAIN);
    if (it->nap < LONGEST_NAP)
        it->nap = it->nap ? 2 * it->nap : FIRST_NAP;
    until = green_after(it->nap);
    return nap_until(it, until < it->deadline ? until : it->deadline);
}
