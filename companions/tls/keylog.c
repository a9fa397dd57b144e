/* The secrets of connections, for a tool that decrypts a capture. Only on request. */
#include "context.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "reason.h"

/* One call, so that lines of several processes are not mixed. */
static void write_line(const SSL *ssl, const char *line)
{
    const struct green__tls_facts *facts =
        green__tls_facts(SSL_get_SSL_CTX(ssl));
    struct iovec parts[] = {{(void *)line, strlen(line)}, {(void *)"\n", 1}};
    ssize_t n = writev(facts->keylog, parts, 2);

    (void)n; /* the connection does not depend on it */
}

int green__tls_keylog_use(SSL_CTX *context,
                          const struct green_tls_options *options)
{
    struct green__tls_facts *facts = green__tls_facts(context);
    const char *path = secure_getenv("SSLKEYLOGFILE");

    if (!options->keylog || !path || !*path)
        return 0;
    facts->keylog = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (facts->keylog < 0)
        return green__tls_fail_system(path);
    SSL_CTX_set_keylog_callback(context, write_line);
    return 0;
}
