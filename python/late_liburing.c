/* What src/hub/modules/uring*.c call of liburing: see late.h. */
#include <errno.h>

#include <liburing.h>

#include "late.h"

#define LIBRARY "liburing.so.2" /* the version of these headers' ABI */

/* clang-format off */
LATE(int, io_uring_queue_init_params,
     (unsigned entries, struct io_uring *ring, struct io_uring_params *params),
     (entries, ring, params), -ENOSYS)
LATE_VOID(io_uring_queue_exit, (struct io_uring *ring), (ring))
LATE(int, io_uring_ring_dontfork, (struct io_uring *ring), (ring), -ENOSYS)
LATE(struct io_uring_probe *, io_uring_get_probe_ring, (struct io_uring *ring),
     (ring), NULL)
LATE_VOID(io_uring_free_probe, (struct io_uring_probe *probe), (probe))
LATE(int, io_uring_register_iowq_max_workers,
     (struct io_uring *ring, unsigned *values), (ring, values), -ENOSYS)
LATE(int, io_uring_register_ring_fd, (struct io_uring *ring), (ring), -ENOSYS)
LATE(int, io_uring_submit, (struct io_uring *ring), (ring), -ENOSYS)
LATE(int, io_uring_submit_and_get_events, (struct io_uring *ring), (ring),
     -ENOSYS)
LATE(int, io_uring_submit_and_wait, (struct io_uring *ring, unsigned count),
     (ring, count), -ENOSYS)
LATE(int, io_uring_submit_and_wait_timeout,
     (struct io_uring *ring, struct io_uring_cqe **completion, unsigned count,
      struct __kernel_timespec *timeout, sigset_t *mask),
     (ring, completion, count, timeout, mask), -ENOSYS)
/* clang-format on */
