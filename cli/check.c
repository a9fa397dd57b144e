/*
 * greenhub check: runs each rule in a process of its own, so that a hub that
 * hangs or crashes fails that rule alone.
 */
#include "check.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli.h"

static const char usage[] =
    "usage: greenhub check FILE.so[:SYMBOL]|NAME\n"
    "\n"
    "Checks that a hub keeps the rules that all hubs keep. Prints for each "
    "rule:\n"
    "\"ok   RULE\", \"FAIL RULE: what happened\", or \"skip RULE: why\".\n"
    "A rule that takes 12 s hangs; after two such rules the rest fail "
    "untried.\n"
    "The exit status is 0 if no rule fails, else 1.\n";

#define TIME_LIMIT_MS 12000

/* After so many rules that hang, the rest fail untried. This bounds the whole
 * run for a module that never returns; a slow machine does not reach it. */
#define MOST_HANGS 2

static const struct check_rule *const tables[] = {
    check_rules_ready, check_rules_closed,     check_rules_time,
    check_rules_life,  check_rules_operations,
};

const char *check_target;

static int verdict_fd; /* in the child */

struct verdict {
    char kind; /* 'o'k, 'F'ail, 's'kip */
    char text[512];
};

static struct {
    unsigned ok, failed, skipped, hung;
} tally;

/* ---- In the child ------------------------------------------------------- */

static void report_verdict(char kind, const char *format, va_list args)
{
    struct verdict verdict = {.kind = kind};
    ssize_t n;

    if (format)
        vsnprintf(verdict.text, sizeof verdict.text, format, args);
    n = write(verdict_fd, &verdict, sizeof verdict);
    _exit(n == sizeof verdict ? 0 : 1);
}

void check_fail(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    report_verdict('F', format, args);
    va_end(args);
    abort(); /* report_verdict does not return */
}

void check_skip(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    report_verdict('s', format, args);
    va_end(args);
    abort();
}

void check_that(bool ok, const char *format, ...)
{
    va_list args;

    if (ok)
        return;
    va_start(args, format);
    report_verdict('F', format, args);
    va_end(args);
}

static void try_rule(const struct check_rule *rule)
{
    struct verdict ok = {.kind = 'o'};

    if (green_use_hub(check_target) < 0)
        check_fail("the hub cannot be used: %s", green_hub_error());
    if (rule->real_time && green_hub_get_module(green_get_hub())->capabilities &
                               GREEN_HUB_VIRTUAL_TIME)
        check_skip("the hub's time is virtual");
    rule->run();
    if (write(verdict_fd, &ok, sizeof ok) != sizeof ok)
        _exit(1);
    _exit(0);
}

/* ---- In the parent ------------------------------------------------------ */

static void __attribute__((format(printf, 2, 3)))
set_failure(struct verdict *verdict, const char *format, ...)
{
    va_list args;

    verdict->kind = 'F';
    va_start(args, format);
    vsnprintf(verdict->text, sizeof verdict->text, format, args);
    va_end(args);
}

/* Reads the child's verdict; without one, the exit status gives it. */
static void await_verdict(pid_t child, int fd, struct verdict *verdict)
{
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    bool in_time = poll(&readable, 1, TIME_LIMIT_MS) > 0;
    bool given = in_time &&
                 read(fd, verdict, sizeof *verdict) == (ssize_t)sizeof *verdict;
    int status;

    if (!in_time)
        kill(child, SIGKILL);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    tally.hung += !in_time;
    if (!in_time)
        set_failure(verdict, "it hangs: not finished within %d s",
                    TIME_LIMIT_MS / 1000);
    else if (WIFSIGNALED(status))
        set_failure(verdict, "it crashes: %s", strsignal(WTERMSIG(status)));
    else if (!given || WEXITSTATUS(status) != 0)
        set_failure(verdict, "it ends the process, with status %d",
                    WEXITSTATUS(status));
}

static void run_rule(const struct check_rule *rule, struct verdict *verdict)
{
    int fds[2];
    pid_t child;

    fflush(stdout);
    if (tally.hung >= MOST_HANGS) {
        set_failure(verdict, "not tried: %d rules hang", MOST_HANGS);
        return;
    }
    if (pipe(fds) < 0 || (child = fork()) < 0) {
        set_failure(verdict, "cannot be tried: %s", strerror(errno));
        return;
    }
    if (child == 0) {
        close(fds[0]);
        verdict_fd = fds[1];
        try_rule(rule);
    }
    close(fds[1]);
    await_verdict(child, fds[0], verdict);
    close(fds[0]);
}

static bool print_verdict(const struct check_rule *rule)
{
    struct verdict verdict;

    run_rule(rule, &verdict);
    switch (verdict.kind) {
    case 'o':
        tally.ok++;
        printf("ok   %s\n", rule->name);
        return true;
    case 's':
        tally.skipped++;
        printf("skip %s: %s\n", rule->name, verdict.text);
        return true;
    default:
        tally.failed++;
        printf("FAIL %s: %s\n", rule->name, verdict.text);
        return false;
    }
}

/* The first rule: try_rule has opened the hub already. */
static void opens(void)
{
}

static int run_all(void)
{
    static const struct check_rule first = {"it loads and opens", opens, false};
    const struct check_rule *rule;
    size_t i;

    if (print_verdict(&first)) {
        for (i = 0; i < sizeof tables / sizeof tables[0]; i++) {
            for (rule = tables[i]; rule->name; rule++)
                print_verdict(rule);
        }
    }
    printf("%u ok, %u failed, %u skipped\n", tally.ok, tally.failed,
           tally.skipped);
    return tally.failed == 0 ? CLI_OK : CLI_FAILED;
}

/* "hub.so" without a slash is a file in the current folder. */
static const char *as_target(const char *name)
{
    static char path[4096];
    const char *end = strstr(name, ".so");

    if (strchr(name, '/') || !end || (end[3] != '\0' && end[3] != ':'))
        return name;
    snprintf(path, sizeof path, "./%s", name);
    return path;
}

int cli_check(int argc, char **argv)
{
    static const struct option options[] = {
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option != 'h')
            return CLI_USAGE;
        fputs(usage, stdout);
        return CLI_OK;
    }
    if (argc - optind != 1)
        return cli_complain(CLI_USAGE,
                            "check takes one hub, FILE.so or NAME; see "
                            "greenhub check --help");
    check_target = as_target(argv[optind]);
    return run_all();
}
