/* What OpenSSL's failures mean: errno, and words that a person can act on. */
#include "connection.h"

#include <errno.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509.h>

#include "reason.h"

/* The outermost error of TLS: what lies below it, such as a signature that is wrong, is
 * queued before. Without one, the first of any kind. Empties the queue. */
static unsigned long take_error(void)
{
    unsigned long code, taken = ERR_peek_error();

    while ((code = ERR_get_error()) != 0)
        if (ERR_GET_LIB(code) == ERR_LIB_SSL)
            taken = code;
    return taken;
}

void green__tls_note_failure(struct green__tls *tls)
{
    tls->failure = (struct green__tls_failure){
        .code = take_error(),
        .verified = SSL_get_verify_result(tls->ssl),
        .refusal = tls->refusal,
    };
    tls->failed = true;
}

void green__tls_send_alert(struct green__tls *tls)
{
    green__tls_flush_now(tls);
    tls->broken = tls->broken ? tls->broken : EPIPE;
}

static const struct {
    int reason, error;
    const char *words;
} known[] = {
    {SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, EKEYREJECTED,
     "the client has no certificate, but must have one"},
    {SSL_R_WRONG_VERSION_NUMBER, EPROTO,
     "the peer does not speak TLS, or none of its versions that is allowed"},
    {SSL_R_HTTP_REQUEST, EPROTO, "the peer speaks HTTP without TLS"},
    {SSL_R_HTTPS_PROXY_REQUEST, EPROTO,
     "the peer speaks to a proxy, without TLS"},
    {SSL_R_NO_SHARED_CIPHER, EPROTO, "no cipher is allowed by both sides"},
    {SSL_R_UNSUPPORTED_PROTOCOL, EPROTO,
     "no version of TLS is allowed by both sides"},
    {SSL_R_NO_APPLICATION_PROTOCOL, EPROTO,
     "the client offers other protocols only"},
};

static int fail_known(int reason)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].reason == reason)
            return green__tls_fail(known[i].error, "%s", known[i].words);
    return 0;
}

/* The peer has sent an alert: its number is in the code. OpenSSL has no words of their
 * own for the newer ones. */
static int fail_alert(unsigned long code)
{
    const char *words =
        SSL_alert_desc_string_long(ERR_GET_REASON(code) - SSL_AD_REASON_OFFSET);

    if (strcmp(words, "unknown") == 0)
        words = ERR_reason_error_string(code);
    return green__tls_fail(EPROTO, "the peer refused: %s", words ? words : "?");
}

int green__tls_fail_again(const struct green__tls *tls)
{
    const struct green__tls_failure *failure = &tls->failure;
    int reason = ERR_GET_REASON(failure->code);
    const char *words = ERR_reason_error_string(failure->code);

    if (failure->refusal)
        return green__tls_fail(EKEYREJECTED,
                               "the peer's certificate is not accepted: %s",
                               failure->refusal);
    if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED)
        return green__tls_fail(
            EKEYREJECTED, "the peer's certificate is not accepted: %s",
            X509_verify_cert_error_string(failure->verified));
    /* Without an error it is the wire that failed, for want of memory. */
    if (reason == ERR_R_MALLOC_FAILURE || !failure->code)
        return green__tls_fail(ENOMEM, "out of memory");
    if (ERR_GET_LIB(failure->code) == ERR_LIB_SSL && fail_known(reason) < 0)
        return -1;
    if (ERR_GET_LIB(failure->code) == ERR_LIB_SSL &&
        reason > SSL_AD_REASON_OFFSET)
        return fail_alert(failure->code);
    return green__tls_fail(EPROTO, "TLS failed: %s",
                           words ? words : "OpenSSL does not say why");
}
