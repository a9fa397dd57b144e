/* greenhub hubs: lists the hubs and their capabilities. */
#include <greenhub.h>

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static const char usage[] = "usage: greenhub hubs [--json]\n"
                            "\n"
                            "Lists all hubs, best first: whether each can be "
                            "used here, and if not, why;\n"
                            "which is the default (*); and what it is. The "
                            "default is the hub that the\n"
                            "environment variable GREENHUB_HUB names, or "
                            "else the best that can be used.\n"
                            "\n"
                            "  --json   print JSON\n";

static const struct {
    unsigned bit;
    const char *name;
} capabilities[] = {
    {GREEN_HUB_EDGE, "edge"},
    {GREEN_HUB_VIRTUAL_TIME, "virtual_time"},
};

struct entry {
    const char *name;
    const struct green_hub_module *module; /* NULL: not available */
    char reason[256];
    bool is_default;
};

/* The hub that a new OS thread gets, or the reason that it gets none. */
struct chosen {
    const struct green_hub_module *module;
    const char *variable; /* GREENHUB_HUB, or NULL */
    char reason[256];
};

static void choose(struct chosen *chosen)
{
    const struct green_hub *hub;

    memset(chosen, 0, sizeof *chosen);
    chosen->variable = getenv("GREENHUB_HUB");
    hub = green_get_hub();
    if (hub)
        chosen->module = green_hub_get_module(hub);
    else
        snprintf(chosen->reason, sizeof chosen->reason, "%s",
                 green_hub_error());
}

static void examine(struct entry *entry, const char *name,
                    const struct chosen *chosen)
{
    const char *reason = "";

    memset(entry, 0, sizeof *entry);
    entry->name = name;
    entry->module = green_hub_available(name, &reason);
    if (!entry->module)
        snprintf(entry->reason, sizeof entry->reason, "%s", reason);
    entry->is_default =
        entry->module != NULL && entry->module == chosen->module;
}

/* ---- Text -------------------------------------------------------------- */

static void print_capabilities(unsigned bits)
{
    const char *before = " [";
    size_t i;

    for (i = 0; i < sizeof capabilities / sizeof capabilities[0]; i++) {
        if ((bits & capabilities[i].bit) == 0)
            continue;
        printf("%s%s", before, capabilities[i].name);
        before = ", ";
    }
    if (before[0] == ',')
        printf("]");
}

static void print_text(const struct entry *entry, bool first)
{
    const struct green_hub_module *module = entry->module;

    (void)first;
    if (!module) {
        printf("  %-10s not available: %s\n", entry->name, entry->reason);
        return;
    }
    printf("%s %-10s %s", entry->is_default ? "*" : " ", entry->name,
           module->description ? module->description : "");
    print_capabilities(module->capabilities);
    printf("\n");
}

/* ---- JSON -------------------------------------------------------------- */

/* Prints a JSON string, or null. Each byte above ASCII becomes U+FFFD, since
 * JSON allows UTF-8 only. */
static void print_string(const char *text)
{
    const unsigned char *c = (const unsigned char *)text;

    if (!text) {
        printf("null");
        return;
    }
    putchar('"');
    for (; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\')
            printf("\\%c", *c);
        else if (*c < 0x20 || *c > 0x7e)
            printf("\\u%04x", *c < 0x80 ? *c : 0xfffdu);
        else
            putchar(*c);
    }
    putchar('"');
}

static void print_json(const struct entry *entry, bool first)
{
    const struct green_hub_module *module = entry->module;
    const char *before = "";
    size_t i;

    printf("%s\n    {\"name\": ", first ? "" : ",");
    print_string(entry->name);
    printf(", \"available\": %s, \"default\": %s, \"reason\": ",
           module ? "true" : "false", entry->is_default ? "true" : "false");
    print_string(module ? NULL : entry->reason);
    printf(",\n     \"description\": ");
    print_string(module ? module->description : NULL);
    printf(", \"capabilities\": [");
    for (i = 0; i < sizeof capabilities / sizeof capabilities[0]; i++) {
        if (!module || !(module->capabilities & capabilities[i].bit))
            continue;
        printf("%s\"%s\"", before, capabilities[i].name);
        before = ", ";
    }
    printf("]}");
}

/* ---- Both -------------------------------------------------------------- */

/* Every built-in hub, and the hub that GREENHUB_HUB names if it is not built
 * in. */
static void print_all(const struct chosen *chosen,
                      void (*print)(const struct entry *entry, bool first))
{
    const char *const *names = green_hub_names();
    struct entry entry;
    bool listed = false, first = true;

    for (; *names; names++) {
        examine(&entry, *names, chosen);
        listed = listed || entry.is_default;
        print(&entry, first);
        first = false;
    }
    if (!listed && chosen->variable) {
        examine(&entry, chosen->variable, chosen);
        entry.is_default = chosen->module != NULL;
        print(&entry, first);
    }
}

static int print_default_as_json(const struct chosen *chosen)
{
    printf("{\n  \"version\": ");
    print_string(green_version());
    printf(",\n  \"default\": ");
    print_string(chosen->module ? chosen->module->name : NULL);
    printf(",\n  \"chosen_by\": \"%s\",\n  \"hubs\": [",
           chosen->variable ? "GREENHUB_HUB" : "order");
    print_all(chosen, print_json);
    printf("\n  ]\n}\n");
    return chosen->module ? CLI_OK : CLI_FAILED;
}

static int print_default_as_text(const struct chosen *chosen)
{
    print_all(chosen, print_text);
    if (!chosen->module)
        return cli_complain(CLI_FAILED, "there is no default hub: %s",
                            chosen->reason);
    printf("\n* the default%s\n", chosen->variable != NULL
                                      ? ", from GREENHUB_HUB"
                                      : ": the best hub that can be used here");
    return CLI_OK;
}

int cli_hubs(int argc, char **argv)
{
    static const struct option options[] = {
        {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    struct chosen chosen;
    bool json = false;
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'h') {
            fputs(usage, stdout);
            return CLI_OK;
        }
        if (option != 'j')
            return CLI_USAGE;
        json = true;
    }
    if (optind < argc)
        return cli_complain(
            CLI_USAGE,
            "hubs takes options only, not %s; see greenhub hubs --help",
            argv[optind]);
    choose(&chosen);
    return json ? print_default_as_json(&chosen)
                : print_default_as_text(&chosen);
}
