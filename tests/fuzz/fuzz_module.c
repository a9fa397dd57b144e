/*
 * The loader of hub modules. It refuses a module with a part missing or wrong;
 * a module that it accepts has everything the library relies on. It finds a hub
 * by any name, or refuses with a message.
 *
 * The first byte chooses the test: if it is even, the rest describes a module;
 * if odd, the rest is a name.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "fuzz.h"
#include "hub/hub.h"

static int interest(struct green_hub *hub, int fd, uint64_t token,
                    unsigned from, unsigned to)
{
    (void)hub, (void)fd, (void)token, (void)from, (void)to;
    return 0;
}

static int wait_none(struct green_hub *hub, green_time timeout)
{
    (void)hub, (void)timeout;
    return 0;
}

static green_time now(struct green_hub *hub)
{
    (void)hub;
    return 0;
}

static unsigned operations(struct green_hub *hub)
{
    (void)hub;
    return 0;
}

static int submit(struct green_hub *hub, struct green_operation *operation)
{
    (void)hub, (void)operation;
    errno = ENOSYS;
    return -1;
}

static void cancel(struct green_hub *hub, struct green_operation *operation)
{
    (void)hub, (void)operation;
}

static void release(struct green_hub *hub, int fd)
{
    (void)hub, (void)fd;
}

/* The bytes that describe a module; its name follows them. */
struct recipe {
    uint8_t abi, parts, capabilities;
    uint8_t state_size[8], descriptor_size[8];
};

static size_t size_of(const uint8_t bytes[8])
{
    size_t size;

    memcpy(&size, bytes, sizeof size);
    return size;
}

static struct green_hub_module module_of(const struct recipe *recipe,
                                         const char *name)
{
    unsigned parts = recipe->parts;
    bool right = recipe->abi % 8 != 0;

    return (struct green_hub_module){
        .abi = right ? GREEN_HUB_ABI : recipe->abi / 8u,
        .name = parts & 1 ? NULL : name,
        .capabilities = recipe->capabilities,
        .state_size = size_of(recipe->state_size),
        .descriptor_size = size_of(recipe->descriptor_size),
        .interest = parts & 2 ? NULL : interest,
        .wait = parts & 4 ? NULL : wait_none,
        .now = parts & 8 ? NULL : now,
        .operations = parts & 16 ? NULL : operations,
        .submit = parts & 32 ? NULL : submit,
        .cancel = parts & 64 ? NULL : cancel,
        .release = parts & 128 ? NULL : release,
    };
}

static bool is_name(const char *name)
{
    for (const char *at = name; *at; at++)
        if (!(*at >= 'a' && *at <= 'z') && !(*at >= '0' && *at <= '9') &&
            *at != '_')
            return false;
    return *name && strlen(name) <= 64;
}

/* What the library relies on in a module that it has accepted. */
static void check_accepted(const struct green_hub_module *module)
{
    must(module->abi == GREEN_HUB_ABI && module->name);
    must(is_name(module->name));
    must(module->interest && module->wait);
    must(module->now || !(module->capabilities & GREEN_HUB_VIRTUAL_TIME));
    must(!module->submit == !module->operations);
    must(!module->cancel == !module->operations);
    must(module->release || !module->operations);
    must(module->descriptor_size < SIZE_MAX / 2 / GREEN__CHUNK);
}

/* Refused with an errno and a message. */
static void check_refused(void)
{
    must(errno != 0);
    must(green_hub_error() && green_hub_error()[0]);
}

static void check_module(const uint8_t *data, size_t size)
{
    struct recipe recipe;
    struct green_hub_module module;
    char *name;

    if (size < sizeof recipe)
        return;
    memcpy(&recipe, data, sizeof recipe);
    name = text_of(data + sizeof recipe, size - sizeof recipe);
    module = module_of(&recipe, name);
    errno = 0;
    if (green__module_check(&module) == 0)
        check_accepted(&module);
    else
        check_refused();
    free(name);
}

static void find_module(const uint8_t *data, size_t size)
{
    const struct green_hub_module *module;
    void *library = NULL;
    char *name = text_of(data, size);

    errno = 0;
    module = strchr(name, '/') ? green__module_load(name, &library)
                               : green__module_search(name, &library);
    if (module)
        must(green__module_check(module) == 0);
    else
        check_refused();
    green__library_close(library);
    free(name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (data[0] % 2 == 0)
        check_module(data + 1, size - 1);
    else
        find_module(data + 1, size - 1);
    return 0;
}
