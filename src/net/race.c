/*
 * The caller waits for news of its greenthreads, one for each look-up and each
 * attempt, and for the times at which the next attempt is due. They belong to a
 * scope, which ends before the caller returns.
 */
#include "net/race.h"

#include <errno.h>
#include <string.h>

#include <greenhub/io.h>
#include <greenhub/scope.h>

#include "base/self.h"
#include "greenthread/park.h"
#include "net/ask.h"
#include "net/order.h"
#include "net/system_resolver.h"

#define ATTEMPT_DELAY (250 * GREEN_MSEC)
#define RESOLUTION_DELAY (50 * GREEN_MSEC)

struct race {
    struct green_scope scope;
    const struct green__connect *how;
    int type; /* of the sockets */
    struct green__addresses untried;
    unsigned attempts;            /* that run now */
    int last;                     /* family of the last attempt, or AF_UNSPEC */
    green_time next;              /* when the next is due; 0: now */
    int fd, error;                /* what came of the attempts */
    struct green__waiter *waiter; /* the caller's, while it waits */

    const struct green_resolver *resolver; /* NULL: the system's */
    struct green__question *question;
    unsigned look_ups; /* that run now and may tell more */
    int look_up_error;

    bool v4_known, v6_known; /* the system's resolver has answered */
    int alone;               /* the family to ask it for next; 0: none */
    green_time alone_at;
};

static const struct green__wait_kind racing = {.name = "dial"};

static void tell(struct race *it)
{
    struct green__waiter *waiter = it->waiter;

    it->waiter = NULL;
    if (waiter)
        green__wake(waiter);
}

/* ---- Attempts -------------------------------------------------------- */

static struct green_socket_address take_first(struct green__addresses *it)
{
    struct green_socket_address first = it->list[0];

    it->count--;
    memmove(it->list, it->list + 1, it->count * sizeof first);
    return first;
}

static void attempt_failed(struct race *it, int error)
{
    it->error = error;
    it->next = 0;
}

static int attempt(void *arg)
{
    struct race *it = arg;
    struct green_socket_address to = take_first(&it->untried);
    int fd = green__connect_to(it->type, &to.at.any, to.length, it->how);

    it->attempts--;
    if (fd < 0)
        attempt_failed(it, errno);
    else if (it->fd < 0)
        it->fd = fd;
    else
        green_close(fd); /* two at the same time */
    tell(it);
    return 0;
}

static void start_attempt(struct race *it)
{
    it->last = it->untried.list[0].at.any.sa_family;
    it->next = green_after(ATTEMPT_DELAY);
    it->attempts++;
    if (green_scope_spawn(&it->scope, attempt, it) == 0)
        return;
    it->attempts--;
    attempt_failed(it, errno);
    take_first(&it->untried);
}

/* ---- Look-ups by a program's resolver ---------------------------------- */

/* When the first attempt is due. Later answers wait for their turn. */
static void answered(struct race *it, int family)
{
    it->look_ups--;
    if (it->attempts == 0)
        it->next = family == AF_INET && it->look_ups > 0
                       ? green_after(RESOLUTION_DELAY)
                       : 0;
    tell(it);
}

static void look_up(struct race *it, int family)
{
    struct green__addresses found = {0};

    if (green__ask_family(it->resolver, it->question->host, family, &found,
                          NULL) < 0)
        it->look_up_error = green__worse_error(it->look_up_error, errno);
    green__addresses_set_port(&found, it->question->port);
    if (green__addresses_append(&it->untried, &found) < 0)
        it->look_up_error = ENOMEM;
    green__addresses_clear(&found);
    green__order(&it->untried);
    green__interleave(&it->untried, it->last);
    answered(it, family);
}

static int look_up_v6(void *arg)
{
    look_up(arg, AF_INET6);
    return 0;
}

static int look_up_v4(void *arg)
{
    look_up(arg, AF_INET);
    return 0;
}

static int start_look_ups(struct race *it)
{
    it->look_ups = 2; /* one may end before the other has begun */
    if (green_scope_spawn(&it->scope, look_up_v6, it) < 0)
        return -1;
    return green_scope_spawn(&it->scope, look_up_v4, it);
}

/* ---- Look-ups by the system's resolver ---------------------------------- */

/*
 * One question for both families comes first: the answer is in the order of
 * gai.conf(5), and a name in /etc/hosts that has IPv4 alone is not looked up
 * elsewhere for IPv6. It ends when both families are answered. If that takes
 * long, one of them may be silent, so each is asked for alone, too, IPv4 first.
 */
static bool is_known(const struct race *it, int family)
{
    return family == AF_INET6 ? it->v6_known : it->v4_known;
}

static void drop_known(const struct race *it, struct green__addresses *found)
{
    size_t kept = 0;

    for (size_t i = 0; i < found->count; i++)
        if (!is_known(it, found->list[i].at.any.sa_family))
            found->list[kept++] = found->list[i];
    found->count = kept;
}

static void use_answer(struct race *it, struct green__addresses *found)
{
    drop_known(it, found);
    if (green__addresses_append(&it->untried, found) < 0)
        it->look_up_error = ENOMEM;
    green__interleave(&it->untried, it->last);
    if (it->attempts == 0)
        it->next = 0;
}

static int ask_for_all(void *arg)
{
    struct race *it = arg;
    struct green__addresses found = {0};

    if (green__system_resolve(it->question, &found) < 0)
        it->look_up_error = errno;
    use_answer(it, &found);
    green__addresses_clear(&found);
    it->v4_known = it->v6_known = true;
    it->look_ups = 0;
    tell(it);
    return 0;
}

/* A failure says nothing that the answer to the first question will not. */
static void ask_for_one(struct race *it, int family)
{
    struct green__question question = *it->question;
    struct green__addresses found = {0};

    question.family = family;
    if (green__system_resolve(&question, &found) == 0 &&
        !is_known(it, family)) {
        use_answer(it, &found);
        *(family == AF_INET6 ? &it->v6_known : &it->v4_known) = true;
        tell(it);
    }
    green__addresses_clear(&found);
}

static int ask_for_v4(void *arg)
{
    ask_for_one(arg, AF_INET);
    return 0;
}

static int ask_for_v6(void *arg)
{
    ask_for_one(arg, AF_INET6);
    return 0;
}

static bool asks_alone(const struct race *it)
{
    return it->alone && !it->v4_known && !it->v6_known;
}

static void ask_alone(struct race *it)
{
    bool v4 = it->alone == AF_INET;

    green_scope_spawn(&it->scope, v4 ? ask_for_v4 : ask_for_v6, it);
    it->alone = v4 ? AF_INET6 : 0;
    it->alone_at = green_after(RESOLUTION_DELAY);
}

static int ask_system(struct race *it)
{
    it->look_ups = 1;
    it->alone = AF_INET;
    it->alone_at = green_after(RESOLUTION_DELAY);
    return green_scope_spawn(&it->scope, ask_for_all, it);
}

/* ---- The race -------------------------------------------------------- */

static green_time time_of_next_step(const struct race *it)
{
    green_time next = it->untried.count > 0 ? it->next : GREEN_FOREVER;

    return asks_alone(it) && it->alone_at < next ? it->alone_at : next;
}

/* Until there is news, or the next attempt is due. */
static int wait_for_news(struct race *it)
{
    struct green__waiter waiter;
    int result;

    green__waiter_init(&waiter, &racing);
    it->waiter = &waiter;
    result = green__park_until(&waiter, time_of_next_step(it));
    it->waiter = NULL;
    return result < 0 && errno != EAGAIN ? -1 : 0;
}

static int run(struct race *it)
{
    while (it->fd < 0 && (it->attempts || it->look_ups || it->untried.count)) {
        if (it->untried.count > 0 && it->next <= green_now())
            start_attempt(it);
        else if (asks_alone(it) && it->alone_at <= green_now())
            ask_alone(it);
        else if (wait_for_news(it) < 0)
            return errno;
    }
    return 0;
}

static int look_up_failed(struct race *it)
{
    int error = it->look_up_error;

    if (it->resolver)
        it->question->why = green__words_of_code(green__code_of_error(error));
    return error == ENODATA ? ENOENT : error;
}

/* A connection counts even if the caller was killed meanwhile. */
static int result_of(struct race *it, int error)
{
    if (it->fd >= 0)
        return it->fd;
    if (!error)
        error = it->error ? it->error : look_up_failed(it);
    return green__refuse(error);
}

static int race(struct race *it)
{
    int error = 0;

    if (green_scope_begin(&it->scope, GREEN_FOREVER) < 0)
        return -1;
    if (it->question &&
        (it->resolver ? start_look_ups(it) : ask_system(it)) < 0)
        error = errno;
    if (!error)
        error = run(it);
    green_scope_stop(&it->scope);
    green_scope_end(&it->scope);
    green__addresses_clear(&it->untried);
    return result_of(it, error);
}

int green__race(int type, struct green__addresses *addresses,
                const struct green__connect *how)
{
    struct race it = {.type = type, .how = how, .fd = -1};

    green__interleave(addresses, AF_UNSPEC);
    if (green__addresses_append(&it.untried, addresses) < 0)
        return -1;
    return race(&it);
}

int green__race_to_host(const struct green_resolver *resolver,
                        struct green__question *question,
                        const struct green__connect *how)
{
    struct race it = {.type = question->type,
                      .how = how,
                      .fd = -1,
                      .resolver = resolver,
                      .question = question};

    return race(&it);
}
