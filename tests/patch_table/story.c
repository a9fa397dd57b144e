/* One run of a row: its text, and the other side. */
#include "story.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <greenhub.h>
#include <greenhub/patch.h>

#include "table.h"

/* No error of the kernel has this number. */
#define NO_ERROR_YET 4000

static struct story *story;
static green_time since;
static void (*act_later)(void);
static struct green_thread *green_caller, *green_peer;
static pthread_t native_caller, native_peer;
static pid_t caller_id;
static bool has_peer;
static volatile sig_atomic_t pipe_signals;

/* ---- The text --------------------------------------------------------- */

bool is_green(void)
{
    return story->mode != NATIVE;
}

/* Both clocks go on in a wait; on the hub `sim` only its own does. */
static green_time clock_now(void)
{
    struct timespec now;

    if (is_green())
        return green_now();
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * GREEN_SEC + now.tv_nsec;
}

void begin(void)
{
    since = clock_now();
    errno = NO_ERROR_YET;
}

static void no_error(void)
{
    errno = NO_ERROR_YET;
}

static void append(const char *format, va_list arguments)
{
    size_t length = strlen(story->text);

    vsnprintf(story->text + length, sizeof story->text - length, format,
              arguments);
}

static void put(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    append(format, arguments);
    va_end(arguments);
}

void say(const char *format, ...)
{
    va_list arguments;

    put("%s", *story->text ? "; " : "");
    va_start(arguments, format);
    append(format, arguments);
    va_end(arguments);
    no_error();
}

static const char *error_name(int error)
{
    const char *name = strerrorname_np(error);

    return name ? name : "no name";
}

void said(long result)
{
    int error = errno;

    put("%s%ld", *story->text ? "; " : "", result);
    if (error != NO_ERROR_YET)
        put(" %s", error_name(error));
    if (pipe_signals)
        put(" and SIGPIPE");
    pipe_signals = 0;
    no_error();
}

void said_error(int error)
{
    int global = errno;

    put("%s%s", *story->text ? "; " : "", error ? error_name(error) : "0");
    if (global != NO_ERROR_YET)
        put(" and errno %s", error_name(global));
    no_error();
}

void say_waited(int64_t nanoseconds)
{
    say("%s", clock_now() - since >= nanoseconds ? "waited" : "did not wait");
}

void needs(bool there, const char *what)
{
    if (there)
        return;
    if (story->mode == KILLED)
        _exit(0); /* the call before has been, and all that come fail */
    snprintf(story->missing, sizeof story->missing, "%s", what);
    _exit(0);
}

/* ---- The other side --------------------------------------------------- */

static bool caller_sleeps(void)
{
    char path[64], text[512] = "", *end;
    int fd;

    snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)caller_id);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, text, sizeof text - 1) <= 0)
        abort();
    close(fd);
    end = strrchr(text, ')');
    return end && end[1] == ' ' && end[2] == 'S';
}

static void nap(void)
{
    const struct timespec time = {.tv_nsec = 1000000};

    nanosleep(&time, NULL);
}

/* Twice in a row: it may wait for a moment for something else. */
static void await_native_caller(void)
{
    for (int times = 0; times < 2; times = caller_sleeps() ? times + 1 : 0)
        nap();
}

/* A build that yields at random lets the peer run before the caller waits. */
#define YIELDS 32

void await_caller(void)
{
    if (!is_green()) {
        await_native_caller();
        return;
    }
    for (int i = 0; i < YIELDS; i++)
        green_sleep(0);
}

/* Yields alone need not run the hub, which tells the caller of a signal. */
void await_interrupted_caller(void)
{
    await_caller();
    if (is_green())
        green_sleep(GREEN_MSEC);
}

static void act(void)
{
    await_caller();
    if (story->mode == KILLED)
        green_kill(green_caller);
    else
        act_later();
}

static void *act_natively(void *arg)
{
    sigset_t all;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    act();
    return arg;
}

static void *act_green(void *arg)
{
    act();
    return arg;
}

void later(void (*action)(void))
{
    act_later = action;
    has_peer = true;
    if (is_green())
        green_peer = green_spawn(act_green, NULL);
    else if (pthread_create(&native_peer, NULL, act_natively, NULL) != 0)
        abort();
    begin();
}

static void join_peer(void)
{
    if (!has_peer)
        return;
    if (is_green())
        green_join(green_peer, NULL);
    else
        pthread_join(native_peer, NULL);
}

void raise_at_caller(int signal)
{
    pthread_kill(native_caller, signal);
}

static void note_pipe(int signal)
{
    (void)signal;
    pipe_signals++;
}

static void do_nothing(int signal)
{
    (void)signal;
}

static void handle(int signal, void (*handler)(int), int flags)
{
    struct sigaction action = {.sa_flags = flags};

    action.sa_handler = handler;
    sigaction(signal, &action, NULL);
}

void catch_signal(int signal, int flags)
{
    handle(signal, do_nothing, flags);
}

/* ---- A run ------------------------------------------------------------ */

static void *run_row(void *arg)
{
    const struct row *row = arg;

    green_caller = is_green() ? green_self() : NULL;
    handle(SIGPIPE, note_pipe, SA_RESTART);
    begin();
    row->run();
    return NULL;
}

/* A run that blocks its OS thread for good ends by the alarm. */
#define LIMIT_SECONDS 4

void run_natively(struct story *of, const struct row *row)
{
    story = of;
    native_caller = pthread_self();
    caller_id = gettid();
    alarm(LIMIT_SECONDS);
    run_row((void *)(uintptr_t)row);
    join_peer();
}

/* A greenthread that `greenhub run` makes has the program's pthread_create. */
static void run_in_thread(const struct row *row)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, run_row, (void *)(uintptr_t)row) != 0 ||
        pthread_join(thread, NULL) != 0)
        abort();
}

static void run_in_greenthread(const struct row *row)
{
    struct green_thread *thread = green_spawn(run_row, (void *)(uintptr_t)row);

    if (!thread || green_join(thread, NULL) < 0)
        abort();
}

void run_green(struct story *of, const struct row *row)
{
    story = of;
    native_caller = pthread_self();
    alarm(LIMIT_SECONDS);
    if (row->flags & ON_MAIN)
        run_row((void *)(uintptr_t)row);
    else if (green_patched() & GREEN_PATCH_THREADS)
        run_in_thread(row);
    else
        run_in_greenthread(row);
    join_peer();
}
