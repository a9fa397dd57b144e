#include "greenthread/survey.h"

#include <errno.h>
#include <string.h>

#include "base/system.h"
#include "greenthread/look.h"
#include "greenthread/schedulers.h"

/* ---- Groups ---------------------------------------------------------- */

/* The name up to a number at its end, with * for that. */
static void name_group(char *to, const char *name)
{
    size_t length = strnlen(name, sizeof((struct green__group *)0)->name - 2);
    bool numbered = false;

    for (; length > 0 && name[length - 1] >= '0' && name[length - 1] <= '9';
         length--)
        numbered = true;
    memcpy(to, name, length);
    if (numbered)
        to[length++] = '*';
    to[length] = '\0';
}

static size_t hash(const struct green__group *group)
{
    uintptr_t value = (uintptr_t)group->spawned_at ^ (uintptr_t)group->wait ^
                      (uintptr_t)group->state << 7;

    for (const char *c = group->name; *c; c++)
        value = value * 31 + (unsigned char)*c;
    return (size_t)(value * 0x9e3779b97f4a7c15u >> 40);
}

static bool is_same(const struct green__group *a, const struct green__group *b)
{
    return a->spawned_at == b->spawned_at && a->wait == b->wait &&
           a->state == b->state && strcmp(a->name, b->name) == 0;
}

/* NULL if all are used by others. */
static struct green__group *find_group(struct green__survey *survey,
                                       const struct green__group *like)
{
    size_t at = hash(like);

    for (unsigned i = 0; i < GREEN__GROUPS; i++, at++) {
        struct green__group *group = &survey->groups[at % GREEN__GROUPS];

        if (!group->count)
            *group = *like;
        if (!group->count || is_same(group, like))
            return group;
    }
    return NULL;
}

struct grouping {
    struct green__survey *survey;
    struct green__scheduler *scheduler;
    green_time now; /* the hub's */
};

static void add_to_group(struct green_thread *thread, void *arg)
{
    struct grouping *grouping = arg;
    struct green__scheduler *s = grouping->scheduler;
    const struct green__waiter *waiter =
        thread->state == GREEN__PARKED ? thread->waiter : NULL;
    struct green__group like = {.spawned_at = thread->spawned_at,
                                .state = green__state_name(s, thread),
                                .wait = waiter ? waiter->kind->name : NULL};
    green_time waited = waiter ? grouping->now - waiter->since : 0;
    struct green__group *group;

    name_group(like.name, thread == &s->main ? "main" : green_name(thread));
    group = find_group(grouping->survey, &like);
    if (!group) {
        grouping->survey->ungrouped++;
        return;
    }
    if (!group->count++ || waited > group->longest) {
        group->longest = waited;
        group->oldest = thread;
    }
}

/* ---- Counters -------------------------------------------------------- */

static size_t queue_length(const struct green__scheduler *s)
{
    const struct green_thread *thread = s->current;
    size_t length = 0;

    while (thread != s->last && length < s->alive) {
        thread = thread->next;
        length++;
    }
    return length;
}

static void count_stacks(struct green__survey *survey,
                         const struct green__stack_pool *pool)
{
    const struct green__stack_class *class;
    const struct green__stack_arena *arena;

    for (class = pool->all; class; class = class->next) {
        survey->idle_stacks += class->warm_count;
        for (arena = class->arenas; arena; arena = arena->next) {
            survey->stacks += arena->carved;
            survey->stack_bytes += arena->size;
        }
    }
}

static void count_time(struct green__survey *survey, struct green_hub *hub)
{
    green_time now = green__clock();
    bool waits = hub->wait_start != 0;
    green_time lasts = waits ? 0 : now - hub->run_start;

    survey->at = now;
    survey->waited = hub->waited + (waits ? now - hub->wait_start : 0);
    survey->slowest = lasts > hub->slowest ? lasts : hub->slowest;
    if (survey->watch_until)
        hub->slowest = 0;
}

static void count_all(struct green__survey *survey, struct green__scheduler *s)
{
    struct green_hub *hub = s->hub;
    green_time next = green__timers_peek(&hub->timers);
    green_time now = green__hub_now(hub);

    s->hub->owner->scheduler_layer->count(hub->owner);
    survey->stats = hub->stats;
    survey->queue = queue_length(s);
    survey->timers = green__timers_count(&hub->timers);
    if (next != GREEN_FOREVER)
        next = next > now ? next - now : 0;
    survey->next_timer = next;
    count_time(survey, hub);
    count_stacks(survey, &s->stacks);
}

static void watch(struct green__survey *survey, struct green__scheduler *s)
{
    if (!s->gauge) {
        s->gauge = survey->gauge;
        survey->gauge = NULL;
    }
    if (!s->gauge)
        return;
    memcpy(survey->samples, s->gauge->samples, sizeof survey->samples);
    if (survey->watch_until)
        green__gauge_begin(s, survey->watch_until);
}

void green__survey_take(struct green__survey *survey,
                        struct green__scheduler *s)
{
    struct grouping grouping = {.survey = survey, .scheduler = s};

    if (s->hub) {
        strncpy(survey->hub, s->hub->module->name, sizeof survey->hub - 1);
        count_all(survey, s);
        watch(survey, s);
        if (s->current != &s->hub_thread)
            strncpy(survey->running,
                    s->current == &s->main ? "main" : green_name(s->current),
                    sizeof survey->running - 1);
        grouping.now = green__hub_now(s->hub);
        if (survey->with_groups)
            green__each_thread(s, add_to_group, &grouping);
    }
    survey->taken = true;
}

/* ---- All OS threads -------------------------------------------------- */

static struct green__survey *
survey_one(struct green__scheduler *s, bool with_groups, green_time watch_until)
{
    struct green__survey *survey = green__system.allocate(1, sizeof *survey);
    struct green__look look = {
        .scheduler = s, .os_thread = s->os_thread, .survey = survey};

    if (!survey)
        return NULL;
    survey->os_thread = s->os_thread;
    survey->with_groups = with_groups;
    survey->watch_until = watch_until;
    if (watch_until && !s->gauge)
        survey->gauge = green__system.allocate(1, sizeof *survey->gauge);
    green__look_ask(&look);
    green__system.release(survey->gauge);
    survey->gauge = NULL;
    return survey;
}

struct green__survey *green__survey_all(bool with_groups,
                                        green_time watch_until)
{
    struct green__survey *surveys = NULL, **end = &surveys;
    struct green_list *at;
    bool failed = false;

    green__schedulers_lock();
    for (at = green__schedulers.next; at != &green__schedulers && !failed;
         at = at->next) {
        *end = survey_one(container_of(at, struct green__scheduler, others),
                          with_groups, watch_until);
        failed = !*end;
        if (!failed)
            end = &(*end)->next;
    }
    green__schedulers_unlock();
    if (failed) {
        green__surveys_free(surveys);
        surveys = NULL;
        errno = ENOMEM;
    }
    return surveys;
}

void green__surveys_free(struct green__survey *surveys)
{
    while (surveys) {
        struct green__survey *next = surveys->next;

        green__system.release(surveys);
        surveys = next;
    }
}
