#include "tls_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/conf.h>
#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#define DAY 86400

/* libcheck's own assertions work only in its cases. */
#define must(what)                                                             \
    do {                                                                       \
        if (!(what)) {                                                         \
            fprintf(stderr, "%s failed: %s\n", #what, strerror(errno));        \
            abort();                                                           \
        }                                                                      \
    } while (0)

static char folder[64];

/* libcheck's cases are children: only the one that made the folder removes it. */
static pid_t maker;

static void remove_folder(void)
{
    char command[96];

    if (getpid() != maker)
        return;
    snprintf(command, sizeof command, "rm -r %s", folder);
    if (system(command) != 0) // NOLINT(cert-env33-c): a path of mkdtemp's
        perror(folder);
}

const char *tls_path(const char *file)
{
    static char paths[8][128];
    static int next;
    char *path = paths[next++ % 8];

    snprintf(path, sizeof paths[0], "%s/%s", folder, file);
    return path;
}

static FILE *open_file(const char *name, const char *suffix, const char *mode)
{
    char file[64];
    FILE *opened;

    snprintf(file, sizeof file, "%s.%s", name, suffix);
    opened = fopen(tls_path(file), mode);
    must(opened);
    return opened;
}

static X509 *read_certificate(const char *name)
{
    FILE *file = open_file(name, "crt", "r");
    X509 *certificate = PEM_read_X509(file, NULL, NULL, NULL);

    fclose(file);
    must(certificate);
    return certificate;
}

static EVP_PKEY *read_key(const char *name)
{
    FILE *file = open_file(name, "key", "r");
    EVP_PKEY *key = PEM_read_PrivateKey(file, NULL, NULL, NULL);

    fclose(file);
    must(key);
    return key;
}

static void extend(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509_EXTENSION *extension;
    X509V3_CTX context;

    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    must(extension);
    must(X509_add_ext(certificate, extension, -1));
    X509_EXTENSION_free(extension);
}

static void name_it(X509_NAME *name, const char *host)
{
    must(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                    (const unsigned char *)host, -1, -1, 0));
}

static void add_extensions(X509 *certificate, X509 *issuer,
                           const struct tls_wish *wish, bool is_authority)
{
    char names[128];

    if (is_authority) {
        extend(certificate, issuer, NID_basic_constraints, "critical,CA:TRUE");
        return;
    }
    snprintf(names, sizeof names, "DNS:%s%s",
             wish->host ? wish->host : "host.test",
             wish->host ? "" : ",IP:127.0.0.1");
    extend(certificate, issuer, NID_subject_alt_name, names);
    if (wish->must_staple)
        extend(certificate, issuer, NID_tlsfeature, "status_request");
}

static X509 *make_certificate(const struct tls_wish *wish, EVP_PKEY *key,
                              X509 *issuer, EVP_PKEY *signer, bool is_authority)
{
    static long serial = 1;
    X509 *made = X509_new();
    int until = wish->from || wish->until ? wish->until : DAY;

    X509_set_version(made, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made), serial++);
    X509_gmtime_adj(X509_getm_notBefore(made), wish->from ? wish->from : -DAY);
    X509_gmtime_adj(X509_getm_notAfter(made), until);
    name_it(X509_get_subject_name(made), is_authority ? wish->name
                                         : wish->host ? wish->host
                                                      : "host.test");
    issuer = issuer ? issuer : made;
    X509_set_issuer_name(made, X509_get_subject_name(issuer));
    X509_set_pubkey(made, key);
    add_extensions(made, issuer, wish, is_authority);
    must(X509_sign(made, signer, EVP_sha256()));
    return made;
}

/* Its issuer is appended unless that is an authority that peers know. */
static void write_files(const char *name, X509 *made, EVP_PKEY *key)
{
    FILE *file = open_file(name, "crt", "w");

    must(PEM_write_X509(file, made));
    fclose(file);
    file = open_file(name, "key", "w");
    must(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL));
    fclose(file);
}

static void certify(const struct tls_wish *wish, bool is_authority)
{
    const char *by = wish->issuer ? wish->issuer : "ca";
    bool by_itself = strcmp(by, wish->name) == 0;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *issuer = by_itself ? NULL : read_certificate(by);
    EVP_PKEY *signer = by_itself ? NULL : read_key(by);
    X509 *made = make_certificate(wish, key, issuer, signer ? signer : key,
                                  is_authority);

    write_files(wish->name, made, key);
    X509_free(made);
    X509_free(issuer);
    EVP_PKEY_free(key);
    EVP_PKEY_free(signer);
}

void tls_certificate(const struct tls_wish *wish)
{
    certify(wish, strncmp(wish->name, "ca", 2) == 0);
}

void tls_files(void)
{
    strcpy(folder, "/tmp/greenhub-tls.XXXXXX");
    must(mkdtemp(folder));
    maker = getpid();
    atexit(remove_folder);
    tls_certificate(&(struct tls_wish){.name = "ca", .issuer = "ca"});
    tls_certificate(&(struct tls_wish){.name = "good"});
}

void tls_response(const char *name, int status, int from, int until)
{
    X509 *subject = read_certificate(name), *issuer = read_certificate("ca");
    EVP_PKEY *key = read_key("ca");
    OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
    OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha1(), subject, issuer);
    ASN1_TIME *made = X509_gmtime_adj(NULL, from);
    ASN1_TIME *next = X509_gmtime_adj(NULL, until);
    OCSP_RESPONSE *response;
    FILE *file = open_file(name, "ocsp", "w");

    must(OCSP_basic_add1_status(
        basic, id, status, OCSP_REVOKED_STATUS_KEYCOMPROMISE,
        status == V_OCSP_CERTSTATUS_REVOKED ? made : NULL, made, next));
    must(OCSP_basic_sign(basic, issuer, key, EVP_sha256(), NULL, 0));
    response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
    must(ASN1_i2d_fp_of(OCSP_RESPONSE, i2d_OCSP_RESPONSE, file, response) > 0);
    fclose(file);
    OCSP_RESPONSE_free(response);
    OCSP_BASICRESP_free(basic);
    OCSP_CERTID_free(id);
    ASN1_TIME_free(made);
    ASN1_TIME_free(next);
    EVP_PKEY_free(key);
    X509_free(subject);
    X509_free(issuer);
}

void tls_at_most(const char *version)
{
    FILE *file = open_file("openssl", "cnf", "w");

    fprintf(file,
            "openssl_conf = all\n[all]\nssl_conf = ssl\n[ssl]\n"
            "system_default = default\n[default]\nMaxProtocol = %s\n",
            version);
    fclose(file);
    must(CONF_modules_load_file(tls_path("openssl.cnf"), NULL, 0) > 0);
}
