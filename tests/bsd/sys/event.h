/*
 * Declarations of kqueue(2), for a check that the kqueue hub compiles where there is no
 * such header. Values and types are as the manual pages of the BSDs and of macOS have
 * them; nothing is ever linked with this.
 */
#ifndef GREEN_TEST_SYS_EVENT_H
#define GREEN_TEST_SYS_EVENT_H

#include <stdint.h>
#include <time.h>

struct kevent {
    uintptr_t ident;
    short filter;
    unsigned short flags;
    unsigned fflags;
    int64_t data;
    void *udata;
};

#define EVFILT_READ (-1)
#define EVFILT_WRITE (-2)

#define EV_ADD 0x0001
#define EV_DELETE 0x0002
#define EV_EOF 0x8000
#define EV_ERROR 0x4000

#define EV_SET(event, i, f, fl, ff, d, u)                                      \
    (*(event) = (struct kevent){.ident = (uintptr_t)(i),                       \
                                .filter = (short)(f),                          \
                                .flags = (unsigned short)(fl),                 \
                                .fflags = (ff),                                \
                                .data = (d),                                   \
                                .udata = (u)})

int kqueue(void);
int kevent(int queue, const struct kevent *changes, int change_count,
           struct kevent *events, int event_count,
           const struct timespec *timeout);

#endif
