/* Addresses as text: which texts are addresses, which are not, and conversion
 * in both directions. */
#include <net/if.h>
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "net/address.h"
#include "support.h"

#define COUNT(table) ((int)(sizeof(table) / sizeof(table)[0]))

static struct green__address address;

/* ---- Valid ------------------------------------------------------------ */

static const struct {
    const char *text;
    enum green__scheme scheme;
    const char *host;
    unsigned port;
} good[] = {
    {"tcp://127.0.0.1:80", GREEN__TCP, "127.0.0.1", 80},
    {"tcp://localhost:6000", GREEN__TCP, "localhost", 6000},
    {"tcp://a-host.example.org:1", GREEN__TCP, "a-host.example.org", 1},
    {"tcp://[::1]:6000", GREEN__TCP, "::1", 6000},
    {"tcp://[127.0.0.1]:6000", GREEN__TCP, "127.0.0.1", 6000},
    {"tcp://[fe80::1%lo]:9", GREEN__TCP, "fe80::1%lo", 9},
    {"tcp://*:65535", GREEN__TCP, "*", 65535},
    {"tcp://*:0", GREEN__TCP, "*", 0},
    {"tcp://h:00080", GREEN__TCP, "h", 80},
    {"tcp6://localhost:0", GREEN__TCP6, "localhost", 0},
    {"tcp6://[::]:7", GREEN__TCP6, "::", 7},
    {"tcp6://*:7", GREEN__TCP6, "*", 7},
    {"udp://127.0.0.1:53", GREEN__UDP, "127.0.0.1", 53},
    {"udp6://[ff02::1%lo]:0", GREEN__UDP6, "ff02::1%lo", 0},
};

START_TEST(a_tcp_address_is_parsed)
{
    memset(&address, 0xff, sizeof address);
    ck_ok(green__address_parse(good[_i].text, &address));
    ck_assert_int_eq(address.scheme, good[_i].scheme);
    ck_assert_str_eq(address.host, good[_i].host);
    ck_assert_uint_eq(address.port, good[_i].port);
    ck_assert_int_eq(green__address_is_any(&address),
                     strcmp(good[_i].host, "*") == 0);
}
END_TEST

START_TEST(a_unix_path_ends_with_a_nul)
{
    memset(&address, 0xff, sizeof address);
    ck_ok(green__address_parse("unix:///run/a.sock", &address));
    ck_assert_int_eq(address.scheme, GREEN__UNIX);
    ck_assert_int_eq(address.local.at.local.sun_family, AF_UNIX);
    ck_assert_str_eq(address.local.at.local.sun_path, "/run/a.sock");
    ck_assert_uint_eq(address.local.length,
                      offsetof(struct sockaddr_un, sun_path) +
                          sizeof "/run/a.sock");
}
END_TEST

START_TEST(a_relative_path_and_colons_are_a_path)
{
    ck_ok(green__address_parse("unix://a:80", &address));
    ck_assert_str_eq(address.local.at.local.sun_path, "a:80");
}
END_TEST

START_TEST(an_abstract_name_begins_with_a_nul)
{
    memset(&address, 0xff, sizeof address);
    ck_ok(green__address_parse("unix://@name", &address));
    ck_assert_mem_eq(address.local.at.local.sun_path, "\0name", 5);
    ck_assert_uint_eq(address.local.length,
                      offsetof(struct sockaddr_un, sun_path) + 5);
}
END_TEST

/* ---- Invalid ---------------------------------------------------------- */

static const char *const bad[] = {
    "",
    "tcp",
    "tcp:",
    "tcp:/",
    "tcp://",
    "tcp6://",
    "udp://",
    "udp6://:80",
    "udp:/127.0.0.1:80",
    "unix://",
    "unix://@",
    /* Unknown schemes. */
    "h:1",
    "sctp://h:1",
    "tcp4://h:1",
    "TCP://h:1",
    " tcp://h:1",
    "://h:1",
    "unix:/a",
    "/a",
    /* Ports. */
    "tcp://h",
    "tcp://h:",
    "tcp://h:65536",
    "tcp://h:99999",
    "tcp://h:000080",
    "tcp://h:4294967376",
    "tcp://h:-1",
    "tcp://h:+1",
    "tcp://h: 1",
    "tcp://h:1 ",
    "tcp://h:1x",
    "tcp://h:0x50",
    "tcp://h:http",
    "tcp://h:1/",
    /* Hosts. */
    "tcp://:80",
    "tcp://[]:1",
    "tcp6://:80",
    "tcp://a/b:1",
    "tcp://a b:1",
    "tcp://a\n:1",
    "tcp://a\t:1",
    "tcp://a]:1",
    "tcp://a[:1",
    /* IPv6 with missing brackets. */
    "tcp://::1:80",
    "tcp://::1",
    "tcp://[::1]",
    "tcp://[::1]80",
    "tcp://[::1:80",
    "tcp://[[::1]]:80",
    "tcp://[::1]:",
    "tcp://::1]:80",
};

START_TEST(invalid_addresses_fail)
{
    ck_fails(green__address_parse(bad[_i], &address), EINVAL);
}
END_TEST

START_TEST(null_fails)
{
    ck_fails(green__address_parse(NULL, &address), EINVAL);
}
END_TEST

/* ---- Lengths ---------------------------------------------------------- */

/* A prefix, `count` times 'x', and a suffix. */
static const char *long_text(const char *prefix, int count, const char *suffix)
{
    static char text[1024];
    int length = (int)strlen(prefix);

    memcpy(text, prefix, (size_t)length);
    memset(text + length, 'x', (size_t)count);
    strcpy(text + length + count, suffix);
    return text;
}

/* The kernel accepts a path that leaves no room for its '\0'. */
START_TEST(the_longest_unix_path)
{
    int most = (int)sizeof address.local.at.local.sun_path;

    ck_ok(green__address_parse(long_text("unix://", most - 1, ""), &address));
    ck_assert_uint_eq(address.local.length, sizeof(struct sockaddr_un));
    ck_ok(green__address_parse(long_text("unix://", most, ""), &address));
    ck_assert_uint_eq(address.local.length, sizeof(struct sockaddr_un));
    ck_assert_int_eq(address.local.at.local.sun_path[most - 1], 'x');
    ck_fails(green__address_parse(long_text("unix://", most + 1, ""), &address),
             EINVAL);
}
END_TEST

START_TEST(the_longest_abstract_name)
{
    int most = (int)sizeof address.local.at.local.sun_path - 1;

    ck_ok(green__address_parse(long_text("unix://@", most, ""), &address));
    ck_assert_uint_eq(address.local.length, sizeof(struct sockaddr_un));
    ck_fails(
        green__address_parse(long_text("unix://@", most + 1, ""), &address),
        EINVAL);
}
END_TEST

START_TEST(the_longest_host)
{
    int most = GREEN__HOST_SIZE - 1;

    ck_ok(green__address_parse(long_text("tcp://", most, ":1"), &address));
    ck_assert_int_eq((int)strlen(address.host), most);
    ck_ok(green__address_parse(long_text("tcp://[", most, "]:1"), &address));
    ck_fails(
        green__address_parse(long_text("tcp://", most + 1, ":1"), &address),
        EINVAL);
    ck_fails(
        green__address_parse(long_text("tcp://[", most + 1, "]:1"), &address),
        EINVAL);
}
END_TEST

/* ---- Into text -------------------------------------------------------- */

static struct green__endpoint endpoint_v4(const char *host, unsigned port)
{
    struct green__endpoint endpoint = {.length = sizeof endpoint.at.v4};

    endpoint.at.v4.sin_family = AF_INET;
    endpoint.at.v4.sin_port = htons((uint16_t)port);
    ck_assert_int_eq(inet_pton(AF_INET, host, &endpoint.at.v4.sin_addr), 1);
    return endpoint;
}

static struct green__endpoint endpoint_v6(const char *host, unsigned port)
{
    struct green__endpoint endpoint = {.length = sizeof endpoint.at.v6};

    endpoint.at.v6.sin6_family = AF_INET6;
    endpoint.at.v6.sin6_port = htons((uint16_t)port);
    ck_assert_int_eq(inet_pton(AF_INET6, host, &endpoint.at.v6.sin6_addr), 1);
    return endpoint;
}

/* The text fits exactly; with one byte less it does not. */
static void formats_as(const struct green__endpoint *endpoint,
                       const char *expected)
{
    int length = (int)strlen(expected);
    char *buffer = malloc((size_t)length + 1);

    ck_assert_int_eq(
        green__address_format(endpoint, buffer, (size_t)length + 1), length);
    ck_assert_str_eq(buffer, expected);
    ck_fails(green__address_format(endpoint, buffer, (size_t)length), ENOSPC);
    ck_fails(green__address_format(endpoint, buffer, 0), ENOSPC);
    free(buffer);
}

START_TEST(ipv4_into_text)
{
    struct green__endpoint endpoint = endpoint_v4("127.0.0.1", 80);

    formats_as(&endpoint, "tcp://127.0.0.1:80");
    endpoint = endpoint_v4("0.0.0.0", 65535);
    formats_as(&endpoint, "tcp://0.0.0.0:65535");
}
END_TEST

START_TEST(ipv6_into_text)
{
    struct green__endpoint endpoint = endpoint_v6("::1", 6000);

    formats_as(&endpoint, "tcp://[::1]:6000");
    endpoint = endpoint_v6("2001:db8:1:2:3:4:5:6", 1);
    formats_as(&endpoint, "tcp://[2001:db8:1:2:3:4:5:6]:1");
}
END_TEST

START_TEST(mapped_ipv4_is_written_as_ipv4)
{
    struct green__endpoint endpoint = endpoint_v6("::ffff:127.0.0.1", 80);

    formats_as(&endpoint, "tcp://127.0.0.1:80");
}
END_TEST

START_TEST(a_link_local_address_keeps_its_interface)
{
    struct green__endpoint endpoint = endpoint_v6("fe80::1", 80);
    unsigned scope = if_nametoindex("lo");

    if (scope == 0) {
        SKIP("needs the interface \"lo\"");
        return;
    }
    endpoint.at.v6.sin6_scope_id = scope;
    formats_as(&endpoint, "tcp://[fe80::1%lo]:80");
}
END_TEST

START_TEST(an_unknown_family_has_no_text)
{
    struct green__endpoint endpoint = {.length = sizeof endpoint.at.any};
    char buffer[64];

    endpoint.at.any.sa_family = AF_UNSPEC;
    ck_fails(green__address_format(&endpoint, buffer, sizeof buffer),
             EAFNOSUPPORT);
}
END_TEST

START_TEST(a_unix_socket_without_a_name)
{
    struct green__endpoint endpoint = {.length = sizeof(sa_family_t)};

    endpoint.at.local.sun_family = AF_UNIX;
    formats_as(&endpoint, "unix://");
}
END_TEST

/* As the kernel returns a path of the full length: without its '\0'. */
START_TEST(a_unix_path_without_nul)
{
    struct green__endpoint endpoint = {.length = sizeof endpoint.at.local};
    size_t length = sizeof endpoint.at.local.sun_path;

    endpoint.at.local.sun_family = AF_UNIX;
    memset(&endpoint.at.storage, 'x', sizeof endpoint.at.storage);
    endpoint.at.local.sun_family = AF_UNIX;
    formats_as(&endpoint, long_text("unix://", (int)length, ""));
}
END_TEST

/* A C string cannot contain a name with a '\0'. */
START_TEST(an_abstract_name_with_a_nul)
{
    struct green__endpoint endpoint = {
        .length = offsetof(struct sockaddr_un, sun_path) + 4};
    char buffer[64];

    endpoint.at.local.sun_family = AF_UNIX;
    memcpy(endpoint.at.local.sun_path, "\0a\0b", 4);
    ck_fails(green__address_format(&endpoint, buffer, sizeof buffer),
             EAFNOSUPPORT);
}
END_TEST

START_TEST(an_empty_abstract_name)
{
    struct green__endpoint endpoint = {
        .length = offsetof(struct sockaddr_un, sun_path) + 1};
    char buffer[64];

    endpoint.at.local.sun_family = AF_UNIX;
    ck_fails(green__address_format(&endpoint, buffer, sizeof buffer),
             EAFNOSUPPORT);
}
END_TEST

static struct green__endpoint unix_path(const char *path)
{
    struct green__endpoint endpoint = {
        .length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
                              strlen(path) + 1)};

    endpoint.at.local.sun_family = AF_UNIX;
    strcpy(endpoint.at.local.sun_path, path);
    return endpoint;
}

START_TEST(a_file_whose_name_begins_with_at)
{
    struct green__endpoint endpoint = unix_path("@name");
    char buffer[256];

    formats_as(&endpoint, "unix://./@name");
    ck_ok(green__address_parse("unix://./@name", &address));
    ck_assert_str_eq(address.local.at.local.sun_path, "./@name");

    endpoint = unix_path(long_text("@", 106, ""));
    ck_fails(green__address_format(&endpoint, buffer, sizeof buffer),
             EAFNOSUPPORT);
}
END_TEST

/* ---- Text to address to text ------------------------------------------- */

static const char *const unix_texts[] = {
    "unix:///run/a.sock", "unix://relative", "unix://a:80",    "unix:///@a",
    "unix://@name",       "unix://@@",       "unix://@/run/a", "unix:// ",
};

START_TEST(unix_both_directions)
{
    ck_ok(green__address_parse(unix_texts[_i], &address));
    formats_as(&address.local, unix_texts[_i]);
}
END_TEST

static const char *const v6_hosts[] = {"::", "::1", "2001:db8::7",
                                       "2001:db8:1:2:3:4:5:6"};

START_TEST(ipv6_both_directions)
{
    struct green__endpoint endpoint = endpoint_v6(v6_hosts[_i], 6000);
    char buffer[128];

    ck_assert_int_gt(green__address_format(&endpoint, buffer, sizeof buffer),
                     0);
    ck_ok(green__address_parse(buffer, &address));
    ck_assert_int_eq(address.scheme, GREEN__TCP);
    ck_assert_str_eq(address.host, v6_hosts[_i]);
    ck_assert_uint_eq(address.port, 6000);
}
END_TEST

START_TEST(every_port_both_directions)
{
    struct green__endpoint endpoint;
    char buffer[128];

    for (unsigned port = 0; port <= UINT16_MAX; port++) {
        endpoint = endpoint_v4("127.0.0.1", port);
        ck_assert_int_gt(
            green__address_format(&endpoint, buffer, sizeof buffer), 0);
        ck_ok(green__address_parse(buffer, &address));
        ck_assert_uint_eq(address.port, port);
    }
}
END_TEST

static void add_format(TCase *format)
{
    tcase_add_test(format, ipv4_into_text);
    tcase_add_test(format, ipv6_into_text);
    tcase_add_test(format, mapped_ipv4_is_written_as_ipv4);
    tcase_add_test(format, a_link_local_address_keeps_its_interface);
    tcase_add_test(format, an_unknown_family_has_no_text);
    tcase_add_test(format, a_unix_socket_without_a_name);
    tcase_add_test(format, a_unix_path_without_nul);
    tcase_add_test(format, an_abstract_name_with_a_nul);
    tcase_add_test(format, an_empty_abstract_name);
    tcase_add_test(format, a_file_whose_name_begins_with_at);
}

int main(void)
{
    Suite *suite = suite_create("address");
    TCase *parse = add_tcase(suite, "parse");
    TCase *format = add_tcase(suite, "format");
    TCase *both = add_tcase(suite, "both");

    tcase_add_loop_test(parse, a_tcp_address_is_parsed, 0, COUNT(good));
    tcase_add_test(parse, a_unix_path_ends_with_a_nul);
    tcase_add_test(parse, a_relative_path_and_colons_are_a_path);
    tcase_add_test(parse, an_abstract_name_begins_with_a_nul);
    tcase_add_loop_test(parse, invalid_addresses_fail, 0, COUNT(bad));
    tcase_add_test(parse, null_fails);
    tcase_add_test(parse, the_longest_unix_path);
    tcase_add_test(parse, the_longest_abstract_name);
    tcase_add_test(parse, the_longest_host);
    add_format(format);
    tcase_add_loop_test(both, unix_both_directions, 0, COUNT(unix_texts));
    tcase_add_loop_test(both, ipv6_both_directions, 0, COUNT(v6_hosts));
    tcase_add_test(both, every_port_both_directions);
    return run_suite(suite);
}
