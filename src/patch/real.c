#include "patch/real.h"

#include <dlfcn.h>
#include <string.h>

#include "base/system.h"

struct green__real green__real_table;
bool green__real_ready;

static const struct {
    const char *name;
    size_t place; /* in struct green__real */
} names[] = {
#define NAME(symbol, group, wave)                                              \
    {#symbol, offsetof(struct green__real, symbol)},
#include "patch/names.h"
#undef NAME
};

/*
 * A look-up that fails allocates its message. The program's malloc may take a
 * mutex (jemalloc), which is a hook's call again: so none may fail before all
 * others have been found. libstdc++'s functions may be missing, glibc's of C23
 * before 2.38, and the resolver's and message queues' before 2.34, when they were
 * in libraries of their own; the older names of the resolver are there for old
 * programs alone.
 */
static bool may_be_missing(const char *name)
{
    static const char *const beginnings[] = {"__cxa_", "__isoc23_", "__res_",
                                             "res_", "mq_"};

    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++)
        if (strncmp(name, beginnings[i], strlen(beginnings[i])) == 0)
            return true;
    return false;
}

/* Before glibc 2.36, dlsym finds the condition variables of LinuxThreads. */
static void *find_version(const char *name)
{
    bool is_condition = strncmp(name, "pthread_cond_", 13) == 0 &&
                        strcmp(name, "pthread_cond_clockwait") != 0;

    return is_condition ? dlvsym(RTLD_NEXT, name, "GLIBC_2.3.2") : NULL;
}

/* Behind this library; or in libc, if the search order has this library last. */
static void *find(const char *name)
{
    void *found = find_version(name), *libc;

    if (!found)
        found = dlsym(RTLD_NEXT, name);
    if (found)
        return found;
    libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
    found = libc ? dlsym(libc, name) : NULL;
    if (libc)
        dlclose(libc);
    return found;
}

void *green__real_late(void **place, const char *name)
{
    if (!*place)
        *place = find(name);
    return *place;
}

static void fill_rest(struct green__system *system,
                      const struct green__real *real)
{
    system->sendfile = real->sendfile;
    system->splice = real->splice;
    system->preadv2 = real->preadv2;
    system->pwritev2 = real->pwritev2;
    system->fopen = real->fopen;
    system->fclose = real->fclose;
    system->fgets = real->fgets;
    system->dprintf = real->dprintf;
    system->open = real->open;
    system->openat = real->openat;
    system->fsync = real->fsync;
    system->fdatasync = real->fdatasync;
    system->gettid = real->gettid;
}

static void fill_names(struct green__system *system,
                       const struct green__real *real)
{
    system->getaddrinfo = real->getaddrinfo;
    system->getnameinfo = real->getnameinfo;
}

static void fill_messages(struct green__system *system,
                          const struct green__real *real)
{
    system->recv = real->recv;
    system->recvfrom = real->recvfrom;
    system->recvmsg = real->recvmsg;
    system->send = real->send;
    system->sendto = real->sendto;
    system->sendmsg = real->sendmsg;
    system->recvmmsg = real->recvmmsg;
    system->sendmmsg = real->sendmmsg;
}

/* From here on greenhub's own calls go straight to libc. */
static void fill_system(void)
{
    struct green__system *system = green__system_table();
    const struct green__real *real = &green__real_table;

    system->read = real->read;
    system->write = real->write;
    system->readv = real->readv;
    system->writev = real->writev;
    fill_messages(system, real);
    system->socket = real->socket;
    system->socketpair = real->socketpair;
    system->pipe2 = real->pipe2;
    system->accept4 = real->accept4;
    system->connect = real->connect;
    system->close = real->close;
    system->dup = real->dup;
    system->dup3 = real->dup3;
    system->fcntl = real->fcntl;
    system->poll = real->poll;
    system->shutdown = real->shutdown;
    system->setsockopt = real->setsockopt;
    system->ioctl = real->ioctl;
    system->ppoll = real->ppoll;
    system->select = real->select;
    system->pselect = real->pselect;
    system->epoll_wait = real->epoll_wait;
    system->nanosleep = real->nanosleep;
    system->waitpid = real->waitpid;
    system->waitid = real->waitid;
    system->sigaction = real->sigaction;
    system->sigtimedwait = real->sigtimedwait;
    system->pthread_sigmask = real->pthread_sigmask;
    system->pthread_create = real->pthread_create;
    system->pthread_join = real->pthread_join;
    system->pthread_exit =
        (__typeof__(system->pthread_exit))real->pthread_exit; /* noreturn */
    system->raise = raise; /* the hook: it knows the OS thread's id */
    system->pthread_self = real->pthread_self;
    system->pthread_getattr_np = real->pthread_getattr_np;
    system->pthread_setcancelstate = real->pthread_setcancelstate;
    system->pthread_setcanceltype = real->pthread_setcanceltype;
    system->sched_yield = real->sched_yield;
    system->pthread_mutex_lock = real->pthread_mutex_lock;
    system->pthread_mutex_unlock = real->pthread_mutex_unlock;
    system->syscall = real->syscall;
    system->pthread_mutex_init = real->pthread_mutex_init;
    system->pthread_mutex_destroy = real->pthread_mutex_destroy;
    system->pthread_cond_init = real->pthread_cond_init;
    system->pthread_cond_wait = real->pthread_cond_wait;
    system->pthread_cond_timedwait = real->pthread_cond_timedwait;
    system->pthread_cond_signal = real->pthread_cond_signal;
    system->pthread_cond_broadcast = real->pthread_cond_broadcast;
    system->pthread_once = real->pthread_once;
    system->pthread_key_create = real->pthread_key_create;
    system->pthread_setspecific = real->pthread_setspecific;
    fill_rest(system, real);
    fill_names(system, real);
}

static void find_all(bool missing)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        void *place = (char *)&green__real_table + names[i].place, *found;

        if (may_be_missing(names[i].name) != missing)
            continue;
        found = find(names[i].name);
        memcpy(place, &found, sizeof found);
    }
}

/* May run twice at once, and writes the same both times. */
void green__real_find(void)
{
    find_all(false);
    __atomic_store_n(&green__real_ready, true, __ATOMIC_RELEASE);
    fill_system();
    find_all(true);
}

/* At the latest before main: a hook finds them if it is called before. */
__attribute__((constructor)) static void find_before_main(void)
{
    (void)green__real();
}
