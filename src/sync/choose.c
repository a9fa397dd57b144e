/*
 * Choosing among several things to wait for: look which can be done at once and
 * draw lots among them; if there is none, stand in all lines, and do what comes
 * first. Whoever chooses one of the places takes the others out of their lines,
 * so that in a channel's lines there are only those who can be served.
 */
#include <limits.h>
#include <stdio.h>

#include "base/system.h"
#include "hub/io_waiter.h"
#include "hub/poll_events.h"
#include "sync/channel.h"

/* Waited for without asking for memory. */
#define FEW 8

/* A case's place: in a channel's line, a descriptor's, a greenthread's links. */
struct stand {
    struct green__channel_place channel;
    struct green__io_waiter io_waiter;
    struct choice *choice;
    struct green_case *of;
    void (*leave)(struct stand *stand); /* its line; NULL: it is in none */
    bool called;                        /* the descriptor was reported */
    uint32_t life;                      /* of its number, as it was looked at */
};

struct choice {
    struct green__scheduler *scheduler;
    struct green_case *cases;
    size_t count;
    struct stand *stands;
    struct pollfd *fds;
    size_t descriptors; /* how many cases are of that kind */
    bool over;          /* it has been woken */
    struct stand *done; /* what was done meanwhile, but for a descriptor */
    struct green__waiter waiter;
};

static void describe(const struct green__waiter *waiter, char *text,
                     size_t size)
{
    const struct choice *choice =
        container_of(waiter, const struct choice, waiter);

    snprintf(text, size, "among %zu", choice->count);
}

static const struct green__wait_kind choosing = {
    .name = "choose", .describe = describe, .inside = true};
static const struct green__wait_kind choosing_outside = {
    .name = "choose", .describe = describe}; /* a descriptor is among them */

/* ---- What can be done at once ---------------------------------------- */

/* An end or an error is told to whoever reads or writes, as poll(2) has it. */
static void note_found(struct green_case *of, const struct pollfd *found)
{
    unsigned events = green__from_poll(found->revents);
    unsigned ended = events & (GREEN_ERROR | GREEN_HANGUP);

    of->error = events & GREEN_CLOSED ? EBADF : 0;
    of->ready = ended;
    of->ready |= of->events & (ended ? GREEN_READ | GREEN_WRITE
                                     : events & (GREEN_READ | GREEN_WRITE));
}

/* Asks the kernel about all descriptors. 0, or -1 with errno. */
static int look(struct choice *choice)
{
    size_t n = 0;

    for (size_t i = 0; i < choice->count; i++) {
        const struct green_case *of = &choice->cases[i];

        if (of->kind == GREEN_CASE_DESCRIPTOR)
            choice->fds[n++] = (struct pollfd){
                .fd = of->fd,
                .events = green__to_poll(of->events),
            };
    }
    if (green__look(choice->fds, n) < 0)
        return -1;
    n = 0;
    for (size_t i = 0; i < choice->count; i++)
        if (choice->cases[i].kind == GREEN_CASE_DESCRIPTOR)
            note_found(&choice->cases[i], &choice->fds[n++]);
    return 0;
}

static bool can_be_done(const struct green_case *of)
{
    switch (of->kind) {
    case GREEN_CASE_NONE:
        return false;
    case GREEN_CASE_SEND:
        return green__channel_can_send(of->channel);
    case GREEN_CASE_RECEIVE:
        return green__channel_can_receive(of->channel);
    case GREEN_CASE_DESCRIPTOR:
        return of->ready || of->error;
    case GREEN_CASE_END:
        return of->thread->state == GREEN__FINISHED;
    }
    return false;
}

/* Marsaglia's xorshift32; who is chosen need not be secret. */
static uint32_t draw(struct green__scheduler *s)
{
    uint32_t lot = s->lot ? s->lot : 2463534242u;

    lot ^= lot << 13;
    lot ^= lot >> 17;
    lot ^= lot << 5;
    s->lot = lot;
    return lot;
}

/* One of those that can be done, each with the same chance; NULL: none can. */
static struct green_case *pick(struct choice *choice)
{
    struct green_case *picked = NULL;
    uint32_t found = 0;

    for (size_t i = 0; i < choice->count; i++)
        if (can_be_done(&choice->cases[i]) &&
            (++found == 1 || draw(choice->scheduler) % found == 0))
            picked = &choice->cases[i];
    return picked;
}

static int carry_out(struct choice *choice, struct green_case *of)
{
    if (of->kind == GREEN_CASE_SEND)
        of->error =
            green_channel_try_send(of->channel, of->value) < 0 ? errno : 0;
    else if (of->kind == GREEN_CASE_RECEIVE)
        of->error =
            green_channel_try_receive(of->channel, of->value) < 0 ? errno : 0;
    else if (of->kind == GREEN_CASE_END)
        of->error = 0;
    return (int)(of - choice->cases);
}

/* ---- The wait -------------------------------------------------------- */

static struct green_waiters *line_of(struct green_case *of)
{
    return of->kind == GREEN_CASE_SEND ? &of->channel->internal.senders
                                       : &of->channel->internal.receivers;
}

static void leave_channel(struct stand *stand)
{
    green__line_remove(line_of(stand->of), &stand->channel.place);
}

static void leave_descriptor(struct stand *stand)
{
    green__io_waiter_leave(stand->choice->scheduler->hub, &stand->io_waiter,
                           stand->called);
}

static void leave_all(struct choice *choice)
{
    for (size_t i = 0; i < choice->count; i++) {
        struct stand *stand = &choice->stands[i];
        void (*leave)(struct stand *) = stand->leave;

        stand->leave = NULL;
        if (leave)
            leave(stand);
    }
}

/* The first to come wakes it, and takes it out of all lines: in a channel's there
 * are only those who can be served. */
static void end_wait(struct choice *choice, struct stand *done)
{
    if (choice->over)
        return;
    choice->over = true;
    choice->done = done;
    leave_all(choice);
    green__wake_on(choice->scheduler, &choice->waiter);
}

static void is_served(struct green__channel_place *place)
{
    struct stand *stand = container_of(place, struct stand, channel);

    stand->leave = NULL;
    stand->of->error = place->error;
    end_wait(stand->choice, stand);
}

static void is_ready(struct green__io_waiter *io_waiter, unsigned events)
{
    struct stand *stand = container_of(io_waiter, struct stand, io_waiter);

    (void)events; /* the next look tells */
    stand->called = true;
    end_wait(stand->choice, NULL);
}

static void has_ended(struct green_thread *thread, void *arg)
{
    struct stand *stand = arg;

    (void)thread;
    stand->leave = NULL;
    stand->of->error = 0;
    end_wait(stand->choice, stand);
}

static void leave_end(struct stand *stand)
{
    green_unlink(stand->of->thread, has_ended, stand);
}

static int stand_at_descriptor(struct choice *choice, struct stand *stand)
{
    struct green_hub *hub = choice->scheduler->hub;
    struct green__descriptor *d = green__descriptor_get(hub, stand->of->fd);

    if (!d)
        return -1;
    stand->io_waiter.fd = stand->of->fd;
    stand->io_waiter.events = stand->of->events;
    stand->io_waiter.callback = is_ready;
    stand->life = d->generation;
    return green__io_waiter_add(hub, d, &stand->io_waiter);
}

static int stand_in_line(struct choice *choice, struct stand *stand)
{
    struct green_case *of = stand->of;
    int result = 0;

    switch (of->kind) {
    case GREEN_CASE_NONE:
        return 0;
    case GREEN_CASE_SEND:
    case GREEN_CASE_RECEIVE:
        stand->channel.to = of->value;
        stand->channel.chosen = is_served;
        green__line_append(line_of(of), &stand->channel.place);
        stand->leave = leave_channel;
        return 0;
    case GREEN_CASE_DESCRIPTOR:
        result = stand_at_descriptor(choice, stand);
        stand->leave = result == 0 ? leave_descriptor : NULL;
        return result;
    case GREEN_CASE_END:
        result = green_link(of->thread, has_ended, stand);
        stand->leave = result == 0 ? leave_end : NULL;
        return result;
    }
    return result;
}

static int stand_in_all(struct choice *choice)
{
    for (size_t i = 0; i < choice->count; i++)
        choice->stands[i] =
            (struct stand){.choice = choice, .of = &choice->cases[i]};
    for (size_t i = 0; i < choice->count; i++)
        if (stand_in_line(choice, &choice->stands[i]) < 0)
            return -1;
    return 0;
}

/* One whose descriptor was closed meanwhile: the number may be somebody else's by
 * now, and the next look would be at that. */
static struct stand *find_closed(const struct choice *choice)
{
    for (size_t i = 0; choice->descriptors > 0 && i < choice->count; i++) {
        struct stand *stand = &choice->stands[i];
        const struct green__descriptor *d;

        if (stand->of->kind != GREEN_CASE_DESCRIPTOR)
            continue;
        d = green__descriptor_peek(choice->scheduler->hub, stand->of->fd);
        if (d && d->generation != stand->life)
            return stand;
    }
    return NULL;
}

static struct stand *give_closed(struct stand *stand)
{
    if (stand) {
        stand->of->ready = 0;
        stand->of->error = EBADF;
    }
    return stand;
}

/* Waits once. 0: something has come, see choice->done; or -1 with errno. */
static int wait_once(struct choice *choice, green_time deadline)
{
    struct green__scheduler *s = choice->scheduler;
    int result, error;

    choice->over = false;
    choice->done = NULL;
    choice->waiter.thread = s->current;
    choice->waiter.kind =
        choice->descriptors > 0 ? &choosing_outside : &choosing;
    result = stand_in_all(choice);
    if (result == 0) {
        result = green__park_until(&choice->waiter, deadline);
        if (result < 0 && errno == EAGAIN)
            result = 0;
    }
    error = errno;
    leave_all(choice);
    if (result == 0 && !choice->done)
        choice->done = give_closed(find_closed(choice));
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

        if (choice->descriptors > 0 && look(choice) < 0)
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
            return (int)(choice->done->of - choice->cases);
    }
}

/* 0, or the errno to fail with. */
static int check(const struct choice *choice, const struct green_case *of)
{
    bool channel =
        of->kind == GREEN_CASE_SEND || of->kind == GREEN_CASE_RECEIVE;

    if ((unsigned)of->kind > GREEN_CASE_END || (channel && !of->channel))
        return EINVAL;
    if (of->kind == GREEN_CASE_SEND && !of->value &&
        of->channel->internal.size > 0)
        return EINVAL;
    if (of->kind == GREEN_CASE_DESCRIPTOR &&
        (of->fd < 0 || !of->events || (of->events & ~GREEN__READ_WRITE)))
        return EINVAL;
    if (of->kind != GREEN_CASE_END)
        return 0;
    if (!of->thread)
        return EINVAL;
    return of->thread == choice->scheduler->current ||
                   of->thread == &choice->scheduler->main
               ? EDEADLK
               : 0;
}

static int check_all(struct choice *choice)
{
    if (choice->count > INT_MAX || (choice->count > 0 && !choice->cases))
        return green__refuse(EINVAL);
    for (size_t i = 0; i < choice->count; i++) {
        int error = check(choice, &choice->cases[i]);

        if (error)
            return green__refuse(error);
        choice->descriptors += choice->cases[i].kind == GREEN_CASE_DESCRIPTOR;
    }
    return 0;
}

/* More than FEW need memory, all in one piece. */
static int choose_among_many(struct choice *choice, green_time deadline)
{
    char *memory = green__system.allocate(
        choice->count, sizeof *choice->stands + sizeof *choice->fds);
    int result, error;

    if (!memory)
        return green__refuse(ENOMEM);
    choice->stands = (struct stand *)(void *)memory;
    choice->fds = (struct pollfd *)(void *)(choice->stands + choice->count);
    result = choose(choice, deadline);
    error = errno;
    green__system.release(memory);
    errno = error;
    return result;
}

int green_choose(struct green_case *cases, size_t count, green_time deadline)
{
    struct choice choice = {.cases = cases, .count = count};
    struct stand few[FEW];
    struct pollfd few_fds[FEW];

    choice.scheduler = green__scheduler();
    if (!choice.scheduler || check_all(&choice) < 0 || green__call_begins() < 0)
        return -1;
    if (count > FEW)
        return choose_among_many(&choice, deadline);
    choice.stands = few;
    choice.fds = few_fds;
    return choose(&choice, deadline);
}
