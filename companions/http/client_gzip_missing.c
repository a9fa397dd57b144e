/* The build has found no zlib. */
#include "client_codec.h"

const struct green__http_codec green__http_gzip = {.name = NULL};
const struct green__http_codec green__http_deflate = {.name = NULL};
