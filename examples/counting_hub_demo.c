/*
 * Uses a third-party hub, from a file: sleeps ten times on it, and
 * then goes back to the system's own.
 *
 *     counting_hub_demo [FILE]       default ./counting_hub.so
 */
#include <greenhub.h>

#include <err.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    const char *file = argc > 1 ? argv[1] : "./counting_hub.so";
    int i;

    if (setenv("COUNTING_HUB_REPORT", "1", 1) < 0) /* it counts aloud */
        err(1, "setenv");
    if (green_use_hub(file) < 0)
        errx(1, "%s: %s", file, green_hub_error());
    printf("on the hub %s\n", green_hub_name(green_get_hub()));
    for (i = 0; i < 10; i++)
        if (green_sleep(10 * GREEN_MSEC) < 0)
            err(1, "sleep");
    if (green_use_hub(NULL) < 0) /* the old hub is closed, and says its count */
        errx(1, "%s", green_hub_error());
    printf("on the hub %s\n", green_hub_name(green_get_hub()));
    return 0;
}
