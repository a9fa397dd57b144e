/* Tickets and what they must not open; names; reloads. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/err.h>

#include "tls_pair.h"

static void meet_well(struct tls_end *client, struct tls_end *server)
{
    tls_meet(client, server);
    ck_assert_msg(client->error == 0, "%s", client->reason);
    ck_assert_msg(server->error == 0, "%s", server->reason);
    /* The client has to read for the tickets of TLS 1.3. */
    ck_ok(green_stream_write_all(server->stream, "hello", 5));
    tls_expect(client->stream, "hello", 5);
}

/* Meets, and returns whether the session was resumed; both sides agree. */
static bool meet_again(struct tls_end *client, struct tls_end *server)
{
    bool resumed;

    meet_well(client, server);
    resumed = SSL_session_reused(green_tls_ssl(client->stream));
    ck_assert(resumed == SSL_session_reused(green_tls_ssl(server->stream)));
    tls_drop(client);
    tls_drop(server);
    return resumed;
}

/* ---- Resumption --------------------------------------------------------------- */

START_TEST(a_client_resumes)
{
    struct tls_end client = {.config = tls_client_config(),
                             .host = "host.test"};
    struct tls_end server = {.config = tls_server_config("good")};

    tls_at_most(tls_versions[_i]);
    green_tls_config_free(client.config);
    client.config = tls_client_config();
    ck_assert(!meet_again(&client, &server));
    for (int i = 0; i < 5; i++)
        ck_assert_msg(meet_again(&client, &server), "%d", i);
    client.host = "127.0.0.1";
    ck_assert(!meet_again(&client, &server));
    client.host = "host.test";
    ck_assert(meet_again(&client, &server));
    green_tls_config_free(client.config);
    green_tls_config_free(server.config);
}
END_TEST

/* More hosts than a client keeps sessions of. */
START_TEST(a_client_forgets)
{
    struct tls_end client = {.config = tls_config(&(struct green_tls_options){
                                 .insecure_no_verify = true})};
    struct tls_end server = {.config = tls_server_config("good")};
    char host[32];

    for (int i = 0; i <= 32; i++) {
        snprintf(host, sizeof host, "host%d.test", i);
        client.host = host;
        ck_assert(!meet_again(&client, &server));
    }
    client.host = "host1.test";
    ck_assert(meet_again(&client, &server));
    client.host = "host0.test";
    ck_assert(!meet_again(&client, &server));
    green_tls_config_free(client.config);
    green_tls_config_free(server.config);
}
END_TEST

/* By the virtual clock of a hub: a key makes tickets for an hour, and is good for two more. */
START_TEST(keys_of_tickets_change)
{
    struct tls_end client = {.config = tls_client_config(),
                             .host = "host.test"};
    struct tls_end server = {.config = tls_server_config("good")};

    if (!on_sim()) {
        SKIP("hours pass on the sim hub alone");
        return;
    }
    ck_assert(!meet_again(&client, &server));
    ck_ok(green_sleep(100 * 60 * GREEN_SEC));
    ck_assert(meet_again(&client, &server)); /* and gets one by a new key */
    ck_ok(green_sleep(100 * 60 * GREEN_SEC));
    ck_assert(meet_again(&client, &server));
    ck_ok(green_sleep(200 * 60 * GREEN_SEC));
    ck_assert(!meet_again(&client, &server));
    green_tls_config_free(client.config);
    green_tls_config_free(server.config);
}
END_TEST

START_TEST(a_reload_keeps_the_keys_of_tickets)
{
    struct tls_end client = {.config = tls_client_config(),
                             .host = "host.test"};
    struct tls_end server = {.config = tls_server_config("good")};

    ck_assert(!meet_again(&client, &server));
    ck_ok(green_tls_config_reload(server.config));
    ck_assert(meet_again(&client, &server));
    ck_ok(green_tls_config_reload(client.config));
    ck_assert(!meet_again(&client, &server)); /* the client may trust others */
    green_tls_config_free(client.config);
    green_tls_config_free(server.config);
}
END_TEST

/* ---- What a ticket must not open -------------------------------------------------- */

static struct green_tls_config *chosen;

static struct green_tls_config *choose(const char *name, void *arg)
{
    ck_assert_str_eq(arg, "the argument");
    return name && strcmp(name, "private.test") == 0 ? chosen : NULL;
}

static struct green_tls_config *chooser(void)
{
    return tls_config(
        &(struct green_tls_options){.certificate = tls_path("good.crt"),
                                    .key = tls_path("good.key"),
                                    .choose = choose,
                                    .arg = "the argument"});
}

static struct green_tls_config *private_server(void)
{
    return tls_config(
        &(struct green_tls_options){.certificate = tls_path("private.crt"),
                                    .key = tls_path("private.key"),
                                    .authorities = tls_path("ca.crt"),
                                    .require_client = true});
}

/* Offers the session of one connection in another, for another name. */
static void offer(SSL_SESSION *session, struct green_tls_config *config,
                  struct tls_end *server)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(context);
    int fds[2], result;

    tcp_pair(fds);
    server->fd = fds[1];
    server->config = config;
    SSL_set_fd(ssl, fds[0]);
    SSL_set_tlsext_host_name(ssl, "private.test");
    SSL_set_session(ssl, session);
    tls_begin(server);
    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    ERR_clear_error();
    while ((result = SSL_connect(ssl)) <= 0 &&
           SSL_get_error(ssl, result) == SSL_ERROR_WANT_READ)
        ck_ok(green_yield());
    ERR_clear_error();
    close(fds[0]);
    tls_await(server);
    SSL_free(ssl);
    SSL_CTX_free(context);
}

/* The session was made without a client's certificate: a name that wants one must
 * not be reached by it. */
START_TEST(a_ticket_of_one_name_does_not_open_another)
{
    struct tls_end client = {.host = "host.test"}, server = {.host = NULL};
    SSL_SESSION *session;

    tls_at_most(tls_versions[_i]);
    tls_certificate(
        &(struct tls_wish){.name = "private", .host = "private.test"});
    chosen = private_server();
    client.config = tls_client_config();
    server.config = chooser();
    meet_well(&client, &server);
    session = SSL_get1_session(green_tls_ssl(client.stream));
    ck_assert(SSL_SESSION_is_resumable(session));
    tls_drop(&client);
    tls_drop(&server);
    offer(session, server.config, &server);
    ck_assert_msg(server.error == EKEYREJECTED, "%s", server.reason);
    ck_assert_ptr_nonnull(strstr(server.reason, "has no certificate"));
    SSL_SESSION_free(session);
    tls_drop(&server);
}
END_TEST

START_TEST(a_ticket_does_not_outlive_the_authorities)
{
    struct tls_end client = {.host = "host.test"}, server = {.host = NULL};

    tls_at_most(tls_versions[_i]);
    tls_certificate(
        &(struct tls_wish){.name = "ca-clients", .issuer = "ca-clients"});
    tls_certificate(
        &(struct tls_wish){.name = "client", .issuer = "ca-clients"});
    client.config = tls_config(
        &(struct green_tls_options){.certificate = tls_path("client.crt"),
                                    .key = tls_path("client.key"),
                                    .authorities = tls_path("ca.crt")});
    server.config = tls_config(
        &(struct green_tls_options){.certificate = tls_path("good.crt"),
                                    .key = tls_path("good.key"),
                                    .authorities = tls_path("ca-clients.crt"),
                                    .require_client = true});
    ck_assert(!meet_again(&client, &server));
    ck_assert(meet_again(&client, &server));
    tls_certificate(
        &(struct tls_wish){.name = "ca-clients", .issuer = "ca-clients"});
    ck_ok(green_tls_config_reload(server.config));
    tls_meet(&client, &server);
    ck_assert_msg(server.error == EKEYREJECTED, "%s", server.reason);
}
END_TEST

/* ---- Names --------------------------------------------------------------------------- */

static const char *subject(const struct tls_end *client)
{
    static char name[64];
    X509 *certificate =
        SSL_get0_peer_certificate(green_tls_ssl(client->stream));

    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate),
                              NID_commonName, name, sizeof name);
    return name;
}

START_TEST(a_name_chooses)
{
    static const char *const protocols[] = {"private", NULL};
    struct tls_end client = {.host = "private.test"}, server = {.host = NULL};

    tls_at_most(tls_versions[_i]);
    tls_certificate(
        &(struct tls_wish){.name = "private", .host = "private.test"});
    chosen = tls_config(
        &(struct green_tls_options){.certificate = tls_path("private.crt"),
                                    .key = tls_path("private.key"),
                                    .protocols = protocols});
    client.config = tls_config(&(struct green_tls_options){
        .authorities = tls_path("ca.crt"), .protocols = protocols});
    server.config = chooser();
    meet_well(&client, &server);
    ck_assert_str_eq(subject(&client), "private.test");
    ck_assert_str_eq(green_tls_protocol(client.stream), "private");
    tls_drop(&client);
    tls_drop(&server);
    client.host = "host.test";
    meet_well(&client, &server);
    ck_assert_str_eq(subject(&client), "host.test");
    ck_assert_ptr_null(green_tls_protocol(client.stream));
    tls_drop(&client);
    tls_drop(&server);
    client.host = "127.0.0.1"; /* is not sent as a name */
    meet_well(&client, &server);
    ck_assert_str_eq(subject(&client), "host.test");
}
END_TEST

/* ---- Reloads -------------------------------------------------------------------------- */

START_TEST(a_reload_changes_the_certificate)
{
    struct tls_end client = {.config = tls_client_config(),
                             .host = "host.test"};
    struct tls_end server = {.host = NULL}, old, old_client;
    ASN1_INTEGER *serial;

    tls_certificate(&(struct tls_wish){.name = "renewed"});
    server.config = tls_server_config("renewed");
    meet_well(&client, &server);
    serial = ASN1_INTEGER_dup(X509_get_serialNumber(
        SSL_get0_peer_certificate(green_tls_ssl(client.stream))));
    old = server;
    old_client = client;
    tls_certificate(&(struct tls_wish){.name = "renewed"});
    ck_ok(green_tls_config_reload(server.config));
    ck_ok(green_stream_write_all(old.stream, "old", 3));
    tls_expect(client.stream, "old", 3);
    meet_well(&client, &server);
    ck_assert_int_ne(
        ASN1_INTEGER_cmp(serial,
                         X509_get_serialNumber(SSL_get0_peer_certificate(
                             green_tls_ssl(client.stream)))),
        0);
    ASN1_INTEGER_free(serial);
    tls_drop(&old_client);
    tls_drop(&old);
}
END_TEST

static struct green_tls_config *loaded;
static bool over;

static void *connects(void *arg)
{
    struct tls_end client = {.config = tls_client_config(),
                             .host = "host.test"};
    struct tls_end server = {.config = loaded};
    int *count = arg;

    while (!over) {
        (void)meet_again(&client, &server);
        ++*count;
    }
    green_tls_config_free(client.config);
    return arg;
}

/* Also reloads that find nonsense. */
START_TEST(no_handshake_fails_by_a_reload)
{
    enum { CLIENTS = 4 };
    struct green_thread *threads[CLIENTS];
    int counts[CLIENTS] = {0}, total = 0, wanted = fewer_if_checked(200, 10);

    tls_certificate(&(struct tls_wish){.name = "loaded"});
    loaded = tls_server_config("loaded");
    for (int i = 0; i < CLIENTS; i++)
        threads[i] = green_spawn(connects, &counts[i]);
    for (int round = 0; total < wanted; round++) {
        tls_certificate(&(struct tls_wish){.name = "loaded"});
        if (round % 3 == 2)
            ck_ok(unlink(tls_path("loaded.key")));
        ck_assert_int_eq(green_tls_config_reload(loaded),
                         round % 3 == 2 ? -1 : 0);
        for (int i = 0; i < 5; i++)
            ck_ok(green_yield());
        total = 0;
        for (int i = 0; i < CLIENTS; i++)
            total += counts[i];
    }
    over = true;
    for (int i = 0; i < CLIENTS; i++)
        ck_ok(green_join(threads[i], NULL));
    green_tls_config_free(loaded);
}
END_TEST

/* A configuration may be freed while its connections live. */
START_TEST(a_connection_outlives_its_configuration)
{
    struct green_stream *ends[2];

    tls_pair(ends); /* which frees them */
    ck_ok(green_stream_write_all(ends[1], "still", 5));
    tls_expect(ends[0], "still", 5);
    ck_ok(green_stream_close(ends[0]));
    ck_ok(green_stream_close(ends[1]));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tls sessions");
    TCase *tcase = add_tcase(suite, "sessions");

    tls_files();
    tcase_add_loop_test(tcase, a_client_resumes, 0, 2);
    tcase_add_test(tcase, a_client_forgets);
    tcase_add_test(tcase, keys_of_tickets_change);
    tcase_add_test(tcase, a_reload_keeps_the_keys_of_tickets);
    tcase_add_loop_test(tcase, a_ticket_of_one_name_does_not_open_another, 0,
                        2);
    tcase_add_loop_test(tcase, a_ticket_does_not_outlive_the_authorities, 0, 2);
    tcase_add_loop_test(tcase, a_name_chooses, 0, 2);
    tcase_add_test(tcase, a_reload_changes_the_certificate);
    tcase_add_test(tcase, no_handshake_fails_by_a_reload);
    tcase_add_test(tcase, a_connection_outlives_its_configuration);
    return run_suite(suite);
}
