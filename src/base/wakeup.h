/*
 * From one OS thread to another: a wake-up by an eventfd(7), and waiting for one
 * that will be through in a moment. Neither is a point at which pthread_cancel
 * ends the caller: half of a wake-up would keep others waiting for ever.
 */
#ifndef GREEN_WAKEUP_H
#define GREEN_WAKEUP_H

/* Adds one to a non-blocking eventfd. 0, or -1 with errno. Async-signal-safe. */
int green__wakeup_send(int eventfd);

/*
 * Lets others run; to be called again and again, with the same *round, 0 at first.
 * It yields some times, and then sleeps: to a thread of a higher real-time priority
 * yielding gives way to nobody.
 */
void green__back_off(unsigned *round);

#endif
