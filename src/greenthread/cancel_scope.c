#include "greenthread/cancel_scope.h"

#include <errno.h>

#include "base/note.h"
#include "greenthread/scheduler.h"

/*
 * A kill or timeout has come. If the greenthread is parked and not shielded,
 * this ends its park; otherwise its next unshielded call fails, even if it need
 * not wait, unless the greenthread has killed itself.
 */
void green__alarm(struct green_thread *thread)
{
    const struct green__scheduler *s = green__running();
    int error = 0;

    thread->alarms++;
    if (thread->state == GREEN__PARKED)
        error = green__interruption(thread);
    if (error)
        green__interrupt(thread, error);
    else if (!s || thread != s->current)
        thread->flags |= GREEN__ALARMED;
}

/* ---- Cancel scopes --------------------------------------------------- */

#define PLACE 128
#define FRAMES_NEAR ((size_t)64 << 10)

static const char *name_of_kind(unsigned kind)
{
    switch ((enum green__cancel_scope_kind)kind) {
    case GREEN__TIMEOUT:
        return "timeout";
    case GREEN__SHIELD:
        return "shield";
    case GREEN__SCOPE:
        return "scope";
    case GREEN__IDLE:
        return "idle region";
    }
    return "cancel scope";
}

/* Reports a misused cancel scope: its greenthread, and the code address that
 * entered it. */
static void report_misuse(const struct green_cancel_scope *scope,
                          const char *what)
{
    struct green_thread *thread = scope->thread;
    char spawned[PLACE], begun[PLACE];
    const char *name = green_name(thread);

    green__describe_place(thread->spawned_at, spawned, sizeof spawned);
    green__describe_place(scope->begun_at, begun, sizeof begun);
    green__mistake("greenhub: a %s %s: greenthread %p%s%s, spawned at %s; "
                   "begun at %s",
                   name_of_kind(scope->kind), what, (void *)thread,
                   name[0] ? " " : "", name, spawned, begun);
}

/* Whether the greenthread is in this scope already. A debug build also reports
 * scopes that lie in frames which have returned. */
static GREEN__COLD bool is_inside(const struct green_thread *thread,
                                  const struct green_cancel_scope *scope)
{
    const char *here = __builtin_frame_address(0);

    for (const struct green_cancel_scope *r = thread->cancel_scopes; r;
         r = r->outer) {
        size_t below = (size_t)(here - (const char *)r);

        if (r == scope) {
            report_misuse(r, "was begun again before its end");
            return true;
        }
        if ((const char *)r < here && below < FRAMES_NEAR)
            report_misuse(r, "was left by the function that began it");
    }
    return false;
}

int green__cancel_scope_enter(struct green_cancel_scope *scope,
                              enum green__cancel_scope_kind kind,
                              void (*end)(struct green_cancel_scope *scope),
                              void *begun_at)
{
    struct green_thread *thread = green__current();

    if (!thread)
        return -1;
    if (thread->cancel_scopes && is_inside(thread, scope))
        return green__refuse(EBUSY);
    *scope = (struct green_cancel_scope){.outer = thread->cancel_scopes,
                                         .thread = thread,
                                         .end = end,
                                         .begun_at = begun_at,
                                         .kind = kind};
    thread->cancel_scopes = scope;
    return 0;
}

/* Leaves the innermost scope; only its own greenthread can. Keeps `error`. */
int green__cancel_scope_leave(struct green_cancel_scope *scope,
                              enum green__cancel_scope_kind kind)
{
    struct green_thread *thread = green__current();

    if (!thread || thread->cancel_scopes != scope || scope->kind != kind)
        return green__refuse(EINVAL);
    thread->cancel_scopes = scope->outer;
    scope->kind = 0;
    if (scope->error && --thread->alarms == 0)
        thread->flags &= (uint8_t)~GREEN__ALARMED;
    return 0;
}

void green__cancel_scope_fire(struct green_cancel_scope *scope, int error)
{
    if (scope->error)
        return;
    scope->error = error;
    green__alarm(scope->thread);
}

GREEN__COLD void green__cancel_scopes_end(struct green_thread *thread)
{
    struct green_cancel_scope *scope = thread->cancel_scopes;

    /* Frames of another greenthread may have overwritten it. */
    while (scope && scope->thread == thread) {
        report_misuse(scope, "was left by its greenthread, which has ended");
        scope->end(scope);
        if (thread->cancel_scopes == scope)
            break;
        scope = thread->cancel_scopes;
    }
    thread->cancel_scopes = NULL;
}

/* ---- Shields --------------------------------------------------------- */

static void end_shield(struct green_cancel_scope *scope)
{
    green__cancel_scope_leave(scope, GREEN__SHIELD);
}

int green_shield_begin(struct green_shield *shield)
{
    if (!shield)
        return green__refuse(EINVAL);
    return green__cancel_scope_enter(&shield->internal, GREEN__SHIELD,
                                     end_shield, __builtin_return_address(0));
}

int green_shield_end(struct green_shield *shield)
{
    if (!shield)
        return green__refuse(EINVAL);
    return green__cancel_scope_leave(&shield->internal, GREEN__SHIELD);
}
