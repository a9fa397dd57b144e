/* libc's look-ups by a resolver of the program's own: names, addresses, and what
 * cannot be found; without an OS thread. */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/stat.h>

#include "patch_support.h"

/* ---- The resolver ------------------------------------------------------- */

static unsigned asked;

static int error_for(const char *host)
{
    if (strcmp(host, "later.test") == 0)
        return EAGAIN;
    if (strcmp(host, "odd.test") == 0)
        return ENFILE;
    return strcmp(host, "nodata.test") == 0 ? ENODATA : ENOENT;
}

static int look_up(struct green_look_up *it)
{
    asked++;
    if (strcmp(it->host, "slow.test") == 0 && green_sleep(GREEN_FOREVER) < 0)
        return -1;
    if (strcmp(it->host, "host.test") != 0) {
        errno = error_for(it->host);
        return -1;
    }
    strcpy(it->canonical, "canonical.test");
    for (size_t i = 0; i < 3 && i < it->room; i++)
        if (it->family == AF_INET)
            it->addresses[i].at.v4.sin_addr.s_addr =
                htonl(0x7f000001 + (unsigned)i);
        else
            it->addresses[i].at.v6.sin6_addr = in6addr_loopback;
    return it->family == AF_INET ? 3 : 1;
}

static int look_up_name(const struct green_socket_address *address, char *name,
                        size_t size)
{
    bool v6 = address->at.any.sa_family == AF_INET6;

    asked++;
    if (!v6 && address->at.v4.sin_addr.s_addr != htonl(INADDR_LOOPBACK)) {
        errno = ENOENT;
        return -1;
    }
    snprintf(name, size, v6 ? "six.test" : "four.test");
    return 0;
}

static const struct green_resolver own = {
    .name = "own", .look_up = look_up, .look_up_name = look_up_name};

static void set_up(void)
{
    ck_ok(green_patch(GREEN_PATCH_LIBRARIES));
    ck_ok(green_use_resolver(&own));
    ck_assert_ptr_nonnull(green_get_hub());
}

static bool is_the_only_os_thread(void)
{
    struct stat tasks;

    ck_ok(stat("/proc/self/task", &tasks));
    return tasks.st_nlink == 2 + 1;
}

/* No other OS thread has had a part in it. */
static void tear_down(void)
{
    ck_assert_uint_gt(asked, 0);
    if (!checker()) /* they may have OS threads of their own */
        ck_assert(is_the_only_os_thread());
}

/* ---- What is found --------------------------------------------------------- */

static void is_host(const struct hostent *it, int family, unsigned count)
{
    ck_assert_ptr_nonnull(it);
    ck_assert_str_eq(it->h_name, "canonical.test");
    ck_assert_ptr_null(it->h_aliases[0]);
    ck_assert_int_eq(it->h_addrtype, family);
    ck_assert_int_eq(it->h_length, family == AF_INET6 ? 16 : 4);
    for (unsigned i = 0; i < count; i++)
        ck_assert_ptr_nonnull(it->h_addr_list[i]);
    ck_assert_ptr_null(it->h_addr_list[count]);
    if (family == AF_INET)
        ck_assert_mem_eq(it->h_addr_list[0], "\x7f\0\0\1", 4);
    else
        ck_assert_mem_eq(it->h_addr_list[0], &in6addr_loopback, 16);
}

START_TEST(hosts)
{
    const struct in_addr four = {htonl(INADDR_LOOPBACK)};
    struct hostent *mine;

    set_up();
    mine = gethostbyname("host.test");
    is_host(mine, AF_INET, 3);
    is_host(gethostbyname2("host.test", AF_INET6), AF_INET6, 1);
    mine = gethostbyaddr(&four, sizeof four, AF_INET);
    ck_assert_ptr_nonnull(mine);
    ck_assert_str_eq(mine->h_name, "four.test");
    ck_assert_mem_eq(mine->h_addr_list[0], &four, sizeof four);
    mine = gethostbyaddr(&in6addr_loopback, sizeof in6addr_loopback, AF_INET6);
    ck_assert_ptr_nonnull(mine);
    ck_assert_str_eq(mine->h_name, "six.test");
    ck_assert_int_eq(mine->h_length, 16);
    tear_down();
}
END_TEST

/* The caller's buffer begins anywhere, and may be too small by any byte. */
START_TEST(buffers_of_the_caller)
{
    struct hostent entry, *found = NULL;
    char buffer[128];
    size_t enough = 0;
    int error = 0, result;

    set_up();
    for (size_t size = 0; !enough; size++) {
        memset(buffer, '#', sizeof buffer);
        result = gethostbyname_r("host.test", &entry, buffer + 1, size, &found,
                                 &error);
        ck_assert_int_eq(buffer[1 + size], '#');
        if (result == 0)
            enough = size;
        else
            ck_assert(result == ERANGE && !found && error == NETDB_INTERNAL);
    }
    ck_assert_ptr_eq(found, &entry);
    ck_assert_int_eq(error, NETDB_SUCCESS);
    is_host(found, AF_INET, 3);
    ck_assert_int_eq((uintptr_t)entry.h_addr_list % sizeof(char *), 0);
    ck_assert_int_eq(gethostbyname2_r("host.test", AF_INET6, &entry, buffer,
                                      sizeof buffer, &found, &error),
                     0);
    is_host(found, AF_INET6, 1);
    ck_assert_int_eq(gethostbyaddr_r(&in6addr_loopback, 16, AF_INET6, &entry,
                                     buffer, sizeof buffer, &found, &error),
                     0);
    ck_assert_str_eq(entry.h_name, "six.test");
    ck_assert_int_eq(gethostbyaddr_r(&in6addr_loopback, 16, AF_INET6, &entry,
                                     buffer, 8, &found, &error),
                     ERANGE);
    ck_assert_ptr_null(found);
    tear_down();
}
END_TEST

START_TEST(names_of_addresses)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(80)};
    char host[64], service[16];

    set_up();
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    errno = EXDEV;
    ck_assert_int_eq(getnameinfo((struct sockaddr *)&at, sizeof at, host,
                                 sizeof host, service, sizeof service,
                                 NI_NUMERICSERV),
                     0);
    ck_assert_int_eq(errno, EXDEV);
    ck_assert_str_eq(host, "four.test");
    ck_assert_str_eq(service, "80");
    at.sin_addr.s_addr = htonl(0xc0000201);
    ck_assert_int_eq(getnameinfo((struct sockaddr *)&at, sizeof at, host,
                                 sizeof host, NULL, 0, NI_NAMEREQD),
                     EAI_NONAME);
    ck_assert_int_eq(getnameinfo((struct sockaddr *)&at, sizeof at, host,
                                 sizeof host, NULL, 0, 0),
                     0);
    ck_assert_str_eq(host, "192.0.2.1");
    tear_down();
}
END_TEST

/* ---- What is not ------------------------------------------------------------ */

static const struct {
    const char *host;
    int result, h_error;
} failures[] = {
    {"none.test", 0, HOST_NOT_FOUND},
    {"nodata.test", 0, NO_DATA},
    {"later.test", EAGAIN, TRY_AGAIN},
    {"odd.test", ENFILE, NETDB_INTERNAL},
};

#define FAILURES (int)(sizeof failures / sizeof failures[0])

START_TEST(what_is_not_found)
{
    const char *host = failures[_i].host;
    struct hostent entry, *found = &entry;
    char buffer[256];
    int error = -2;

    set_up();
    ck_assert_int_eq(
        gethostbyname_r(host, &entry, buffer, sizeof buffer, &found, &error),
        failures[_i].result);
    ck_assert_ptr_null(found);
    ck_assert_int_eq(error, failures[_i].h_error);
    ck_assert_ptr_null(gethostbyname(host));
    ck_assert_int_eq(h_errno, failures[_i].h_error);
    if (error == NETDB_INTERNAL)
        ck_assert_int_eq(errno, failures[_i].result);
    ck_assert_ptr_null(gethostbyaddr(buffer, 3, AF_INET));
    ck_assert_int_eq(h_errno, NETDB_INTERNAL);
    tear_down();
}
END_TEST

static void *is_killed(void *unused)
{
    ck_assert_ptr_null(gethostbyname("slow.test"));
    ck_assert_int_eq(h_errno, NETDB_INTERNAL);
    ck_assert_int_eq(errno, ECANCELED);
    return unused;
}

START_TEST(kills)
{
    struct green_thread *thread;

    set_up();
    thread = green_spawn(is_killed, NULL);
    while (!asked)
        ck_ok(green_yield());
    ck_ok(green_kill(thread));
    ck_ok(green_join(thread, NULL));
    tear_down();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("patch names");
    TCase *tcase = add_tcase(suite, "names");

    tcase_add_test(tcase, hosts);
    tcase_add_test(tcase, buffers_of_the_caller);
    tcase_add_test(tcase, names_of_addresses);
    tcase_add_loop_test(tcase, what_is_not_found, 0, FAILURES);
    tcase_add_test(tcase, kills);
    return run_suite(suite);
}
