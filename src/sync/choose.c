/*
 * green_choose waits for the first of several cases. If some cases can complete
 * at once, it picks one of them at random. Otherwise it waits for all of them
 * and completes the first that becomes possible. The waker of one place removes
 * the others from their lines, so that a channel's lines hold only servable
 * places.
 */
#include <limits.h>
#include <stdio.h>

#include <greenhub/stream.h>

#include "base/reserved.h"
#include "base/system.h"
#include "hub/io_waiter.h"
#include "hub/poll_events.h"
#include "sync/channel.h"

/* Cases that need no heap memory. */
#define FEW 8

/* A case's wait: in a channel's line, on a descriptor or as a link. */
struct case_place {
    struct green__channel_place channel;
    struct green__io_waiter io_waiter;
    struct choice *choice;
    struct green_case *entry;
    void (*leave)(struct case_place *place); /* ends the wait; NULL: none */
    bool called;                             /* the hub has called io_waiter */
    uint32_t generation;                     /* of fd when the wait began */
};

struct choice {
    struct green__scheduler *scheduler;
    struct green_case *cases;
    size_t count;
    struct case_place *places;
    struct pollfd *fds;
    size_t descriptors;      /* number of cases of that kind */
    bool over;               /* the wait has ended */
    struct case_place *done; /* completed case; NULL for a descriptor */
    struct green__waiter waiter;
};

static void describe(const struct green__waiter *waiter, char *text,
                     size_t size)
{
    const struct choice *choice =
        container_of(waiter, const struct choice, waiter);

    snprintf(text, size, "among %zu", choice->count);
}

static void describe_descriptor(const struct green__waiter *waiter, char *text,
                                size_t size)
{
    const struct choice *choice =
        container_of(waiter, const struct choice, waiter);

    snprintf(text, size, "descriptor %d", choice->cases[0].fd);
}

static const struct green__wait_kind choosing = {
    .name = "choose", .describe = describe, .inside = true};
static const struct green__wait_kind choosing_outside = {
    .name = "choose",
    .describe = describe,
    .signals = GREEN__RESTARTS}; /* with a descriptor */
static const struct green__wait_kind one_descriptor = {
    .name = "wait",
    .describe = describe_descriptor,
    .signals = GREEN__RESTARTS};

static const struct green__wait_kind *kind_of(const struct choice *choice)
{
    if (choice->descriptors == 0)
        return &choosing;
    return choice->count == 1 ? &one_descriptor : &choosing_outside;
}

/* Whether it waits for a descriptor, its own or its stream's. */
static bool has_descriptor(const struct green_case *entry)
{
    return entry->kind == GREEN_CASE_DESCRIPTOR ||
           entry->kind == GREEN_CASE_STREAM;
}

/* ---- Cases that can complete at once --------------------------------- */

/* A hang-up or an error makes both directions ready, as with poll(2). */
static void note_found(struct green_case *entry, const struct pollfd *found)
{
    unsigned events = green__from_poll(found->revents);
    unsigned ended = events & (GREEN_ERROR | GREEN_HANGUP);

    entry->error = events & GREEN_CLOSED ? EBADF : 0;
    entry->ready = ended;
    entry->ready |=
        entry->events & (ended ? GREEN_READ | GREEN_WRITE
                               : events & (GREEN_READ | GREEN_WRITE));
    if (entry->kind == GREEN_CASE_STREAM && !entry->error &&
        (entry->events & GREEN_READ) && green_stream_pending(entry->stream))
        entry->ready |= GREEN_READ;
}

/* Asks the kernel about all descriptors. Returns 0, or -1 with errno. */
static int poll_descriptors(struct choice *choice)
{
    size_t n = 0;

    for (size_t i = 0; i < choice->count; i++) {
        const struct green_case *entry = &choice->cases[i];

        if (has_descriptor(entry))
            choice->fds[n++] = (struct pollfd){
                .fd = entry->fd,
                .events = green__to_poll(entry->events),
            };
    }
    if (green__look(choice->fds, n) < 0)
        return -1;
    n = 0;
    for (size_t i = 0; i < choice->count; i++)
        if (has_descriptor(&choice->cases[i]))
            note_found(&choice->cases[i], &choice->fds[n++]);
    return 0;
}

static bool can_be_done(const struct green_case *entry)
{
    switch (entry->kind) {
    case GREEN_CASE_NONE:
        return false;
    case GREEN_CASE_SEND:
        return green__channel_can_send(entry->channel);
    case GREEN_CASE_RECEIVE:
        return green__channel_can_receive(entry->channel);
    case GREEN_CASE_DESCRIPTOR:
    case GREEN_CASE_STREAM:
        return entry->ready || entry->error;
    case GREEN_CASE_END:
        return entry->thread->state == GREEN__FINISHED;
    }
    return false;
}

/* Marsaglia's xorshift32; the choice need not be unpredictable. */
static uint32_t next_random(struct green__scheduler *s)
{
    uint32_t lot = s->lot ? s->lot : 2463534242u;

    lot ^= lot << 13;
    lot ^= lot >> 17;
    lot ^= lot << 5;
    s->lot = lot;
    return lot;
}

/* Picks a case that can complete, each with equal chance; NULL if none can. */
static struct green_case *pick(struct choice *choice)
{
    struct green_case *picked = NULL;
    uint32_t found = 0;

    for (size_t i = 0; i < choice->count; i++)
        if (can_be_done(&choice->cases[i]) &&
            (++found == 1 || next_random(choice->scheduler) % found == 0))
            picked = &choice->cases[i];
    return picked;
}

static int carry_out(struct choice *choice, struct green_case *entry)
{
    if (entry->kind == GREEN_CASE_SEND)
        entry->error = green_channel_try_send(entry->channel, entry->value) < 0
                           ? errno
                           : 0;
    else if (entry->kind == GREEN_CASE_RECEIVE)
        entry->error =
            green_channel_try_receive(entry->channel, entry->value) < 0 ? errno
                                                                        : 0;
    else if (entry->kind == GREEN_CASE_END)
        entry->error = 0;
    return (int)(entry - choice->cases);
}

/* ---- The wait -------------------------------------------------------- */

static struct green_waiters *line_of(struct green_case *entry)
{
    return entry->kind == GREEN_CASE_SEND ? &entry->channel->internal.senders
                                          : &entry->channel->internal.receivers;
}

static void leave_channel(struct case_place *place)
{
    green__line_remove(line_of(place->entry), &place->channel.place);
}

static void leave_descriptor(struct case_place *place)
{
    green__io_waiter_leave(place->choice->scheduler->hub, &place->io_waiter,
                           place->called);
}

static void stop_waiting_for_all(struct choice *choice)
{
    for (size_t i = 0; i < choice->count; i++) {
        struct case_place *place = &choice->places[i];
        void (*leave)(struct case_place *) = place->leave;

        place->leave = NULL;
        if (leave)
            leave(place);
    }
}

/* The first case to complete wakes the greenthread and ends all its other
 * waits, so that a channel's lines hold only servable places. */
static void end_wait(struct choice *choice, struct case_place *done)
{
    if (choice->over)
        return;
    choice->over = true;
    choice->done = done;
    stop_waiting_for_all(choice);
    green__wake_on(choice->scheduler, &choice->waiter);
}

static void on_served(struct green__channel_place *channel_place)
{
    struct case_place *place =
        container_of(channel_place, struct case_place, channel);

    place->leave = NULL;
    place->entry->error = channel_place->error;
    end_wait(place->choice, place);
}

static void on_ready(struct green__io_waiter *io_waiter, unsigned events)
{
    struct case_place *place =
        container_of(io_waiter, struct case_place, io_waiter);

    (void)events; /* choose polls again */
    place->called = true;
    end_wait(place->choice, NULL);
}

static void on_thread_end(struct green_thread *thread, void *arg)
{
    struct case_place *place = arg;

    (void)thread;
    place->leave = NULL;
    place->entry->error = 0;
    end_wait(place->choice, place);
}

static void leave_end(struct case_place *place)
{
    green_unlink(place->entry->thread, on_thread_end, place);
}

static int wait_for_descriptor(struct choice *choice, struct case_place *place)
{
    struct green_hub *hub = choice->scheduler->hub;
    struct green__descriptor *d = green__descriptor_get(hub, place->entry->fd);

    if (!d)
        return -1;
    place->io_waiter.fd = place->entry->fd;
    place->io_waiter.events = place->entry->events;
    place->io_waiter.callback = on_ready;
    place->generation = d->generation;
    return green__io_waiter_add(hub, d, &place->io_waiter);
}

static int start_waiting(struct choice *choice, struct case_place *place)
{
    struct green_case *entry = place->entry;
    int result = 0;

    switch (entry->kind) {
    case GREEN_CASE_NONE:
        return 0;
    case GREEN_CASE_SEND:
    case GREEN_CASE_RECEIVE:
        place->channel.to = entry->value;
        place->channel.chosen = on_served;
        green__line_append(line_of(entry), &place->channel.place);
        place->leave = leave_channel;
        return 0;
    case GREEN_CASE_DESCRIPTOR:
    case GREEN_CASE_STREAM:
        result = wait_for_descriptor(choice, place);
        place->leave = result == 0 ? leave_descriptor : NULL;
        return result;
    case GREEN_CASE_END:
        result = green_link(entry->thread, on_thread_end, place);
        place->leave = result == 0 ? leave_end : NULL;
        return result;
    }
    return result;
}

static int start_waiting_for_all(struct choice *choice)
{
    for (size_t i = 0; i < choice->count; i++)
        choice->places[i] =
            (struct case_place){.choice = choice, .entry = &choice->cases[i]};
    for (size_t i = 0; i < choice->count; i++)
        if (start_waiting(choice, &choice->places[i]) < 0)
            return -1;
    return 0;
}

/* A case whose descriptor was closed during the wait. Its number may have been
 * reused, and the next poll would look at the new descriptor. */
static struct case_place *find_closed(const struct choice *choice)
{
    for (size_t i = 0; choice->descriptors > 0 && i < choice->count; i++) {
        struct case_place *place = &choice->places[i];
        const struct green__descriptor *d;

        if (!has_descriptor(place->entry))
            continue;
        d = green__descriptor_peek(choice->scheduler->hub, place->entry->fd);
        if (d && d->generation != place->generation)
            return place;
    }
    return NULL;
}

static struct case_place *mark_closed(struct case_place *place)
{
    if (place) {
        place->entry->ready = 0;
        place->entry->error = EBADF;
    }
    return place;
}

/* Waits once. Returns 0 after a wake-up or the deadline, with choice->done set
 * if a case has completed; or -1 with errno. */
static int wait_once(struct choice *choice, green_time deadline)
{
    struct green__scheduler *s = choice->scheduler;
    int result, error;

    choice->over = false;
    choice->done = NULL;
    choice->waiter.thread = s->current;
    choice->waiter.kind = kind_of(choice);
    result = start_waiting_for_all(choice);
    if (result == 0) {
        result = green__park_until(&choice->waiter, deadline);
        if (result < 0 && errno == EAGAIN)
            result = 0;
    }
    error = errno;
    stop_waiting_for_all(choice);
    if (result == 0 && !choice->done)
        choice->done = mark_closed(find_closed(choice));
    errno = error;
    return result;
}

/* ---- The call -------------------------------------------------------- */

static int end(const struct choice *choice, int result, bool waited)
{
    if (!waited)
        green__call_ends(choice->descriptors > 0 ? GREEN__COST_SYSTEM_CALL
                                                 : GREEN__COST_CALL);
    return result;
}

static int choose(struct choice *choice, green_time deadline)
{
    struct green__scheduler *s = choice->scheduler;

    for (bool waited = false;; waited = true) {
        struct green_case *picked;

        if (choice->descriptors > 0 && poll_descriptors(choice) < 0)
            return -1;
        picked = pick(choice);
        if (picked)
            return end(choice, carry_out(choice, picked), waited);
        if (deadline != GREEN_FOREVER &&
            (deadline == 0 || deadline <= green__hub_now(s->hub)))
            return end(choice, green__refuse(EAGAIN), waited);
        if (s->hub->dispatching)
            return green__refuse(EDEADLK);
        if (wait_once(choice, deadline) < 0)
            return -1;
        if (choice->done)
            return (int)(choice->done->entry - choice->cases);
    }
}

static bool is_sound_descriptor(struct green_case *entry)
{
    if (entry->kind == GREEN_CASE_STREAM) {
        if (!entry->stream)
            return false;
        entry->fd = entry->stream->fd;
    }
    return entry->fd >= 0 && entry->events &&
           !(entry->events & ~GREEN__READ_WRITE);
}

/* Returns 0, or the errno to fail with. */
static int validate(const struct choice *choice, struct green_case *entry)
{
    bool channel =
        entry->kind == GREEN_CASE_SEND || entry->kind == GREEN_CASE_RECEIVE;

    if ((unsigned)entry->kind > GREEN_CASE_STREAM ||
        (channel && !entry->channel) || !GREEN__RESERVED_IS_ZERO(entry))
        return EINVAL;
    if (entry->kind == GREEN_CASE_SEND && !entry->value &&
        entry->channel->internal.size > 0)
        return EINVAL;
    if (has_descriptor(entry) && !is_sound_descriptor(entry))
        return EINVAL;
    if (entry->kind != GREEN_CASE_END)
        return 0;
    if (!entry->thread)
        return EINVAL;
    return entry->thread == choice->scheduler->current ||
                   entry->thread == &choice->scheduler->main
               ? EDEADLK
               : 0;
}

static int validate_all(struct choice *choice)
{
    if (choice->count > INT_MAX || (choice->count > 0 && !choice->cases))
        return green__refuse(EINVAL);
    for (size_t i = 0; i < choice->count; i++) {
        int error = validate(choice, &choice->cases[i]);

        if (error)
            return green__refuse(error);
        choice->descriptors += has_descriptor(&choice->cases[i]);
    }
    return 0;
}

/* More than FEW cases: one allocation for places and fds. */
static int choose_among_many(struct choice *choice, green_time deadline)
{
    char *memory = green__system.allocate(
        choice->count, sizeof *choice->places + sizeof *choice->fds);
    int result, error;

    if (!memory)
        return green__refuse(ENOMEM);
    choice->places = (struct case_place *)(void *)memory;
    choice->fds = (struct pollfd *)(void *)(choice->places + choice->count);
    result = choose(choice, deadline);
    error = errno;
    green__system.release(memory);
    errno = error;
    return result;
}

int green_choose(struct green_case *cases, size_t count, green_time deadline)
{
    struct choice choice = {.cases = cases, .count = count};
    struct case_place few[FEW];
    struct pollfd few_fds[FEW];

    choice.scheduler = green__scheduler();
    if (!choice.scheduler || validate_all(&choice) < 0 ||
        green__call_begins() < 0)
        return -1;
    if (count > FEW)
        return choose_among_many(&choice, deadline);
    choice.places = few;
    choice.fds = few_fds;
    return choose(&choice, deadline);
}
