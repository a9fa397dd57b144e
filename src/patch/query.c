/*
 * Queries of DNS by the resolver's older interface, on its OS threads.
 *
 * A query without a state uses that of the calling thread, which greenthreads may
 * share, and no OS thread of the resolver has: so it gets a copy for itself. The
 * sockets of the original stay with it, and all that both point to is only read.
 */
#include <resolv.h>
#include <string.h>

#include "patch/rule.h"
#include "patch/worker.h"

struct query {
    int (*run)(struct query *it);
    struct __res_state *state;
    const char *name, *domain;
    int class, type;
    const unsigned char *message;
    int message_size;
    unsigned char *answer;
    int size, result;
    int h_error; /* h_errno belongs to the OS thread that asked */
};

/* Before glibc 2.34 they are in a library of their own, with the older names. */
#define REAL(name)                                                             \
    __extension__((__typeof__(name) *)either(                                  \
        (void **)&green__real_table.name, #name,                               \
        (void **)&green__real_table.__##name, "__" #name))

static void *either(void **place, const char *name, void **older_place,
                    const char *older)
{
    void *found;

    (void)green__real();
    found = green__real_late(place, name);
    return found ? found : green__real_late(older_place, older);
}

/* ---- On an OS thread of the resolver ---------------------------------------- */

static long run_on_worker(void *arg)
{
    struct query *it = arg;

    h_errno = it->h_error; /* a query that succeeds leaves it */
    it->result = it->run(it);
    it->h_error = h_errno;
    return 0;
}

static int ask(struct query *it)
{
    int before = errno;

    it->h_error = h_errno;
    if (green__on_worker(GREEN__RESOLVER, run_on_worker, it))
        h_errno = it->h_error;
    else
        (void)run_on_worker(it);
    return (int)green__kept(before, it->result);
}

/* With a state that nobody else uses meanwhile. */
static int ask_with_copy(struct query *it)
{
    struct __res_state *mine = &_res, copy;

    if (!(mine->options & RES_INIT) && res_ninit(mine) != 0) {
        h_errno = NETDB_INTERNAL;
        return -1;
    }
    copy = *mine;
    copy.options &= ~(unsigned long)RES_STAYOPEN;
    copy._vcsock = -1;
    copy._flags = 0;
    for (int i = 0; i < MAXNS; i++)
        copy._u._ext.nssocks[i] = -1;
    it->state = &copy;
    (void)ask(it);
    mine->res_h_errno = copy.res_h_errno;
    return it->result;
}

/* Without a state a query uses the calling thread's. */
static int run(struct query *it)
{
    if (!green__is_green(GREEN_PATCH_NAMES))
        return it->run(it);
    return it->state ? ask(it) : ask_with_copy(it);
}

/* ---- Queries by name ---------------------------------------------------------- */

static int run_query(struct query *it)
{
    if (!it->state)
        return REAL(res_query)(it->name, it->class, it->type, it->answer,
                               it->size);
    return REAL(res_nquery)(it->state, it->name, it->class, it->type,
                            it->answer, it->size);
}

GREEN__HOOK int res_nquery(res_state state, const char *name, int class,
                           int type, unsigned char *answer, int size)
{
    struct query it = {.run = run_query,
                       .state = state,
                       .name = name,
                       .class = class,
                       .type = type,
                       .answer = answer,
                       .size = size};

    return run(&it);
}

GREEN__HOOK int res_query(const char *name, int class, int type,
                          unsigned char *answer, int size)
{
    struct query it = {.run = run_query,
                       .name = name,
                       .class = class,
                       .type = type,
                       .answer = answer,
                       .size = size};

    return run(&it);
}

static int run_search(struct query *it)
{
    if (!it->state)
        return REAL(res_search)(it->name, it->class, it->type, it->answer,
                                it->size);
    return REAL(res_nsearch)(it->state, it->name, it->class, it->type,
                             it->answer, it->size);
}

GREEN__HOOK int res_nsearch(res_state state, const char *name, int class,
                            int type, unsigned char *answer, int size)
{
    struct query it = {.run = run_search,
                       .state = state,
                       .name = name,
                       .class = class,
                       .type = type,
                       .answer = answer,
                       .size = size};

    return run(&it);
}

GREEN__HOOK int res_search(const char *name, int class, int type,
                           unsigned char *answer, int size)
{
    struct query it = {.run = run_search,
                       .name = name,
                       .class = class,
                       .type = type,
                       .answer = answer,
                       .size = size};

    return run(&it);
}

static int run_domain(struct query *it)
{
    if (!it->state)
        return REAL(res_querydomain)(it->name, it->domain, it->class, it->type,
                                     it->answer, it->size);
    return REAL(res_nquerydomain)(it->state, it->name, it->domain, it->class,
                                  it->type, it->answer, it->size);
}

GREEN__HOOK int res_nquerydomain(res_state state, const char *name,
                                 const char *domain, int class, int type,
                                 unsigned char *answer, int size)
{
    struct query it = {.run = run_domain,
                       .state = state,
                       .name = name,
                       .domain = domain,
                       .class = class,
                       .type = type,
                       .answer = answer,
                       .size = size};

    return run(&it);
}

GREEN__HOOK int res_querydomain(const char *name, const char *domain, int class,
                                int type, unsigned char *answer, int size)
{
    struct query it = {.run = run_domain,
                       .name = name,
                       .domain = domain,
                       .class = class,
                       .type = type,
                       .answer = answer,
                       .size = size};

    return run(&it);
}

/* ---- Messages ------------------------------------------------------------------ */

static int run_send(struct query *it)
{
    if (!it->state)
        return REAL(res_send)(it->message, it->message_size, it->answer,
                              it->size);
    return REAL(res_nsend)(it->state, it->message, it->message_size, it->answer,
                           it->size);
}

GREEN__HOOK int res_nsend(res_state state, const unsigned char *message,
                          int message_size, unsigned char *answer, int size)
{
    struct query it = {.run = run_send,
                       .state = state,
                       .message = message,
                       .message_size = message_size,
                       .answer = answer,
                       .size = size};

    return run(&it);
}

GREEN__HOOK int res_send(const unsigned char *message, int message_size,
                         unsigned char *answer, int size)
{
    struct query it = {.run = run_send,
                       .message = message,
                       .message_size = message_size,
                       .answer = answer,
                       .size = size};

    return run(&it);
}
