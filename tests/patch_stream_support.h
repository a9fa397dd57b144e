/* What tests of streams share. */
#ifndef TESTS_PATCH_STREAM_SUPPORT_H
#define TESTS_PATCH_STREAM_SUPPORT_H

#include <greenhub/patch.h>
#include <stdio.h>

#include "support.h"

#define LINES 50

static inline void setup_streams(void)
{
    ck_assert_msg(green_patch(GREEN_PATCH_LIBRARIES | GREEN_PATCH_STDIO |
                              GREEN_PATCH_FILES) == 0,
                  "%s", green_hub_error());
}

static inline FILE *stream_on(int fd, const char *mode)
{
    FILE *file = fdopen(fd, mode);

    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fileno(file), fd);
    return file;
}

static inline void join(struct green_thread *thread)
{
    ck_assert_ptr_nonnull(thread);
    ck_ok(green_join(thread, NULL));
}

/* Whichever greenthread can run has run until it waits. */
static inline void let_all_wait(void)
{
    for (int i = 0; i < 32; i++)
        green_sleep(0);
}

#endif
