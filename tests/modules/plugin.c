/* A plug-in that has the static library in it. */
#include <greenhub.h>

GREEN_API int plugin_sleep(green_time duration);

int plugin_sleep(green_time duration)
{
    return green_sleep(duration);
}
