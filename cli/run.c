/* greenhub run: executes a program with the patch library in front of libc. */
#include <greenhub.h>

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "run.h"

static const char usage[] =
    "usage: greenhub run [OPTIONS] PROGRAM [ARGUMENT...]\n"
    "\n"
    "Runs an unmodified program with greenthreads for its threads.\n"
    "\n"
    "  --hub NAME           the hub to run on; greenhub hubs lists them\n"
    "  --tls own|shared     whether each greenthread has thread-local "
    "variables "
    "of\n"
    "                       its own (the default), or all have the same\n"
    "  --stack SIZE         a thread's stack in bytes, unless the program sets "
    "it;\n"
    "                       K and M are understood\n"
    "  --threads N          deal its threads to N OS threads, 1 to 64; N above "
    "1\n"
    "                       needs --tls own\n"
    "  --report FILE        write what blocked all greenthreads to FILE\n"
    "  --children           patch the programs that it executes, too\n"
    "\n"
    "The exit status is the program's; 126 if it cannot be run in this way, "
    "127 "
    "if\n"
    "it is not found.\n";

/* All but files: those are fast on the OS thread. */
static const char groups[] =
    "io,time,names,locks,keys,process,signals,stdio,threads";

struct settings {
    const char *hub;
    const char *tls;
    const char *report;
    unsigned long stack;   /* 0: the library's */
    unsigned long threads; /* OS threads; 0: the library's */
    bool children;
    bool self_test;
};

/* ---- The environment ----------------------------------------------------------- */

/* setenv fails for want of memory alone. */
static bool set(const char *name, const char *value)
{
    return setenv(name, value, 1) == 0;
}

static bool set_number(const char *name, unsigned long number)
{
    char text[24];

    snprintf(text, sizeof text, "%lu", number);
    return set(name, text);
}

/* In front of what is preloaded anyway. */
static bool set_preload(const char *library)
{
    const char *others = getenv("LD_PRELOAD");
    char *all;
    bool done;

    if (!others || !*others)
        return set("LD_PRELOAD", library);
    if (asprintf(&all, "%s:%s", library, others) < 0)
        return false;
    done = set("LD_PRELOAD", all);
    free(all);
    return done;
}

static bool set_environment(const struct settings *settings,
                            const char *library)
{
    return set_preload(library) && set("GREENHUB_PATCH", groups) &&
           set("GREENHUB_PATCH_TLS", settings->tls) &&
           unsetenv("GREENHUB_PATCH_REPORT") == 0 &&
           (settings->stack == 0 ||
            set_number("GREENHUB_PATCH_STACK", settings->stack)) &&
           (settings->threads == 0
                ? unsetenv("GREENHUB_PATCH_THREADS") == 0
                : set_number("GREENHUB_PATCH_THREADS", settings->threads)) &&
           (settings->children ? set("GREENHUB_PATCH_CHILDREN", "1")
                               : unsetenv("GREENHUB_PATCH_CHILDREN") == 0) &&
           (!settings->hub || set("GREENHUB_HUB", settings->hub));
}

/* ---- The report ------------------------------------------------------------------ */

/* Absolute, because the program may change its folder. A process of the
 * program's own writes a file of its own. */
static bool set_report(const struct settings *settings)
{
    char folder[PATH_MAX] = "", *path;
    const char *each =
        settings->children && !strstr(settings->report, "%p") ? ".%p" : "";
    bool done;

    if (settings->report[0] != '/' && !getcwd(folder, sizeof folder))
        return false;
    if (asprintf(&path, "%s%s%s%s", folder, *folder ? "/" : "",
                 settings->report, each) < 0)
        return false;
    done = set("GREENHUB_PATCH_REPORT", path);
    free(path);
    return done;
}

/* Empties the file, and says at once if it cannot be written. */
static int prepare_report(const struct settings *settings)
{
    int fd;

    if (!settings->report)
        return CLI_OK;
    if (!set_report(settings))
        return cli_complain(RUN_REFUSED, "cannot use the report %s: %s",
                            settings->report, strerror(errno));
    if (settings->children || strstr(settings->report, "%p"))
        return CLI_OK; /* the files have other names */
    fd = open(settings->report, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        return cli_complain(RUN_REFUSED, "cannot write the report %s: %s",
                            settings->report, strerror(errno));
    close(fd);
    return CLI_OK;
}

/* ---- Running --------------------------------------------------------------------- */

static int prepare(const struct settings *settings)
{
    char library[PATH_MAX];
    int status = run_find_library(library);

    if (status != CLI_OK)
        return status;
    if (!set_environment(settings, library))
        return cli_complain(RUN_REFUSED, "cannot set the environment: %s",
                            strerror(errno));
    status = run_self_test(settings->tls);
    return status != CLI_OK ? status : prepare_report(settings);
}

static int execute(const struct settings *settings, char **argv)
{
    struct run_program program;
    int status = run_find(argv, &program);

    if (status == CLI_OK)
        status = prepare(settings);
    if (status != CLI_OK)
        return status;
    execv(program.path, program.argv);
    return cli_complain(RUN_REFUSED, "cannot execute %s: %s", program.path,
                        strerror(errno));
}

/* ---- Options --------------------------------------------------------------------- */

static unsigned unit_of(const char *end)
{
    if (*end == '\0')
        return 1;
    if (end[1] != '\0')
        return 0;
    return *end == 'K' || *end == 'k'   ? 1 << 10
           : *end == 'M' || *end == 'm' ? 1 << 20
                                        : 0;
}

static bool parse_size(const char *text, unsigned long *size)
{
    char *end;
    unsigned long value;
    unsigned unit;

    errno = 0;
    value = strtoul(text, &end, 10);
    unit = unit_of(end);
    if (text[0] < '0' || text[0] > '9' || unit == 0) {
        cli_complain(CLI_USAGE, "%s is not a size, such as 64K or 1M", text);
        return false;
    }
    if (errno != 0 || value > RUN_LARGEST_STACK / unit ||
        value * unit < RUN_SMALLEST_STACK) {
        cli_complain(CLI_USAGE, "%s is out of range: give 16K to 8M", text);
        return false;
    }
    *size = value * unit;
    return true;
}

static bool parse_threads(const char *text, unsigned long *threads)
{
    char *end;

    errno = 0;
    *threads = strtoul(text, &end, 10);
    if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 &&
        *threads >= 1 && *threads <= RUN_MOST_THREADS)
        return true;
    cli_complain(CLI_USAGE, "--threads is a number from 1 to %d, not %s",
                 RUN_MOST_THREADS, text);
    return false;
}

/* libc finds OS threads by ids that greenthreads without thread-local data of
 * their own would have to share: setuid would miss some. */
static bool fit_together(const struct settings *settings)
{
    if (settings->threads <= 1 || strcmp(settings->tls, "own") == 0)
        return true;
    cli_complain(CLI_USAGE, "--threads above 1 needs --tls own");
    return false;
}

static bool parse_tls(const char *text, const char **tls)
{
    *tls = text;
    if (strcmp(text, "own") == 0 || strcmp(text, "shared") == 0)
        return true;
    cli_complain(CLI_USAGE, "--tls is own or shared, not %s", text);
    return false;
}

static const struct option options_known[] = {
    {"hub", required_argument, NULL, 'H'},
    {"tls", required_argument, NULL, 't'},
    {"stack", required_argument, NULL, 's'},
    {"threads", required_argument, NULL, 'n'},
    {"report", required_argument, NULL, 'r'},
    {"children", no_argument, NULL, 'c'},
    {"self-test", no_argument, NULL, 'T'},
    {"help", no_argument, NULL, 'h'},
    {0},
};

static bool set_option(struct settings *settings, int option)
{
    switch (option) {
    case 'H':
        settings->hub = optarg;
        return true;
    case 't':
        return parse_tls(optarg, &settings->tls);
    case 's':
        return parse_size(optarg, &settings->stack);
    case 'n':
        return parse_threads(optarg, &settings->threads);
    case 'r':
        settings->report = optarg;
        return true;
    case 'c':
        return settings->children = true;
    case 'T':
        return settings->self_test = true;
    default:
        return false; /* getopt_long has printed the error */
    }
}

int cli_run(int argc, char **argv)
{
    struct settings settings = {.tls = "own"};
    int option;

    /* "+": what follows the program is the program's. */
    while ((option = getopt_long(argc, argv, "+", options_known, NULL)) != -1) {
        if (option == 'h') {
            fputs(usage, stdout);
            return CLI_OK;
        }
        if (!set_option(&settings, option))
            return CLI_USAGE;
    }
    if (settings.self_test)
        return run_be_tested(settings.tls);
    if (!fit_together(&settings))
        return CLI_USAGE;
    if (optind == argc)
        return cli_complain(CLI_USAGE,
                            "run needs a program; see greenhub run --help");
    return execute(&settings, argv + optind);
}
