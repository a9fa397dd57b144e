/* The build has found no libzstd. */
#include "client_codec.h"

const struct green__http_codec green__http_zstd = {.name = NULL};
