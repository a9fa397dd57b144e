/* patched: libc's read, which waits as a greenthread. */
#include <greenhub.h>
#include <greenhub/patch.h>

#include <err.h>
#include <stdio.h>
#include <unistd.h>

static void *reads(void *arg)
{
    const int *ends = arg;
    char text[16] = "";

    if (read(ends[0], text, sizeof text - 1) < 0)
        err(1, "read");
    printf("patched: %s\n", text);
    return NULL;
}

int main(void)
{
    struct green_thread *reader;
    int ends[2];

    if (green_patch(GREEN_PATCH_LIBRARIES) < 0)
        err(1, "green_patch");
    if (pipe(ends) < 0 || !(reader = green_spawn(reads, ends)))
        err(1, "begin");
    if (green_yield() < 0 || write(ends[1], "hello", 5) < 0)
        err(1, "write");
    return green_join(reader, NULL) < 0;
}
