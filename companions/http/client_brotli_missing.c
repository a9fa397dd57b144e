/* The build has found no libbrotlidec. */
#include "client_codec.h"

const struct green__http_codec green__http_brotli = {.name = NULL};
