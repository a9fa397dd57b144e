/*
 * Signalling between OS threads: a wake-up of whoever waits for a descriptor, and
 * back-off while another thread finishes a short operation. Neither is a
 * cancellation point: a wake-up cut in half would leave others waiting for ever.
 */
#ifndef GREEN_WAKEUP_H
#define GREEN_WAKEUP_H

/* An eventfd(7); where there is none, both ends of a pipe. Non-blocking, and
 * closed by a program that is executed. */
struct green__wakeup {
    int fd;      /* readable once somebody has sent; its owner may move it */
    int send_fd; /* the pipe's other end; -1: there is none */
};

/* What has no descriptors. */
#define GREEN__NO_WAKEUP ((struct green__wakeup){.fd = -1, .send_fd = -1})

/* Returns 0, or -1 with errno and GREEN__NO_WAKEUP. */
int green__wakeup_open(struct green__wakeup *wakeup);

/* Returns 0, or -1 with errno. Async-signal-safe. */
int green__wakeup_send(const struct green__wakeup *wakeup);

/* Takes all that was sent. Returns 0, or -1 with errno: EAGAIN if it was nothing. */
int green__wakeup_drain(const struct green__wakeup *wakeup);

/* Closes what is not `fd`, which the caller closes. Preserves errno. */
void green__wakeup_close_end(struct green__wakeup *wakeup);

/*
 * Lets other threads run. Call it in a loop with the same *round, 0 at first.
 * It yields the first times, then sleeps, because yielding does not give way to
 * a thread of lower real-time priority.
 */
void green__back_off(unsigned *round);

#endif
