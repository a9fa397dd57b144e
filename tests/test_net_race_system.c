/*
 * Dialling a name that the system's resolver looks up, while it is silent about
 * one family. Its getaddrinfo is the test's own, and answers when it is told to:
 * so nothing depends on how long anything takes.
 */
#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>

#include "race_support.h"

/* ---- The system's resolver ------------------------------------------------ */

enum { V4, V6, BOTH };

/* What it says to a question for one family, or for both. */
static struct answer {
    bool silent; /* until let_answer */
    int code;
    const char *addresses[4];
} answers[3];

static char asked[16]; /* '4', '6' or 'b' for each question */
static unsigned lists; /* that exist */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

static struct addrinfo *one_address(const char *number, int port)
{
    struct addrinfo *it = calloc(1, sizeof *it + sizeof(struct sockaddr_in6));
    struct sockaddr_in6 *v6 = (void *)(it + 1);
    struct sockaddr_in *v4 = (void *)(it + 1);

    it->ai_addr = (void *)(it + 1);
    if (inet_pton(AF_INET, number, &v4->sin_addr) == 1) {
        it->ai_family = v4->sin_family = AF_INET;
        it->ai_addrlen = sizeof *v4;
        v4->sin_port = htons((uint16_t)port);
        return it;
    }
    if (inet_pton(AF_INET6, number, &v6->sin6_addr) != 1) {
        free(it);
        return NULL;
    }
    it->ai_family = v6->sin6_family = AF_INET6;
    it->ai_addrlen = sizeof *v6;
    v6->sin6_port = htons((uint16_t)port);
    return it;
}

static int answer_number(const char *number, int port, struct addrinfo **found)
{
    *found = one_address(number, port);
    lists += *found != NULL;
    return *found ? 0 : EAI_NONAME;
}

static int say(const struct answer *answer, int port, struct addrinfo **found)
{
    for (int i = 0; i < 4 && answer->addresses[i]; i++) {
        *found = one_address(answer->addresses[i], port);
        found = &(*found)->ai_next;
        lists++;
    }
    return answer->code;
}

/* The library calls these: the linker finds the program's symbols first. */
int getaddrinfo(const char *restrict name, const char *restrict service,
                const struct addrinfo *restrict hints,
                struct addrinfo **restrict found)
{
    int which = hints->ai_family == AF_INET    ? V4
                : hints->ai_family == AF_INET6 ? V6
                                               : BOTH;
    int code;

    *found = NULL;
    pthread_mutex_lock(&lock);
    if (hints->ai_flags & AI_NUMERICHOST) {
        code = answer_number(name, atoi(service), found);
        pthread_mutex_unlock(&lock);
        return code;
    }
    asked[strlen(asked)] = "46b"[which];
    while (answers[which].silent)
        pthread_cond_wait(&changed, &lock);
    code = say(&answers[which], atoi(service), found);
    pthread_mutex_unlock(&lock);
    return code;
}

void freeaddrinfo(struct addrinfo *list)
{
    struct addrinfo *next;

    pthread_mutex_lock(&lock);
    for (; list; list = next) {
        next = list->ai_next;
        free(list);
        lists--;
    }
    pthread_mutex_unlock(&lock);
}

static void let_answer(int which)
{
    pthread_mutex_lock(&lock);
    answers[which].silent = false;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void wait_for_question(char which)
{
    bool found = false;

    while (!found) {
        ck_ok(green_sleep(GREEN_MSEC));
        pthread_mutex_lock(&lock);
        found = strchr(asked, which);
        pthread_mutex_unlock(&lock);
    }
}

/* ---- The dial ------------------------------------------------------------- */

static int port, fds;

/* 127.0.0.1 listens. At 127.0.0.3 nobody does. */
static void set_up(void)
{
    ck_assert_int_ge(tcp_listener(&port), 0);
    fds = (green_get_hub(), count_fds());
    answers[V4] = (struct answer){.addresses = {"127.0.0.1"}};
    answers[V6] = (struct answer){.silent = true};
    answers[BOTH] = (struct answer){.silent = true};
}

/* Every question has an end, and then nothing is left. */
static void tear_down(void)
{
    unsigned left;

    for (int which = V4; which <= BOTH; which++)
        let_answer(which);
    ck_ok(green_use_hub(hub_under_test()));
    do {
        ck_ok(green_sleep(GREEN_MSEC));
        pthread_mutex_lock(&lock);
        left = lists;
        pthread_mutex_unlock(&lock);
    } while (left > 0);
}

static int dial(void)
{
    char address[64];

    snprintf(address, sizeof address, "tcp://name.test:%d", port);
    return green_dial(address);
}

static void connects(const char *attempts)
{
    int fd = dial();

    ck_assert_msg(fd >= 0, "%s", green_net_error());
    ck_assert_str_eq(tried, attempts);
    ck_ok(green_close(fd));
    ck_assert_int_eq(count_fds(), fds);
}

/* The first questions, in this order. sim's clock runs ahead of the OS threads that
 * ask them: there the order is not known, and each has to be among them. */
static void asked_first(const char *questions)
{
    size_t count = strlen(questions);

    if (!on_sim()) {
        ck_assert_msg(strncmp(asked, questions, count) == 0, "%s", asked);
        return;
    }
    for (size_t i = 0; i < count; i++)
        wait_for_question(questions[i]);
    ck_assert_uint_le(strlen(asked), 3);
}

START_TEST(silent_v6)
{
    set_up();
    connects("4");
    asked_first("b4");
    tear_down();
}
END_TEST

START_TEST(silent_v4)
{
    char address[64];

    set_up();
    snprintf(address, sizeof address, "tcp6://[::1]:%d", port);
    if (green_listen(address, NULL) < 0) {
        SKIP("needs IPv6");
        return;
    }
    fds = count_fds();
    answers[V4].silent = true;
    answers[V6] = (struct answer){.addresses = {"::1"}};
    connects("6");
    asked_first("b46");
    ck_assert_uint_eq(strlen(asked), 3);
    tear_down();
}
END_TEST

/* An answer for both stays in its order: the administrator's, in gai.conf. It is
 * enough, whatever the questions for one family become. */
START_TEST(one_answer_is_enough)
{
    set_up();
    answers[V4].silent = true;
    answers[BOTH] =
        (struct answer){.addresses = {"127.0.0.3", "127.0.0.3", "127.0.0.1"}};
    connects("444");
    memset(tried, 0, sizeof tried);
    answers[BOTH] = (struct answer){.addresses = {"127.0.0.1", "::1"}};
    connects("4");
    tear_down();
}
END_TEST

static void *answers_later(void *unused)
{
    while (strcmp(tried, "4") != 0)
        ck_ok(green_sleep(GREEN_MSEC));
    let_answer(BOTH);
    return unused;
}

/* The family that has been tried is not tried again. */
START_TEST(what_comes_later_joins_in)
{
    struct green_thread *thread;

    set_up();
    answers[V4].addresses[0] = "127.0.0.3"; /* refuses */
    answers[BOTH].addresses[0] = "::1";
    answers[BOTH].addresses[1] = "127.0.0.3";
    thread = green_spawn(answers_later, NULL);
    ck_fails(dial(), ECONNREFUSED);
    ck_ok(green_join(thread, NULL));
    if (strchr(tried, '6')) /* else this system has no IPv6 */
        ck_assert_str_eq(tried, "46");
    ck_assert_int_eq(count_fds(), fds);
    tear_down();
}
END_TEST

static void *answers_once_asked(void *which)
{
    wait_for_question((char)(intptr_t)which);
    let_answer(BOTH);
    return NULL;
}

/* The answer for both has the last word, also if it is that there is none. */
START_TEST(failures)
{
    struct green_thread *thread;

    set_up();
    answers[V4] = (struct answer){.code = EAI_AGAIN};
    answers[BOTH] = (struct answer){.silent = true, .code = EAI_NONAME};
    thread = green_spawn(answers_once_asked, (void *)(intptr_t)'6');
    ck_fails(dial(), ENOENT);
    ck_assert_ptr_nonnull(strstr(green_net_error(), gai_strerror(EAI_NONAME)));
    ck_ok(green_join(thread, NULL));
    memset(asked, 0, sizeof asked);
    answers[BOTH] = (struct answer){.silent = true, .addresses = {"127.0.0.1"}};
    thread = green_spawn(answers_once_asked, (void *)(intptr_t)'6');
    connects("4");
    ck_ok(green_join(thread, NULL));
    tear_down();
}
END_TEST

static void *is_killed(void *unused)
{
    ck_fails(dial(), ECANCELED);
    return unused;
}

START_TEST(kills_and_timeouts)
{
    struct green_timeout timeout;
    struct green_thread *thread;

    set_up();
    answers[V4].silent = true;
    thread = green_spawn(is_killed, NULL);
    wait_for_question(_i ? '6' : 'b');
    ck_ok(green_kill(thread));
    ck_ok(green_join(thread, NULL));
    ck_ok(green_timeout_start(&timeout, 120 * GREEN_MSEC));
    ck_fails(dial(), ETIMEDOUT);
    ck_ok(green_timeout_cancel(&timeout));
    ck_assert_int_eq(count_fds(), fds);
    tear_down();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("net race system");
    TCase *tcase = add_tcase(suite, "system's resolver");

    tcase_add_test(tcase, silent_v6);
    tcase_add_test(tcase, silent_v4);
    tcase_add_test(tcase, one_answer_is_enough);
    tcase_add_test(tcase, what_comes_later_joins_in);
    tcase_add_test(tcase, failures);
    tcase_add_loop_test(tcase, kills_and_timeouts, 0, 2);
    return run_suite(suite);
}
