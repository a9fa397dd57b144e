#include "completing.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define MANY 4096

static const struct green_hub_module *base;
static struct green_hub_module module;
static struct green_operation *pending[MANY];
static size_t count;

static bool is_ready(const struct green_operation *o)
{
    bool writes = o->kind == GREEN_OP_WRITE || o->kind == GREEN_OP_WRITEV ||
                  o->kind == GREEN_OP_SEND || o->kind == GREEN_OP_SENDMSG;
    struct pollfd poll_fd = {.fd = o->fd, .events = writes ? POLLOUT : POLLIN};

    return o->kind >= GREEN_OP_FSYNC || poll(&poll_fd, 1, 0) != 0;
}

static int64_t carry_out(const struct green_operation *o)
{
    switch ((enum green_operation_kind)o->kind) {
    case GREEN_OP_READ:
        return o->offset < 0 ? read(o->fd, o->buffer, o->size)
                             : pread(o->fd, o->buffer, o->size, o->offset);
    case GREEN_OP_WRITE:
        return o->offset < 0 ? write(o->fd, o->buffer, o->size)
                             : pwrite(o->fd, o->buffer, o->size, o->offset);
    case GREEN_OP_READV:
        return preadv2(o->fd, o->buffer, (int)o->size, o->offset, 0);
    case GREEN_OP_WRITEV:
        return pwritev2(o->fd, o->buffer, (int)o->size, o->offset, 0);
    case GREEN_OP_RECV:
        return recv(o->fd, o->buffer, o->size, (int)o->flags | MSG_DONTWAIT);
    case GREEN_OP_SEND:
        return send(o->fd, o->buffer, o->size, (int)o->flags | MSG_DONTWAIT);
    case GREEN_OP_RECVMSG:
        return recvmsg(o->fd, o->buffer, (int)o->flags | MSG_DONTWAIT);
    case GREEN_OP_SENDMSG:
        return sendmsg(o->fd, o->buffer, (int)o->flags | MSG_DONTWAIT);
    case GREEN_OP_ACCEPT:
        return accept4(o->fd, o->buffer, o->length, (int)o->flags);
    case GREEN_OP_FSYNC:
        return o->flags ? fdatasync(o->fd) : fsync(o->fd);
    case GREEN_OP_OPEN:
        return openat(o->fd, o->path, (int)o->flags, o->mode);
    case GREEN_OP_STAT:
        return statx(o->fd, o->path, (int)o->flags, o->mode, o->buffer);
    case GREEN_OP_KINDS:
        break;
    }
    errno = EINVAL;
    return -1;
}

/* Returns true when the operation has a result. */
static bool try_one(struct green_hub *hub, struct green_operation *o)
{
    int64_t result;

    if (!is_ready(o))
        return false;
    result = carry_out(o);
    if (result < 0 && errno == EAGAIN)
        return false;
    green_hub_complete(hub, o, result < 0 ? -errno : result);
    return true;
}

static unsigned operations(struct green_hub *hub)
{
    (void)hub;
    return (1u << GREEN_OP_KINDS) - 1;
}

static int submit(struct green_hub *hub, struct green_operation *o)
{
    (void)hub;
    if (count == MANY)
        return errno = EAGAIN, -1;
    pending[count++] = o;
    return 0;
}

static void cancel(struct green_hub *hub, struct green_operation *o)
{
    for (size_t i = 0; i < count; i++) {
        if (pending[i] == o) {
            memmove(&pending[i], &pending[i + 1],
                    (--count - i) * sizeof pending[0]);
            green_hub_complete(hub, o, -ECANCELED);
            return;
        }
    }
    ck_abort_msg("the library cancels an operation that is not in flight");
}

static void release(struct green_hub *hub, int fd)
{
    (void)hub;
    (void)fd;
}

static int wait_or_try(struct green_hub *hub, green_time timeout)
{
    size_t kept = 0, before = count;

    for (size_t i = 0; i < count; i++)
        if (!try_one(hub, pending[i]))
            pending[kept++] = pending[i];
    count = kept;
    if (kept < before)
        timeout = 0;
    else if (kept > 0 && timeout > GREEN_MSEC)
        timeout = GREEN_MSEC;
    return base->wait(hub, timeout);
}

static void close_hub(struct green_hub *hub)
{
    count = 0;
    if (base->close)
        base->close(hub);
}

static void after_fork(struct green_hub *hub)
{
    count = 0;
    if (base->after_fork)
        base->after_fork(hub);
}

bool use_completing_hub(void)
{
    struct green_hub *hub = green_get_hub();

    ck_assert_ptr_nonnull(hub);
    if (green_hub_can(hub, GREEN_OP_RECV))
        return true;
    base = green_hub_get_module(hub);
    module = *base;
    module.name = "completing";
    module.operations = operations;
    module.submit = submit;
    module.cancel = cancel;
    module.release = release;
    module.wait = wait_or_try;
    module.close = close_hub;
    module.after_fork = after_fork;
    ck_ok(green_use_hub_module(&module));
    return false;
}
