/* HTTP for greenhub serve. */
#ifndef CLI_SERVE_HTTP_H
#define CLI_SERVE_HTTP_H

#include <greenhub.h>

#include <stdbool.h>

struct serve_http {
    const char *folder;
    unsigned max_per_address; /* 0: the library's default */
    bool log;                 /* print each exchange */
};

/* Loads libgreenhub-http, and opens the folder. Returns CLI_OK, or CLI_FAILED after a
 * message. */
int serve_http_prepare(const struct serve_http *settings);

/* The protocols that it speaks, for TLS. */
const char *const *serve_http_protocols(void);

/* Serves the folder, as green_serve_streams does. */
int serve_http_run(int listener, const struct green_serve_options *serve);

/* How many exchanges there were, and how many bytes of files. */
void serve_http_count(uint64_t *exchanges, uint64_t *bytes);

#endif
