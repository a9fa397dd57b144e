/*
 * Operations: system calls that a module carries out itself. The module reports
 * their results while it waits, and the dispatch calls them back in order.
 */
#include <errno.h>

#include "base/chaos.h"
#include "hub/hub.h"

enum operation_state { IDLE, IN_FLIGHT, CANCELLED, COMPLETED };

void green__operations_open(struct green_hub *hub)
{
    hub->completed_end = &hub->completed;
    if (hub->module->operations)
        hub->operations = hub->module->operations(hub);
}

bool green_hub_can(const struct green_hub *hub, enum green_operation_kind kind)
{
    return hub && kind < GREEN_OP_KINDS && (hub->operations & (1u << kind));
}

int green__operation_start(struct green_hub *hub,
                           struct green_operation *operation)
{
    int result;

    if (green__unlikely(!(hub->operations & (1u << operation->kind))))
        return green__refuse(ENOSYS);
    operation->internal.state = IN_FLIGHT;
    hub->in_flight++;
    result = hub->module->submit(hub, operation);
    if (green__unlikely(result != 0)) {
        hub->in_flight--;
        operation->internal.state = IDLE;
        if (result < 0)
            errno = green__module_error();
    }
    hub->stats.operations += result >= 0;
    return result;
}

int green_hub_submit(struct green_hub *hub, struct green_operation *operation)
{
    int result;

    if (!hub || !operation || !operation->callback ||
        operation->kind >= GREEN_OP_KINDS)
        return green__refuse(EINVAL);
    if (operation->internal.state != IDLE)
        return green__refuse(EALREADY);
    result = green__operation_start(hub, operation);
    if (result <= 0)
        return result;
    hub->in_flight++;
    green_hub_complete(hub, operation, operation->result);
    return 0;
}

int green_hub_cancel_operation(struct green_hub *hub,
                               struct green_operation *operation)
{
    if (!hub || !operation)
        return green__refuse(EINVAL);
    if (operation->internal.state == IDLE)
        return green__refuse(ENOENT);
    if (operation->internal.state == IN_FLIGHT) {
        operation->internal.state = CANCELLED;
        hub->module->cancel(hub, operation);
    }
    return 0;
}

void green_hub_complete(struct green_hub *hub,
                        struct green_operation *operation, int64_t result)
{
    hub->in_flight--;
    operation->result = result;
    operation->internal.state = COMPLETED;
    if (green__chaos(2)) {
        operation->internal.next = hub->completed;
        if (!hub->completed)
            hub->completed_end = &operation->internal.next;
        hub->completed = operation;
        return;
    }
    operation->internal.next = NULL;
    *hub->completed_end = operation;
    hub->completed_end = &operation->internal.next;
}

void green__operations_dispatch(struct green_hub *hub)
{
    struct green_operation *operation = hub->completed;

    hub->completed = NULL;
    hub->completed_end = &hub->completed;
    while (operation && !hub->dead) {
        struct green_operation *next = operation->internal.next;

        operation->internal.state = IDLE;
        operation->callback(operation); /* may free it */
        operation = next;
    }
}
