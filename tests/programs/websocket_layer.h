/* The layer of websocket_peer, where the build has one. */
#ifndef TESTS_PROGRAMS_WEBSOCKET_LAYER_H
#define TESTS_PROGRAMS_WEBSOCKET_LAYER_H

#include <greenhub.h>

/* Takes "tls=CERTIFICATE,KEY" and "trust=AUTHORITIES". Returns whether it is one, and
 * there is such a layer. */
bool take_layer(char *text, struct green_stream_wrap *wrap);

#endif
