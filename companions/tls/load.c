/*
 * The files of a context: certificate, key, authorities. And the mark that sessions carry,
 * by which a context resumes only sessions that it would have made itself.
 */
#include "context.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "reason.h"

/* `missing`: what it should hold. OpenSSL calls another file's content unsupported,
 * or without a start line. */
static int fail_file(const char *path, const char *missing)
{
    unsigned long code = ERR_peek_error();

    if (ERR_GET_REASON(code) == ERR_R_UNSUPPORTED ||
        (ERR_GET_LIB(code) == ERR_LIB_PEM &&
         ERR_GET_REASON(code) == PEM_R_NO_START_LINE))
        return green__tls_fail(EINVAL, "%s: holds no %s", path, missing);
    return green__tls_fail_openssl(EINVAL, path);
}

/* OpenSSL takes a folder for an empty file, and says three things at once of a
 * file that is not there. */
static int can_read(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC), result = 0;
    char byte;

    if (fd < 0)
        return green__tls_fail_system(path);
    if (read(fd, &byte, 1) < 0)
        result = green__tls_fail_system(path);
    close(fd);
    return result;
}

/* ---- Who this side is -------------------------------------------------------- */

/* Instead of OpenSSL's, which asks at the terminal. */
static int refuse_passphrase(char *buffer, int size, int writing, void *asked)
{
    (void)buffer, (void)size, (void)writing;
    *(bool *)asked = true;
    return -1;
}

static int load_key(SSL_CTX *context, const char *path)
{
    bool asked = false;
    int done;

    if (can_read(path) < 0)
        return -1;
    SSL_CTX_set_default_passwd_cb(context, refuse_passphrase);
    SSL_CTX_set_default_passwd_cb_userdata(context, &asked);
    done = SSL_CTX_use_PrivateKey_file(context, path, SSL_FILETYPE_PEM);
    SSL_CTX_set_default_passwd_cb_userdata(context, NULL);
    if (asked)
        return green__tls_fail(EINVAL, "%s: the key is encrypted", path);
    if (done > 0 ||
        ERR_GET_REASON(ERR_peek_error()) == X509_R_KEY_VALUES_MISMATCH)
        return 0; /* which it is checked for next */
    return fail_file(path, "private key");
}

static int load_identity(SSL_CTX *context,
                         const struct green_tls_options *options)
{
    const char *key = options->key ? options->key : options->certificate;

    if (!options->certificate)
        return 0;
    if (can_read(options->certificate) < 0)
        return -1;
    if (SSL_CTX_use_certificate_chain_file(context, options->certificate) <= 0)
        return fail_file(options->certificate, "certificate");
    if (load_key(context, key) < 0)
        return -1;
    ERR_clear_error();
    if (SSL_CTX_check_private_key(context) <= 0)
        return green__tls_fail(EINVAL, "%s is not the key of %s", key,
                               options->certificate);
    return 0;
}

/* ---- Whom it trusts ------------------------------------------------------------ */

/* For the names of authorities that a server sends, 16 KiB is room enough. */
static int name_authorities(SSL_CTX *context, const char *path)
{
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(path);

    if (!names)
        return fail_file(path, "certificates");
    SSL_CTX_set_client_CA_list(context, names);
    return 0;
}

int green__tls_load_system(SSL_CTX *context)
{
    struct green__tls_facts *facts = green__tls_facts(context);

    if (!facts->system_authorities)
        return 0;
    if (SSL_CTX_set_default_verify_paths(context) <= 0)
        return green__tls_fail_openssl(EINVAL, "the system's authorities");
    facts->system_authorities = false;
    return 0;
}

/* There are more than a hundred of the system's, 10 ms to read and a megabyte to keep: a server
 * needs none of them. */
static int load_default(SSL_CTX *context,
                        const struct green_tls_options *options)
{
    green__tls_facts(context)->system_authorities =
        !options->insecure_no_verify;
    return options->certificate ? 0 : green__tls_load_system(context);
}

static int load_authorities(SSL_CTX *context,
                            const struct green_tls_options *options)
{
    const char *path = options->authorities;
    struct stat status;

    if (!path)
        return load_default(context, options);
    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
        return SSL_CTX_load_verify_dir(context, path) > 0
                   ? 0
                   : fail_file(path, "certificates");
    if (can_read(path) < 0)
        return -1;
    if (SSL_CTX_load_verify_file(context, path) <= 0)
        return fail_file(path, "certificates");
    return options->require_client ? name_authorities(context, path) : 0;
}

/* ---- Which sessions it resumes --------------------------------------------------- */

static void digest_certificate(EVP_MD_CTX *sum, const X509 *certificate)
{
    unsigned char one[EVP_MAX_MD_SIZE];
    unsigned size = 0;

    if (certificate && X509_digest(certificate, EVP_sha256(), one, &size) > 0)
        EVP_DigestUpdate(sum, one, size);
}

static void digest_authorities(EVP_MD_CTX *sum, SSL_CTX *context)
{
    STACK_OF(X509_OBJECT) *all =
        X509_STORE_get0_objects(SSL_CTX_get_cert_store(context));

    for (int i = 0; i < sk_X509_OBJECT_num(all); i++)
        digest_certificate(sum,
                           X509_OBJECT_get0_X509(sk_X509_OBJECT_value(all, i)));
}

/*
 * A session stands for what was checked when it was made. Under another certificate, or
 * with other authorities, it would stand for what nobody has checked: a client without a
 * certificate could get in by a ticket of another of this process's servers.
 */
static int mark_sessions(SSL_CTX *context,
                         const struct green_tls_options *options)
{
    EVP_MD_CTX *sum = EVP_MD_CTX_new();
    unsigned char mark[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    bool done;

    done = sum && EVP_DigestInit_ex(sum, EVP_sha256(), NULL) > 0;
    if (done) {
        EVP_DigestUpdate(sum, &options->require_client,
                         sizeof options->require_client);
        if (options->authorities)
            EVP_DigestUpdate(sum, options->authorities,
                             strlen(options->authorities));
        digest_certificate(sum, SSL_CTX_get0_certificate(context));
        digest_authorities(sum, context);
        done = EVP_DigestFinal_ex(sum, mark, &size) > 0 &&
               SSL_CTX_set_session_id_context(context, mark, size) > 0;
    }
    EVP_MD_CTX_free(sum);
    return done ? 0 : green__tls_fail(ENOMEM, "out of memory");
}

int green__tls_load(SSL_CTX *context, const struct green_tls_options *options)
{
    if (load_identity(context, options) < 0 ||
        load_authorities(context, options) < 0)
        return -1;
    SSL_CTX_set_verify(context,
                       options->require_client
                           ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT
                           : SSL_VERIFY_NONE,
                       NULL);
    return mark_sessions(context, options);
}
