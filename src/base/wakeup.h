/*
 * Signalling between OS threads: a wake-up through an eventfd(7), and back-off
 * while another thread finishes a short operation. Neither is a cancellation
 * point: a wake-up cut in half would leave others waiting for ever.
 */
#ifndef GREEN_WAKEUP_H
#define GREEN_WAKEUP_H

/* Adds one to a non-blocking eventfd. Returns 0, or -1 with errno.
 * Async-signal-safe. */
int green__wakeup_send(int eventfd);

/*
 * Lets other threads run. Call it in a loop with the same *round, 0 at first.
 * It yields the first times, then sleeps, because yielding does not give way to
 * a thread of lower real-time priority.
 */
void green__back_off(unsigned *round);

#endif
