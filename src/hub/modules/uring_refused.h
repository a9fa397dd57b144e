/* Why the kernel gives no io_uring. */
#ifndef GREEN_URING_REFUSED_H
#define GREEN_URING_REFUSED_H

/* Puts it into words, for green_hub_error(). */
void green__uring_explain(int error);

#endif
