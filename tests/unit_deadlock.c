/* No greenthread can be woken any more; and a wake-up at the last possible
 * moment. */
#include "support.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>

static struct green_hub *hub;
static bool is_watched;
static int checks;

static struct green_event event;

static void send_event(struct green_call *call)
{
    ck_ok(green_event_send(call->arg, NULL));
}

static struct green_call call = {.callback = send_event, .arg = &event};

static void *waits_for_event(void *unused)
{
    ck_ok(green_event_wait(&event, NULL));
    return unused;
}

static void *calls_once(void *unused)
{
    ck_ok(green_hub_call_threadsafe(hub, &call));
    return unused;
}

/*
 * Replaces stat(2), with which the library counts the process's OS threads.
 * Just before the result, the only other OS thread calls the hub and ends.
 */
int stat(const char *path, struct stat *status)
{
    pthread_t thread;
    int result;

    if (is_watched && checks++ == 0) {
        ck_ok(pthread_create(&thread, NULL, calls_once, NULL));
        ck_ok(pthread_join(thread, NULL));
        do /* the kernel counts it for a moment after the join */
            result = fstatat(AT_FDCWD, path, status, 0);
        while (result == 0 && status->st_nlink > 3);
    }
    return fstatat(AT_FDCWD, path, status, 0);
}

START_TEST(called_during_the_check)
{
    if (lacks_linux()) {
        SKIP("POSIX does not tell how many OS threads there are");
        return;
    }
    if (checker() || is_emulated()) {
        SKIP("checkers and emulators have OS threads of their own");
        return;
    }
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL); /* libcheck's handlers could call the hub */
    hub = green_get_hub();
    is_watched = true;
    ck_ok(green_join(green_spawn(waits_for_event, NULL), NULL));
    ck_assert_int_eq(checks, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("deadlock");
    TCase *tcase = add_tcase(suite, "deadlock");

    tcase_add_test(tcase, called_during_the_check);
    return run_suite(suite);
}
