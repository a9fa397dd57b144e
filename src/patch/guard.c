/*
 * The guards of C++'s static variables: one greenthread or OS thread runs an
 * initialiser, and the others wait. libstdc++ would wait by a futex, which is
 * green as well; libc++abi takes a second greenthread of the OS thread for the
 * first, and ends the program because of a recursion. So they are made here,
 * for all.
 *
 * By the binary interface the first byte of a guard is not 0 once the variable
 * is initialised, which compiled code reads by itself; the others are the
 * runtime's:
 *
 *     | initialised | running | unused ... |
 */
#include "patch/count.h"
#include "patch/lock.h"
#include "patch/lot_native.h"

static const struct green__wait_kind waiting_for_static = {
    .name = "static variable"};

static uint8_t *initialised(uint64_t *guard)
{
    return (uint8_t *)guard;
}

static uint8_t *running(uint64_t *guard)
{
    return (uint8_t *)guard + 1;
}

static uint8_t read_byte(const uint8_t *byte)
{
    return __atomic_load_n(byte, __ATOMIC_SEQ_CST);
}

/* ---- Waiting --------------------------------------------------------------- */

static void wait_natively(uint64_t *guard)
{
    struct green__lot_native here;
    int state;

    if (green__lot_prepare() < 0)
        return; /* it spins */
    green__lot_enter_native(&here, guard);
    if (!read_byte(running(guard))) {
        green__lot_leave_native(&here); /* all are woken */
        return;
    }
    green__real()->pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    green__lot_wait_native(&here, CLOCK_REALTIME, NULL);
    green__real()->pthread_setcancelstate(state, &state);
}

static void wait_greenly(uint64_t *guard)
{
    struct green__lot_place here;

    if (green__lot_enter(&here, guard, &waiting_for_static) < 0) {
        green__count(&green__counted.native_instead);
        wait_natively(guard);
        return;
    }
    if (read_byte(running(guard)))
        green__lot_park_shielded(&here, GREEN_FOREVER);
    else
        green__lot_leave(&here);
}

static void wait_for_initialiser(uint64_t *guard)
{
    int saved = errno;

    if (green__lock_is_green())
        wait_greenly(guard);
    else
        wait_natively(guard);
    errno = saved;
}

static void end_initialiser(uint64_t *guard)
{
    __atomic_exchange_n(running(guard), 0, __ATOMIC_SEQ_CST);
    green__lot_wake(guard, GREEN__LOT_ALL);
}

/* ---- The functions --------------------------------------------------------- */

/* 1: the caller has to initialise the variable. 0: it is initialised. */
GREEN__HOOK int __cxa_guard_acquire(uint64_t *guard)
{
    uint8_t nobody = 0;

    while (!read_byte(initialised(guard))) {
        if (!__atomic_compare_exchange_n(running(guard), &nobody, 1, false,
                                         __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
            nobody = 0;
            wait_for_initialiser(guard);
            continue;
        }
        if (!read_byte(initialised(guard)))
            return 1;
        end_initialiser(guard); /* it was, in between */
    }
    return 0;
}

GREEN__HOOK void __cxa_guard_release(uint64_t *guard)
{
    __atomic_store_n(initialised(guard), 1, __ATOMIC_SEQ_CST);
    end_initialiser(guard);
}

GREEN__HOOK void __cxa_guard_abort(uint64_t *guard)
{
    end_initialiser(guard);
}
