/* Greenthreads of two OS threads in known states, for tests of debuggers. A
 * byte on standard input lets them go on and end. Its arguments: "spin", for a
 * greenthread that computes until then; "crash"; "many", for 20,000 more. */
#include <fcntl.h>
#include <greenhub.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define MANY 20000

struct green_lock lock;
struct green_event go;

static int fds[2], started[2], begun;
static volatile int spinning = 1;
static int went_on;

__attribute__((noinline)) static int read_deep(int depth)
{
    volatile int marker = depth * 1000;
    char c;

    if (depth > 0)
        return read_deep(depth - 1) + (marker != depth * 1000);
    return green_read(fds[0], &c, 1) != 1;
}

static void *reads(void *arg)
{
    begun++;
    went_on += read_deep(3) == 0;
    return arg;
}

static void *holds_lock(void *arg)
{
    green_lock_acquire(&lock);
    begun++;
    green_event_wait(&go, NULL);
    green_lock_release(&lock);
    went_on++;
    return arg;
}

static void *wants_lock(void *arg)
{
    begun++;
    green_lock_acquire(&lock);
    green_lock_release(&lock);
    went_on++;
    return arg;
}

static void waits(void *arg)
{
    (void)arg;
    green_event_wait(&go, NULL);
}

static void *spins(void *arg)
{
    puts("spins");
    while (spinning)
        ;
    went_on++;
    return arg;
}

static void *sleeps_long(void *arg)
{
    *(bool *)arg = true;
    green_sleep(GREEN_FOREVER);
    return arg;
}

static struct green_thread *named(const char *name, void *(*fn)(void *),
                                  void *arg)
{
    struct green_attr attr = {.name = name};
    struct green_thread *thread = green_spawn_with(&attr, fn, arg);

    if (!thread)
        abort();
    return thread;
}

static void *second_os_thread(void *arg)
{
    bool asleep = false;
    struct green_thread *sleeper = named("elsewhere", sleeps_long, &asleep);

    while (!asleep)
        green_yield();
    if (write(started[1], "x", 1) != 1)
        abort();
    green_join(sleeper, NULL);
    return arg;
}

static void *ends_at_once(void *arg)
{
    green_join(named("gone", wants_lock, NULL), NULL);
    went_on = 0;
    begun = 0;
    return arg;
}

static void *stops_spinning(void *arg)
{
    char c;

    if (read(STDIN_FILENO, &c, 1) == 1)
        spinning = 0;
    return arg;
}

static void in_os_thread(void *(*fn)(void *), bool joined)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, fn, NULL) != 0)
        abort();
    if (joined)
        pthread_join(thread, NULL);
    else
        pthread_detach(thread);
}

static void end(struct green_thread *const *threads, int count)
{
    if (write(fds[1], "x", 1) != 1)
        abort();
    green_event_send(&go, NULL);
    for (int i = 0; i < count; i++)
        green_join(threads[i], NULL);
    printf("%d went on\n", went_on);
}

static void wait_for_input(bool spin)
{
    char c;

    if (!spin) {
        puts("ready");
        green_read(STDIN_FILENO, &c, 1);
        return;
    }
    in_os_thread(stops_spinning, false);
    green_join(named("spinner", spins, NULL), NULL);
}

static void spawn_all(struct green_thread **threads)
{
    threads[0] = named("reader", reads, NULL);
    threads[1] = named("holder", holds_lock, NULL);
    while (begun < 2)
        green_yield();
    threads[2] = named("wanter", wants_lock, NULL);
    while (begun < 3)
        green_yield();
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "";
    struct green_thread *threads[3];
    char c;

    setvbuf(stdout, NULL, _IOLBF, 0);
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
    if (pipe(fds) < 0 || pipe(started) < 0)
        return 1;
    in_os_thread(second_os_thread, false);
    if (read(started[0], &c, 1) != 1)
        return 1;
    in_os_thread(ends_at_once, true);
    spawn_all(threads);
    for (int i = 0; strcmp(mode, "many") == 0 && i < MANY; i++)
        green_spawn_n(waits, NULL);
    green_yield();
    if (strcmp(mode, "crash") == 0)
        abort();
    wait_for_input(strcmp(mode, "spin") == 0);
    end(threads, 3);
    return 0;
}
