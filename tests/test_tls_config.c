/* Configurations: what they take, and what they refuse, with words. */
#include <greenhub/tls.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>

#include "tls_support.h"

static void write_text(const char *file, const char *text)
{
    FILE *opened = fopen(tls_path(file), "w");

    ck_assert_ptr_nonnull(opened);
    ck_assert_int_ge(fputs(text, opened), 0);
    fclose(opened);
}

/* mode: "w", or "a" to append. */
static void copy_file(const char *from, const char *to, const char *mode)
{
    FILE *source = fopen(tls_path(from), "r");
    FILE *target = fopen(tls_path(to), mode);
    int c;

    ck_assert(source && target);
    while ((c = getc(source)) != EOF)
        putc(c, target);
    fclose(source);
    fclose(target);
}

static void refused(const struct green_tls_options *options, int error,
                    const char *words)
{
    struct green_tls_config *config;

    errno = 0;
    config = green_tls_config_create(options);
    ck_assert_ptr_null(config);
    ck_assert_msg(errno == error, "%s instead of %s: %s", strerror(errno),
                  strerror(error), green_tls_reason());
    ck_assert_msg(strstr(green_tls_reason(), words) != NULL, "%s",
                  green_tls_reason());
}

static struct green_tls_config *made(const struct green_tls_options *options)
{
    struct green_tls_config *config = green_tls_config_create(options);

    ck_assert_msg(config != NULL, "%s", green_tls_reason());
    return config;
}

START_TEST(without_a_failure_there_is_no_reason)
{
    ck_assert_str_eq(green_tls_reason(), "");
    green_tls_config_free(made(NULL));
    ck_assert_str_eq(green_tls_reason(), "");
}
END_TEST

START_TEST(all_options)
{
    static const char *const protocols[] = {"h2", "http/1.1", NULL};
    struct green_tls_config *config;

    tls_response("good", V_OCSP_CERTSTATUS_GOOD, -60, 3600);
    config =
        made(&(struct green_tls_options){.certificate = tls_path("good.crt"),
                                         .key = tls_path("good.key"),
                                         .authorities = tls_path("ca.crt"),
                                         .staple = tls_path("good.ocsp"),
                                         .protocols = protocols,
                                         .require_client = true,
                                         .handshake_timeout = GREEN_SEC});
    ck_ok(green_tls_config_reload(config));
    green_tls_config_free(config);
    green_tls_config_free(NULL);
}
END_TEST

START_TEST(options_that_do_not_fit_together)
{
    struct green_tls_options options = {.key = "x"};

    refused(&options, EINVAL, "without a certificate");
    options = (struct green_tls_options){.staple = "x"};
    refused(&options, EINVAL, "without a certificate");
    options = (struct green_tls_options){.certificate = tls_path("good.crt"),
                                         .require_client = true};
    refused(&options, EINVAL, "needs authorities");
    options = (struct green_tls_options){.authorities = tls_path("ca.crt"),
                                         .require_client = true};
    refused(&options, EINVAL, "without a certificate");
    options = (struct green_tls_options){.handshake_timeout = -1};
    refused(&options, EINVAL, "negative");
}
END_TEST

START_TEST(reserved_words_are_zero)
{
    struct green_tls_options options = {.certificate = tls_path("good.crt")};

    options.reserved[_i] = 1;
    refused(&options, EINVAL, "reserved");
}
END_TEST

START_TEST(protocols_of_a_size_that_cannot_be_sent)
{
    char name[257];
    const char *protocols[] = {"h2", name, NULL};
    struct green_tls_options options = {.protocols = protocols};

    memset(name, 'x', sizeof name);
    name[256] = '\0';
    refused(&options, EINVAL, "1 to 255");
    name[255] = '\0';
    green_tls_config_free(made(&options));
    name[0] = '\0';
    refused(&options, EINVAL, "1 to 255");
    protocols[0] = NULL;
    refused(&options, EINVAL, "1 to 255");
}
END_TEST

START_TEST(files_that_cannot_be_read)
{
    struct green_tls_options options = {.certificate = tls_path("none.crt")};

    refused(&options, ENOENT, "none.crt: No such file");
    options.certificate = tls_path("good.crt");
    options.key = tls_path("none.key");
    refused(&options, ENOENT, "none.key: No such file");
    options.key = tls_path("good.key");
    options.authorities = tls_path("none");
    refused(&options, ENOENT, "none: No such file");
    options.authorities = NULL;
    options.staple = tls_path("none.ocsp");
    refused(&options, ENOENT, "none.ocsp: No such file");
    options.staple = NULL;
    options.certificate = tls_path("");
    refused(&options, EISDIR, "Is a directory");
}
END_TEST

START_TEST(files_of_another_kind)
{
    struct green_tls_options options = {.certificate = tls_path("text")};

    write_text("text", "this is no certificate\n");
    refused(&options, EINVAL, "text: holds no certificate");
    options.certificate = tls_path("good.crt");
    refused(&options, EINVAL, "good.crt: holds no private key");
    options.key = tls_path("text");
    refused(&options, EINVAL, "text: holds no private key");
    options.key = tls_path("good.key");
    options.authorities = tls_path("text");
    refused(&options, EINVAL, "text: no certificate or crl found");
    options.authorities = NULL;
    options.staple = tls_path("text");
    refused(&options, EINVAL, "text: ");
}
END_TEST

START_TEST(the_key_of_another)
{
    tls_certificate(&(struct tls_wish){.name = "other"});
    refused(&(struct green_tls_options){.certificate = tls_path("good.crt"),
                                        .key = tls_path("other.key")},
            EINVAL, "is not the key of");
}
END_TEST

/* Nobody is asked for it at a terminal. */
START_TEST(an_encrypted_key)
{
    FILE *file = fopen(tls_path("secret.key"), "w");
    EVP_PKEY *key = EVP_EC_gen("P-256");

    ck_assert(PEM_write_PrivateKey(file, key, EVP_aes_128_cbc(),
                                   (unsigned char *)"word", 4, NULL, NULL));
    fclose(file);
    EVP_PKEY_free(key);
    refused(&(struct green_tls_options){.certificate = tls_path("good.crt"),
                                        .key = tls_path("secret.key")},
            EINVAL, "is encrypted");
}
END_TEST

START_TEST(certificate_and_key_in_one_file)
{
    copy_file("good.crt", "both.pem", "w");
    copy_file("good.key", "both.pem", "a");
    green_tls_config_free(
        made(&(struct green_tls_options){.certificate = tls_path("both.pem")}));
}
END_TEST

/* A renewal writes two files, one after the other. */
START_TEST(a_reload_that_finds_half_of_a_renewal)
{
    struct green_tls_config *config;

    tls_certificate(&(struct tls_wish){.name = "old"});
    tls_certificate(&(struct tls_wish){.name = "new"});
    config = made(&(struct green_tls_options){
        .certificate = tls_path("old.crt"), .key = tls_path("old.key")});
    copy_file("new.crt", "old.crt", "w");
    ck_fails(green_tls_config_reload(config), EINVAL);
    ck_assert_ptr_nonnull(strstr(green_tls_reason(), "is not the key of"));
    copy_file("new.key", "old.key", "w");
    ck_ok(green_tls_config_reload(config));
    ck_ok(unlink(tls_path("old.key")));
    ck_fails(green_tls_config_reload(config), ENOENT);
    green_tls_config_free(config);
    ck_fails(green_tls_config_reload(NULL), EINVAL);
}
END_TEST

START_TEST(the_key_log_is_the_owners_alone)
{
    struct green_tls_options options = {.keylog = true};
    struct stat status;

    ck_ok(setenv("SSLKEYLOGFILE", tls_path("keys"), 1));
    green_tls_config_free(made(NULL));
    ck_assert_int_eq(access(tls_path("keys"), F_OK), -1);
    green_tls_config_free(made(&options));
    ck_ok(stat(tls_path("keys"), &status));
    ck_assert_int_eq(status.st_mode & 0777, 0600);
    ck_ok(setenv("SSLKEYLOGFILE", tls_path("no/keys"), 1));
    refused(&options, ENOENT, "no/keys");
    ck_ok(unsetenv("SSLKEYLOGFILE"));
    green_tls_config_free(made(&options));
}
END_TEST

START_TEST(nothing_leaks)
{
    struct green_tls_options options = {.certificate = tls_path("good.crt"),
                                        .key = tls_path("good.key"),
                                        .authorities = tls_path("ca.crt"),
                                        .keylog = true};
    struct green_tls_config *config;
    int fds;

    ck_ok(setenv("SSLKEYLOGFILE", tls_path("keys"), 1));
    green_tls_config_free(made(&options));
    fds = count_fds();
    config = made(&options);
    for (int i = 0; i < 10; i++)
        ck_ok(green_tls_config_reload(config));
    green_tls_config_free(config);
    ck_assert_int_eq(count_fds(), fds);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tls config");
    TCase *tcase = add_tcase(suite, "config");

    tls_files();
    tcase_add_test(tcase, without_a_failure_there_is_no_reason);
    tcase_add_test(tcase, all_options);
    tcase_add_test(tcase, options_that_do_not_fit_together);
    tcase_add_loop_test(tcase, reserved_words_are_zero, 0, 8);
    tcase_add_test(tcase, protocols_of_a_size_that_cannot_be_sent);
    tcase_add_test(tcase, files_that_cannot_be_read);
    tcase_add_test(tcase, files_of_another_kind);
    tcase_add_test(tcase, the_key_of_another);
    tcase_add_test(tcase, an_encrypted_key);
    tcase_add_test(tcase, certificate_and_key_in_one_file);
    tcase_add_test(tcase, a_reload_that_finds_half_of_a_renewal);
    tcase_add_test(tcase, the_key_log_is_the_owners_alone);
    tcase_add_test(tcase, nothing_leaks);
    return run_suite(suite);
}
