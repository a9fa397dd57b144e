/* For builds without nghttp2: HTTP/1.1 alone. */
#include "http.h"

const char *const green__http_protocols[] = {"http/1.1", NULL};

void green__http2_serve(struct green__http_connection *connection)
{
    (void)connection;
}
