/* The end of the data that a thread has by keys, as at the end of an OS thread:
 * in rounds, since destructors may set values again. */
#include <limits.h>
#include <stdlib.h>

#include "patch/tls_parts.h"

static bool end_value(struct green__tls_value *value, unsigned key)
{
    const struct green__tls_key *of = &green__tls_layout.keys[key];
    void *was = value->value;

    value->value = NULL;
    /* A value of a deleted key has no destructor. */
    if (value->sequence != of->sequence || !of->destructor)
        return false;
    of->destructor(was);
    return true;
}

static bool end_block(struct green__tls_value *block, unsigned first_key)
{
    const unsigned count = green__tls_layout.keys_in_block;
    bool any = false;

    for (unsigned i = 0; i < count; i++)
        if (block[i].value)
            any |= end_value(&block[i], first_key + i);
    return any;
}

static bool end_values_once(void *thread_pointer)
{
    const struct green__tls_layout *layout = &green__tls_layout;
    const unsigned count = layout->key_block_count;
    struct green__tls_value **blocks =
        green__tls_at(thread_pointer, layout->key_blocks);
    bool any = false;

    for (unsigned i = 0; i < count; i++)
        if (blocks[i])
            any |= end_block(blocks[i], i * layout->keys_in_block);
    return any;
}

void green__tls_keys_free(void *thread_pointer)
{
    const unsigned count = green__tls_layout.key_block_count;
    struct green__tls_value **blocks =
        green__tls_at(thread_pointer, green__tls_layout.key_blocks);

    for (unsigned i = 1; i < count; i++) {
        if (!blocks[i])
            continue;
        free(blocks[i]);
        blocks[i] = NULL;
    }
}

void green__tls_keys_end(void *thread_pointer)
{
    for (int i = 0; i < PTHREAD_DESTRUCTOR_ITERATIONS; i++)
        if (!end_values_once(thread_pointer))
            break;
}
