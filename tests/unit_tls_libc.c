/* Thread-local data for each greenthread: what the C library keeps for a thread,
 * a greenthread with a thread control block of its own has for itself. */
#include <ctype.h>
#include <limits.h>
#include <locale.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "unit_own_tls.h"

/* ---- The C library ---------------------------------------------------------- */

static void use_locale(void *arg)
{
    locale_t mine = newlocale(LC_ALL_MASK, "C", NULL);

    ck_assert_ptr_eq(uselocale(NULL), LC_GLOBAL_LOCALE);
    ck_assert(isalpha('x') && !isalpha('1') && toupper('x') == 'X');
    uselocale(mine);
    green_sleep(0);
    ck_assert_ptr_eq(uselocale(NULL), mine);
    ck_assert(isalpha('x') && isspace(' '));
    ck_assert(strtod("2.5", NULL) == 2.5);
    if (arg) { /* the others leave it behind */
        uselocale(LC_GLOBAL_LOCALE);
        freelocale(mine);
    }
}

START_TEST(the_locale_is_its_own)
{
    BEGIN();
    run_own(use_locale, MANY);
    run_own(use_locale, MANY);
    ck_assert_ptr_eq(uselocale(NULL), LC_GLOBAL_LOCALE);
}
END_TEST

/* How many arenas malloc has. */
static int arenas(void)
{
    char *text = NULL;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    int count = 0;

    ck_ok(malloc_info(0, file));
    fclose(file);
    for (char *at = text; (at = strstr(at, "<heap nr=")); at++)
        count++;
    free(text);
    return count;
}

START_TEST(malloc_is_that_of_the_os_thread)
{
    struct mallinfo2 before, after;
    int had;

    BEGIN();
    for (int i = 0; i < 20; i++)
        run_own(use_malloc, MANY);
    had = arenas();
    before = mallinfo2();
    for (int i = 0; i < 200; i++)
        run_own(use_malloc, MANY);
    after = mallinfo2();
    ck_assert_int_eq(arenas(), had);
    ck_assert_uint_le(after.uordblks, before.uordblks + 4096);
    ck_assert_uint_le(after.arena, before.arena + 65536);
}
END_TEST

START_TEST(ten_thousand_leave_nothing)
{
    struct mallinfo2 before, after;
    int count = fewer_if_checked(10000, 10);

    BEGIN();
    for (int i = 0; i < 100; i++)
        run_own(nothing, MANY);
    before = mallinfo2();
    for (int i = 0; i < count / MANY; i++)
        run_own(i % 2 ? nothing : use_locale, MANY);
    after = mallinfo2();
    ck_assert_uint_le(after.uordblks, before.uordblks + 4096);
    run_own(nothing, MANY);
}
END_TEST

/* It takes the number of the processor from an area that the kernel knows. */
static void ask_processor(void *arg)
{
    unsigned processor = 0;

    (void)arg;
    ck_ok(syscall(SYS_getcpu, &processor, NULL, NULL));
    ck_assert_int_eq(sched_getcpu(), (int)processor);
}

START_TEST(the_processor_is_known)
{
    cpu_set_t one;

    BEGIN();
    if (is_emulated()) {
        SKIP("the emulator does not bind threads to processors");
        return;
    }
    ck_ok(sched_getaffinity(0, sizeof one, &one));
    for (int i = 0; CPU_COUNT(&one) > 1; i++)
        CPU_CLR(i, &one); /* the last is left: not 0, if there are more */
    ck_ok(sched_setaffinity(0, sizeof one, &one));
    run_own(ask_processor, MANY);
}
END_TEST

/* ---- Guards ----------------------------------------------------------------- */

static void *entered;
static volatile char sink;

/* Its frame has a canary, which is compared at the end with the other block's. */
static GREEN__NOINLINE __attribute__((optimize("stack-protector-all"))) void
enter_in_a_guarded_frame(void)
{
    char frame[64];

    for (size_t i = 0; i < sizeof frame; i++)
        ((volatile char *)frame)[i] = (char)i;
    entered = green__tls_enter_os();
    sink = frame[3];
}

static void cross_guards(void *arg)
{
    jmp_buf here;

    (void)arg;
    if (setjmp(here) == 0) {
        green_sleep(0);
        enter_in_a_guarded_frame();
        longjmp(here, 1); /* its address is encrypted by the other block's */
    }
    green__tls_leave_os(entered);
    ck_assert_ptr_nonnull(green__tls_current());
}

START_TEST(guards_are_the_same_in_all)
{
    BEGIN();
    run_own(cross_guards, 1);
}
END_TEST

/* ---- Mutexes ---------------------------------------------------------------- */

static pthread_mutex_t recursive = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static pthread_mutex_t checked = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;

static void find_mutexes_taken(void *arg)
{
    (void)arg;
    ck_assert_int_eq(pthread_mutex_trylock(&recursive), EBUSY);
    ck_assert_int_eq(pthread_mutex_trylock(&checked), EBUSY);
    ck_assert_int_eq(pthread_mutex_unlock(&checked), EPERM);
}

static void own_a_mutex(void *arg)
{
    (void)arg;
    ck_assert_int_eq(pthread_mutex_trylock(&recursive), EBUSY);
    ck_assert_int_eq(pthread_mutex_lock(&checked), 0);
    run_own(find_mutexes_taken, 1);
    ck_assert_int_eq(pthread_mutex_lock(&checked), EDEADLK);
    ck_assert_int_eq(pthread_mutex_unlock(&checked), 0);
}

START_TEST(it_owns_its_mutexes)
{
    BEGIN();
    ck_assert_int_eq(pthread_mutex_lock(&recursive), 0);
    run_own(own_a_mutex, 1);
    ck_assert_int_eq(pthread_mutex_lock(&recursive), 0);
}
END_TEST

static void use_robust(void *mutex)
{
    for (int i = 0; i < 2; i++) {
        void *os = i ? green__tls_enter_os() : NULL;

        ck_assert_int_eq(pthread_mutex_lock(mutex), 0);
        ck_assert_int_eq(pthread_mutex_unlock(mutex), 0);
        green__tls_leave_os(os);
    }
}

START_TEST(it_has_a_list_of_robust_mutexes)
{
    pthread_mutexattr_t attributes;
    pthread_mutex_t mutex, other;

    BEGIN();
    pthread_mutexattr_init(&attributes);
    ck_assert_int_eq(
        pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST), 0);
    ck_assert_int_eq(pthread_mutex_init(&mutex, &attributes), 0);
    ck_assert_int_eq(pthread_mutex_init(&other, &attributes), 0);
    ck_assert_int_eq(pthread_mutex_lock(&other), 0);
    ck_ok(green_join(spawn_own(use_robust, &mutex), NULL));
    ck_assert_int_eq(pthread_mutex_unlock(&other), 0);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}
END_TEST

/* ---- Keys, destructors ------------------------------------------------------ */

#define KEYS 100

static pthread_key_t keys[KEYS];
static int destroyed, rounds;

static void destroy_value(void *value)
{
    (void)value;
    destroyed++;
    if (rounds-- > 0)
        pthread_setspecific(keys[0], keys);
}

static void use_keys(void *arg)
{
    for (int i = 0; i < KEYS; i++) {
        ck_assert_ptr_null(pthread_getspecific(keys[i]));
        ck_ok(pthread_setspecific(keys[i], &keys[i] + (intptr_t)arg));
    }
    green_sleep(0);
    for (int i = 0; i < KEYS; i++)
        ck_assert_ptr_eq(pthread_getspecific(keys[i]),
                         &keys[i] + (intptr_t)arg);
    ck_ok(pthread_setspecific(keys[1], NULL));
}

START_TEST(values_of_keys_are_its_own_and_end_with_it)
{
    BEGIN();
    for (int i = 0; i < KEYS; i++)
        ck_ok(pthread_key_create(&keys[i], i == 2 ? NULL : destroy_value));
    run_own(use_keys, MANY);
    ck_assert_int_eq(destroyed, MANY * (KEYS - 2));
    ck_assert_ptr_null(pthread_getspecific(keys[0]));
    destroyed = 0;
    rounds = 1;
    run_own(use_keys, 1);
    ck_assert_int_eq(destroyed, KEYS - 2 + 1);
    destroyed = 0;
    rounds = 1000; /* for ever */
    run_own(use_keys, 1);
    ck_assert_int_eq(destroyed, KEYS - 2 + PTHREAD_DESTRUCTOR_ITERATIONS - 1);
}
END_TEST

/* Those of later keys lie in memory that the C library allocates. */
START_TEST(the_room_for_values_is_freed)
{
    size_t before;

    BEGIN();
    for (int i = 0; i < KEYS; i++)
        ck_ok(pthread_key_create(&keys[i], NULL));
    run_own(use_keys, MANY);
    before = mallinfo2().uordblks;
    for (int i = 0; i < 100; i++)
        run_own(use_keys, MANY);
    ck_assert_uint_le(mallinfo2().uordblks, before + 4096);
}
END_TEST

static void delete_a_key(void *arg)
{
    (void)arg;
    ck_ok(pthread_setspecific(keys[0], keys));
    ck_ok(pthread_key_delete(keys[0]));
    ck_ok(pthread_key_create(&keys[1], destroy_value));
    ck_assert_int_eq((int)keys[1], (int)keys[0]);
}

START_TEST(a_deleted_key_has_no_destructor)
{
    BEGIN();
    ck_ok(pthread_key_create(&keys[0], destroy_value));
    run_own(delete_a_key, 1);
    ck_assert_int_eq(destroyed, 0);
}
END_TEST

/* What C++ compilers call for a thread_local object with a destructor. */
extern int __cxa_thread_atexit_impl(void (*)(void *), void *, void *);
extern void *__dso_handle;

static void destroy_object(void *object)
{
    ck_assert_int_eq(*number_here(), 5);
    green_sleep(0); /* it may switch */
    ck_assert_int_eq(*number_here(), 5);
    ++*(int *)object;
}

static void make_object(void *count)
{
    *number_here() = 5;
    __cxa_thread_atexit_impl(destroy_object, count, &__dso_handle);
    green_sleep(0);
}

START_TEST(thread_local_objects_end_with_it)
{
    struct green_thread *threads[2];
    int count = 0;

    BEGIN();
    for (int i = 0; i < 2; i++)
        threads[i] = spawn_own(make_object, &count);
    for (int i = 0; i < 2; i++)
        ck_ok(green_join(threads[i], NULL));
    ck_assert_int_eq(count, 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tls_libc");
    TCase *tcase = add_tcase(suite, "tls_libc");

    tcase_add_test(tcase, the_locale_is_its_own);
    tcase_add_test(tcase, malloc_is_that_of_the_os_thread);
    tcase_add_test(tcase, ten_thousand_leave_nothing);
    tcase_add_test(tcase, the_processor_is_known);
    tcase_add_test(tcase, guards_are_the_same_in_all);
    tcase_add_test(tcase, it_owns_its_mutexes);
    tcase_add_test(tcase, it_has_a_list_of_robust_mutexes);
    tcase_add_test(tcase, values_of_keys_are_its_own_and_end_with_it);
    tcase_add_test(tcase, the_room_for_values_is_freed);
    tcase_add_test(tcase, a_deleted_key_has_no_destructor);
    tcase_add_test(tcase, thread_local_objects_end_with_it);
    return run_suite(suite);
}
