/* hello: two greenthreads and a pipe. Prints the version and what went through. */
#include <greenhub.h>

#include <err.h>
#include <stdio.h>
#include <unistd.h>

static void *reads(void *arg)
{
    const int *ends = arg;
    char text[16] = "";

    if (green_read(ends[0], text, sizeof text - 1) < 0)
        err(1, "read");
    printf("greenhub %s: %s\n", green_version(), text);
    return NULL;
}

int main(void)
{
    struct green_thread *reader;
    int ends[2];

    if (green_use_hub(NULL) < 0)
        errx(1, "%s", green_hub_error());
    if (pipe(ends) < 0 || !(reader = green_spawn(reads, ends)))
        err(1, "begin");
    if (green_yield() < 0 || green_write_all(ends[1], "hello", 5) < 0)
        err(1, "write");
    return green_join(reader, NULL) < 0;
}
