/* A resolver of the program's own: what green_resolve, green_getaddrinfo,
 * green_getnameinfo, green_dial and green_listen make of its answers. */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>

#include "net_support.h"

/* ---- The resolver ------------------------------------------------------- */

static const struct {
    const char *name;
    int v4_count, v6_count; /* or an errno below 0 */
} hosts[] = {
    {"both.test", 2, 1},
    {"four.test", 1, -ENODATA},
    {"six.test", -ENODATA, 1},
    {"many.test", 100, 100},
    {"half.test", 1, -EAGAIN},
    {"later.test", -EAGAIN, -ENODATA},
    {"none.test", -ENODATA, -ENODATA},
    {"odd.test", -ENFILE, -ENOENT},
    {"empty.test", 0, 0},
};

static unsigned asked, cancelled;

static int count_of(const struct green_look_up *it)
{
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++)
        if (strcmp(it->host, hosts[i].name) == 0)
            return it->family == AF_INET ? hosts[i].v4_count
                                         : hosts[i].v6_count;
    return -ENOENT;
}

static int waits(void)
{
    int result = green_sleep(GREEN_FOREVER);

    cancelled++;
    return result;
}

static int look_up(struct green_look_up *it)
{
    int count;

    asked++;
    ck_assert(it->family == AF_INET || it->family == AF_INET6);
    if (strcmp(it->host, "slow.test") == 0)
        return waits();
    count = count_of(it);
    if (count < 0) {
        errno = -count;
        return -1;
    }
    for (int i = 0; i < count && i < (int)it->room; i++)
        if (it->family == AF_INET)
            it->addresses[i].at.v4.sin_addr.s_addr =
                htonl(0x7f000001 + (unsigned)i);
        else
            it->addresses[i].at.v6.sin6_addr = in6addr_loopback;
    snprintf(it->canonical, sizeof it->canonical, "canonical.%s", it->host);
    return count;
}

static int look_up_name(const struct green_socket_address *address, char *name,
                        size_t size)
{
    if (address->at.any.sa_family != AF_INET) {
        errno = ENOENT;
        return -1;
    }
    if (address->at.v4.sin_addr.s_addr == htonl(0x7f000009)) {
        errno = EAGAIN;
        return -1;
    }
    snprintf(name, size, "name.test");
    return 0;
}

static const struct green_resolver own = {
    .name = "own", .look_up = look_up, .look_up_name = look_up_name};

static void use_own(void)
{
    ck_ok(green_use_resolver(&own));
}

/* ---- green_resolve ------------------------------------------------------ */

static int resolve(const char *host, int family,
                   struct green_socket_address *addresses, size_t room)
{
    const struct green_resolve_options options = {.family = family, .port = 80};

    return green_resolve(host, &options, addresses, room);
}

START_TEST(addresses_of_both_families)
{
    struct green_socket_address found[300] = {0};

    use_own();
    ck_assert_int_eq(resolve("both.test", 0, found, 300), 3);
    ck_assert_int_eq(asked, 2);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(found[i].at.v4.sin_port, htons(80));
    ck_assert_int_eq(resolve("both.test", AF_INET, found, 300), 2);
    ck_assert_int_eq(found[0].length, sizeof(struct sockaddr_in));
    ck_assert_int_eq(found[0].at.v4.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
    ck_assert_int_eq(found[1].at.v4.sin_addr.s_addr, htonl(0x7f000002));
    ck_assert_int_eq(resolve("both.test", AF_INET6, found, 300), 1);
    ck_assert_int_eq(found[0].at.any.sa_family, AF_INET6);
    ck_assert_int_eq(found[0].length, sizeof(struct sockaddr_in6));
    ck_assert_int_eq(resolve("many.test", 0, found, 300), 200);
    ck_assert_int_eq(resolve("many.test", 0, NULL, 0), 200);
    ck_assert_int_eq(resolve("half.test", 0, found, 1), 1);
}
END_TEST

START_TEST(numbers_ask_nobody)
{
    struct green_socket_address found[2];

    use_own();
    ck_assert_int_eq(resolve("192.0.2.1", 0, found, 2), 1);
    ck_assert_int_eq(found[0].at.v4.sin_addr.s_addr, htonl(0xc0000201));
    ck_assert_int_eq(resolve("::1", 0, found, 2), 1);
    ck_assert_int_eq(found[0].at.any.sa_family, AF_INET6);
    ck_assert_int_eq(resolve("127.1", 0, found, 2), 1);
    ck_assert_int_eq(found[0].at.v4.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
    ck_fails(resolve("::1", AF_INET, found, 2), ENOENT);
    ck_fails(resolve("127.0.0.1", AF_INET6, found, 2), ENOENT);
    ck_assert_int_eq(asked, 0);
    ck_ok(green_use_resolver(NULL));
    ck_assert_int_eq(resolve("192.0.2.1", 0, found, 2), 1);
}
END_TEST

static const struct {
    const char *host;
    int error, code;
} failures[] = {
    {"unknown.test", ENOENT, EAI_NONAME}, {"none.test", ENOENT, EAI_NODATA},
    {"later.test", EAGAIN, EAI_AGAIN},    {"odd.test", ENFILE, EAI_SYSTEM},
    {"empty.test", ENOENT, EAI_NODATA},
};

START_TEST(what_is_not_found)
{
    const int error = failures[_i].error, code = failures[_i].code;
    struct addrinfo *found;
    char words[128];

    use_own();
    ck_fails(resolve(failures[_i].host, 0, NULL, 0), error);
    snprintf(words, sizeof words, "%s: %s", failures[_i].host,
             code == EAI_SYSTEM ? strerror(error) : gai_strerror(code));
    ck_assert_str_eq(green_net_error(), words);
    ck_assert_int_eq(green_getaddrinfo(failures[_i].host, NULL, NULL, &found),
                     code);
    if (code == EAI_SYSTEM)
        ck_assert_int_eq(errno, error);
}
END_TEST

START_TEST(invalid_arguments)
{
    struct green_resolve_options options = {.timeout = -1};
    const struct green_resolver bad[] = {
        {.look_up_name = look_up_name},
        {.look_up = look_up, .reserved = {0, 0, 0, 1}}};
    char too_long[257] = "";

    memset(too_long, 'a', 256);
    ck_fails(green_resolve(NULL, NULL, NULL, 0), EINVAL);
    ck_fails(green_resolve("", NULL, NULL, 0), EINVAL);
    ck_fails(green_resolve(too_long, NULL, NULL, 0), EINVAL);
    ck_fails(green_resolve("::1", NULL, NULL, 1), EINVAL);
    ck_fails(green_resolve("::1", &options, NULL, 0), EINVAL);
    options = (struct green_resolve_options){.reserved = {1}};
    ck_fails(green_resolve("::1", &options, NULL, 0), EINVAL);
    options = (struct green_resolve_options){.family = AF_UNIX};
    ck_fails(green_resolve("::1", &options, NULL, 0), EAFNOSUPPORT);
    ck_fails(green_use_resolver(&bad[0]), EINVAL);
    ck_fails(green_use_resolver(&bad[1]), EINVAL);
    ck_assert_int_eq(green_getnameinfo(NULL, 0, NULL, 0, NULL, 0, 0),
                     EAI_SYSTEM);
    ck_assert_int_eq(errno, EINVAL);
}
END_TEST

static void *resolves_slowly(void *unused)
{
    ck_fails(green_resolve("slow.test", NULL, NULL, 0), ECANCELED);
    return unused;
}

START_TEST(kills_and_timeouts_end_both_look_ups)
{
    const struct green_resolve_options options = {.timeout = GREEN_MSEC};
    struct green_thread *thread;

    use_own();
    thread = green_spawn(resolves_slowly, NULL);
    while (asked < 2)
        ck_ok(green_yield());
    ck_ok(green_kill(thread));
    ck_ok(green_join(thread, NULL));
    ck_assert_int_eq(cancelled, 2);
    ck_fails(green_resolve("slow.test", &options, NULL, 0), ETIMEDOUT);
    ck_assert_int_eq(cancelled, 4);
}
END_TEST

/* ---- green_getaddrinfo -------------------------------------------------- */

static const struct {
    const char *host, *service;
    struct addrinfo hints;
    int code, count; /* of the list */
    const char *first;
} lists[] = {
    {"four.test", "80", {.ai_socktype = SOCK_STREAM}, 0, 1, "127.0.0.1"},
    {"four.test", "http", {.ai_socktype = SOCK_STREAM}, 0, 1, "127.0.0.1"},
    {"four.test", "80", {0}, 0, 3, "127.0.0.1"},
    {"four.test", NULL, {.ai_family = AF_INET}, 0, 3, "127.0.0.1"},
    {"six.test", "80", {.ai_socktype = SOCK_DGRAM}, 0, 1, "::1"},
    {"many.test", "80", {.ai_socktype = SOCK_STREAM}, 0, 200, NULL},
    {"four.test",
     "80",
     {.ai_family = AF_INET6, .ai_socktype = SOCK_STREAM},
     EAI_NODATA,
     0,
     NULL},
    {"four.test",
     "80",
     {.ai_family = AF_INET6,
      .ai_socktype = SOCK_STREAM,
      .ai_flags = AI_V4MAPPED},
     0,
     1,
     "::ffff:127.0.0.1"},
    {"both.test",
     "80",
     {.ai_family = AF_INET6,
      .ai_socktype = SOCK_STREAM,
      .ai_flags = AI_V4MAPPED},
     0,
     1,
     "::1"},
    {"both.test",
     "80",
     {.ai_family = AF_INET6,
      .ai_socktype = SOCK_STREAM,
      .ai_flags = AI_V4MAPPED | AI_ALL},
     0,
     3,
     NULL},
    {"four.test", "no-such-service", {0}, EAI_SERVICE, 0, NULL},
    {"four.test",
     "http",
     {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV},
     EAI_NONAME,
     0,
     NULL},
    {"four.test", "80", {.ai_socktype = 77}, EAI_SOCKTYPE, 0, NULL},
    {"four.test", "80", {.ai_family = 77}, EAI_FAMILY, 0, NULL},
    {"four.test", "80", {.ai_flags = AI_NUMERICHOST}, EAI_NONAME, 0, NULL},
    {"four.test", NULL, {.ai_flags = 0x800000}, EAI_BADFLAGS, 0, NULL},
};

#define LISTS (int)(sizeof lists / sizeof lists[0])

START_TEST(lists_of_getaddrinfo)
{
    struct addrinfo *found = NULL;
    char number[INET6_ADDRSTRLEN];
    int count = 0;

    use_own();
    ck_assert_int_eq(green_getaddrinfo(lists[_i].host, lists[_i].service,
                                       &lists[_i].hints, &found),
                     lists[_i].code);
    if (lists[_i].code != 0)
        return;
    for (const struct addrinfo *at = found; at; at = at->ai_next, count++)
        if (lists[_i].service)
            ck_assert_int_eq(((struct sockaddr_in *)at->ai_addr)->sin_port,
                             htons(80));
    ck_assert_int_eq(count, lists[_i].count);
    if (lists[_i].first) {
        ck_assert_int_eq(getnameinfo(found->ai_addr, found->ai_addrlen, number,
                                     sizeof number, NULL, 0, NI_NUMERICHOST),
                         0);
        ck_assert_str_eq(number, lists[_i].first);
    }
    ck_assert_ptr_null(found->ai_canonname);
    freeaddrinfo(found);
}
END_TEST

START_TEST(canonical_names)
{
    struct addrinfo hints = {.ai_flags = AI_CANONNAME}, *found;

    use_own();
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(green_getaddrinfo(hosts[i].name, NULL, &hints, &found),
                         0);
        ck_assert_int_eq(strncmp(found->ai_canonname, "canonical.", 10), 0);
        ck_assert_str_eq(found->ai_canonname + 10, hosts[i].name);
        ck_assert_ptr_null(found->ai_next->ai_canonname);
        freeaddrinfo(found);
    }
}
END_TEST

/* ---- green_getnameinfo -------------------------------------------------- */

static int name_of(const char *number, int flags, char host[64], socklen_t size)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(80)};
    char service[32] = "";
    int code;

    ck_assert_int_eq(inet_pton(AF_INET, number, &at.sin_addr), 1);
    code = green_getnameinfo((struct sockaddr *)&at, sizeof at, host, size,
                             service, sizeof service, flags);
    if (code == 0)
        ck_assert_str_eq(service, flags & NI_NUMERICSERV ? "80" : "http");
    return code;
}

START_TEST(names_of_addresses)
{
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6,
                              .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    char host[64];

    use_own();
    ck_assert_int_eq(name_of("127.0.0.1", 0, host, sizeof host), 0);
    ck_assert_str_eq(host, "name.test");
    ck_assert_int_eq(name_of("127.0.0.1", NI_NUMERICSERV, host, 10), 0);
    ck_assert_int_eq(name_of("127.0.0.1", 0, host, 9), EAI_OVERFLOW);
    ck_assert_int_eq(name_of("127.0.0.9", 0, host, sizeof host), EAI_AGAIN);
    ck_assert_int_eq(name_of("127.0.0.9", NI_NUMERICHOST, host, sizeof host),
                     0);
    ck_assert_str_eq(host, "127.0.0.9");
    ck_assert_int_eq(green_getnameinfo((struct sockaddr *)&v6, sizeof v6, host,
                                       sizeof host, NULL, 0, 0),
                     0);
    ck_assert_str_eq(host, "::1");
    ck_assert_int_eq(green_getnameinfo((struct sockaddr *)&v6, sizeof v6, host,
                                       sizeof host, NULL, 0, NI_NAMEREQD),
                     EAI_NONAME);
    ck_assert_int_eq(green_getnameinfo((struct sockaddr *)&v6, 1, host,
                                       sizeof host, NULL, 0, 0),
                     EAI_FAMILY);
}
END_TEST

/* The system's, on OS threads, says what it says without them. */
START_TEST(names_by_the_system)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    char host[64] = "", expected[64] = "";
    struct green_thread_pool_stats stats;
    int code = getnameinfo((struct sockaddr *)&at, sizeof at, expected,
                           sizeof expected, NULL, 0, 0);

    ck_assert_int_eq(green_getnameinfo((struct sockaddr *)&at, sizeof at, host,
                                       sizeof host, NULL, 0, 0),
                     code);
    ck_assert_str_eq(host, expected);
    ck_ok(green_thread_pool_stats(&stats)); /* which is not for look-ups */
    ck_assert_int_eq(stats.threads, 0);
}
END_TEST

/* ---- Listen and dial ---------------------------------------------------- */

START_TEST(listens_and_dials)
{
    int listener, client, port;
    char address[64];

    use_own();
    listener = listen_at("tcp://four.test:0");
    ck_assert_int_eq(strncmp(text, "tcp://127.0.0.1:", 16), 0);
    port = atoi(text + 16);
    snprintf(address, sizeof address, "tcp://both.test:%d", port);
    client = green_dial(address);
    ck_assert_msg(client >= 0, "%s", green_net_error());
    ck_ok(green_close(client));
    snprintf(address, sizeof address, "tcp://none.test:%d", port);
    ck_fails(green_dial(address), ENOENT);
    ck_assert_ptr_nonnull(strstr(green_net_error(), gai_strerror(EAI_NODATA)));
    ck_fails(green_listen("tcp6://four.test:0", NULL), ENOENT);
    ck_ok(green_close(listener));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("net resolver");
    TCase *tcase = add_tcase(suite, "own");

    tcase_add_test(tcase, addresses_of_both_families);
    tcase_add_test(tcase, numbers_ask_nobody);
    tcase_add_loop_test(tcase, what_is_not_found, 0, 5);
    tcase_add_test(tcase, invalid_arguments);
    tcase_add_test(tcase, kills_and_timeouts_end_both_look_ups);
    tcase_add_loop_test(tcase, lists_of_getaddrinfo, 0, LISTS);
    tcase_add_test(tcase, canonical_names);
    tcase_add_test(tcase, names_of_addresses);
    tcase_add_test(tcase, names_by_the_system);
    tcase_add_test(tcase, listens_and_dials);
    return run_suite(suite);
}
