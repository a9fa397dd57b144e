/* The answer to "top": what has happened in an interval. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <greenhub/base.h>

#include "base/system.h"
#include "greenthread/symbols.h"
#include "net/servers.h"
#include "sync/worker_pool.h"
#include "tools/debug_commands.h"
#include "tools/debug_report.h"

#define SERVERS 64

static double seconds(green_time time)
{
    return (double)time / (double)GREEN_SEC;
}

/* Resident memory in bytes; 0: unknown. */
static uint64_t resident(void)
{
    char text[128] = "", *space;
    int fd = green__system.open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    unsigned long pages = 0;

    if (fd < 0)
        return 0;
    if (green__system.read(fd, text, sizeof text - 1) > 0 &&
        (space = strchr(text, ' ')) != NULL)
        pages = strtoul(space, NULL, 10);
    green__system.close(fd);
    return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void report_process(struct green__report *report,
                           const struct green__survey *now,
                           const struct green__survey *before)
{
    uint64_t alive = 0, os_threads = 0;
    green_time interval = now && before ? now->at - before->at : 0;

    for (; now; now = now->next, os_threads++)
        alive += now->stats.alive;
    green__report_kind(report, "process");
    green__report_row(report);
    green__report_number(report, "pid", (uint64_t)getpid());
    green__report_string(report, "version", green_version());
    green__report_real(report, "interval", seconds(interval));
    green__report_number(report, "os_threads", os_threads);
    green__report_number(report, "greenthreads", alive);
    green__report_number(report, "resident", resident());
    green__report_row_end(report);
}

/* ---- OS threads ------------------------------------------------------ */

/* The same OS thread's, or NULL. */
static const struct green__survey *find(const struct green__survey *surveys,
                                        int os_thread)
{
    for (; surveys; surveys = surveys->next)
        if (surveys->os_thread == os_thread && surveys->taken)
            return surveys;
    return NULL;
}

static double rate(uint64_t now, uint64_t before, green_time interval)
{
    /* green_use_hub begins anew */
    if (now < before || interval <= 0)
        return 0;
    return (double)(now - before) / seconds(interval);
}

static void report_rates(struct green__report *report,
                         const struct green__survey *now,
                         const struct green__survey *before)
{
    green_time interval = now->at - before->at;
    double waiting =
        interval > 0 ? (double)(now->waited - before->waited) / (double)interval
                     : 0;

    green__report_real(
        report, "iterations",
        rate(now->stats.iterations, before->stats.iterations, interval));
    green__report_real(report, "events",
                       rate(now->stats.events, before->stats.events, interval));
    green__report_real(
        report, "switches",
        rate(now->stats.switches, before->stats.switches, interval));
    green__report_real(report, "spawns",
                       rate(now->stats.spawns, before->stats.spawns, interval));
    green__report_real(report, "timers_fired",
                       rate(now->stats.fired, before->stats.fired, interval));
    green__report_real(report, "waiting",
                       waiting < 0   ? 0
                       : waiting > 1 ? 1
                                     : waiting);
}

static void report_delays(struct green__report *report,
                          const struct green__survey *now,
                          const struct green__survey *before)
{
    uint64_t samples[GREEN__GAUGE_BUCKETS], total = 0;

    for (unsigned i = 0; i < GREEN__GAUGE_BUCKETS; i++) {
        samples[i] = now->samples[i] - before->samples[i];
        total += samples[i];
    }
    green__report_number(report, "delay_samples", total);
    green__report_real(report, "delay_median",
                       seconds(green__gauge_delay(samples, 0.5)));
    green__report_real(report, "delay_99",
                       seconds(green__gauge_delay(samples, 0.99)));
}

static void report_state(struct green__report *report,
                         const struct green__survey *now)
{
    green__report_real(report, "slowest", seconds(now->slowest));
    green__report_string(report, "running",
                         now->running[0] ? now->running : NULL);
    green__report_number(report, "greenthreads", now->stats.alive);
    green__report_number(report, "queue", now->queue);
    green__report_number(report, "descriptors", now->stats.descriptors);
    green__report_number(report, "timers", now->timers);
    green__report_real(
        report, "next_timer",
        now->next_timer == GREEN_FOREVER ? -1 : seconds(now->next_timer));
    green__report_number(report, "stacks", now->stacks);
    green__report_number(report, "idle_stacks", now->idle_stacks);
    green__report_number(report, "stack_bytes", now->stack_bytes);
}

static void report_os_thread(struct green__report *report,
                             const struct green__survey *now,
                             const struct green__survey *before)
{
    green__report_row(report);
    green__report_number(report, "id", (uint64_t)now->os_thread);
    green__report_flag(report, "answers", now->taken);
    if (now->taken) {
        green__report_string(report, "hub", now->hub);
        report_rates(report, now, before ? before : now);
        report_delays(report, now, before ? before : now);
        report_state(report, now);
    }
    green__report_row_end(report);
}

/* ---- Groups ---------------------------------------------------------- */

static void report_group(struct green__report *report,
                         const struct green__survey *survey,
                         const struct green__group *group,
                         struct green__symbols *symbols)
{
    char oldest[24];

    snprintf(oldest, sizeof oldest, "%p", (const void *)group->oldest);
    green__report_row(report);
    green__report_number(report, "os_thread", (uint64_t)survey->os_thread);
    green__report_string(report, "name", group->name);
    green__report_string(report, "spawned_at",
                         green__symbol_of(symbols, group->spawned_at));
    green__report_string(report, "state", group->state);
    green__report_string(report, "wait", group->wait);
    green__report_number(report, "count", group->count);
    green__report_real(report, "longest", seconds(group->longest));
    green__report_string(report, "oldest", oldest);
    green__report_row_end(report);
}

static void report_ungrouped(struct green__report *report,
                             const struct green__survey *survey)
{
    green__report_row(report);
    green__report_number(report, "os_thread", (uint64_t)survey->os_thread);
    green__report_string(report, "name", "(others)");
    green__report_number(report, "count", survey->ungrouped);
    green__report_row_end(report);
}

static void report_groups(struct green__report *report,
                          const struct green__survey *now)
{
    struct green__symbols *symbols = green__system.allocate(1, sizeof *symbols);

    green__report_kind(report, "groups");
    for (; now && symbols; now = now->next) {
        for (unsigned i = 0; i < GREEN__GROUPS; i++)
            if (now->groups[i].count)
                report_group(report, now, &now->groups[i], symbols);
        if (now->ungrouped)
            report_ungrouped(report, now);
    }
    if (symbols)
        green__symbols_end(symbols);
    green__system.release(symbols);
}

/* ---- Pools and servers ----------------------------------------------- */

static void report_pools(struct green__report *report)
{
    static const char *const names[GREEN__WORKER_POOLS] = {"threads",
                                                           "resolver"};
    struct green_thread_pool_stats stats;

    green__report_kind(report, "pools");
    for (int i = 0; i < GREEN__WORKER_POOLS; i++) {
        green__worker_pool_count((enum green__worker_pool)i, &stats);
        green__report_row(report);
        green__report_string(report, "name", names[i]);
        green__report_number(report, "size", stats.size);
        green__report_number(report, "os_threads", stats.threads);
        green__report_number(report, "running", stats.running);
        green__report_number(report, "queued", stats.queued);
        green__report_row_end(report);
    }
}

static void report_servers(struct green__report *report)
{
    struct green__server_counts servers[SERVERS];
    size_t count = green__servers_count(servers, SERVERS);

    green__report_kind(report, "servers");
    for (size_t i = 0; i < count; i++) {
        green__report_row(report);
        green__report_string(report, "address", servers[i].address);
        green__report_number(report, "os_threads", servers[i].os_threads);
        green__report_number(report, "accepted", servers[i].accepted);
        green__report_number(report, "active", servers[i].active);
        green__report_number(report, "most", servers[i].most);
        green__report_number(report, "pauses", servers[i].pauses);
        green__report_string(report, "state",
                             servers[i].stops  ? "stops"
                             : servers[i].full ? "full"
                                               : "accepts");
        green__report_row_end(report);
    }
}

void green__debug_print_top(struct green__text *out,
                            const struct green__survey *before, bool json)
{
    /* Delays are measured on, should the next interval follow at once. */
    struct green__survey *surveys =
        green__survey_all(true, green__clock() + GREEN_SEC);
    struct green__report report;

    green__report_begin(&report, out, json);
    report_process(&report, surveys, before);
    green__report_kind(&report, "threads");
    for (const struct green__survey *one = surveys; one; one = one->next)
        report_os_thread(&report, one, find(before, one->os_thread));
    report_groups(&report, surveys);
    report_pools(&report);
    report_servers(&report);
    green__report_end(&report);
    green__surveys_free(surveys);
}
