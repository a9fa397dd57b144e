/*
 * Operations on io_uring.
 *
 * What the kernel really does:
 * - The kernel parks an operation on a descriptor that is not ready, with a
 *   poll of its own, and carries it out when the descriptor is ready. With
 *   IORING_RECVSEND_POLL_FIRST it parks the operation at once, without a first
 *   attempt.
 * - Regular files: a kernel thread reads what is not in memory.
 * - An operation holds the open file from submission on, not the number.
 * - Cancelling is an operation, too. It ends an operation that is parked; if a
 *   kernel thread is carrying it out, the thread gets a signal, and the
 *   operation ends when it can. Either way the operation completes once. A
 *   transfer that has moved some data reports how much, not that it was
 *   cancelled.
 */
#include <errno.h>
#include <fcntl.h>

#include "base/self.h"
#include "hub/modules/uring_operations.h"

/* The kernel's limit for one transfer; the entry holds 32 bits. */
#define MAX_TRANSFER 0x7ffff000u

static unsigned length_of(const struct green_operation *operation)
{
    return operation->size < MAX_TRANSFER ? (unsigned)operation->size
                                          : MAX_TRANSFER;
}

static void prepare_recv(struct io_uring_sqe *entry,
                         const struct green_operation *o)
{
    io_uring_prep_recv(entry, o->fd, o->buffer, length_of(o), (int)o->flags);
}

static void prepare_send(struct io_uring_sqe *entry,
                         const struct green_operation *o)
{
    io_uring_prep_send(entry, o->fd, o->buffer, length_of(o), (int)o->flags);
}

static void prepare_recvmsg(struct io_uring_sqe *entry,
                            const struct green_operation *o)
{
    io_uring_prep_recvmsg(entry, o->fd, o->buffer, o->flags);
}

static void prepare_sendmsg(struct io_uring_sqe *entry,
                            const struct green_operation *o)
{
    io_uring_prep_sendmsg(entry, o->fd, o->buffer, o->flags);
}

static void prepare_read(struct io_uring_sqe *entry,
                         const struct green_operation *o)
{
    io_uring_prep_read(entry, o->fd, o->buffer, length_of(o),
                       (uint64_t)o->offset);
}

static void prepare_write(struct io_uring_sqe *entry,
                          const struct green_operation *o)
{
    io_uring_prep_write(entry, o->fd, o->buffer, length_of(o),
                        (uint64_t)o->offset);
}

static void prepare_readv(struct io_uring_sqe *entry,
                          const struct green_operation *o)
{
    io_uring_prep_readv(entry, o->fd, o->buffer, length_of(o),
                        (uint64_t)o->offset);
}

static void prepare_writev(struct io_uring_sqe *entry,
                           const struct green_operation *o)
{
    io_uring_prep_writev(entry, o->fd, o->buffer, length_of(o),
                         (uint64_t)o->offset);
}

static void prepare_accept(struct io_uring_sqe *entry,
                           const struct green_operation *o)
{
    io_uring_prep_accept(entry, o->fd, o->buffer, o->length, (int)o->flags);
}

static void prepare_fsync(struct io_uring_sqe *entry,
                          const struct green_operation *o)
{
    io_uring_prep_fsync(entry, o->fd, o->flags ? IORING_FSYNC_DATASYNC : 0);
}

static void prepare_open(struct io_uring_sqe *entry,
                         const struct green_operation *o)
{
    io_uring_prep_openat(entry, o->fd, o->path, (int)o->flags, o->mode);
}

static void prepare_stat(struct io_uring_sqe *entry,
                         const struct green_operation *o)
{
    io_uring_prep_statx(entry, o->fd, o->path, (int)o->flags, o->mode,
                        o->buffer);
}

static const struct {
    enum io_uring_op code;
    void (*prepare)(struct io_uring_sqe *entry,
                    const struct green_operation *operation);
} kinds[GREEN_OP_KINDS] = {
    [GREEN_OP_READ] = {IORING_OP_READ, prepare_read},
    [GREEN_OP_WRITE] = {IORING_OP_WRITE, prepare_write},
    [GREEN_OP_READV] = {IORING_OP_READV, prepare_readv},
    [GREEN_OP_WRITEV] = {IORING_OP_WRITEV, prepare_writev},
    [GREEN_OP_RECV] = {IORING_OP_RECV, prepare_recv},
    [GREEN_OP_SEND] = {IORING_OP_SEND, prepare_send},
    [GREEN_OP_RECVMSG] = {IORING_OP_RECVMSG, prepare_recvmsg},
    [GREEN_OP_SENDMSG] = {IORING_OP_SENDMSG, prepare_sendmsg},
    [GREEN_OP_ACCEPT] = {IORING_OP_ACCEPT, prepare_accept},
    [GREEN_OP_FSYNC] = {IORING_OP_FSYNC, prepare_fsync},
    [GREEN_OP_OPEN] = {IORING_OP_OPENAT, prepare_open},
    [GREEN_OP_STAT] = {IORING_OP_STATX, prepare_stat},
};

unsigned green__uring_kinds(struct io_uring *ring)
{
    struct io_uring_probe *probe = io_uring_get_probe_ring(ring);
    unsigned result = 0;

    if (!probe)
        return 0;
    for (unsigned i = 0; i < GREEN_OP_KINDS; i++)
        if (io_uring_opcode_supported(probe, (int)kinds[i].code))
            result |= 1u << i;
    io_uring_free_probe(probe);
    return result;
}

static bool can_poll_first(const struct green_operation *operation)
{
    return operation->later && operation->kind >= GREEN_OP_RECV &&
           operation->kind <= GREEN_OP_SENDMSG;
}

static uint64_t data_of(const struct green_operation *operation)
{
    bool opens =
        operation->kind == GREEN_OP_ACCEPT || operation->kind == GREEN_OP_OPEN;

    return (uint64_t)(uintptr_t)operation | (opens ? OPENER : OPERATION);
}

/*
 * The kernel tries an open with O_NONBLOCK first, and accepts the result: a
 * FIFO whose other end is not open, a terminal without a carrier. A kernel
 * thread opens as open(2) does. An open that creates the file, or whose flags
 * say that it does not wait, need not go there.
 */
static bool may_wait_in_open(const struct green_operation *operation)
{
    const unsigned flags = operation->flags;

    return operation->kind == GREEN_OP_OPEN &&
           !(flags & (O_NONBLOCK | O_PATH | O_DIRECTORY)) &&
           (flags & (O_CREAT | O_EXCL)) != (O_CREAT | O_EXCL);
}

/*
 * An open that waits blocks its kernel thread. So the hub allows the kernel
 * more of them, as many as the most such opens at once: then a file is read,
 * and a FIFO's other end opened, however many wait.
 */
static void make_room(struct green__uring *uring)
{
    /* 0 only queries; the second entry is not used */
    unsigned most[2] = {0, 0};

    if (uring->opens <= uring->room)
        return;
    if (!uring->workers &&
        io_uring_register_iowq_max_workers(&uring->ring, most) == 0)
        uring->workers = most[0];
    if (!uring->workers)
        return; /* before 5.15 */
    uring->room = uring->opens < 4 ? 8 : 2 * uring->opens;
    most[0] = uring->workers + uring->room;
    most[1] = 0;
    (void)io_uring_register_iowq_max_workers(&uring->ring, most);
}

int green__uring_submit(struct green_hub *hub,
                        struct green_operation *operation)
{
    struct green__uring *uring = green_hub_state(hub);
    struct io_uring_sqe *entry = green__uring_entry(uring);

    if (!entry)
        return green__refuse(EAGAIN);
    kinds[operation->kind].prepare(entry, operation);
    if (can_poll_first(operation) && uring->poll_first)
        entry->ioprio |= IORING_RECVSEND_POLL_FIRST;
    if (may_wait_in_open(operation)) {
        entry->flags |= IOSQE_ASYNC;
        uring->opens++;
        make_room(uring);
    }
    io_uring_sqe_set_data64(entry, data_of(operation));
    uring->in_flight++;
    return 0;
}

/* Returns false if the kernel takes no entry now. */
static bool cancel_now(struct green__uring *uring,
                       const struct green_operation *operation)
{
    return green__uring_cancel_data(uring, IORING_OP_ASYNC_CANCEL,
                                    data_of(operation));
}

void green__uring_settle(struct green__uring *uring)
{
    while (uring->owed && cancel_now(uring, uring->owed))
        uring->owed = uring->owed->internal.next;
}

/* The operation has ended before its cancellation was submitted. */
static void forget_owed(struct green__uring *uring,
                        const struct green_operation *operation)
{
    struct green_operation **link = &uring->owed;

    while (*link && *link != operation)
        link = &(*link)->internal.next;
    if (*link)
        *link = operation->internal.next;
}

static void account_end(struct green__uring *uring,
                        const struct green_operation *operation)
{
    if (may_wait_in_open(operation))
        uring->opens--;
    if (uring->owed)
        forget_owed(uring, operation);
}

/* A kernel thread interrupted by a signal reports the kernel's internal error
 * numbers, which no other call returns. */
static bool was_interrupted(int result)
{
    return result <= -512 && result >= -516; /* ERESTARTSYS and the like */
}

void green__uring_ended(struct green_hub *hub, uint64_t data, int result)
{
    struct green_operation *operation =
        (struct green_operation *)(uintptr_t)(data & ~(uint64_t)TAG_MASK);

    account_end(green_hub_state(hub), operation);
    green_hub_complete(hub, operation,
                       was_interrupted(result) ? -EINTR : result);
}

/* Returns the operation's entry in the submission queue, if not submitted
 * yet. */
static struct io_uring_sqe *find_unsent(const struct green__uring *uring,
                                        const struct green_operation *operation)
{
    const struct io_uring_sq *queue = &uring->ring.sq;

    for (unsigned i = queue->sqe_head; i != queue->sqe_tail; i++) {
        struct io_uring_sqe *entry = &queue->sqes[i & queue->ring_mask];

        if (entry->user_data == data_of(operation))
            return entry;
    }
    return NULL;
}

void green__uring_cancel(struct green_hub *hub,
                         struct green_operation *operation)
{
    struct green__uring *uring = green_hub_state(hub);
    struct io_uring_sqe *entry;

    if (uring->broken)
        return;
    entry = find_unsent(uring, operation);
    if (entry) {
        io_uring_prep_nop(entry);
        io_uring_sqe_set_data64(entry, NOTHING);
        uring->in_flight--;
        account_end(uring, operation);
        green_hub_complete(hub, operation, -ECANCELED);
    } else if (!cancel_now(uring, operation)) {
        operation->internal.next = uring->owed;
        uring->owed = operation;
    }
}
