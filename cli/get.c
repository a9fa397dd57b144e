/* greenhub get: fetches URLs, many at once. */
#include "get.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"

static const char usage[] =
    "usage: greenhub get [OPTIONS] URL...\n"
    "\n"
    "  -j, --jobs N         fetch so many at once; default 8\n"
    "  -o, --output PATH    write to a file, or to a folder with names from "
    "the "
    "URLs;\n"
    "                       default: standard output, in the order of the "
    "URLs\n"
    "      --json           print a line of JSON for each URL, instead of the "
    "bodies\n"
    "  -q, --quiet          no progress, and no errors but the exit status\n"
    "  -X, --method WORD    default GET, with --data POST\n"
    "  -H, --header FIELD   \"Name: value\", several times if wanted\n"
    "  -d, --data TEXT      the request's body; @FILE: what is in a file\n"
    "      --timeout S      seconds for each URL; default: no limit for the "
    "whole\n"
    "      --max-bytes N    for each body; default: no limit\n"
    "      --authorities F  whom to trust for https; default: the system's\n"
    "      --insecure       check no certificates\n"
    "      --proxy URL      default: what http_proxy and the like say; \"\": "
    "none\n"
    "      --connect ADDR   connect there, such as unix:///run/a.sock\n"
    "      --hub NAME       the hub to run on; greenhub hubs lists them\n"
    "\n"
    "The exit status is 0 if all URLs were fetched with a status below 400, "
    "else 1.\n";

/* ---- Options --------------------------------------------------------------------- */

static const struct option options_known[] = {
    {"jobs", required_argument, NULL, 'j'},
    {"output", required_argument, NULL, 'o'},
    {"json", no_argument, NULL, 'J'},
    {"quiet", no_argument, NULL, 'q'},
    {"method", required_argument, NULL, 'X'},
    {"header", required_argument, NULL, 'H'},
    {"data", required_argument, NULL, 'd'},
    {"timeout", required_argument, NULL, 't'},
    {"max-bytes", required_argument, NULL, 'm'},
    {"authorities", required_argument, NULL, 'a'},
    {"insecure", no_argument, NULL, 'k'},
    {"proxy", required_argument, NULL, 'p'},
    {"connect", required_argument, NULL, 'c'},
    {"hub", required_argument, NULL, 'u'},
    {"help", no_argument, NULL, 'h'},
    {0},
};

static bool parse_number(const char *text, unsigned long long least,
                         unsigned long long most, uint64_t *number)
{
    char *end;

    errno = 0;
    *number = strtoull(text, &end, 10);
    if (*text >= '0' && *text <= '9' && !*end && errno == 0 &&
        *number >= least && *number <= most)
        return true;
    cli_complain(CLI_USAGE, "%s is not a number from %llu to %llu", text, least,
                 most);
    return false;
}

static bool take_field(struct get_settings *settings, char *text)
{
    char *colon = strchr(text, ':');

    if (!colon || settings->field_count == GET_FIELDS) {
        cli_complain(CLI_USAGE,
                     colon ? "%s: more than 32 fields"
                           : "%s: write --header \"Name: value\"",
                     text);
        return false;
    }
    *colon = '\0';
    settings->names[settings->field_count] = text;
    settings->values[settings->field_count++] =
        colon + 1 + strspn(colon + 1, " ");
    return true;
}

/* Reads to the end, into memory that lasts as long as the command. */
static char *read_all(FILE *file, size_t *size)
{
    char *bytes = NULL, *larger;
    size_t room = 0, n;

    *size = 0;
    do {
        if (*size == room) {
            larger = realloc(bytes, room = 2 * room + 65536);
            if (!larger) {
                free(bytes);
                return NULL;
            }
            bytes = larger;
        }
        n = fread(bytes + *size, 1, room - *size, file);
        *size += n;
    } while (n > 0);
    return bytes;
}

static bool read_file(struct get_settings *settings, const char *path)
{
    FILE *file = fopen(path, "rb");

    settings->data = file ? read_all(file, &settings->data_size) : NULL;
    if (!settings->data || ferror(file)) {
        cli_complain(CLI_FAILED, "%s: %s", path, strerror(errno));
        settings->data = NULL;
    }
    if (file)
        fclose(file);
    return settings->data != NULL;
}

static bool take_data(struct get_settings *settings, const char *text)
{
    if (*text == '@')
        return read_file(settings, text + 1);
    settings->data = text;
    settings->data_size = strlen(text);
    return true;
}

static bool set_limit(struct get_settings *settings, int option)
{
    uint64_t number;

    if (!parse_number(optarg, 1,
                      option == 'j'   ? 10000
                      : option == 't' ? 1000000
                                      : INT64_MAX,
                      &number))
        return false;
    if (option == 'j')
        settings->jobs = (unsigned)number;
    else if (option == 't')
        settings->timeout = (green_time)number * GREEN_SEC;
    else
        settings->most = number;
    return true;
}

static bool set_option(struct get_settings *settings, int option)
{
    switch (option) {
    case 'o':
        settings->output = strcmp(optarg, "-") == 0 ? NULL : optarg;
        return true;
    case 'J':
        return settings->json = true;
    case 'q':
        return settings->quiet = true;
    case 'k':
        return settings->insecure = true;
    case 'X':
        settings->method = optarg;
        return true;
    case 'H':
        return take_field(settings, optarg);
    case 'd':
        return take_data(settings, optarg);
    case 'a':
        settings->authorities = optarg;
        return true;
    case 'p':
        settings->proxy = optarg;
        return true;
    case 'c':
        settings->address = optarg;
        return true;
    case 'u':
        settings->hub = optarg;
        return true;
    default:
        return set_limit(settings, option);
    }
}

/* Whether PATH is a folder, or is meant to be one. */
static int find_folder(struct get_settings *settings, int urls)
{
    const char *path = settings->output;
    struct stat status;

    if (!path)
        return CLI_OK;
    settings->is_folder = stat(path, &status) == 0 && S_ISDIR(status.st_mode);
    if (!settings->is_folder && urls > 1)
        return cli_complain(CLI_USAGE,
                            "%s is not a folder: several URLs need one", path);
    return CLI_OK;
}

/* ---- Running ------------------------------------------------------------------------ */

static bool any_is_https(char **urls, int count)
{
    for (int i = 0; i < count; i++)
        if (strncasecmp(urls[i], "https:", 6) == 0)
            return true;
    return false;
}

static bool may_show(const struct get_settings *settings)
{
    return !settings->quiet && isatty(STDERR_FILENO) &&
           (settings->output || settings->json || !isatty(STDOUT_FILENO));
}

static int run_all(const struct get_settings *settings, struct get_jobs *jobs)
{
    struct green_thread *progress = NULL;
    struct green_pool pool;
    int status = CLI_OK;

    if (green_pool_init(&pool, settings->jobs) < 0)
        return cli_complain(CLI_FAILED, "get: %s", strerror(errno));
    if (may_show(settings))
        progress = green_spawn(get_report_progress, jobs);
    for (size_t i = 0; i < jobs->count; i++)
        if (green_pool_spawn_n(&pool, get_job_run, &jobs->jobs[i]) < 0)
            return cli_complain(CLI_FAILED, "get: %s", strerror(errno));
    green_pool_wait(&pool);
    if (progress) {
        green_kill(progress);
        green_join(progress, NULL);
    }
    get_report_end();
    for (size_t i = 0; i < jobs->count; i++)
        if (*jobs->jobs[i].error || jobs->jobs[i].status >= 400)
            status = CLI_FAILED;
    return status;
}

static int run(const struct get_settings *settings, char **urls, int count)
{
    struct get_jobs jobs = {calloc((size_t)count, sizeof *jobs.jobs),
                            (size_t)count};
    struct green_http_client *client;
    int status;

    if (!jobs.jobs)
        return cli_complain(CLI_FAILED, "get: out of memory");
    status = get_client_create(settings, any_is_https(urls, count), &client);
    if (status == CLI_OK) {
        for (int i = 0; i < count; i++) {
            jobs.jobs[i] =
                (struct get_job){.settings = settings,
                                 .client = client,
                                 .url = urls[i],
                                 .before = i ? &jobs.jobs[i - 1] : NULL};
            get_output_name(&jobs.jobs[i]);
        }
        status = run_all(settings, &jobs);
        get_library.destroy(client);
    }
    free(jobs.jobs);
    return status;
}

static int start(struct get_settings *settings, char **urls, int count)
{
    int status;

    if (count == 0)
        return cli_complain(CLI_USAGE, "get needs a URL; see greenhub get "
                                       "--help");
    status = find_folder(settings, count);
    if (status != CLI_OK)
        return status;
    if (green_use_hub(settings->hub) < 0)
        return cli_complain(CLI_FAILED, "%s", green_hub_error());
    signal(SIGPIPE, SIG_IGN); /* a write says so */
    return run(settings, urls, count);
}

int cli_get(int argc, char **argv)
{
    struct get_settings settings = {.jobs = 8};
    int option;

    while ((option = getopt_long(argc, argv, "j:o:qX:H:d:", options_known,
                                 NULL)) != -1) {
        if (option == 'h') {
            fputs(usage, stdout);
            return CLI_OK;
        }
        if (option == '?')
            return CLI_USAGE; /* getopt_long has printed the error */
        if (!set_option(&settings, option))
            return CLI_USAGE; /* it has printed it */
    }
    return start(&settings, argv + optind, argc - optind);
}
