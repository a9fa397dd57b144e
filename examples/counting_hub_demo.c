/*
 * Uses a hub that somebody else wrote, from a file: sleeps ten times on it, and
 * then goes back to the system's own.
 *
 *     counting_hub_demo [FILE]       default ./counting_hub.so
 */
#include <greenhub.h>

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    const char *file = argc > 1 ? argv[1] : "./counting_hub.so";
    int i;

    setenv("COUNTING_HUB_REPORT", "1", 1); /* it counts aloud */
    if (green_use_hub(file) < 0) {
        fprintf(stderr, "%s: %s\n", file, green_hub_error());
        return 1;
    }
    printf("on the hub %s\n", green_hub_name(green_get_hub()));
    for (i = 0; i < 10; i++)
        green_sleep(10 * GREEN_MSEC);
    if (green_use_hub(NULL) < 0) /* the old hub is closed, and says its count */
        return 1;
    printf("on the hub %s\n", green_hub_name(green_get_hub()));
    return 0;
}
