/* The files that say whom to ask. */
#ifndef DNS_SETTINGS_H
#define DNS_SETTINGS_H

#include <stdbool.h>
#include <sys/stat.h>

/* What of resolv.conf c-ares does not read itself. */
struct green__dns_settings {
    int timeout_ms, tries;
    bool tcp;
    bool no_search; /* "search .", which c-ares takes for a domain */
};

void green__dns_settings_read(struct green__dns_settings *it);

/* What tells one version of the files from the next. All zero: none seen yet. */
struct green__dns_files {
    struct stat resolv_conf, hosts;
};

/* Whether the files have changed since the last call. */
bool green__dns_files_changed(struct green__dns_files *it);

/* The text of the file of hosts, for free(3); NULL if it is not there, or large. */
char *green__dns_hosts_read(void);

#endif
