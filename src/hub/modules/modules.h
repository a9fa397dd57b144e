/* The built-in hub modules: each in the file of its name. */
#ifndef GREEN_MODULES_H
#define GREEN_MODULES_H

#include <greenhub/hub_module.h>

extern const struct green_hub_module green__hub_epolls;
extern const struct green_hub_module green__hub_kqueue;
extern const struct green_hub_module green__hub_poll;
extern const struct green_hub_module green__hub_selects;
extern const struct green_hub_module green__hub_libevent;
extern const struct green_hub_module green__hub_uring;
extern const struct green_hub_module green__hub_sim;

#endif
