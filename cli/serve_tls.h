/* TLS for greenhub serve. */
#ifndef CLI_SERVE_TLS_H
#define CLI_SERVE_TLS_H

#include <greenhub.h>

/* Makes *wrap that of a server with this certificate, which negotiates one of the protocols
 * (NULL: none). Returns the exit status, CLI_OK if it can be done. */
int serve_tls_use(const char *certificate, const char *key,
                  const char *const *protocols, struct green_stream_wrap *wrap);

#endif
