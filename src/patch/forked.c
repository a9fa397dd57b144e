#include "patch/forked.h"

#include <errno.h>
#include <pthread.h>

#include "patch/rule.h"

bool green__patch_forked;

static bool was_green; /* the thread that forks */
static int result_of_preparing;

static void before_fork(void)
{
    was_green = green__running() != NULL || green__patch_forked;
}

static void in_child(void)
{
    green__patch_forked = was_green;
}

static void prepare(void)
{
    result_of_preparing = pthread_atfork(before_fork, NULL, in_child);
}

int green__forked_prepare(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, prepare);
    return result_of_preparing ? green__refuse(result_of_preparing) : 0;
}

/* The child has one OS thread, this one, as long as this is set. */
struct green__scheduler *green__forked_scheduler(void)
{
    int saved = errno;
    struct green__scheduler *s;

    green__patch_forked = false;
    s = green__scheduler() ? green__running() : NULL;
    errno = saved;
    return s;
}
