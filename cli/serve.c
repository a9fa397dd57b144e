/* greenhub serve: a server that sends back what it receives, or a folder's files. */
#include <greenhub.h>

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "serve_http.h"
#include "serve_tls.h"

static const char usage[] =
    "usage: greenhub serve --echo|--http DIR [OPTIONS]\n"
    "\n"
    "  --echo               send back what is received\n"
    "  --http DIR           serve the files of a folder by HTTP\n"
    "  --listen ADDRESS     tcp://HOST:PORT (port 0: any free port), "
    "tcp://*:PORT,\n"
    "                       tcp://[::1]:PORT or unix:///PATH;\n"
    "                       default tcp://127.0.0.1:6000, with --http "
    "port 8080\n"
    "  --tls CERT KEY       serve TLS, with this certificate and its key, "
    "files "
    "in PEM\n"
    "  --hub NAME           the hub to run on; greenhub hubs lists them\n"
    "  --threads N          OS threads, each with its own hub; default 1\n"
    "  --max-connections M  connections served at once, the others wait;\n"
    "                       default: no limit, with --http 1024\n"
    "  --per-address M      with --http: connections of one address; default "
    "64\n"
    "  --log                with --http: print each request\n"
    "  --hello              print what to type next, on a terminal the "
    "default\n"
    "\n"
    "Ctrl-C or SIGTERM stops the server, a second one kills it. SIGUSR1 "
    "prints its\n"
    "greenthreads to standard error.\n";

struct settings {
    const char *address;
    const char *hub;
    const char *certificate, *key; /* NULL: without TLS */
    unsigned threads;
    unsigned max_connections;
    struct serve_http http; /* folder NULL: not asked for */
    bool echo;
    bool hello;
};

static struct green_server server;
static struct green_stream_wrap tls_wrap;
static struct {
    _Atomic uint64_t messages, bytes; /* added up when a connection ends */
} served;
static int dump_pipe[2] = {-1, -1};

/* ---- Serving ----------------------------------------------------------- */

static void echo(struct green_stream *stream, void *arg)
{
    uint64_t messages = 0, bytes = 0;
    char buffer[16384];
    ssize_t n;

    (void)arg;
    while ((n = green_stream_read(stream, buffer, sizeof buffer)) > 0) {
        messages++;
        bytes += (uint64_t)n;
        if (green_stream_write_all(stream, buffer, (size_t)n) < 0)
            break;
    }
    atomic_fetch_add_explicit(&served.messages, messages, memory_order_relaxed);
    atomic_fetch_add_explicit(&served.bytes, bytes, memory_order_relaxed);
}

/* ---- Signals ----------------------------------------------------------- */

/* SA_RESETHAND restores the default action, so a second signal kills. */
static void on_stop(int signal)
{
    (void)signal;
    green_server_stop(&server);
}

static void on_dump(int signal)
{
    int error = errno;
    ssize_t n = write(dump_pipe[1], "", 1);

    (void)signal;
    (void)n;
    errno = error;
}

/* green_dump is not async-signal-safe, so a greenthread calls it. */
static void dump_when_asked(void *unused)
{
    char byte;

    (void)unused;
    green_set_name(green_self(), "SIGUSR1");
    while (green_read(dump_pipe[0], &byte, 1) == 1)
        green_dump(STDERR_FILENO);
}

static int prepare_signals(void)
{
    struct sigaction stop = {.sa_handler = on_stop,
                             .sa_flags = (int)(SA_RESETHAND | SA_RESTART)};
    struct sigaction dump = {.sa_handler = on_dump, .sa_flags = SA_RESTART};

    if (green_pipe2(dump_pipe, O_CLOEXEC) < 0)
        return -1;
    if (green_spawn_n(dump_when_asked, NULL) < 0)
        return -1;
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGUSR1, &dump, NULL);
    return 0;
}

/* ---- Output ------------------------------------------------------------ */

/* Prints the nc command for an address; for "all addresses", at loopback. */
static void print_nc(const char *address)
{
    char host[256];
    const char *at = strstr(address, "://") + 3;
    const char *port = strrchr(at, ':');

    if (strncmp(address, "unix://", 7) == 0) {
        printf("nc -U %s", at);
        return;
    }
    snprintf(host, sizeof host, "%.*s", (int)(port - at), at);
    if (strcmp(host, "0.0.0.0") == 0)
        strcpy(host, "127.0.0.1");
    if (strcmp(host, "[::]") == 0)
        strcpy(host, "[::1]");
    if (host[0] == '[')
        printf("nc %.*s %s", (int)strlen(host) - 2, host + 1, port + 1);
    else
        printf("nc %s %s", host, port + 1);
}

static void print_openssl(const char *address)
{
    bool is_path = strncmp(address, "unix://", 7) == 0;

    printf("openssl s_client -quiet %s %s", is_path ? "-unix" : "-connect",
           strstr(address, "://") + 3);
}

static void print_curl(const char *address, bool tls)
{
    const char *at = strstr(address, "://") + 3;

    if (strncmp(address, "unix://", 7) == 0)
        printf("curl --unix-socket %s http%s://localhost/", at, tls ? "s" : "");
    else
        printf("curl http%s://%s/", tls ? "s" : "", at);
}

static void print_hello(const char *address, const struct settings *settings)
{
    bool tls = settings->certificate != NULL;

    printf("\nIn another terminal type\n\n    ");
    if (settings->http.folder)
        print_curl(address, tls);
    else if (tls)
        print_openssl(address);
    else
        print_nc(address);
    printf("%s"
           "    kill -USR1 %-10ld shows what each greenthread does\n"
           "    GREENHUB_HUB=poll     before the command selects another hub\n"
           "    Ctrl-C                stops this server\n\n",
           settings->http.folder
               ? "\n\nor open that address in a browser.\n"
               : "\n\nand then a line: the server sends it back.\n",
           (long)getpid());
}

struct count {
    uint64_t number;
    const char *one, *many; /* the noun, in singular and plural */
};

/* Prints "1 wait, 2 events", and ends the line. */
static void print_counts(const struct count *counts, size_t size)
{
    for (size_t i = 0; i < size; i++)
        printf("%s%llu %s", i ? ", " : "", (unsigned long long)counts[i].number,
               counts[i].number == 1 ? counts[i].one : counts[i].many);
    printf("\n");
}

static void print_hub_stats(const struct green_hub *hub,
                            const struct green_hub_stats *stats)
{
    const struct count counts[] = {
        {stats->iterations, "iteration", "iterations"},
        {stats->waits, "wait", "waits"},
        {stats->events, "event", "events"},
        {stats->changes, "change", "changes"},
        {stats->switches, "switch", "switches"},
        {stats->spawns, "greenthread", "greenthreads"},
    };

    printf("hub %s of the first thread: ", green_hub_name(hub));
    print_counts(counts, sizeof counts / sizeof counts[0]);
}

static void print_summary(bool http)
{
    const struct count work[] = {
        {server.accepted, "connection", "connections"},
        {served.messages, http ? "request" : "message",
         http ? "requests" : "messages"},
        {served.bytes, "byte", "bytes"},
    };
    const struct count pauses = {server.pauses, "time", "times"};
    struct green_hub *hub = green_get_hub();
    struct green_hub_stats stats;

    printf("served ");
    print_counts(work, sizeof work / sizeof work[0]);
    printf("paused accepting ");
    print_counts(&pauses, 1);
    if (hub && green_hub_stats(hub, &stats) == 0)
        print_hub_stats(hub, &stats);
}

/* bind(2) fails with EADDRINUSE for any existing file, socket or not. */
static bool is_another_file(const char *address)
{
    struct stat status;

    return strncmp(address, "unix://", 7) == 0 &&
           lstat(address + 7, &status) == 0 && !S_ISSOCK(status.st_mode);
}

static int cannot_listen(const char *address, int error)
{
    switch (error) {
    case EINVAL:
        return cli_complain(CLI_USAGE,
                            "%s is not an address; write tcp://HOST:PORT or "
                            "unix:///PATH",
                            address);
    case EADDRINUSE:
        if (is_another_file(address))
            return cli_complain(CLI_FAILED,
                                "%s is a file, no socket, and was left "
                                "unchanged; choose another path with "
                                "--listen",
                                address);
        return cli_complain(CLI_FAILED,
                            "%s is in use: stop the server that listens there, "
                            "or choose another address with --listen (port 0: "
                            "any free port)",
                            address);
    case EACCES:
        return cli_complain(CLI_FAILED,
                            "no permission for %s: a port below 1024 needs "
                            "privileges, a path a folder that you may write "
                            "to",
                            address);
    case EADDRNOTAVAIL:
        return cli_complain(CLI_FAILED,
                            "%s is not an address of this machine; choose "
                            "another with --listen",
                            address);
    default:
        return cli_complain(CLI_FAILED, "cannot listen at %s",
                            green_net_error());
    }
}

/* ---- Starting ----------------------------------------------------------- */

/* Allows as many connections as the hard limit does. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static int serve(const struct settings *settings, int listener)
{
    struct green_serve_options options = {
        .threads = settings->threads,
        .max_connections = settings->max_connections,
        .hub = settings->hub,
        /* An echo ends only with its connection. */
        .kill_on_stop = settings->echo,
        .server = &server,
        .wrap = settings->certificate ? &tls_wrap : NULL,
    };
    int result;

    if (settings->http.folder) {
        uint64_t requests, bytes;

        result = serve_http_run(listener, &options);
        serve_http_count(&requests, &bytes);
        served.messages = requests;
        served.bytes = bytes;
    } else {
        result = green_serve_streams(listener, echo, &options);
    }
    if (result < 0)
        cli_complain(CLI_FAILED, "serving failed: %s", green_net_error());
    print_summary(settings->http.folder != NULL);
    green_close(listener);
    return result < 0 ? CLI_FAILED : CLI_OK;
}

/* Loads what HTTP and TLS need. */
static int prepare_layers(const struct settings *settings)
{
    const char *const *protocols = NULL;

    if (settings->http.folder) {
        if (serve_http_prepare(&settings->http) != CLI_OK)
            return CLI_FAILED;
        protocols = serve_http_protocols();
    }
    if (!settings->certificate)
        return CLI_OK;
    return serve_tls_use(settings->certificate, settings->key, protocols,
                         &tls_wrap);
}

static int start(const struct settings *settings)
{
    struct green_listen_options options = {.reuse_port = settings->threads > 1};
    char here[160];
    int listener;

    if (green_use_hub(settings->hub) < 0)
        return cli_complain(CLI_FAILED,
                            "no hub: %s; greenhub hubs lists the hubs",
                            green_hub_error());
    if (prepare_layers(settings) != CLI_OK)
        return CLI_FAILED;
    green_debug_stack_overflow(true);
    raise_descriptor_limit();
    listener = green_listen(settings->address, &options);
    if (listener < 0)
        return cannot_listen(settings->address, errno);
    if (green_local_address(listener, here, sizeof here) < 0 ||
        prepare_signals() < 0)
        return cli_complain(CLI_FAILED, "cannot start: %s", strerror(errno));
    printf("listening on %s, hub %s, %u thread%s\n", here,
           green_hub_name(green_get_hub()), settings->threads,
           settings->threads == 1 ? "" : "s");
    if (settings->hello || isatty(STDOUT_FILENO))
        print_hello(here, settings);
    fflush(stdout);
    return serve(settings, listener);
}

static bool parse_number(const char *text, unsigned most, unsigned *number)
{
    char *end;
    unsigned long value;

    errno = 0;
    value = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0') {
        cli_complain(CLI_USAGE, "%s is not a number, but the option takes one",
                     text);
        return false;
    }
    if (errno != 0 || value == 0 || value > most) {
        cli_complain(CLI_USAGE,
                     "%s is out of range: give a number from 1 to %u", text,
                     most);
        return false;
    }
    *number = (unsigned)value;
    return true;
}

static const struct option options_known[] = {
    {"echo", no_argument, NULL, 'e'},
    {"http", required_argument, NULL, 'd'},
    {"per-address", required_argument, NULL, 'p'},
    {"log", no_argument, NULL, 'g'},
    {"listen", required_argument, NULL, 'l'},
    {"tls", required_argument, NULL, 'T'},
    {"hub", required_argument, NULL, 'H'},
    {"threads", required_argument, NULL, 't'},
    {"max-connections", required_argument, NULL, 'm'},
    {"hello", no_argument, NULL, 'i'},
    {"help", no_argument, NULL, 'h'},
    {0},
};

/* getopt_long has taken the first of two arguments. */
static bool take_tls(struct settings *settings, int argc, char **argv)
{
    if (optind >= argc || argv[optind][0] == '-') {
        cli_complain(CLI_USAGE, "--tls takes a certificate and its key");
        return false;
    }
    settings->certificate = optarg;
    settings->key = argv[optind++];
    return true;
}

static bool set_option(struct settings *settings, int option)
{
    switch (option) {
    case 'e':
        return settings->echo = true;
    case 'd':
        settings->http.folder = optarg;
        return true;
    case 'p':
        return parse_number(optarg, INT_MAX, &settings->http.max_per_address);
    case 'g':
        return settings->http.log = true;
    case 'i':
        return settings->hello = true;
    case 'l':
        settings->address = optarg;
        return true;
    case 'H':
        settings->hub = optarg;
        return true;
    case 't':
        return parse_number(optarg, 1024, &settings->threads);
    case 'm':
        return parse_number(optarg, INT_MAX, &settings->max_connections);
    default:
        return false;
    }
}

int cli_serve(int argc, char **argv)
{
    struct settings settings = {.threads = 1};
    int option;

    while ((option = getopt_long(argc, argv, "", options_known, NULL)) != -1) {
        if (option == 'h') {
            fputs(usage, stdout);
            return CLI_OK;
        }
        if (option == '?')
            return CLI_USAGE; /* getopt_long has printed the error */
        if (option == 'T' ? !take_tls(&settings, argc, argv)
                          : !set_option(&settings, option))
            return CLI_USAGE; /* set_option has printed it */
    }
    if (optind < argc)
        return cli_complain(
            CLI_USAGE,
            "serve takes options only, not %s; see greenhub serve --help",
            argv[optind]);
    if (settings.echo == (settings.http.folder != NULL))
        return cli_complain(CLI_USAGE, "serve needs --echo or --http DIR");
    if (!settings.address)
        settings.address =
            settings.echo ? "tcp://127.0.0.1:6000" : "tcp://127.0.0.1:8080";
    return start(&settings);
}
