/* Explains why the kernel refuses io_uring. */
#ifndef GREEN_URING_REFUSED_H
#define GREEN_URING_REFUSED_H

/* Sets the message of green_hub_error() for this errno. */
void green__uring_explain(int error);

#endif
