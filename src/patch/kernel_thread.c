/*
 * Functions by which a thread asks the kernel about itself, which knows the OS
 * thread alone. They stay native: what they tell and set holds for all threads
 * that the OS thread carries. The report names who calls them.
 */
#include "patch/report.h"
#include "patch/rule.h"

GREEN__HOOK pid_t gettid(void)
{
    if (green__is_green(GREEN_PATCH_THREADS))
        green__report_identity("gettid");
    return green__real()->gettid();
}

GREEN__HOOK int sched_setaffinity(pid_t id, size_t size, const cpu_set_t *set)
{
    if (green__is_green(GREEN_PATCH_THREADS))
        green__report_identity("sched_setaffinity");
    return green__real()->sched_setaffinity(id, size, set);
}

GREEN__HOOK int sched_setscheduler(pid_t id, int policy,
                                   const struct sched_param *parameters)
{
    if (green__is_green(GREEN_PATCH_THREADS))
        green__report_identity("sched_setscheduler");
    return green__real()->sched_setscheduler(id, policy, parameters);
}

GREEN__HOOK int sched_setparam(pid_t id, const struct sched_param *parameters)
{
    if (green__is_green(GREEN_PATCH_THREADS))
        green__report_identity("sched_setparam");
    return green__real()->sched_setparam(id, parameters);
}
