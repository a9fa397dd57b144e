#include "patch/cancel.h"

#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unwind.h>

#include "patch/thread.h"

/* ---- Unwinding ------------------------------------------------------------ */

/*
 * What pthread_cleanup_push of C without -fexceptions registers lies in the
 * frame of its function: that frame has been reached once the frame's end lies
 * above it. Its handler runs after a longjmp into that frame, and then calls
 * __pthread_unwind_next to go on.
 */
struct cleanup {
    jmp_buf jump; /* only as far as __cancel_jmp_buf goes */
};

/* The last of the words that libc leaves to the implementation: the next outer
 * one. */
static void **outer_of(void *buffer)
{
    __pthread_unwind_buf_t *it = buffer;

    return &it->__pad[3];
}

static _Unwind_Reason_Code stop(int version, _Unwind_Action actions,
                                _Unwind_Exception_Class class,
                                struct _Unwind_Exception *exception,
                                struct _Unwind_Context *context, void *arg)
{
    struct green__pthread *it = arg;
    uintptr_t frame = _Unwind_GetCFA(context);
    void *buffer = it->cancellation.innermost;

    (void)version;
    (void)class;
    (void)exception;
    if (buffer && frame > (uintptr_t)buffer) {
        struct cleanup *cleanup = buffer;

        it->cancellation.innermost = *outer_of(buffer);
        longjmp(cleanup->jump, 1);
    }
    if ((actions & _UA_END_OF_STACK) ||
        frame > (uintptr_t)it->cancellation.floor)
        longjmp(it->end, 1);
    return _URC_NO_REASON;
}

/* A C++ handler has caught the unwinding and not thrown it again. */
static void not_thrown_again(_Unwind_Reason_Code reason,
                             struct _Unwind_Exception *exception)
{
    (void)reason;
    (void)exception;
    abort();
}

static void unwind(struct green__pthread *it) __attribute__((noreturn));
static void unwind(struct green__pthread *it)
{
    struct _Unwind_Exception *exception = &it->cancellation.exception;

    memset(exception, 0, sizeof *exception);
    exception->exception_cleanup = not_thrown_again;
    (void)_Unwind_ForcedUnwind(exception, stop, it);
    abort();
}

void green__pthread_unwind(struct green__pthread *it, void *result)
{
    it->result = result;
    it->cancellation.exiting = true;
    unwind(it);
}

/* ---- pthread_cleanup_push ------------------------------------------------- */

GREEN__HOOK void __pthread_register_cancel(__pthread_unwind_buf_t *buffer)
{
    struct green__pthread *it = green__pthread_here();

    if (!it) {
        green__real()->__pthread_register_cancel(buffer);
        return;
    }
    *outer_of(buffer) = it->cancellation.innermost;
    it->cancellation.innermost = buffer;
}

GREEN__HOOK void __pthread_unregister_cancel(__pthread_unwind_buf_t *buffer)
{
    struct green__pthread *it = green__pthread_here();

    if (it)
        it->cancellation.innermost = *outer_of(buffer);
    else
        green__real()->__pthread_unregister_cancel(buffer);
}

GREEN__HOOK void __pthread_register_cancel_defer(__pthread_unwind_buf_t *buffer)
{
    struct green__pthread *it = green__pthread_here();

    if (!it) {
        green__real()->__pthread_register_cancel_defer(buffer);
        return;
    }
    buffer->__pad[2] = (void *)(uintptr_t)it->cancellation.asynchronous;
    it->cancellation.asynchronous = false;
    __pthread_register_cancel(buffer);
}

GREEN__HOOK void
__pthread_unregister_cancel_restore(__pthread_unwind_buf_t *buffer)
{
    struct green__pthread *it = green__pthread_here();

    if (!it) {
        green__real()->__pthread_unregister_cancel_restore(buffer);
        return;
    }
    __pthread_unregister_cancel(buffer);
    it->cancellation.asynchronous = buffer->__pad[2] != NULL;
}

GREEN__HOOK void __pthread_unwind_next(__pthread_unwind_buf_t *buffer)
{
    struct green__pthread *it = green__pthread_here();

    if (!it)
        green__real()->__pthread_unwind_next(buffer);
    else
        unwind(it);
    abort();
}

/* ---- pthread_cancel and its switches -------------------------------------- */

void green__cancellation_point(void)
{
    struct green__pthread *it = green__pthread_here();
    const struct green__cancellation *state = it ? &it->cancellation : NULL;

    if (state &&
        atomic_load_explicit(&state->requested, memory_order_relaxed) &&
        !state->disabled && !state->exiting)
        green__pthread_unwind(it, PTHREAD_CANCELED);
}

/* Ends its wait; whatever waited looks whether it is a cancellation point. */
void green__cancel_here(struct green__pthread *it)
{
    const struct green__cancellation *state = &it->cancellation;

    if (it->thread && !state->disabled && !state->exiting &&
        it != green__pthread_here())
        green__interrupt(it->thread, ECANCELED);
}

static int request(struct green__pthread *it)
{
    struct green__cancellation *state = &it->cancellation;

    atomic_store(&state->requested, true);
    if (green__carrier_is_here(it->carrier))
        green__cancel_here(it);
    else
        green__carrier_ask(it, GREEN__ASKED_CANCEL);
    if (it == green__pthread_here() && state->asynchronous)
        green__cancellation_point();
    return 0;
}

GREEN__HOOK int pthread_cancel(pthread_t handle)
{
    struct green__pthread *it = green__pthread_of(handle);
    int result;

    if (!it)
        return green__real()->pthread_cancel(handle);
    result = request(it);
    green__pthread_release(it);
    return result;
}

GREEN__HOOK void pthread_testcancel(void)
{
    if (green__pthread_here())
        green__cancellation_point();
    else
        green__real()->pthread_testcancel();
}

GREEN__HOOK int pthread_setcancelstate(int state, int *before)
{
    struct green__pthread *it = green__pthread_here();

    if (!it)
        return green__real()->pthread_setcancelstate(state, before);
    if (state != PTHREAD_CANCEL_ENABLE && state != PTHREAD_CANCEL_DISABLE)
        return EINVAL;
    if (before)
        *before = it->cancellation.disabled ? PTHREAD_CANCEL_DISABLE
                                            : PTHREAD_CANCEL_ENABLE;
    it->cancellation.disabled = state == PTHREAD_CANCEL_DISABLE;
    if (it->cancellation.asynchronous)
        green__cancellation_point();
    return 0;
}

GREEN__HOOK int pthread_setcanceltype(int type, int *before)
{
    struct green__pthread *it = green__pthread_here();

    if (!it)
        return green__real()->pthread_setcanceltype(type, before);
    if (type != PTHREAD_CANCEL_DEFERRED && type != PTHREAD_CANCEL_ASYNCHRONOUS)
        return EINVAL;
    if (before)
        *before = it->cancellation.asynchronous ? PTHREAD_CANCEL_ASYNCHRONOUS
                                                : PTHREAD_CANCEL_DEFERRED;
    it->cancellation.asynchronous = type == PTHREAD_CANCEL_ASYNCHRONOUS;
    if (it->cancellation.asynchronous)
        green__cancellation_point();
    return 0;
}
