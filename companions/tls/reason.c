#include "reason.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>

#include <greenhub.h>
#include <greenhub/tls.h>

static _Thread_local char reason[320];

const char *green_tls_reason(void)
{
    return reason;
}

int green__tls_fail(int error, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    ERR_clear_error();
    errno = error;
    return -1;
}

int green__tls_fail_openssl(int error, const char *what)
{
    unsigned long code = ERR_peek_error();
    const char *words = ERR_reason_error_string(code);

    if (ERR_SYSTEM_ERROR(code)) {
        error = ERR_GET_REASON(code);
        words = strerror(error);
    } else if (ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE) {
        error = ENOMEM;
    }
    return green__tls_fail(error, "%s: %s", what,
                           words ? words : "OpenSSL does not say why");
}

int green__tls_fail_system(const char *what)
{
    int error = errno;

    return green__tls_fail(error, "%s: %s", what, strerror(error));
}
