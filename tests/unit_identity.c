/* What the C library takes a greenthread for: thread ids, and the end of an
 * identity. Thread pointers are in unit_tls.c. */
#include <pthread.h>
#include <unistd.h>

#include "greenthread/scheduler.h"
#include "support.h"

#define OS_TID 4711

static int place;

static struct green__scheduler *begin_tids(void)
{
    struct green__scheduler *s = green__scheduler();

    ck_assert_ptr_nonnull(s);
    green__tids_begin(s, &place, OS_TID);
    return s;
}

static void *note_place(void *tid)
{
    for (int i = 0; i < 3; i++) {
        *(int *)tid = place;
        green_sleep(0);
        ck_assert_int_eq(*(int *)tid, place);
    }
    return NULL;
}

START_TEST(each_greenthread_has_an_id)
{
    struct green_thread *threads[3];
    int tids[3];

    begin_tids();
    ck_assert_int_eq(place, OS_TID);
    for (int i = 0; i < 3; i++)
        threads[i] = green_spawn(note_place, &tids[i]);
    for (int i = 0; i < 3; i++) {
        ck_ok(green_join(threads[i], NULL));
        ck_assert_int_eq(place, OS_TID);
        ck_assert_int_ge(tids[i], GREEN__TID_FIRST);
        ck_assert_int_lt(tids[i], 1 << 30);
        for (int j = 0; j < i; j++)
            ck_assert_int_ne(tids[i], tids[j]);
    }
}
END_TEST

static void note_in_callback(struct green_timer *timer)
{
    *(int *)timer->arg = place;
}

/* It runs in the hub's context, when a greenthread has switched to that. */
START_TEST(the_hub_has_the_id_of_the_os_thread)
{
    int tid = 0, unused;
    struct green_timer timer = {.callback = note_in_callback, .arg = &tid};

    begin_tids();
    green_hub_schedule(green_get_hub(), &timer, green_now());
    ck_ok(green_join(green_spawn(note_place, &unused), NULL));
    ck_ok(green_sleep(GREEN_MSEC));
    ck_assert_int_eq(tid, OS_TID);
}
END_TEST

/* The C library has the child's id written there. */
static void *fork_once(void *arg)
{
    struct green__scheduler *s = arg;
    int mine = place;
    pid_t child = fork();

    ck_assert_int_ge(child, 0);
    if (child == 0)
        _exit(s->os_tid != getpid() ||
              place != (mine == OS_TID ? getpid() : mine));
    ck_assert_int_eq(wait_child(child), 0);
    ck_assert_int_eq(s->os_tid, OS_TID);
    ck_assert_int_eq(place, mine);
    return NULL;
}

static void overwrite_place(void)
{
    place = getpid();
}

START_TEST(a_forked_child_knows_its_own_id)
{
    struct green__scheduler *s;

    if (lacks_linux()) {
        SKIP("POSIX has no numbers of OS threads");
        return;
    }
    /* before the library's own handler */
    ck_ok(pthread_atfork(NULL, NULL, overwrite_place));
    s = begin_tids();
    ck_ok(green_join(green_spawn(fork_once, s), NULL));
    fork_once(s);
}
END_TEST

/* ---- Identities ------------------------------------------------------- */

static int released;

static void release(struct green__identity *identity)
{
    ck_assert_ptr_null(identity->thread_pointer);
    released++;
}

static struct green__identity identity = {.release = release};

static void *wait_for_ever(void *arg)
{
    green_sleep(GREEN_FOREVER);
    return arg;
}

static struct green_thread *spawn_known(void *(*fn)(void *))
{
    struct green_thread *thread = green_spawn(fn, NULL);

    green__identity_set(green__scheduler(), thread, &identity);
    return thread;
}

static void *nothing(void *arg)
{
    ck_assert_int_eq(released, 0);
    return arg;
}

static void *nothing_more(void *arg)
{
    return arg;
}

/* A detached one is freed by the next that is spawned. */
START_TEST(an_identity_ends_with_its_greenthread)
{
    struct green_thread *thread = spawn_known(nothing);

    if (_i) {
        ck_ok(green_detach(thread));
        ck_ok(green_sleep(0));
        ck_ok(green_join(green_spawn(nothing_more, NULL), NULL));
    } else {
        ck_ok(green_sleep(0));
        ck_assert_int_eq(released, 0);
        ck_ok(green_join(thread, NULL));
    }
    ck_assert_int_eq(released, 1);
}
END_TEST

START_TEST(an_identity_ends_when_it_is_dropped_with_its_hub)
{
    struct green_thread *thread = spawn_known(wait_for_ever);

    if (_i)
        ck_ok(green_detach(thread));
    ck_ok(green_sleep(0));
    ck_ok(green_use_hub("poll"));
    if (!_i)
        ck_cancelled(thread);
    ck_assert_int_eq(released, 1);
}
END_TEST

static void *leave_unjoined(void *arg)
{
    ck_assert_ptr_nonnull(spawn_known(nothing));
    ck_ok(green_sleep(0));
    return arg;
}

START_TEST(an_identity_ends_with_its_os_thread)
{
    pthread_t other;

    ck_assert_int_eq(pthread_create(&other, NULL, leave_unjoined, NULL), 0);
    ck_assert_int_eq(pthread_join(other, NULL), 0);
    ck_assert_int_eq(released, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("identity");
    TCase *tcase = add_tcase(suite, "identity");

    tcase_add_test(tcase, each_greenthread_has_an_id);
    tcase_add_test(tcase, the_hub_has_the_id_of_the_os_thread);
    tcase_add_test(tcase, a_forked_child_knows_its_own_id);
    tcase_add_loop_test(tcase, an_identity_ends_with_its_greenthread, 0, 2);
    tcase_add_loop_test(tcase, an_identity_ends_when_it_is_dropped_with_its_hub,
                        0, 2);
    tcase_add_test(tcase, an_identity_ends_with_its_os_thread);
    return run_suite(suite);
}
