/* The table of system calls on a system that is POSIX's: see system.h. */
#include "base/system.h"

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/system_made.h"

struct green__system green__system = {
#define SAME(entry, function) .entry = (function),
#include "base/system_same.h"
#undef SAME

    .ioctl = green__made_ioctl,
    .preadv = green__made_preadv,
    .pwritev = green__made_pwritev,
    .preadv2 = green__made_preadv2,
    .pwritev2 = green__made_pwritev2,
    .sendfile = green__made_sendfile,
    .recvmmsg = green__made_recvmmsg,
    .sendmmsg = green__made_sendmmsg,
    .socket = green__made_socket,
    .socketpair = green__made_socketpair,
    .pipe2 = green__made_pipe2,
    .accept4 = green__made_accept4,
    .dup3 = green__made_dup3,
    .pidfd_open = green__made_pidfd_open,
    .ppoll = green__made_ppoll,
    .pthread_getattr_np = green__made_getattr,
    .gettid = green__made_gettid,
};
