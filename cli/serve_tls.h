/* TLS for greenhub serve. */
#ifndef CLI_SERVE_TLS_H
#define CLI_SERVE_TLS_H

#include <greenhub.h>

/* Makes connections TLS from now on. Returns the exit status, CLI_OK if it can be done. */
int serve_tls_use(const char *certificate, const char *key);

/* The stream of a connection, whose descriptor stays the caller's; plain without TLS. False:
 * the handshake failed. */
bool serve_tls_begin(int fd, struct green_stream *plain,
                     struct green_stream **stream);
void serve_tls_end(struct green_stream *stream);

#endif
