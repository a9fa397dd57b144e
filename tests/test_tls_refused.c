/* Peers that are refused, each with its errno and with words. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/ocsp.h>

#include "tls_pair.h"

static const char *const protocols[] = {"h2", "http/1.1", NULL};

static void ends_with(const struct tls_end *end, int error, const char *words)
{
    ck_assert_msg(end->error == error, "%s instead of %s: %s",
                  strerror(end->error), strerror(error), end->reason);
    ck_assert_msg(strstr(end->reason, words) != NULL, "%s", end->reason);
}

static void done_with(struct tls_end *client, struct tls_end *server)
{
    tls_drop(client);
    tls_drop(server);
    green_tls_config_free(client->config);
    green_tls_config_free(server->config);
}

/* ---- The server's certificate ------------------------------------------------ */

static const struct {
    struct tls_wish wish;
    const char *host, *words;
} bad[] = {
    {{.name = "expired", .from = -7200, .until = -3600},
     "host.test",
     "certificate has expired"},
    {{.name = "early", .from = 3600, .until = 7200},
     "host.test",
     "certificate is not yet valid"},
    {{.name = "elsewhere", .host = "other.test"},
     "host.test",
     "hostname mismatch"},
    {{.name = "part", .host = "ho*.part.test"},
     "host.part.test",
     "hostname mismatch"},
    {{.name = "any", .host = "*.any.test"},
     "a.b.any.test",
     "hostname mismatch"},
    {{.name = "named"}, "127.0.0.2", "IP address mismatch"},
    {{.name = "self", .issuer = "self"},
     "host.test",
     "self-signed certificate"},
    {{.name = "stranger", .issuer = "ca-unknown"},
     "host.test",
     "unable to get local issuer certificate"},
};

#define BAD (int)(sizeof bad / sizeof *bad)

static void certify(const struct tls_wish *wish)
{
    if (wish->issuer && strcmp(wish->issuer, "ca-unknown") == 0)
        tls_certificate(
            &(struct tls_wish){.name = "ca-unknown", .issuer = "ca-unknown"});
    tls_certificate(wish);
}

START_TEST(a_server_with_a_bad_certificate)
{
    struct tls_end client = {.config = tls_client_config(),
                             .host = bad[_i / 2].host};
    struct tls_end server = {.host = NULL};

    tls_at_most(tls_versions[_i % 2]);
    certify(&bad[_i / 2].wish);
    server.config = tls_server_config(bad[_i / 2].wish.name);
    tls_meet(&client, &server);
    ends_with(&client, EKEYREJECTED, bad[_i / 2].words);
    /* It is told why, in the handshake or, by TLS 1.3, behind its own end. */
    if (!server.stream)
        ends_with(&server, EPROTO, "the peer refused: ");
    done_with(&client, &server);
}
END_TEST

START_TEST(a_server_that_is_not_verified)
{
    struct tls_end client = {.config = tls_config(&(struct green_tls_options){
                                 .insecure_no_verify = true})};
    struct tls_end server = {.host = NULL};

    certify(&bad[_i].wish);
    server.config = tls_server_config(bad[_i].wish.name);
    client.host = bad[_i].host;
    tls_meet(&client, &server);
    ck_assert_msg(client.error == 0, "%s", client.reason);
    done_with(&client, &server);
}
END_TEST

static const char *const hosts[] = {"host.test", "HOST.test", "host.test.",
                                    "127.0.0.1"};

START_TEST(names_of_a_host)
{
    struct tls_end client = {.config = tls_client_config(), .host = hosts[_i]};
    struct tls_end server = {.config = tls_server_config("good")};
    const char *sent;

    tls_meet(&client, &server);
    ck_assert_msg(client.error == 0, "%s", client.reason);
    ck_assert_msg(server.error == 0, "%s", server.reason);
    sent = SSL_get_servername(green_tls_ssl(server.stream),
                              TLSEXT_NAMETYPE_host_name);
    if (_i == 3)
        ck_assert_ptr_null(sent);
    else
        ck_assert_int_eq(sent[strlen(sent) - 1], 't');
    done_with(&client, &server);
}
END_TEST

/* ---- Stapled responses ------------------------------------------------------------- */

static const struct {
    int status, from, until;
    bool must_staple, require_staple, without;
    const char *words; /* NULL: accepted */
} staples[] = {
    {V_OCSP_CERTSTATUS_GOOD, -60, 3600, false, false, false, NULL},
    {V_OCSP_CERTSTATUS_GOOD, -60, 3600, true, true, false, NULL},
    {V_OCSP_CERTSTATUS_REVOKED, -60, 3600, false, false, false, "revoked"},
    {V_OCSP_CERTSTATUS_UNKNOWN, -60, 3600, false, false, false, NULL},
    {V_OCSP_CERTSTATUS_UNKNOWN, -60, 3600, false, true, false, "one must"},
    /* Not sent any more. */
    {V_OCSP_CERTSTATUS_GOOD, -7200, -3600, false, false, false, NULL},
    {V_OCSP_CERTSTATUS_GOOD, -7200, -3600, false, true, false, "one must"},
    {V_OCSP_CERTSTATUS_GOOD, 0, 0, false, false, true, NULL},
    {V_OCSP_CERTSTATUS_GOOD, 0, 0, true, false, true, "one must"},
    {V_OCSP_CERTSTATUS_GOOD, 0, 0, false, true, true, "one must"},
};

#define STAPLES (int)(sizeof staples / sizeof *staples)

static struct green_tls_config *stapling(const char *response)
{
    return tls_config(&(struct green_tls_options){
        .certificate = tls_path("stapled.crt"),
        .key = tls_path("stapled.key"),
        .staple = response ? tls_path(response) : NULL});
}

START_TEST(a_stapled_response)
{
    struct tls_end client = {.host = "host.test"}, server = {.host = NULL};
    int i = _i / 2;

    tls_at_most(tls_versions[_i % 2]);
    tls_certificate(&(struct tls_wish){.name = "stapled",
                                       .must_staple = staples[i].must_staple});
    tls_response("stapled", staples[i].status, staples[i].from,
                 staples[i].until);
    server.config = stapling(staples[i].without ? NULL : "stapled.ocsp");
    client.config = tls_config(&(struct green_tls_options){
        .authorities = tls_path("ca.crt"),
        .require_staple = staples[i].require_staple});
    tls_meet(&client, &server);
    if (staples[i].words)
        ends_with(&client, EKEYREJECTED, staples[i].words);
    else
        ck_assert_msg(client.error == 0, "%s", client.reason);
    done_with(&client, &server);
}
END_TEST

/* It says nothing of this certificate. */
START_TEST(a_stapled_response_of_another)
{
    struct tls_end client = {.host = "host.test"}, server = {.host = NULL};

    tls_certificate(&(struct tls_wish){.name = "stapled"});
    tls_response("good",
                 _i ? V_OCSP_CERTSTATUS_REVOKED : V_OCSP_CERTSTATUS_GOOD, -60,
                 3600);
    server.config = stapling("good.ocsp");
    client.config = tls_config(&(struct green_tls_options){
        .authorities = tls_path("ca.crt"), .require_staple = _i == 0});
    tls_meet(&client, &server);
    if (_i == 0)
        ends_with(&client, EKEYREJECTED, "one must");
    else
        ck_assert_msg(client.error == 0, "%s", client.reason);
    done_with(&client, &server);
}
END_TEST

/* ---- The client's certificate ------------------------------------------------------ */

static struct green_tls_config *wants_client(void)
{
    return tls_config(
        &(struct green_tls_options){.certificate = tls_path("good.crt"),
                                    .key = tls_path("good.key"),
                                    .authorities = tls_path("ca.crt"),
                                    .require_client = true});
}

static struct green_tls_config *client_with(const char *name)
{
    char certificate[64], key[64];

    snprintf(certificate, sizeof certificate, "%s.crt", name);
    snprintf(key, sizeof key, "%s.key", name);
    return tls_config(
        &(struct green_tls_options){.certificate = tls_path(certificate),
                                    .key = tls_path(key),
                                    .authorities = tls_path("ca.crt")});
}

START_TEST(a_client_with_a_certificate)
{
    struct tls_end client = {.host = "host.test"};
    struct tls_end server = {.config = wants_client()};

    tls_at_most(tls_versions[_i]);
    tls_certificate(&(struct tls_wish){.name = "client"});
    client.config = client_with("client");
    tls_meet(&client, &server);
    ck_assert_msg(server.error == 0, "%s", server.reason);
    ck_assert_ptr_nonnull(
        SSL_get0_peer_certificate(green_tls_ssl(server.stream)));
    done_with(&client, &server);
}
END_TEST

/* By TLS 1.3 a client learns it only when it reads. */
static void client_learns(const struct tls_end *client, const char *words)
{
    char byte;

    if (client->stream) {
        ck_fails(green_stream_read(client->stream, &byte, 1), EPROTO);
        ck_assert_msg(strstr(green_tls_reason(), words) != NULL, "%s",
                      green_tls_reason());
    } else {
        ends_with(client, EPROTO, words);
    }
}

START_TEST(a_client_without_a_certificate)
{
    struct tls_end client = {.host = "host.test"};
    struct tls_end server = {.config = wants_client()};

    tls_at_most(tls_versions[_i]);
    client.config = tls_client_config();
    green_tls_config_free(server.config);
    server.config = wants_client();
    tls_meet(&client, &server);
    ends_with(&server, EKEYREJECTED, "the client has no certificate");
    client_learns(&client, _i ? "certificate required" : "handshake failure");
    done_with(&client, &server);
}
END_TEST

START_TEST(a_client_with_a_bad_certificate)
{
    struct tls_end client = {.host = "host.test"};
    struct tls_end server = {.host = NULL};
    const struct tls_wish wishes[] = {
        {.name = "client", .from = -7200, .until = -3600},
        {.name = "client", .issuer = "client"},
        {.name = "client", .issuer = "ca-unknown"},
    };
    const char *const words[][2] = {
        {"certificate has expired", "certificate expired"},
        {"self-signed certificate", "unknown CA"},
        {"unable to get local issuer", "unknown CA"},
    };

    tls_at_most(tls_versions[_i % 2]);
    certify(&wishes[_i / 2]);
    client.config = client_with("client");
    server.config = wants_client();
    tls_meet(&client, &server);
    ends_with(&server, EKEYREJECTED, words[_i / 2][0]);
    client_learns(&client, words[_i / 2][1]);
    done_with(&client, &server);
}
END_TEST

/* ---- Nothing in common ---------------------------------------------------------------- */

START_TEST(no_protocol_in_common)
{
    struct tls_end client = {.host = "host.test"}, server = {.host = NULL};
    static const char *const others[] = {"smtp", NULL};

    client.config = tls_config(&(struct green_tls_options){
        .authorities = tls_path("ca.crt"), .protocols = others});
    server.config = tls_config(
        &(struct green_tls_options){.certificate = tls_path("good.crt"),
                                    .key = tls_path("good.key"),
                                    .protocols = protocols});
    tls_meet(&client, &server);
    ends_with(&server, EPROTO, "the client offers other protocols only");
    ends_with(&client, EPROTO, "no application protocol");
    done_with(&client, &server);
}
END_TEST

START_TEST(no_version_in_common)
{
    struct tls_end client = {.host = "host.test"}, server = {.host = NULL};
    SSL_CTX *old;

    server.config = tls_server_config("good");
    client.config = tls_client_config();
    tls_meet(&client, &server);
    old = SSL_get_SSL_CTX(green_tls_ssl(server.stream));
    ck_assert_int_eq(SSL_CTX_get_min_proto_version(old), TLS1_2_VERSION);
    done_with(&client, &server);
}
END_TEST

static const struct {
    const char *bytes, *words;
} strangers[] = {
    {"GET / HTTP/1.1\r\nHost: host.test\r\n\r\n", "speaks HTTP without TLS"},
    {"CONNECT host.test:443 HTTP/1.1\r\n\r\n", "speaks to a proxy"},
    {"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", "does not speak TLS"},
    {"\x16\x03\x01\x7f\xff\x01", "TLS failed: "},
    {"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", "TLS failed: "},
};

#define STRANGERS (int)(sizeof strangers / sizeof *strangers)

static size_t size_of(int i)
{
    static const size_t sizes[] = {0, 0, 0, 6, 10};

    return sizes[i] ? sizes[i] : strlen(strangers[i].bytes);
}

START_TEST(a_client_that_does_not_speak_tls)
{
    struct tls_end server = {.config = tls_server_config("good")};
    int fds[2];

    tcp_pair(fds);
    server.fd = fds[0];
    ck_ok(green_write_all(fds[1], strangers[_i].bytes, size_of(_i)));
    tls_begin(&server);
    tls_await(&server);
    ends_with(&server, EPROTO, strangers[_i].words);
    tls_drop(&server);
    close(fds[1]);
}
END_TEST

START_TEST(a_server_that_does_not_speak_tls)
{
    struct tls_end client = {.config = tls_client_config(),
                             .host = "host.test"};
    int fds[2];

    tcp_pair(fds);
    client.fd = fds[0];
    ck_ok(green_write_all(fds[1], "220 mail.test ESMTP\r\n", 21));
    tls_begin(&client);
    tls_await(&client);
    ends_with(&client, EPROTO, "does not speak TLS");
    tls_drop(&client);
    close(fds[1]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tls refused");
    TCase *servers = add_tcase(suite, "servers");
    TCase *clients = add_tcase(suite, "clients");
    TCase *others = add_tcase(suite, "others");

    tls_files();
    tcase_add_loop_test(servers, a_server_with_a_bad_certificate, 0, 2 * BAD);
    tcase_add_loop_test(servers, a_server_that_is_not_verified, 0, BAD);
    tcase_add_loop_test(servers, names_of_a_host, 0, 4);
    tcase_add_loop_test(servers, a_stapled_response, 0, 2 * STAPLES);
    tcase_add_loop_test(servers, a_stapled_response_of_another, 0, 2);
    tcase_add_loop_test(clients, a_client_with_a_certificate, 0, 2);
    tcase_add_loop_test(clients, a_client_without_a_certificate, 0, 2);
    tcase_add_loop_test(clients, a_client_with_a_bad_certificate, 0, 6);
    tcase_add_test(others, no_protocol_in_common);
    tcase_add_test(others, no_version_in_common);
    tcase_add_loop_test(others, a_client_that_does_not_speak_tls, 0, STRANGERS);
    tcase_add_test(others, a_server_that_does_not_speak_tls);
    return run_suite(suite);
}
