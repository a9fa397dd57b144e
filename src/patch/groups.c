#include "patch/groups.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>

#include <greenhub/patch.h>

#include "base/self.h"
#include "patch/lock.h"
#include "patch/carrier.h"
#include "patch/settings.h"
#include "patch/signals.h"
#include "patch/stream.h"
#include "patch/tls.h"

static const struct {
    const char *name;
    unsigned groups;
} known[] = {
    {"io", GREEN_PATCH_IO},
    {"time", GREEN_PATCH_TIME},
    {"names", GREEN_PATCH_NAMES},
    {"locks", GREEN_PATCH_LOCKS},
    {"keys", GREEN_PATCH_KEYS},
    {"process", GREEN_PATCH_PROCESS},
    {"signals", GREEN_PATCH_SIGNALS},
    {"stdio", GREEN_PATCH_STDIO},
    {"files", GREEN_PATCH_FILES},
    {"threads", GREEN_PATCH_THREADS},
    {"libraries", GREEN_PATCH_LIBRARIES},
    {"all", GREEN__PATCH_ALL},
};

int green__refuse_groups(void)
{
    return green__fail(EINVAL, "unknown group of functions to patch");
}

static unsigned group_of(const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strlen(known[i].name) == length &&
            strncmp(known[i].name, name, length) == 0)
            return known[i].groups;
    return 0;
}

int green__groups_of(const char *names, unsigned *groups)
{
    *groups = 0;
    while (*names) {
        size_t length = strcspn(names, ",");
        unsigned group = group_of(names, length);

        if (!group)
            return green__refuse_groups();
        *groups |= group;
        names += length + (names[length] == ',');
    }
    return 0;
}

/* Threads that exist already would stay what they are. */
static bool other_threads_exist(void)
{
    DIR *tasks = opendir("/proc/self/task");
    int count = 0;

    if (!tasks)
        return false;
    while (readdir(tasks))
        count++;
    closedir(tasks);
    return count > 3; /* ".", "..", and this one */
}

static int prepare_threads(void)
{
    if (other_threads_exist())
        return green__fail(EBUSY, "the program has other threads already");
    /* A thread whose data have ended must not call malloc, which might begin
     * them again: so what its end uses is made now. */
    if (!green__mailbox())
        return -1;
    if (green__settings.own_tls &&
        (green__tls_prepare() < 0 ||
         green__tls_here(green__self_here()->scheduler) < 0))
        return -1;
    return green__carriers_prepare();
}

#define WAITS_IN_LOT                                                           \
    (GREEN_PATCH_LOCKS | GREEN_PATCH_THREADS | GREEN_PATCH_STDIO |             \
     GREEN_PATCH_FILES)

int green__groups_prepare(unsigned groups)
{
    if ((groups & ~green_patched() & GREEN_PATCH_THREADS) &&
        prepare_threads() < 0)
        return -1;
    if ((groups & WAITS_IN_LOT) && green__lot_prepare() < 0)
        return -1;
    if ((groups & GREEN_PATCH_LOCKS) && green__locks_prepare() < 0)
        return -1;
    if ((groups & GREEN_PATCH_STDIO) && green__streams_prepare() < 0)
        return -1;
    if ((groups & GREEN_PATCH_SIGNALS) && green__signals_prepare() < 0)
        return -1;
    return 0;
}
