/*
 * green_net_error: the message for what failed, and which greenthread gets it.
 * A resolver of the test's own replaces the system's.
 */
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "net_support.h"

/* ---- The resolver ------------------------------------------------------- */

static const struct {
    const char *name;
    int code, system_error, error;
} names[] = {
    {"unknown.test", EAI_NONAME, 0, ENOENT},
    {"failed.test", EAI_FAIL, 0, ENOENT},
    {"later.test", EAI_AGAIN, 0, EAGAIN},
    {"system.test", EAI_SYSTEM, ENFILE, ENFILE},
};

#define NAMES (int)(sizeof names / sizeof names[0])

/* The library calls this one: the linker finds the program's symbols first. */
int getaddrinfo(const char *restrict name, const char *restrict service,
                const struct addrinfo *restrict hints,
                struct addrinfo **restrict found)
{
    struct addrinfo *one;
    struct sockaddr_in *v4;

    for (int i = 0; i < NAMES; i++) {
        if (strcmp(name, names[i].name) != 0)
            continue;
        if (hints->ai_flags & AI_NUMERICHOST)
            return EAI_NONAME;
        errno = names[i].system_error;
        return names[i].code;
    }
    one = calloc(1, sizeof *one + sizeof *v4);
    v4 = (struct sockaddr_in *)(one + 1);
    v4->sin_family = AF_INET;
    v4->sin_port = htons((uint16_t)atoi(service));
    v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    one->ai_family = AF_INET;
    one->ai_addr = (struct sockaddr *)v4;
    one->ai_addrlen = sizeof *v4;
    *found = one;
    return 0;
}

void freeaddrinfo(struct addrinfo *one)
{
    free(one);
}

/* ---- What failed --------------------------------------------------------- */

/* The message is "ADDRESS: WORDS", and reading it leaves errno unchanged. */
static void message_is(const char *address, const char *words)
{
    char expected[512];

    snprintf(expected, sizeof expected, "%s: %s", address, words);
    errno = EILSEQ;
    ck_assert_str_eq(green_net_error(), expected);
    ck_assert_int_eq(errno, EILSEQ);
}

START_TEST(a_name_that_cannot_be_looked_up)
{
    const char *words = names[_i].code == EAI_SYSTEM
                            ? strerror(names[_i].system_error)
                            : gai_strerror(names[_i].code);
    char address[64];

    snprintf(address, sizeof address, "tcp://%s:1", names[_i].name);
    ck_fails(green_dial(address), names[_i].error);
    message_is(address, words);
    snprintf(address, sizeof address, "tcp://%s:2", names[_i].name);
    ck_fails(green_listen(address, NULL), names[_i].error);
    message_is(address, words);
}
END_TEST

static const char *const nonsense[] = {
    "nonsense", "", "tcp://127.0.0.1", "unix://", NULL,
};

START_TEST(an_invalid_address)
{
    const char *address = nonsense[_i];

    ck_fails(green_dial(address), EINVAL);
    message_is(address ? address : "NULL", strerror(EINVAL));
    ck_fails(green_dial("tcp://127.0.0.1:0"), EINVAL);
    message_is("tcp://127.0.0.1:0", strerror(EINVAL));
    ck_fails(green_listen(address, NULL), EINVAL);
    message_is(address ? address : "NULL", strerror(EINVAL));
}
END_TEST

START_TEST(a_long_address_does_not_cut_the_reason)
{
    char address[1000] = "unix://";

    memset(address + 7, 'x', sizeof address - 8);
    ck_fails(green_dial(address), EINVAL);
    address[180] = '\0';
    message_is(address, strerror(EINVAL));
}
END_TEST

START_TEST(errors_of_the_system)
{
    char address[64];
    int taken = listen_at("tcp://127.0.0.1:0");

    ck_fails(green_listen(text, NULL), EADDRINUSE);
    message_is(text, strerror(EADDRINUSE));
    snprintf(address, sizeof address, "tcp://127.0.0.1:%d", unused_port());
    ck_fails(green_dial(address), ECONNREFUSED);
    message_is(address, strerror(ECONNREFUSED));
    ck_fails(green_dial("unix:///no/such/folder"), ENOENT);
    message_is("unix:///no/such/folder", strerror(ENOENT));
    ck_ok(green_close(taken));
}
END_TEST

START_TEST(a_backlog_below_0)
{
    struct green_listen_options options = {.backlog = -1};

    ck_fails(green_listen("tcp://127.0.0.1:0", &options), EINVAL);
    message_is("tcp://127.0.0.1:0", "the backlog is below 0");
}
END_TEST

START_TEST(success_keeps_the_message)
{
    int listener;

    ck_assert_str_eq(green_net_error(), "");
    listener = listen_at("tcp://127.0.0.1:0");
    ck_assert_str_eq(green_net_error(), "");
    ck_fails(green_dial("tcp://later.test:1"), EAGAIN);
    is_reached_at(listener, text);
    ck_ok(green_close(listener));
    message_is("tcp://later.test:1", gai_strerror(EAI_AGAIN));
}
END_TEST

/* ---- green_serve ------------------------------------------------------- */

static void handler(int fd, void *unused)
{
    (void)fd;
    (void)unused;
}

START_TEST(serving_fails)
{
    const struct green_serve_options two = {.threads = 2};
    int listener = listen_at("tcp://127.0.0.1:0");
    char closed[64];

    ck_fails(green_serve(listener, NULL, NULL), EINVAL);
    message_is(text, strerror(EINVAL));
    ck_fails(green_serve(listener, handler, &two), EINVAL);
    message_is(text, strerror(EINVAL));
    ck_ok(green_close(listener));
    ck_fails(green_serve(listener, handler, NULL), EBADF);
    snprintf(closed, sizeof closed, "descriptor %d", listener);
    message_is(closed, strerror(EBADF));
}
END_TEST

START_TEST(a_further_thread_has_no_hub)
{
    const struct green_serve_options options = {.threads = 2, .hub = "nosuch"};
    const struct green_listen_options shared = {.reuse_port = true};
    int listener = green_listen("tcp://127.0.0.1:0", &shared);

    ck_assert_int_gt(green_local_address(listener, text, sizeof text), 0);
    ck_fails(green_serve(listener, handler, &options), ENOENT);
    ck_assert_ptr_nonnull(strstr(green_hub_error(), "nosuch"));
    message_is(text, green_hub_error());
}
END_TEST

/* ---- One message for each greenthread ------------------------------------ */

#define ROUNDS 20

/* Fails repeatedly in its own way; others fail meanwhile. */
static void *fail_again(void *address)
{
    const char *words =
        gai_strerror(strstr(address, "later") ? EAI_AGAIN : EAI_NONAME);

    for (int i = 0; i < ROUNDS; i++) {
        ck_assert_int_eq(green_dial(address), -1);
        message_is(address, words);
        ck_assert_int_eq(green_listen(address, NULL), -1);
        message_is(address, words);
        ck_ok(green_sleep(0));
    }
    return NULL;
}

START_TEST(each_greenthread_has_its_own)
{
    struct green_thread *one = green_spawn(fail_again, "tcp://later.test:1");
    struct green_thread *other =
        green_spawn(fail_again, "tcp://unknown.test:2");

    ck_ok(green_join(one, NULL));
    ck_ok(green_join(other, NULL));
}
END_TEST

static void *dial_when_killed(void *unused)
{
    (void)unused;
    ck_ok(green_kill(green_self()));
    ck_fails(green_dial("tcp://later.test:1"), ECANCELED);
    message_is("tcp://later.test:1", strerror(ECANCELED));
    return NULL;
}

START_TEST(killed)
{
    ck_ok(green_join(green_spawn(dial_when_killed, NULL), NULL));
}
END_TEST

static void *on_another_thread(void *unused)
{
    (void)unused;
    ck_assert_str_eq(green_net_error(), "");
    ck_fails(green_listen("other", NULL), EINVAL);
    message_is("other", strerror(EINVAL));
    return NULL;
}

START_TEST(each_os_thread_has_its_own)
{
    pthread_t other;

    ck_fails(green_listen("mine", NULL), EINVAL);
    ck_ok(pthread_create(&other, NULL, on_another_thread, NULL));
    ck_ok(pthread_join(other, NULL));
    message_is("mine", strerror(EINVAL));
}
END_TEST

static void *without_a_hub(void *unused)
{
    int fd = green_listen("tcp://127.0.0.1:0", NULL);

    (void)unused;
    ck_assert_int_ge(fd, 0);
    ck_assert_int_gt(green_local_address(fd, text, sizeof text), 0);
    ck_fails(green_dial(text), ENOENT);
    ck_assert_ptr_nonnull(strstr(green_hub_error(), "nosuch"));
    message_is(text, green_hub_error());
    ck_fails(green_listen("tcp://unknown.test:1", NULL), ENOENT);
    message_is("tcp://unknown.test:1", green_hub_error());
    ck_fails(green_serve(fd, handler, NULL), ENOENT);
    message_is(text, green_hub_error());
    close(fd);
    return NULL;
}

START_TEST(no_hub_can_be_made)
{
    pthread_t other;

    ck_ok(setenv("GREENHUB_HUB", "nosuch", 1));
    ck_ok(pthread_create(&other, NULL, without_a_hub, NULL));
    ck_ok(pthread_join(other, NULL));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("net error");
    TCase *failures = add_tcase(suite, "failures");
    TCase *owners = add_tcase(suite, "per greenthread");

    tcase_add_loop_test(failures, a_name_that_cannot_be_looked_up, 0, NAMES);
    tcase_add_loop_test(failures, an_invalid_address, 0,
                        (int)(sizeof nonsense / sizeof nonsense[0]));
    tcase_add_test(failures, a_long_address_does_not_cut_the_reason);
    tcase_add_test(failures, errors_of_the_system);
    tcase_add_test(failures, a_backlog_below_0);
    tcase_add_test(failures, success_keeps_the_message);
    tcase_add_test(failures, serving_fails);
    tcase_add_test(failures, a_further_thread_has_no_hub);
    tcase_add_test(owners, each_greenthread_has_its_own);
    tcase_add_test(owners, killed);
    tcase_add_test(owners, each_os_thread_has_its_own);
    tcase_add_test(owners, no_hub_can_be_made);
    return run_suite(suite);
}
