/* What a program is told of the end of a hub. */
#include <greenhub/hub.h>

#include "hub/hub.h"

/* A reference, as hub.h has them, lies in the public struct. */
static struct green__hub_ref *ref_of(struct green_hub_end *it)
{
    _Static_assert(sizeof it->internal >= sizeof(struct green__hub_ref),
                   "a reference fits");
    return (struct green__hub_ref *)(void *)&it->internal;
}

static struct green_hub_end *end_of(struct green__hub_ref *ref)
{
    return container_of((void *)ref, struct green_hub_end, internal);
}

static void tell(struct green__hub_ref *ref, bool forked)
{
    struct green_hub_end *it = end_of(ref);

    it->callback(it, forked);
}

int green_hub_at_end(struct green_hub *hub, struct green_hub_end *end)
{
    if (!hub || !end || !end->callback)
        return green__refuse(EINVAL);
    if (ref_of(end)->end)
        return green__refuse(EALREADY);
    ref_of(end)->end = tell;
    green__hub_ref_add(hub, ref_of(end));
    return 0;
}

struct green_hub_end *
green_hub_find_end(const struct green_hub *hub,
                   void (*callback)(struct green_hub_end *, bool forked))
{
    const struct green_list *link;
    struct green__hub_ref *ref;

    if (!hub)
        return NULL;
    green__list_each (&hub->refs, link) {
        ref = container_of((struct green_list *)link, struct green__hub_ref,
                           link);
        if (ref->end == tell && end_of(ref)->callback == callback)
            return end_of(ref);
    }
    return NULL;
}
