/*
 * Timing of libc's functions that may block. Each gets a function in front of
 * it in green__real()'s table, where a hook finds it that makes a native call.
 * Calls that greenhub makes itself do not go through that table.
 */
#include <stdarg.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "patch/carrier.h"
#include "patch/report.h"
#include "patch/rule.h"

/* libc's own. */
static struct green__real behind;

/* ---- One call ------------------------------------------------------------------- */

struct timed {
    const char *symbol;
    struct green__carrier *carrier; /* NULL: the call is not timed */
    green_time began;
};

/* Other OS threads may block as they like, and the hub waits for events. What a
 * signal handler calls meanwhile is part of the call. */
static struct green__carrier *carrier_to_time(void)
{
    const struct green__scheduler *s = green__running();
    struct green__carrier *carrier =
        s && s->current != &s->hub_thread ? green__carrier_here() : NULL;

    return carrier && atomic_load(&carrier->timed) % 2 == 0 ? carrier : NULL;
}

static void begin(struct timed *call, const char *symbol)
{
    call->symbol = symbol;
    call->carrier = carrier_to_time();
    if (!call->carrier)
        return;
    atomic_fetch_add(&call->carrier->timed, 1);
    call->began = green__clock();
}

static void end(const struct timed *call)
{
    green_time time;
    int saved;

    if (!call->carrier)
        return;
    atomic_fetch_add(&call->carrier->timed, 1);
    time = green__clock() - call->began;
    if (time < GREEN__REPORT_FROM)
        return;
    saved = errno;
    green__report_note(GREEN__NATIVELY, call->symbol, green__report_caller(),
                       time);
    errno = saved;
}

/* ---- The functions ------------------------------------------------------------- */

/* clang-format off */
#define CALLS(CALL)                                                            \
    CALL(ssize_t, read, (int a, void *b, size_t c), (a, b, c))                 \
    CALL(ssize_t, write, (int a, const void *b, size_t c), (a, b, c))          \
    CALL(ssize_t, readv, (int a, const struct iovec *b, int c), (a, b, c))     \
    CALL(ssize_t, writev, (int a, const struct iovec *b, int c), (a, b, c))    \
    CALL(ssize_t, recv, (int a, void *b, size_t c, int d), (a, b, c, d))       \
    CALL(ssize_t, recvfrom, (int a, void *b, size_t c, int d,                  \
                             __SOCKADDR_ARG e, socklen_t *f),                  \
         (a, b, c, d, e, f))                                                   \
    CALL(ssize_t, recvmsg, (int a, struct msghdr *b, int c), (a, b, c))        \
    CALL(ssize_t, send, (int a, const void *b, size_t c, int d), (a, b, c, d)) \
    CALL(ssize_t, sendto, (int a, const void *b, size_t c, int d,              \
                           __CONST_SOCKADDR_ARG e, socklen_t f),               \
         (a, b, c, d, e, f))                                                   \
    CALL(ssize_t, sendmsg, (int a, const struct msghdr *b, int c), (a, b, c))  \
    CALL(ssize_t, sendfile, (int a, int b, off_t *c, size_t d), (a, b, c, d))  \
    CALL(ssize_t, sendfile64, (int a, int b, off64_t *c, size_t d),            \
         (a, b, c, d))                                                         \
    CALL(ssize_t, splice, (int a, off64_t *b, int c, off64_t *d, size_t e,     \
                           unsigned f), (a, b, c, d, e, f))                    \
    CALL(ssize_t, tee, (int a, int b, size_t c, unsigned d), (a, b, c, d))     \
    CALL(ssize_t, vmsplice, (int a, const struct iovec *b, size_t c,           \
                             unsigned d), (a, b, c, d))                        \
    CALL(ssize_t, preadv2, (int a, const struct iovec *b, int c, off_t d,      \
                            int e), (a, b, c, d, e))                           \
    CALL(ssize_t, preadv64v2, (int a, const struct iovec *b, int c,            \
                               off64_t d, int e), (a, b, c, d, e))             \
    CALL(ssize_t, pwritev2, (int a, const struct iovec *b, int c, off_t d,     \
                             int e), (a, b, c, d, e))                          \
    CALL(ssize_t, pwritev64v2, (int a, const struct iovec *b, int c,           \
                                off64_t d, int e), (a, b, c, d, e))            \
    CALL(int, msgsnd, (int a, const void *b, size_t c, int d), (a, b, c, d))   \
    CALL(ssize_t, msgrcv, (int a, void *b, size_t c, long d, int e),           \
         (a, b, c, d, e))                                                      \
    CALL(int, semtimedop, (int a, struct sembuf *b, size_t c,                  \
                           const struct timespec *d), (a, b, c, d))            \
    CALL(ssize_t, mq_receive, (mqd_t a, char *b, size_t c, unsigned *d),       \
         (a, b, c, d))                                                         \
    CALL(int, mq_send, (mqd_t a, const char *b, size_t c, unsigned d),         \
         (a, b, c, d))                                                         \
    CALL(ssize_t, mq_timedreceive, (mqd_t a, char *b, size_t c, unsigned *d,   \
                                    const struct timespec *e),                 \
         (a, b, c, d, e))                                                      \
    CALL(int, mq_timedsend, (mqd_t a, const char *b, size_t c, unsigned d,     \
                             const struct timespec *e), (a, b, c, d, e))       \
    CALL(int, accept, (int a, __SOCKADDR_ARG b, socklen_t *c), (a, b, c))      \
    CALL(int, accept4, (int a, __SOCKADDR_ARG b, socklen_t *c, int d),         \
         (a, b, c, d))                                                         \
    CALL(int, connect, (int a, __CONST_SOCKADDR_ARG b, socklen_t c),           \
         (a, b, c))                                                            \
    CALL(int, close, (int a), (a))                                             \
    CALL(int, poll, (struct pollfd *a, nfds_t b, int c), (a, b, c))            \
    CALL(int, ppoll, (struct pollfd *a, nfds_t b, const struct timespec *c,    \
                      const sigset_t *d), (a, b, c, d))                        \
    CALL(int, select, (int a, fd_set *b, fd_set *c, fd_set *d,                 \
                       struct timeval *e), (a, b, c, d, e))                    \
    CALL(int, pselect, (int a, fd_set *b, fd_set *c, fd_set *d,                \
                        const struct timespec *e, const sigset_t *f),          \
         (a, b, c, d, e, f))                                                   \
    CALL(int, epoll_wait, (int a, struct epoll_event *b, int c, int d),        \
         (a, b, c, d))                                                         \
    CALL(int, epoll_pwait, (int a, struct epoll_event *b, int c, int d,        \
                            const sigset_t *e), (a, b, c, d, e))               \
    CALL(int, epoll_pwait2, (int a, struct epoll_event *b, int c,              \
                             const struct timespec *d, const sigset_t *e),     \
         (a, b, c, d, e))                                                      \
    CALL(unsigned, sleep, (unsigned a), (a))                                   \
    CALL(int, usleep, (useconds_t a), (a))                                     \
    CALL(int, nanosleep, (const struct timespec *a, struct timespec *b),       \
         (a, b))                                                               \
    CALL(int, clock_nanosleep, (clockid_t a, int b, const struct timespec *c,  \
                                struct timespec *d), (a, b, c, d))             \
    CALL(int, getaddrinfo, (const char *a, const char *b,                      \
                            const struct addrinfo *c, struct addrinfo **d),    \
         (a, b, c, d))                                                         \
    CALL(int, getnameinfo, (const struct sockaddr *a, socklen_t b, char *c,    \
                            socklen_t d, char *e, socklen_t f, int g),         \
         (a, b, c, d, e, f, g))                                                \
    CALL(struct hostent *, gethostbyname, (const char *a), (a))                \
    CALL(struct hostent *, gethostbyname2, (const char *a, int b), (a, b))     \
    CALL(struct hostent *, gethostbyaddr, (const void *a, socklen_t b, int c), \
         (a, b, c))                                                            \
    CALL(int, gethostbyname_r, (const char *a, struct hostent *b, char *c,     \
                                size_t d, struct hostent **e, int *f),         \
         (a, b, c, d, e, f))                                                   \
    CALL(int, gethostbyname2_r, (const char *a, int b, struct hostent *c,      \
                                 char *d, size_t e, struct hostent **f,        \
                                 int *g), (a, b, c, d, e, f, g))               \
    CALL(int, gethostbyaddr_r, (const void *a, socklen_t b, int c,             \
                                struct hostent *d, char *e, size_t f,          \
                                struct hostent **g, int *h),                   \
         (a, b, c, d, e, f, g, h))                                             \
    CALL(pid_t, wait, (int *a), (a))                                           \
    CALL(pid_t, waitpid, (pid_t a, int *b, int c), (a, b, c))                  \
    CALL(pid_t, wait3, (int *a, int b, struct rusage *c), (a, b, c))           \
    CALL(pid_t, wait4, (pid_t a, int *b, int c, struct rusage *d),             \
         (a, b, c, d))                                                         \
    CALL(int, waitid, (idtype_t a, id_t b, siginfo_t *c, int d), (a, b, c, d)) \
    CALL(int, system, (const char *a), (a))                                    \
    CALL(int, pclose, (FILE *a), (a))                                          \
    CALL(int, pthread_join, (pthread_t a, void **b), (a, b))                   \
    CALL(int, pthread_timedjoin_np, (pthread_t a, void **b,                    \
                                     const struct timespec *c), (a, b, c))     \
    CALL(int, pthread_clockjoin_np, (pthread_t a, void **b, clockid_t c,       \
                                     const struct timespec *d), (a, b, c, d))  \
    CALL(int, thrd_join, (thrd_t a, int *b), (a, b))                           \
    CALL(int, thrd_sleep, (const struct timespec *a, struct timespec *b),      \
         (a, b))                                                               \
    CALL(int, pause, (void), ())                                               \
    CALL(int, sigsuspend, (const sigset_t *a), (a))                            \
    CALL(int, sigwait, (const sigset_t *a, int *b), (a, b))                    \
    CALL(int, sigwaitinfo, (const sigset_t *a, siginfo_t *b), (a, b))          \
    CALL(int, sigtimedwait, (const sigset_t *a, siginfo_t *b,                  \
                             const struct timespec *c), (a, b, c))             \
    CALL(int, pthread_mutex_lock, (pthread_mutex_t *a), (a))                   \
    CALL(int, pthread_mutex_timedlock, (pthread_mutex_t *a, const struct       \
         timespec *b), (a, b))                                                 \
    CALL(int, pthread_mutex_clocklock, (pthread_mutex_t *a, clockid_t b,       \
         const struct timespec *c), (a, b, c))                                 \
    CALL(int, pthread_cond_wait, (pthread_cond_t *a, pthread_mutex_t *b),      \
         (a, b))                                                               \
    CALL(int, pthread_cond_timedwait, (pthread_cond_t *a, pthread_mutex_t      \
         *b, const struct timespec *c), (a, b, c))                             \
    CALL(int, pthread_cond_clockwait, (pthread_cond_t *a, pthread_mutex_t      \
         *b, clockid_t c, const struct timespec *d), (a, b, c, d))             \
    CALL(int, pthread_rwlock_rdlock, (pthread_rwlock_t *a), (a))               \
    CALL(int, pthread_rwlock_wrlock, (pthread_rwlock_t *a), (a))               \
    CALL(int, pthread_barrier_wait, (pthread_barrier_t *a), (a))               \
    CALL(int, sem_wait, (sem_t *a), (a))                                       \
    CALL(int, sem_timedwait, (sem_t *a, const struct timespec *b), (a, b))
/* clang-format on */

#define TIMED(type, symbol, parameters, arguments)                             \
    static type timed_##symbol parameters                                      \
    {                                                                          \
        struct timed call;                                                     \
        type result;                                                           \
                                                                               \
        begin(&call, #symbol);                                                 \
        result = behind.symbol arguments;                                      \
        end(&call);                                                            \
        return result;                                                         \
    }
CALLS(TIMED)

/* F_SETLKW waits for a lock. */
static int timed_fcntl64(int fd, int command, ...)
{
    struct timed call;
    va_list arguments;
    void *argument;
    int result;

    va_start(arguments, command);
    argument = va_arg(arguments, void *);
    va_end(arguments);
    begin(&call, "fcntl");
    result = behind.fcntl64(fd, command, argument);
    end(&call);
    return result;
}

static long timed_syscall(long number, ...)
{
    struct timed call;
    long a[6], result;
    va_list arguments;

    va_start(arguments, number);
    for (unsigned i = 0; i < 6; i++)
        a[i] = va_arg(arguments, long);
    va_end(arguments);
    begin(&call, "syscall");
    result = behind.syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
    end(&call);
    return result;
}

#define PUT(type, symbol, parameters, arguments)                               \
    green__real_table.symbol = timed_##symbol;

void green__report_time_calls(void)
{
    behind = *green__real();
    CALLS(PUT)
    green__real_table.fcntl64 = timed_fcntl64;
    green__real_table.syscall = timed_syscall;
}
