/*
 * OCSP responses: a server sends the one that it was given as a file; a client asks for
 * one, and refuses a certificate that it says is revoked.
 *
 * A client ignores a response that is not signed as it should be, or is too old, as if
 * there were none: who can send such a one can as well send none. Where the certificate
 * says that there must be one, or the options do, a good one is needed.
 */
#include "context.h"

#include <errno.h>

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

#include "connection.h"
#include "reason.h"

/* Clocks may differ by so many seconds. */
#define LEEWAY 300

/* ---- The server's ------------------------------------------------------------- */

/* When the response's first answer expires; never, if it does not say. */
static bool find_expiry(OCSP_RESPONSE *response, time_t *until)
{
    OCSP_BASICRESP *basic = OCSP_response_get1_basic(response);
    OCSP_SINGLERESP *single = basic ? OCSP_resp_get0(basic, 0) : NULL;
    ASN1_GENERALIZEDTIME *next = NULL;
    int days, seconds;
    bool found = single != NULL;

    if (single)
        OCSP_single_get0_status(single, NULL, NULL, NULL, &next);
    *until = (time_t)INT64_MAX;
    if (next) {
        found = ASN1_TIME_diff(&days, &seconds, NULL, next) > 0;
        *until = time(NULL) + (time_t)days * 86400 + seconds;
    }
    OCSP_BASICRESP_free(basic);
    return found;
}

static OCSP_RESPONSE *read_response(const char *path)
{
    BIO *file = BIO_new_file(path, "rbe");
    OCSP_RESPONSE *response = NULL;

    if (file)
        response = d2i_OCSP_RESPONSE_bio(file, NULL);
    BIO_free(file);
    return response;
}

static int load_staple(struct green__tls_facts *facts, const char *path)
{
    OCSP_RESPONSE *response = read_response(path);
    int result = 0;

    if (!response)
        return green__tls_fail_openssl(EINVAL, path);
    if (OCSP_response_status(response) != OCSP_RESPONSE_STATUS_SUCCESSFUL ||
        !find_expiry(response, &facts->staple_until))
        result = green__tls_fail(EINVAL,
                                 "%s holds no answer about a "
                                 "certificate",
                                 path);
    else
        facts->staple_size = i2d_OCSP_RESPONSE(response, &facts->staple);
    OCSP_RESPONSE_free(response);
    return result;
}

static int send_staple(SSL *ssl, const struct green__tls_facts *facts)
{
    unsigned char *copy;

    if (facts->staple_size <= 0 || time(NULL) > facts->staple_until)
        return SSL_TLSEXT_ERR_NOACK;
    copy = OPENSSL_memdup(facts->staple, (size_t)facts->staple_size);
    if (!copy)
        return SSL_TLSEXT_ERR_NOACK;
    SSL_set_tlsext_status_ocsp_resp(ssl, copy, facts->staple_size);
    return SSL_TLSEXT_ERR_OK;
}

/* ---- The client's --------------------------------------------------------------- */

/* Whether an answer is about this certificate. */
static bool is_about(const OCSP_SINGLERESP *single, const X509 *certificate,
                     const X509 *issuer)
{
    const OCSP_CERTID *id = OCSP_SINGLERESP_get0_id(single);
    ASN1_OBJECT *algorithm = NULL;
    OCSP_CERTID *own;
    bool same;

    OCSP_id_get0_info(NULL, &algorithm, NULL, NULL, (OCSP_CERTID *)id);
    own = OCSP_cert_to_id(EVP_get_digestbyobj(algorithm), certificate, issuer);
    same = own && OCSP_id_cmp(own, id) == 0;
    OCSP_CERTID_free(own);
    return same;
}

/* One of V_OCSP_CERTSTATUS_..., or -1 if no valid answer says it. */
static int find_status(OCSP_BASICRESP *basic, const X509 *certificate,
                       const X509 *issuer)
{
    for (int i = 0; i < OCSP_resp_count(basic); i++) {
        OCSP_SINGLERESP *single = OCSP_resp_get0(basic, i);
        ASN1_GENERALIZEDTIME *made, *next;
        int status;

        if (!is_about(single, certificate, issuer))
            continue;
        status = OCSP_single_get0_status(single, NULL, NULL, &made, &next);
        return OCSP_check_validity(made, next, LEEWAY, -1) > 0 ? status : -1;
    }
    return -1;
}

/* As find_status, if the issuer, or whom it has appointed, has signed it. */
static int find_signed_status(SSL *ssl, OCSP_RESPONSE *response)
{
    X509_STORE *trusted = SSL_CTX_get_cert_store(SSL_get_SSL_CTX(ssl));
    STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);
    OCSP_BASICRESP *basic = OCSP_response_get1_basic(response);
    int status = -1;

    if (basic && sk_X509_num(chain) > 1 &&
        OCSP_basic_verify(basic, chain, trusted, 0) > 0)
        status = find_status(basic, sk_X509_value(chain, 0),
                             sk_X509_value(chain, 1));
    OCSP_BASICRESP_free(basic);
    return status;
}

static int stapled_status(SSL *ssl)
{
    const unsigned char *bytes = NULL;
    long size = SSL_get_tlsext_status_ocsp_resp(ssl, &bytes);
    OCSP_RESPONSE *response;
    int status = -1;

    if (size <= 0 || !bytes)
        return -1;
    response = d2i_OCSP_RESPONSE(NULL, &bytes, size);
    if (response)
        status = find_signed_status(ssl, response);
    OCSP_RESPONSE_free(response);
    ERR_clear_error();
    return status;
}

static bool must_staple(SSL *ssl)
{
    const X509 *certificate = SSL_get0_peer_certificate(ssl);

    return certificate &&
           X509_get_ext_by_NID(certificate, NID_tlsfeature, -1) >= 0;
}

/* 0 refuses the server's certificate. */
static int check_staple(SSL *ssl, const struct green__tls_facts *facts)
{
    struct green__tls *tls = SSL_get_app_data(ssl);
    int status;

    if (SSL_get_verify_mode(ssl) == SSL_VERIFY_NONE)
        return 1;
    status = stapled_status(ssl);
    if (status == V_OCSP_CERTSTATUS_REVOKED)
        tls->refusal = "certificate revoked, as its authority's OCSP response "
                       "says";
    else if (status != V_OCSP_CERTSTATUS_GOOD &&
             (facts->require_staple || must_staple(ssl)))
        tls->refusal = "no good OCSP response came with it, but one must";
    return !tls->refusal;
}

static int on_status(SSL *ssl, void *unused)
{
    const struct green__tls_facts *facts =
        green__tls_facts(SSL_get_SSL_CTX(ssl));

    (void)unused;
    return SSL_is_server(ssl) ? send_staple(ssl, facts)
                              : check_staple(ssl, facts);
}

int green__tls_staple_use(SSL_CTX *context,
                          const struct green_tls_options *options)
{
    SSL_CTX_set_tlsext_status_cb(context, on_status);
    return options->staple
               ? load_staple(green__tls_facts(context), options->staple)
               : 0;
}
