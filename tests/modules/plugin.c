/* A plugin that contains the static library. */
#include <greenhub.h>

GREEN_API int plugin_sleep(green_time duration);

int plugin_sleep(green_time duration)
{
    return green_sleep(duration);
}
