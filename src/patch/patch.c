/* Turning groups on: by green_patch, or by GREENHUB_PATCH before main. */
#include "patch/rule.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "patch/environment.h"
#include "base/own_descriptor.h"
#include "patch/groups.h"
#include "patch/report.h"
#include "patch/settings.h"

unsigned green__patched;

/* Whether the program's calls of read come to this library. */
static bool in_front(void)
{
    void *first = dlsym(RTLD_DEFAULT, "read");
    Dl_info theirs, mine;

    return first && dladdr(first, &theirs) &&
           dladdr((void *)(uintptr_t)in_front, &mine) &&
           theirs.dli_fbase == mine.dli_fbase;
}

static int refuse_version(void)
{
    return green__fail(ENOTSUP,
                       "libgreenhub-patch is of greenhub %s, and %s "
                       "is loaded",
                       GREEN__VERSION, green_version());
}

int green_patch(unsigned groups)
{
    if (groups & ~(unsigned)GREEN__PATCH_ALL)
        return green__refuse_groups();
    if (strcmp(green_version(), GREEN__VERSION) != 0)
        return refuse_version();
    if (!in_front())
        return green__fail(ENOTSUP,
                           "libgreenhub-patch is not in front of libc: link it "
                           "before libc, or preload it");
    (void)green__real();
    green__own_descriptors_rise();
    if (!green__scheduler() || green__groups_prepare(groups) < 0 ||
        green__forked_prepare() < 0)
        return -1;
    __atomic_fetch_or(&green__patched, groups, __ATOMIC_SEQ_CST);
    return 0;
}

unsigned green_patched(void)
{
    return __atomic_load_n(&green__patched, __ATOMIC_SEQ_CST);
}

/* ---- Native regions --------------------------------------------------- */

void green_native_begin(struct green_native *region)
{
    struct green__scheduler *s = green__running();

    if (!region)
        return;
    region->thread = s ? s->current : NULL;
    if (!region->thread)
        return;
    region->outer = region->thread->flags & GREEN__NATIVE;
    region->thread->flags |= GREEN__NATIVE;
}

void green_native_end(struct green_native *region)
{
    if (!region || !region->thread)
        return;
    if (!region->outer)
        region->thread->flags &= (uint8_t)~GREEN__NATIVE;
    region->thread = NULL;
}

/* ---- The environment --------------------------------------------------- */

static void patch_program(unsigned groups)
{
    (void)green_patch(groups);
    green__report_begin();
    if (groups & GREEN_PATCH_THREADS)
        green__environment_hide();
}

/* A program that does not know of the library goes on natively if it cannot be
 * patched: `greenhub run` has tried before. Nothing is printed. */
__attribute__((constructor)) static void patch_by_environment(void)
{
    const char *wanted;
    unsigned groups;
    int saved = errno;

    if (getauxval(AT_SECURE))
        return;
    green__settings_read();
    wanted = getenv("GREENHUB_PATCH");
    if (wanted && *wanted && green__groups_of(wanted, &groups) == 0)
        patch_program(groups);
    errno = saved;
}
