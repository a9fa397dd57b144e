#include "io/open_file.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/portable.h"
#include "base/system.h"
#include "hub/descriptor.h"
#include "hub/lives.h"
#include "hub/hub.h"

green_time green__socket_timeout(int fd, unsigned direction)
{
    struct timeval time;
    socklen_t length = sizeof time;

    if (getsockopt(fd, SOL_SOCKET,
                   direction == GREEN_READ ? SO_RCVTIMEO : SO_SNDTIMEO, &time,
                   &length) < 0)
        return 0;
    return (green_time)time.tv_sec * GREEN_SEC +
           (green_time)time.tv_usec * GREEN_USEC;
}

static bool has_low_water(int fd)
{
    int low = 0;
    socklen_t length = sizeof low;

    return getsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &low, &length) == 0 &&
           low > 1;
}

/* A child process shares every file that was open at the fork. */
static GREEN__COLD void share_all(struct green_hub *hub, uint32_t forks)
{
    struct green__descriptors *table = &hub->descriptors;

    hub->forks = forks;
    for (size_t i = 0; i < table->chunk_count; i++)
        for (size_t j = 0; table->chunks[i] && j < GREEN__CHUNK; j++)
            table->chunks[i]->entries[j].file |= GREEN__FILE_SHARED;
}

static void notice_forks(struct green_hub *hub)
{
    uint32_t forks = __atomic_load_n(&green__forks, __ATOMIC_RELAXED);

    if (green__unlikely(hub && hub->forks != forks))
        share_all(hub, forks);
}

/* What does not depend on who asks, or when. */
#define FOR_EACH_HUB                                                           \
    (GREEN__FILE_TCP | GREEN__FILE_NO_SOCKET | GREEN__FILE_SHARED |            \
     GREEN__FILE_RCVLOWAT)

void green__hubs_share_files(void)
{
    green__lives_begin();
}

bool green__is_adopted(int fd)
{
    const struct green__life *life = green__life_of(fd);

    return life && atomic_load(&life->adopted);
}

void green__file_tell_hubs(int fd, uint32_t file)
{
    struct green__life *life = green__life_of(fd);

    if (!life)
        return;
    atomic_fetch_or(&life->file, file & FOR_EACH_HUB);
    if (atomic_load(&life->adopted))
        green__files_change(); /* they look again */
}

/* What another hub has told since. */
static uint32_t told(int fd)
{
    struct green__life *life = green__life_of(fd);

    return life ? atomic_load(&life->file) & GREEN__FILE_SHARED : 0;
}

void green__file_share(int fd)
{
    struct green_hub *hub = green__hub_here();
    struct green__descriptor *d = hub ? green__descriptor_find(hub, fd) : NULL;

    if (d)
        d->file |= GREEN__FILE_SHARED;
    green__file_tell_hubs(fd, GREEN__FILE_SHARED);
}

static uint32_t options_of(int fd)
{
    uint32_t file = 0;

    if (green__socket_timeout(fd, GREEN_READ))
        file |= GREEN__FILE_RCVTIMEO;
    if (green__socket_timeout(fd, GREEN_WRITE))
        file |= GREEN__FILE_SNDTIMEO;
    if (has_low_water(fd))
        file |= GREEN__FILE_RCVLOWAT;
    return file;
}

void green__file_learn(struct green__descriptor *d)
{
    const uint32_t stamp = green__file_stamp();
    uint32_t file;
    int flags;

    notice_forks(green__hub_here());
    file = d->file & ~(uint32_t)(GREEN__FILE_NONBLOCK | GREEN__FILE_RCVTIMEO |
                                 GREEN__FILE_SNDTIMEO | GREEN__FILE_RCVLOWAT |
                                 GREEN__FILE_STAMP);
    flags = green__system.fcntl(d->fd, F_GETFL);
    if (flags >= 0 && (flags & O_NONBLOCK) &&
        !(file & GREEN__FILE_OUR_NONBLOCK))
        file |= GREEN__FILE_NONBLOCK;
    if (!(file & GREEN__FILE_NO_SOCKET) || !(d->flags & GREEN__TRUSTED))
        file |= options_of(d->fd);
    d->file = file | told(d->fd) | GREEN__FILE_KNOWN | stamp;
}

bool green__is_stream(int fd)
{
    int type = 0;
    socklen_t length = sizeof type;

    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0 &&
           type == SOCK_STREAM;
}

int green__socket_domain(int fd)
{
    struct sockaddr_storage name;
    socklen_t length = sizeof name;

    name.ss_family = AF_UNSPEC;
    return getsockname(fd, (struct sockaddr *)&name, &length) < 0
               ? -1
               : name.ss_family;
}

bool green__waits_for_all(int fd, int flags)
{
    return (flags & MSG_WAITALL) && !(flags & (MSG_PEEK | MSG_OOB)) &&
           green__is_stream(fd);
}

bool green__peeks_for_all(int fd, int flags)
{
    return (flags & MSG_WAITALL) && (flags & MSG_PEEK) &&
           !(flags & (MSG_OOB | MSG_ERRQUEUE | MSG_DONTWAIT)) &&
           green__is_stream(fd);
}

unsigned green__file_of_socket(int domain, int type, int protocol)
{
    bool inet = domain == AF_INET || domain == AF_INET6;
    bool stream = (type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)) == SOCK_STREAM;
    unsigned file = type & SOCK_NONBLOCK ? GREEN__FILE_NONBLOCK : 0;

    if (inet && stream && (protocol == 0 || protocol == IPPROTO_TCP))
        file |= GREEN__FILE_TCP;
    return file;
}

void green__io_opened(int fd, unsigned file)
{
    struct green_hub *hub = green__hub_get();
    struct green__descriptor *d;

    /* Without memory it is treated as a descriptor that no green call made. */
    notice_forks(hub); /* first: the new descriptor is newer than those forks */
    d = hub ? green__descriptor_opened(hub, fd) : NULL;
    if (d)
        d->file = (file & ~GREEN__FILE_STAMP) | green__file_stamp();
    if (d && green__unlikely(green__lives_count))
        green__file_tell_hubs(fd, file);
}
