/* The list of built-in hubs, and the choice of this OS thread's hub. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/environment.h"
#include "hub/hub.h"
#include "hub/modules/modules.h"

/* Listed only where the system has it: the BSDs and macOS. */
#ifdef GREEN__HAS_KQUEUE
#define KQUEUE_HUB(HUB) HUB(kqueue, kqueue, true)
#else
#define KQUEUE_HUB(HUB)
#endif

/*
 * Best first: name, alias, whether it is tried by default. A new hub needs a
 * line here, one in modules.h and one in the build.
 */
#define BUILT_IN_HUBS(HUB)                                                     \
    HUB(epolls, epoll, true)                                                   \
    KQUEUE_HUB(HUB)                                                            \
    HUB(poll, poll, true)                                                      \
    HUB(selects, select, true)                                                 \
    HUB(libevent, pyevent, false)                                              \
    HUB(uring, io_uring, false)                                                \
    HUB(sim, sim, false)

#define AS_ENTRY(name, alias, by_default)                                      \
    {#name, #alias, &green__hub_##name, by_default},
#define AS_NAME(name, alias, by_default) #name,

static const struct {
    const char *name, *alias;
    const struct green_hub_module *module;
    bool by_default;
} built_in[] = {BUILT_IN_HUBS(AS_ENTRY)};

static const char *const names[] = {BUILT_IN_HUBS(AS_NAME) NULL};

#define BUILT_IN (sizeof built_in / sizeof built_in[0])

const char *const *green_hub_names(void)
{
    return names;
}

static const struct green_hub_module *find_built_in(const char *name)
{
    for (size_t i = 0; i < BUILT_IN; i++)
        if (strcmp(name, built_in[i].name) == 0 ||
            strcmp(name, built_in[i].alias) == 0)
            return built_in[i].module;
    return NULL;
}

/* A variable that is set but empty counts as not set. */
static const char *environment_name(void)
{
    const char *name = green__getenv("GREENHUB_HUB");

    return name && *name ? name : NULL;
}

/* Finds a module by name or file. NULL as green_use_hub. Pass *library, which
 * may be NULL, to green__library_close. */
static const struct green_hub_module *find(const char *name, void **library)
{
    const struct green_hub_module *module;

    *library = NULL;
    if (!*name || strlen(name) >= PATH_MAX - 64) {
        green__fail(EINVAL, *name ? "the hub's name is too long"
                                  : "the hub's name is empty");
        return NULL;
    }
    if (strchr(name, '/'))
        return green__module_load(name, library);
    module = find_built_in(name);
    return module ? module : green__module_search(name, library);
}

/* Opens a hub by name, or the default. NULL as green_use_hub. */
static struct green_hub *open_named(const char *name)
{
    const struct green_hub_module *module;
    struct green_hub *hub = NULL;
    void *library = NULL;

    if (!name)
        name = environment_name();
    if (name) {
        module = find(name, &library);
        hub = module ? green__hub_open(module, library) : NULL;
        if (!hub)
            green__library_close(library);
        return hub;
    }
    for (size_t i = 0; i < BUILT_IN && !hub; i++)
        if (built_in[i].by_default)
            hub = green__hub_open(built_in[i].module, NULL);
    return hub;
}

static void thread_ends(struct green__self *self)
{
    struct green_hub *hub = self->hub;

    self->hub = NULL;
    green__hub_close(hub);
}

static void forked(struct green__self *self)
{
    struct green_hub *hub = self->hub;

    self->hub = NULL;
    green__hub_disown(hub);
    green__hub_forget_after_fork(hub);
}

static const struct green__layer layer = {
    .ends = thread_ends,
    .forked = forked,
};

/* Makes this the OS thread's hub and closes the old one. */
static void install(struct green__self *self, struct green_hub *hub)
{
    struct green_hub *old = self->hub;

    self->hub = hub;
    self->hub_layer = &layer;
    if (self->scheduler)
        self->scheduler_layer->hub_replaced(self);
    if (old) {
        green__hub_disown(old);
        green__hub_close(old);
    }
}

/* Checks that a change of hub is allowed, before opening anything. */
static int may_change(struct green__self *self)
{
    if (self->hub && self->hub->dispatching)
        return green__fail(EBUSY, "a hub's callback cannot eliminate the hub");
    return green__self_register(self);
}

int green_use_hub(const char *name)
{
    struct green__self *self = green__self();
    struct green_hub *hub;

    if (may_change(self) < 0)
        return -1;
    hub = open_named(name);
    if (!hub)
        return -1;
    install(self, hub);
    return 0;
}

int green_use_hub_module(const struct green_hub_module *module)
{
    struct green__self *self = green__self();
    struct green_hub *hub;

    if (may_change(self) < 0 || green__module_check(module) < 0)
        return -1;
    hub = green__hub_open(module, NULL);
    if (!hub)
        return -1;
    install(self, hub);
    return 0;
}

struct green_hub *green__hub_get(void)
{
    struct green__self *self = green__self();

    if (green__likely(self->hub != NULL))
        return self->hub;
    if (green_use_hub(NULL) < 0)
        return NULL;
    return self->hub;
}

struct green_hub *green_get_hub(void)
{
    struct green_hub *hub = green__hub_get();

    if (hub)
        hub->handed_out = true;
    return hub;
}

const struct green_hub_module *green_hub_available(const char *name,
                                                   const char **reason)
{
    struct green_hub *hub = open_named(name);
    const struct green_hub_module *module;

    if (!hub) {
        if (reason)
            *reason = green_hub_error();
        return NULL;
    }
    module = hub->module;
    /* The caller gets the module, so its library stays loaded. */
    hub->library = NULL;
    green__hub_close(hub);
    return module;
}
