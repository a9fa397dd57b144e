#include "settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RESOLV_CONF "/etc/resolv.conf"
#define HOSTS "/etc/hosts"

/* The C library's bounds (resolv.conf(5)). */
#define MAX_TIMEOUT 30
#define MAX_TRIES 5

static int bounded(const char *text, int most)
{
    long value = strtol(text, NULL, 10);

    return value < 1 ? 1 : value > most ? most : (int)value;
}

static void read_options(struct green__dns_settings *it, char *line)
{
    char *rest, *word = strtok_r(line, " \t\n", &rest);

    for (; word; word = strtok_r(NULL, " \t\n", &rest)) {
        if (strncmp(word, "timeout:", 8) == 0)
            it->timeout_ms = 1000 * bounded(word + 8, MAX_TIMEOUT);
        else if (strncmp(word, "attempts:", 9) == 0)
            it->tries = bounded(word + 9, MAX_TRIES);
        else if (strcmp(word, "use-vc") == 0)
            it->tcp = true;
    }
}

static void read_file(struct green__dns_settings *it)
{
    FILE *file = fopen(RESOLV_CONF, "re");
    char line[512];

    while (file && fgets(line, sizeof line, file)) {
        if (strncmp(line, "options", 7) == 0)
            read_options(it, line + 7);
        if (strncmp(line, "search", 6) == 0)
            it->no_search = strcmp(line + 6, " .\n") == 0;
    }
    if (file)
        fclose(file);
}

void green__dns_settings_read(struct green__dns_settings *it)
{
    const char *more = getenv("RES_OPTIONS");
    char copy[512];

    *it = (struct green__dns_settings){.timeout_ms = 5000, .tries = 2};
    read_file(it);
    if (!more)
        return;
    snprintf(copy, sizeof copy, "%s", more);
    read_options(it, copy);
}

/* ---- Changes ----------------------------------------------------------- */

static bool changed(const char *path, struct stat *last)
{
    struct stat now;
    bool same;

    if (stat(path, &now) < 0)
        memset(&now, 0, sizeof now);
    same = now.st_ino == last->st_ino && now.st_dev == last->st_dev &&
           now.st_size == last->st_size &&
           now.st_mtim.tv_sec == last->st_mtim.tv_sec &&
           now.st_mtim.tv_nsec == last->st_mtim.tv_nsec;
    *last = now;
    return !same;
}

bool green__dns_files_changed(struct green__dns_files *it)
{
    bool one = changed(RESOLV_CONF, &it->resolv_conf);

    return changed(HOSTS, &it->hosts) || one;
}

#define MAX_HOSTS ((off_t)1024 * 1024)

char *green__dns_hosts_read(void)
{
    FILE *file = fopen(HOSTS, "re");
    char *text = NULL;
    struct stat status;
    size_t size;

    if (!file)
        return NULL;
    if (fstat(fileno(file), &status) == 0 && status.st_size < MAX_HOSTS)
        text = malloc((size_t)status.st_size + 1);
    if (text) {
        size = fread(text, 1, (size_t)status.st_size, file);
        text[size] = '\0';
    }
    fclose(file);
    return text;
}
