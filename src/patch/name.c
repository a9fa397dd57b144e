/*
 * Name look-ups: by the program's resolver (green_use_resolver), or by the
 * system's on OS threads. Numeric addresses need none. On an OS thread the older
 * functions write into memory of their callers, and so they are waited for to
 * their end; all else can be interrupted.
 */
#include <greenhub/resolve.h>
#include <greenhub/thread.h>

#include <arpa/inet.h>
#include <stdlib.h>

#include "base/system.h"
#include "patch/host.h"
#include "patch/rule.h"
#include "patch/worker.h"

GREEN__HOOK int getaddrinfo(const char *node, const char *service,
                            const struct addrinfo *hints,
                            struct addrinfo **found)
{
    if (green__is_green(GREEN_PATCH_NAMES))
        return green_getaddrinfo(node, service, hints, found);
    return green__real()->getaddrinfo(node, service, hints, found);
}

/* ---- The older functions -------------------------------------------------- */

/* A call of one of them. `run` makes the native call, `ask` asks the program's
 * resolver. */
struct look_up {
    void (*run)(struct look_up *it);
    void (*ask)(struct look_up *it);
    const void *address; /* or the name */
    socklen_t length;
    int family;
    struct hostent *entry; /* the caller's */
    char *buffer;
    size_t size;
    struct hostent **found;
    int *h_error;
    int result;
    int h_error_here; /* h_errno belongs to the OS thread that looked up */
};

static long run_on_worker(void *arg)
{
    struct look_up *it = arg;

    it->run(it);
    it->h_error_here = h_errno;
    return 0;
}

static struct green__host_place place_of(const struct look_up *it)
{
    return (struct green__host_place){it->entry, it->buffer, it->size,
                                      it->found, it->h_error};
}

static void ask_for_name(struct look_up *it)
{
    const struct green__host_place place = place_of(it);

    it->result = green__host_by_name(it->address, it->family, &place);
}

static void ask_for_address(struct look_up *it)
{
    const struct green__host_place place = place_of(it);

    it->result =
        green__host_by_address(it->address, it->length, it->family, &place);
}

static void look_up(struct look_up *it, bool green)
{
    if (green && green__has_resolver_for(it->family))
        it->ask(it);
    else if (green && green__on_worker(GREEN__RESOLVER, run_on_worker, it))
        h_errno = it->h_error_here;
    else
        it->run(it);
}

static bool is_numeric(const char *name)
{
    struct in6_addr address;

    return inet_aton(name, (struct in_addr *)(void *)&address) ||
           inet_pton(AF_INET6, name, &address) == 1;
}

static bool name_is_green(const char *name)
{
    return name && !is_numeric(name) && green__is_green(GREEN_PATCH_NAMES);
}

static void by_name_r(struct look_up *it)
{
    it->result = green__real()->gethostbyname_r(
        it->address, it->entry, it->buffer, it->size, it->found, it->h_error);
}

GREEN__HOOK int gethostbyname_r(const char *name, struct hostent *entry,
                                char *buffer, size_t size,
                                struct hostent **found, int *h_error)
{
    struct look_up it = {.run = by_name_r,
                         .ask = ask_for_name,
                         .address = name,
                         .family = AF_INET,
                         .entry = entry,
                         .buffer = buffer,
                         .size = size,
                         .found = found,
                         .h_error = h_error};

    look_up(&it, name_is_green(name));
    return it.result;
}

static void by_name2_r(struct look_up *it)
{
    it->result = green__real()->gethostbyname2_r(
        it->address, it->family, it->entry, it->buffer, it->size, it->found,
        it->h_error);
}

GREEN__HOOK int gethostbyname2_r(const char *name, int family,
                                 struct hostent *entry, char *buffer,
                                 size_t size, struct hostent **found,
                                 int *h_error)
{
    struct look_up it = {.run = by_name2_r,
                         .ask = ask_for_name,
                         .address = name,
                         .family = family,
                         .entry = entry,
                         .buffer = buffer,
                         .size = size,
                         .found = found,
                         .h_error = h_error};

    look_up(&it, name_is_green(name));
    return it.result;
}

static void by_address_r(struct look_up *it)
{
    it->result = green__real()->gethostbyaddr_r(
        it->address, it->length, it->family, it->entry, it->buffer, it->size,
        it->found, it->h_error);
}

GREEN__HOOK int gethostbyaddr_r(const void *address, socklen_t length,
                                int family, struct hostent *entry, char *buffer,
                                size_t size, struct hostent **found,
                                int *h_error)
{
    struct look_up it = {.run = by_address_r,
                         .ask = ask_for_address,
                         .address = address,
                         .length = length,
                         .family = family,
                         .entry = entry,
                         .buffer = buffer,
                         .size = size,
                         .found = found,
                         .h_error = h_error};

    look_up(&it, green__is_green(GREEN_PATCH_NAMES));
    return it.result;
}

/* ---- Those that return memory of libc's ---------------------------------- */

/*
 * libc has one answer for all its threads, which the next look-up overwrites, by
 * whatever OS thread of the pool. So each greenthread has an answer of its own,
 * until its next look-up or its end.
 */
struct answer {
    struct hostent entry;
    char buffer[];
};

static unsigned answer_key;
static bool have_key;

static void make_key(void)
{
    have_key = green_key_create(&answer_key, free) == 0;
}

static bool keep_answer(struct answer *answer)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    void *before;

    green__system_table()->pthread_once(&once, make_key);
    if (!have_key)
        return false;
    before = green_key_get(answer_key);
    if (green_key_set(answer_key, answer) < 0)
        return false;
    free(before);
    return true;
}

static struct hostent *no_answer(struct answer *answer)
{
    free(answer);
    errno = ENOMEM;
    h_errno = NETDB_INTERNAL;
    return NULL;
}

/* By the form of the call that writes into memory of its caller. */
static struct hostent *look_up_own(struct look_up *it)
{
    struct answer *answer = NULL, *larger;
    struct hostent *found = NULL;
    int h_error = 0;

    it->found = &found;
    it->h_error = &h_error;
    do {
        it->size = it->size ? 2 * it->size : 1024;
        larger = realloc(answer, sizeof *answer + it->size);
        if (!larger)
            return no_answer(answer); /* NOLINT: `it` is not used again */
        answer = larger;
        it->entry = &answer->entry;
        it->buffer = answer->buffer;
        look_up(it, true);
    } while (it->result == ERANGE && h_error == NETDB_INTERNAL);
    it->found = NULL;
    it->h_error = NULL;
    if (!keep_answer(answer))
        return no_answer(answer);
    h_errno = h_error;
    return found;
}

GREEN__HOOK struct hostent *gethostbyname(const char *name)
{
    struct look_up it = {.run = by_name_r,
                         .ask = ask_for_name,
                         .address = name,
                         .family = AF_INET};

    if (name_is_green(name))
        return look_up_own(&it);
    return green__real()->gethostbyname(name);
}

GREEN__HOOK struct hostent *gethostbyname2(const char *name, int family)
{
    struct look_up it = {.run = by_name2_r,
                         .ask = ask_for_name,
                         .address = name,
                         .family = family};

    if (name_is_green(name))
        return look_up_own(&it);
    return green__real()->gethostbyname2(name, family);
}

GREEN__HOOK struct hostent *gethostbyaddr(const void *address, socklen_t length,
                                          int family)
{
    struct look_up it = {.run = by_address_r,
                         .ask = ask_for_address,
                         .address = address,
                         .length = length,
                         .family = family};

    if (green__is_green(GREEN_PATCH_NAMES))
        return look_up_own(&it);
    return green__real()->gethostbyaddr(address, length, family);
}

/* ---- getnameinfo ---------------------------------------------------------- */

GREEN__HOOK int getnameinfo(const struct sockaddr *restrict address,
                            socklen_t length, char *restrict host,
                            socklen_t host_size, char *restrict service,
                            socklen_t service_size, int flags)
{
    bool asks = address && host && !(flags & NI_NUMERICHOST);
    int before = errno, result;

    if (!asks || !green__is_green(GREEN_PATCH_NAMES))
        return green__real()->getnameinfo(address, length, host, host_size,
                                          service, service_size, flags);
    result = green_getnameinfo(address, length, host, host_size, service,
                               service_size, flags);
    if (result != EAI_SYSTEM)
        errno = before;
    return result;
}
