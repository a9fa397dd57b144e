/* What src/hub/modules/libevent.c calls of libevent: see late.h. */
#include <event2/event.h>

#include "late.h"

#define LIBRARY "libevent_core-2.1.so.7" /* the version of these headers' ABI */

/* clang-format off */
LATE(struct event_config *, event_config_new, (void), (), NULL)
LATE_VOID(event_config_free, (struct event_config *config), (config))
LATE(int, event_config_set_flag, (struct event_config *config, int flag),
     (config, flag), -1)
LATE(struct event_base *, event_base_new_with_config,
     (const struct event_config *config), (config), NULL)
LATE_VOID(event_base_free, (struct event_base *base), (base))
LATE(int, event_base_loop, (struct event_base *base, int flags), (base, flags),
     -1)
LATE(int, event_reinit, (struct event_base *base), (base), -1)
LATE(int, event_assign,
     (struct event *event, struct event_base *base, evutil_socket_t fd,
      short what, event_callback_fn callback, void *arg),
     (event, base, fd, what, callback, arg), -1)
LATE(int, event_add, (struct event *event, const struct timeval *timeout),
     (event, timeout), -1)
LATE(int, event_del, (struct event *event), (event), -1)
/* clang-format on */
