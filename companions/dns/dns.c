#include <greenhub/dns.h>

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "channel.h"
#include "question.h"

/* Copies the answer. Returns as struct green_resolver's look_up. */
static int result_of(const struct green__dns_entry *entry,
                     struct green_look_up *it)
{
    size_t count = entry->count < it->room ? entry->count : it->room;

    if (entry->error) {
        errno = entry->error;
        return -1;
    }
    memcpy(it->addresses, entry->addresses, count * sizeof *it->addresses);
    memcpy(it->canonical, entry->canonical, sizeof it->canonical);
    return (int)entry->count;
}

static int look_up(struct green_look_up *it)
{
    struct green__dns *dns = green__dns_here();
    struct green__dns_entry *entry;
    int result = -1;

    if (!dns)
        return -1;
    if (strlen(it->host) > 255) {
        errno = ENOENT;
        return -1;
    }
    entry = green__dns_ask(dns, it->host, it->family);
    if (!entry)
        return -1;
    if (green_event_ready(&entry->answered) ||
        green_event_wait(&entry->answered, NULL) == 0)
        result = result_of(entry, it);
    green__dns_entry_release(entry);
    return result;
}

static int look_up_name(const struct green_socket_address *address, char *name,
                        size_t size)
{
    struct green__dns *dns = green__dns_here();

    return dns ? green__dns_look_up_name(dns, address, name, size) : -1;
}

/* ---- The choice --------------------------------------------------------- */

static const struct green_resolver resolver = {
    .name = "dns", .look_up = look_up, .look_up_name = look_up_name};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int status;

static void start(void)
{
    status = ares_library_init(ARES_LIB_INIT_ALL);
}

int green_use_dns(void)
{
    pthread_once(&once, start);
    if (status != ARES_SUCCESS) {
        errno = ENOMEM;
        return -1;
    }
    return green_use_resolver(&resolver);
}
