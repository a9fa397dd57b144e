#include "websocket_layer.h"

bool take_layer(char *text, struct green_stream_wrap *wrap)
{
    (void)text, (void)wrap;
    return false;
}
