#include <greenhub.h>
#include <greenhub/tls.h>

#include <err.h>
#include <string.h>

#include "websocket_layer.h"

bool take_layer(char *text, struct green_stream_wrap *wrap)
{
    struct green_tls_options options = {0};
    struct green_tls_config *config;

    if (strncmp(text, "tls=", 4) == 0) {
        options.certificate = strtok(text + 4, ",");
        options.key = strtok(NULL, ",");
    } else if (strncmp(text, "trust=", 6) == 0) {
        options.authorities = text + 6;
    } else {
        return false;
    }
    config = green_tls_config_create(&options);
    if (!config)
        errx(1, "%s", green_tls_reason());
    *wrap = green_tls_wrap(config);
    return true;
}
