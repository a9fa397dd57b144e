/* The answer to "stats": counters since the start, as a table of names and numbers
 * or in Prometheus's text format. */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <greenhub/base.h>

#include "greenthread/survey.h"
#include "net/servers.h"
#include "sync/worker_pool.h"
#include "tools/debug_commands.h"

#define SERVERS 64

struct metric {
    const char *name, *type, *help;
    size_t offset; /* of a 64-bit number, or of a time in ns with `is_time` */
    bool is_time;
};

#define OF_STATS(field)                                                        \
    (offsetof(struct green__survey, stats) +                                   \
     offsetof(struct green_hub_stats, field))
#define OF_SURVEY(field) offsetof(struct green__survey, field)
#define OF_SERVER(field) offsetof(struct green__server_counts, field)

static const struct metric of_os_thread[] = {
    {"iterations_total", "counter", "Iterations of the hub's loop.",
     OF_STATS(iterations), false},
    {"waits_total", "counter", "Iterations that could wait.", OF_STATS(waits),
     false},
    {"waiting_seconds_total", "counter", "Time in these waits.",
     OF_SURVEY(waited), true},
    {"events_total", "counter", "Descriptors found ready.", OF_STATS(events),
     false},
    {"timers_armed_total", "counter", "Timers armed.", OF_STATS(armed), false},
    {"timers_fired_total", "counter", "Timers fired.", OF_STATS(fired), false},
    {"calls_total", "counter", "Functions called by the hub.", OF_STATS(calls),
     false},
    {"switches_total", "counter", "Switches into a greenthread.",
     OF_STATS(switches), false},
    {"spawns_total", "counter", "Greenthreads spawned.", OF_STATS(spawns),
     false},
    {"finished_total", "counter", "Greenthreads finished.", OF_STATS(finished),
     false},
    {"greenthreads", "gauge", "Greenthreads alive.", OF_STATS(alive), false},
    {"descriptors", "gauge", "Descriptors watched.", OF_STATS(descriptors),
     false},
    {"run_queue", "gauge", "Greenthreads that are ready to run.",
     OF_SURVEY(queue), false},
    {"timers", "gauge", "Timers pending.", OF_SURVEY(timers), false},
    {"longest_run_seconds", "gauge", "Longest time between two iterations.",
     OF_STATS(longest_run), true},
    {"stacks", "gauge", "Stacks that have been in use.", OF_SURVEY(stacks),
     false},
    {"stack_bytes", "gauge", "Address space of stacks.", OF_SURVEY(stack_bytes),
     false},
};

static const struct metric of_server[] = {
    {"server_accepted_total", "counter", "Connections accepted.",
     OF_SERVER(accepted), false},
    {"server_active", "gauge", "Connections being handled.", OF_SERVER(active),
     false},
    {"server_pauses_total", "counter",
     "Times that descriptors or memory ran out.", OF_SERVER(pauses), false},
};

_Static_assert(sizeof(size_t) == sizeof(uint64_t) || sizeof(size_t) == 4,
               "metrics are read as 64-bit numbers");

/* ---- One number ------------------------------------------------------ */

/* {labels} for Prometheus; for people the labels stand in front. */
static void print_metric(struct green__text *out, const struct metric *metric,
                         const void *from, const char *labels, bool prometheus)
{
    uint64_t value;

    memcpy(&value, (const char *)from + metric->offset, sizeof value);
    if (prometheus)
        green__print(out, "greenhub_%s{%s} ", metric->name, labels);
    else
        green__print(out, "%s\t%s\t", labels, metric->name);
    if (metric->is_time)
        green__print(out, "%.9f\n", (double)value / (double)GREEN_SEC);
    else
        green__print(out, "%" PRIu64 "\n", value);
}

static void print_head(struct green__text *out, const char *name,
                       const char *type, const char *help)
{
    green__print(out, "# HELP greenhub_%s %s\n# TYPE greenhub_%s %s\n", name,
                 help, name, type);
}

/* ---- OS threads ------------------------------------------------------ */

static void label_os_thread(const struct green__survey *survey, char *labels,
                            size_t size, bool prometheus)
{
    snprintf(labels, size,
             prometheus ? "os_thread=\"%d\",hub=\"%s\"" : "OS thread %d (%s)",
             survey->os_thread, survey->hub);
}

/* Prometheus wants all of a metric together, people all of an OS thread. */
static void print_os_threads(struct green__text *out,
                             const struct green__survey *surveys,
                             const struct metric *metric, bool prometheus)
{
    const struct green__survey *one;
    char labels[96];

    for (one = surveys; one; one = one->next) {
        if (!one->hub[0])
            continue;
        label_os_thread(one, labels, sizeof labels, prometheus);
        print_metric(out, metric, one, labels, prometheus);
    }
}

static void print_surveys(struct green__text *out, bool prometheus)
{
    struct green__survey *surveys = green__survey_all(false, 0), *one;

    for (size_t i = 0; i < sizeof of_os_thread / sizeof *of_os_thread; i++) {
        const struct metric *metric = &of_os_thread[i];

        if (prometheus)
            print_head(out, metric->name, metric->type, metric->help);
        print_os_threads(out, surveys, metric, prometheus);
    }
    for (one = surveys; one && !prometheus; one = one->next)
        if (!one->taken)
            green__print(out, "OS thread %d\tdoes not answer\t1\n",
                         one->os_thread);
    green__surveys_free(surveys);
}

/* ---- Servers --------------------------------------------------------- */

/* A label's value; in Prometheus's, some characters are escaped. */
static void label_server(const struct green__server_counts *server,
                         char *labels, size_t size, bool prometheus)
{
    size_t length;

    if (!prometheus) {
        snprintf(labels, size, "server %.127s", server->address);
        return;
    }
    length = (size_t)snprintf(labels, size, "address=\"");
    for (const char *c = server->address; *c && length < size - 3; c++) {
        if (*c == '"' || *c == '\\')
            labels[length++] = '\\';
        labels[length++] = (char)(*c < ' ' ? '?' : *c);
    }
    snprintf(labels + length, size - length, "\"");
}

static void print_servers(struct green__text *out, bool prometheus)
{
    struct green__server_counts servers[SERVERS];
    size_t count = green__servers_count(servers, SERVERS);
    char labels[320];

    for (size_t i = 0; i < sizeof of_server / sizeof *of_server; i++) {
        const struct metric *metric = &of_server[i];

        if (prometheus)
            print_head(out, metric->name, metric->type, metric->help);
        for (size_t j = 0; j < count; j++) {
            label_server(&servers[j], labels, sizeof labels, prometheus);
            print_metric(out, metric, &servers[j], labels, prometheus);
        }
    }
}

/* ---- Pools ----------------------------------------------------------- */

static void print_pool_numbers(struct green__text *out, const char *name,
                               const char *help, const unsigned *numbers,
                               bool prometheus)
{
    static const char *const pools[] = {"threads", "resolver"};

    if (prometheus)
        print_head(out, name, "gauge", help);
    for (int i = 0; i < GREEN__WORKER_POOLS; i++) {
        if (prometheus)
            green__print(out, "greenhub_%s{pool=\"%s\"} %u\n", name, pools[i],
                         numbers[i]);
        else
            green__print(out, "pool %s\t%s\t%u\n", pools[i], name, numbers[i]);
    }
}

static void print_pools(struct green__text *out, bool prometheus)
{
    unsigned threads[GREEN__WORKER_POOLS], running[GREEN__WORKER_POOLS],
        queued[GREEN__WORKER_POOLS];
    struct green_thread_pool_stats stats;

    for (int i = 0; i < GREEN__WORKER_POOLS; i++) {
        green__worker_pool_count((enum green__worker_pool)i, &stats);
        threads[i] = stats.threads;
        running[i] = stats.running;
        queued[i] = stats.queued;
    }
    print_pool_numbers(out, "pool_os_threads", "OS threads of a worker pool.",
                       threads, prometheus);
    print_pool_numbers(out, "pool_running", "Calls in progress.", running,
                       prometheus);
    print_pool_numbers(out, "pool_queued", "Calls that wait.", queued,
                       prometheus);
}

void green__debug_print_stats(struct green__text *out, bool prometheus)
{
    print_surveys(out, prometheus);
    print_pools(out, prometheus);
    print_servers(out, prometheus);
}
