#include "tools/debug_commands.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <greenhub/debug.h>
#include <greenhub/hub.h>
#include <greenhub/thread.h>

#include "base/system.h"
#include "greenthread/look.h"

/* How long an OS thread that computes is waited for. */
#define PATIENCE GREEN_SEC
/* What top reports about if it is not told. */
#define INTERVAL GREEN_SEC
#define LONGEST_INTERVAL 3600
/* Delays are measured a little longer, until the next line. */
#define SPARE GREEN_SEC

static atomic_uint allowed;

int green_debug_allow(unsigned bits)
{
    if (bits & ~GREEN_DEBUG_KILL)
        return green__refuse(EINVAL);
    atomic_store(&allowed, bits);
    return 0;
}

/* ---- Those that look ------------------------------------------------- */

static void fail(struct green__text *out, const char *what)
{
    green__print(out, "error: %s\n", what);
}

static void dump(struct green__connection *connection, char **words,
                 struct green__text *out)
{
    (void)connection;
    (void)words;
    if (green__dump(out->fd, NULL) < 0)
        fail(out, strerror(errno));
}

/* NULL: the words do not name one. */
static struct green_thread *thread_of(char **words)
{
    unsigned long long number;
    char *end;

    if (!words[1])
        return NULL;
    number = strtoull(words[1], &end, 16);
    return *end || words[2] ? NULL : (struct green_thread *)(uintptr_t)number;
}

static void backtrace_one(struct green__connection *connection, char **words,
                          struct green__text *out)
{
    struct green_thread *thread = thread_of(words);
    int result;

    (void)connection;
    if (!thread) {
        fail(out,
             "backtrace takes the address of a greenthread, as dump has it");
        return;
    }
    result = green__dump(out->fd, thread);
    if (result != 0)
        fail(out, result > 0 ? "no such greenthread" : strerror(errno));
}

static void stats(struct green__connection *connection, char **words,
                  struct green__text *out)
{
    bool prometheus = words[1] && strcmp(words[1], "prometheus") == 0;

    (void)connection;
    if (words[1] && (!prometheus || words[2]))
        fail(out, "stats takes nothing, or the word prometheus");
    else
        green__debug_print_stats(out, prometheus);
}

green_time green__debug_interval(const char *word)
{
    char *end;
    double seconds;

    if (!word)
        return INTERVAL;
    seconds = strtod(word, &end);
    if (*end || !(seconds >= 0.01 && seconds <= LONGEST_INTERVAL))
        return -1;
    return (green_time)(seconds * (double)GREEN_SEC);
}

static void top(struct green__connection *connection, char **words,
                struct green__text *out)
{
    bool json = words[1] && strcmp(words[1], "json") == 0;
    green_time interval = green__debug_interval(words[json ? 2 : 1]);

    if (interval < 0 ||
        (words[1] && words[json ? 2 : 1] && words[json ? 3 : 2])) {
        fail(out, "top takes the word json, and seconds from 0.01 to 3600");
        return;
    }
    connection->json = json;
    connection->before =
        green__survey_all(false, green__clock() + interval + SPARE);
    connection->due = green__clock() + interval;
    connection->state = GREEN__CONNECTION_WATCHES;
}

static void top_ends(struct green__connection *connection,
                     struct green__text *out)
{
    green__debug_print_top(out, connection->before, connection->json);
    green__surveys_free(connection->before);
    connection->before = NULL;
}

/* ---- Those that an OS thread has to carry out ------------------------ */

static void ask(struct green__connection *connection,
                struct green__errand *errand, int os_thread,
                const struct green__scheduler *scheduler,
                struct green__text *out)
{
    if (green__errand_ask(errand, os_thread, scheduler) < 0) {
        fail(out, "its OS thread has ended");
        green__errand_release(errand);
        return;
    }
    connection->errand = errand;
    connection->due = green__clock() + PATIENCE;
    connection->state = GREEN__CONNECTION_WAITS;
}

/* 0: there is no such greenthread. */
static int os_thread_of(const struct green_thread *thread)
{
    struct green__look *looks = green__look_at_all(thread, NULL), *look;
    int found = 0;

    for (look = looks; look; look = look->next)
        if (look->count)
            found = look->os_thread;
    green__looks_free(looks);
    return found;
}

static void kill_one(struct green__connection *connection, char **words,
                     struct green__text *out)
{
    struct green_thread *victim = thread_of(words);
    struct green__errand *errand;
    int os_thread;

    if (!(atomic_load(&allowed) & GREEN_DEBUG_KILL)) {
        fail(out, "the program does not allow it, see green_debug_allow");
        return;
    }
    if (!victim) {
        fail(out, "kill takes the address of a greenthread, as dump has it");
        return;
    }
    os_thread = os_thread_of(victim);
    errand = os_thread ? green__errand_create(words) : NULL;
    if (!errand) {
        fail(out, os_thread ? strerror(ENOMEM) : "no such greenthread");
        return;
    }
    errand->victim = victim;
    ask(connection, errand, os_thread, NULL, out);
}

static void run_registered(struct green__connection *connection, char **words,
                           struct green__text *out)
{
    const struct green__scheduler *scheduler;
    int os_thread;
    struct green__errand *errand =
        green__debug_registered(words, &os_thread, &scheduler);

    if (!errand && errno == ENOENT) {
        green__print(out, "error: no command %.40s; help lists them\n",
                     words[0]);
        return;
    }
    if (errand)
        errand->fd = memfd_create("greenhub-command", MFD_CLOEXEC);
    if (!errand || errand->fd < 0) {
        fail(out, strerror(errno));
        green__errand_release(errand);
        return;
    }
    ask(connection, errand, os_thread, scheduler, out);
}

/* An empty line would end the answer: such lines get a space. */
static void copy(struct green__text *out, int fd)
{
    char block[512], before = '\n';
    off_t at = 0;
    ssize_t n;

    while ((n = green__system.pread(fd, block, sizeof block, at)) > 0) {
        for (ssize_t i = 0; i < n; i++) {
            if (block[i] == '\n' && before == '\n')
                green__print(out, " ");
            green__print(out, "%c", block[i]);
            before = block[i];
        }
        at += n;
    }
    if (at > 0 && before != '\n')
        green__print(out, "\n");
}

static const char *reason(int error)
{
    if (error == ESRCH)
        return "no such greenthread";
    if (error == ECANCELED)
        return "its OS thread has ended, or has another hub";
    return strerror(error);
}

static void errand_ends(struct green__connection *connection,
                        struct green__text *out)
{
    struct green__errand *errand = connection->errand;

    switch (green__errand_leave(errand)) {
    case GREEN__ERRAND_ASKED:
    case GREEN__ERRAND_STARTED:
        return;
    case GREEN__ERRAND_LEFT:
        green__print(out, "error: OS thread %d does not answer\n",
                     errand->os_thread);
        break;
    case GREEN__ERRAND_DONE:
        if (errand->error)
            fail(out, reason(errand->error));
        else if (errand->fd >= 0)
            copy(out, errand->fd);
        else
            green__print(out, "killed\n");
        break;
    }
    green__errand_release(errand);
    connection->errand = NULL;
    connection->state = GREEN__CONNECTION_SENDS;
}

void green__debug_command_ends(struct green__connection *connection,
                               struct green__text *out)
{
    switch (connection->state) {
    case GREEN__CONNECTION_WAITS:
        errand_ends(connection, out);
        return;
    case GREEN__CONNECTION_WATCHES:
        if (connection->traces)
            green__debug_trace_ends(connection, out);
        else
            top_ends(connection, out);
        break;
    case GREEN__CONNECTION_READS:
    case GREEN__CONNECTION_SENDS:
        fail(out, "the line is too long");
        break;
    }
    connection->state = GREEN__CONNECTION_SENDS;
}

/* ---- The list -------------------------------------------------------- */

static void help(struct green__connection *connection, char **words,
                 struct green__text *out);

static void quit(struct green__connection *connection, char **words,
                 struct green__text *out)
{
    (void)words;
    (void)out;
    connection->ends = true;
}

static const struct {
    const char *name, *takes, *does;
    void (*run)(struct green__connection *connection, char **words,
                struct green__text *out);
} commands[] = {
    {"help", "", "list the commands", help},
    {"dump", "", "all greenthreads, with backtraces", dump},
    {"backtrace", "ADDRESS", "one greenthread", backtrace_one},
    {"stats", "[prometheus]", "counters since the start", stats},
    {"top", "[json] [SECONDS]", "what happens in that time (1)", top},
    {"trace", "SECONDS", "record what runs in that time, as JSON",
     green__debug_trace},
    {"kill", "ADDRESS", "kill a greenthread, if that is allowed", kill_one},
    {"quit", "", "end the connection", quit},
};

#define COMMANDS (sizeof commands / sizeof commands[0])

static void help(struct green__connection *connection, char **words,
                 struct green__text *out)
{
    (void)connection;
    (void)words;
    for (size_t i = 0; i < COMMANDS; i++)
        green__print(out, "%s %-*s%s\n", commands[i].name,
                     23 - (int)strlen(commands[i].name), commands[i].takes,
                     commands[i].does);
    green__debug_print_registered(out);
}

bool green__debug_has_command(const char *name)
{
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i].name, name) == 0)
            return true;
    return false;
}

/* ---- A line ---------------------------------------------------------- */

/* Cuts the line at spaces; what is beyond the room for words is left out. */
static void cut(char *line, char **words)
{
    unsigned count = 0;
    char *state;

    for (char *word = strtok_r(line, " \t\r", &state);
         word && count < GREEN__DEBUG_WORDS;
         word = strtok_r(NULL, " \t\r", &state))
        words[count++] = word;
    words[count] = NULL;
}

void green__debug_command(struct green__connection *connection, char *line,
                          struct green__text *out)
{
    char *words[GREEN__DEBUG_WORDS + 1];

    connection->state = GREEN__CONNECTION_SENDS;
    cut(line, words);
    if (!words[0])
        return;
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(commands[i].name, words[0]) == 0) {
            commands[i].run(connection, words, out);
            return;
        }
    }
    run_registered(connection, words, out);
}
