/*
 * What the report of `greenhub run` is about. It knows nothing of greenhub, and
 * blocks its OS thread again and again, until its input ends:
 *
 *     blocks_all native     in a function of libc
 *     blocks_all outside    in a system call that the library does not see
 *     blocks_all spun       by computing
 *     blocks_all thread     not, but asks for the OS thread's id
 *     blocks_all nothing    not at all
 *
 * With another word, in a thread.
 */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Exported, so that their names can be found. Not inlined: they are callers. */
#define NAMED __attribute__((noinline, visibility("default")))

NAMED unsigned sleep_in_libc(void);
NAMED unsigned sleep_by_number(void);
NAMED unsigned compute(void);
NAMED unsigned ask_for_id(void);

/* What is added after the call keeps it from being the last jump. */
unsigned sleep_in_libc(void)
{
    return (unsigned)usleep(30000) + 1;
}

/* ppoll(2) without a function of libc's. */
#if defined(__x86_64__)

static __attribute__((noinline)) long wait_for(const struct timespec *time)
{
    register long mask __asm__("r10") = 0, size __asm__("r8") = 0;
    long result = SYS_ppoll;

    __asm__ volatile("syscall"
                     : "+a"(result)
                     : "D"(NULL), "S"(0L), "d"(time), "r"(mask), "r"(size)
                     : "rcx", "r11", "memory");
    return result;
}

#elif defined(__aarch64__)

static __attribute__((noinline)) long wait_for(const struct timespec *time)
{
    register long number __asm__("x8") = SYS_ppoll;
    register long fds __asm__("x0") = 0, count __asm__("x1") = 0;
    register const void *limit __asm__("x2") = time;
    register long mask __asm__("x3") = 0, size __asm__("x4") = 0;

    __asm__ volatile("svc 0"
                     : "+r"(fds)
                     : "r"(number), "r"(count), "r"(limit), "r"(mask), "r"(size)
                     : "memory");
    return fds;
}

#else /* where the tests that run this program are not run */

static __attribute__((noinline)) long wait_for(const struct timespec *time)
{
    return ppoll(NULL, 0, time, NULL);
}

#endif

unsigned sleep_by_number(void)
{
    const struct timespec time = {.tv_nsec = 50000000};

    return (unsigned)wait_for(&time) + 1;
}

unsigned compute(void)
{
    volatile unsigned sum = 0;

    for (unsigned i = 0; i < 50000000; i++)
        sum += i;
    return sum | 1;
}

unsigned ask_for_id(void)
{
    (void)usleep(1000);
    return (unsigned)gettid() + 1;
}

static unsigned nothing(void)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};

    return (unsigned)poll(&input, 1, 1) + 1;
}

static unsigned (*function_of(const char *word))(void)
{
    return strcmp(word, "native") == 0    ? sleep_in_libc
           : strcmp(word, "outside") == 0 ? sleep_by_number
           : strcmp(word, "spun") == 0    ? compute
           : strcmp(word, "thread") == 0  ? ask_for_id
                                          : nothing;
}

static void *block(void *word)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    unsigned (*function)(void) = function_of(word);

    while (poll(&input, 1, 0) == 0)
        function();
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t thread;

    if (argc == 2)
        block(argv[1]);
    else if (argc > 2 && pthread_create(&thread, NULL, block, argv[1]) == 0)
        pthread_join(thread, NULL);
    puts("done");
    return 0;
}
