/* Finds out how the C library lays out a thread control block. */
#include <dlfcn.h>
#include <errno.h>
#include <gnu/libc-version.h>
#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/self.h"
#include "base/system.h"
#include "context/thread_pointer.h"
#include "patch/real.h"
#include "patch/tls_parts.h"

struct green__tls_layout green__tls_layout;

/* Since then a thread-local block says whether it was allocated by itself, and
 * all that is asked for here is in libc.so. */
#define OLDEST_MAJOR 2
#define OLDEST_MINOR 34

static int refuse(const char *what)
{
    return green__fail(ENOTSUP,
                       "thread-local data for each greenthread: %s "
                       "(C library %s)",
                       what, gnu_get_libc_version());
}

static int refuse_missing(const char *symbol)
{
    return green__fail(ENOTSUP,
                       "thread-local data for each greenthread: the C library "
                       "%s has no %s",
                       gnu_get_libc_version(), symbol);
}

/* ---- What has a symbol -------------------------------------------------- */

static int find_functions(struct green__tls_layout *layout)
{
    const struct {
        const char *name;
        void *place;
    } functions[] = {
        {"_dl_allocate_tls", &layout->allocate},
        {"_dl_allocate_tls_init", &layout->initialise},
        {"_dl_deallocate_tls", &layout->deallocate},
        {"__ctype_init", &layout->begin_ctype},
        {"__call_tls_dtors", &layout->run_destructors},
    };

    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        void *found = dlsym(RTLD_DEFAULT, functions[i].name);

        if (!found)
            return refuse_missing(functions[i].name);
        *(void **)functions[i].place = found;
    }
    return 0;
}

/* ---- What debuggers are told --------------------------------------------- */

/* The field of a struct, if it has the size that this code was written for. */
static int find_field(const char *name, uint32_t bits, uint32_t *offset)
{
    char symbol[64];
    const struct green__tls_field *field;

    snprintf(symbol, sizeof symbol, "_thread_db_%s", name);
    field = dlsym(RTLD_DEFAULT, symbol);
    if (!field)
        return refuse_missing(symbol);
    if (field->bits % bits)
        return refuse(
            "a field that it describes to debuggers has another size");
    *offset = field->offset;
    return (int)(field->bits / bits);
}

static int find_size(const char *name, size_t *size)
{
    char symbol[64];
    const uint32_t *found;

    snprintf(symbol, sizeof symbol, "_thread_db_sizeof_%s", name);
    found = dlsym(RTLD_DEFAULT, symbol);
    if (!found)
        return refuse_missing(symbol);
    *size = *found;
    return 0;
}

static int find_thread(struct green__tls_layout *layout)
{
    uint32_t tid = 0, list = 0;

    if (find_size("pthread", &layout->thread_size) < 0 ||
        find_field("pthread_tid", 32, &tid) < 0 ||
        find_field("pthread_list", 16 * sizeof(void *), &list) < 0)
        return -1;
    layout->tid = layout->thread + tid;
    layout->list = layout->thread + list;
    return 0;
}

/* Whether keys and their values are as struct green__tls_key and _value. */
static int check_keys(void)
{
    uint32_t sequence = 0, destructor = 0, value_sequence = 0, value = 0;
    size_t key_size = 0, value_size = 0;
    const uint32_t word = 8 * sizeof(void *);

    if (find_field("pthread_key_struct_seq", word, &sequence) < 0 ||
        find_field("pthread_key_struct_destr", word, &destructor) < 0 ||
        find_field("pthread_key_data_seq", word, &value_sequence) < 0 ||
        find_field("pthread_key_data_data", word, &value) < 0 ||
        find_size("pthread_key_struct", &key_size) < 0 ||
        find_size("pthread_key_data", &value_size) < 0)
        return -1;
    if (sequence != offsetof(struct green__tls_key, sequence) ||
        destructor != offsetof(struct green__tls_key, destructor) ||
        value_sequence != offsetof(struct green__tls_value, sequence) ||
        value != offsetof(struct green__tls_value, value) ||
        key_size != sizeof(struct green__tls_key) ||
        value_size != sizeof(struct green__tls_value))
        return refuse("its keys are other than this code knows");
    return 0;
}

static int find_keys(struct green__tls_layout *layout, void *here)
{
    uint32_t blocks = 0;
    size_t block_size = 0;
    int count = find_field("pthread_specific", 8 * sizeof(void *), &blocks);

    if (count < 0 || check_keys() < 0 ||
        find_size("pthread_key_data_level2", &block_size) < 0)
        return -1;
    layout->keys = dlsym(RTLD_DEFAULT, "__pthread_keys");
    if (!layout->keys)
        return refuse_missing("__pthread_keys");
    layout->key_blocks = layout->thread + blocks;
    layout->key_block_count = (unsigned)count;
    layout->keys_in_block =
        (unsigned)(block_size / sizeof(struct green__tls_value));
    layout->first_keys = *(char **)green__tls_at(here, layout->key_blocks) -
                         (char *)here - layout->thread;
    if (layout->first_keys < 0 ||
        (size_t)layout->first_keys + block_size > layout->thread_size)
        return refuse("its first keys are not in the thread control block");
    layout->first_keys += layout->thread;
    return 0;
}

/* ---- What the calling thread shows --------------------------------------- */

/* An empty list points to itself, and so does the word before it, by which
 * glibc's list is a double one. */
static ptrdiff_t search_robust(const struct green__tls_layout *layout,
                               void *here)
{
    void **words = green__tls_at(here, layout->thread);

    for (size_t i = 1; i < layout->thread_size / sizeof *words; i++)
        if (words[i] == &words[i] && words[i - 1] == &words[i])
            return (char *)&words[i] - (char *)here;
    return 0;
}

/* qemu-user has no such call. */
static int find_robust(struct green__tls_layout *layout, void *here)
{
    void *head = NULL;
    size_t size;

    if (syscall(SYS_get_robust_list, 0, &head, &size) == 0 && head)
        layout->robust = (char *)head - (char *)here;
    else
        layout->robust = search_robust(layout, here);
    if (layout->robust < layout->thread ||
        layout->robust >= layout->thread + (ptrdiff_t)layout->thread_size)
        return refuse("its list of robust mutexes is not in the thread "
                      "control block");
    return 0;
}

static int find_rest(struct green__tls_layout *layout, void *here)
{
    const ptrdiff_t *rseq = dlsym(RTLD_DEFAULT, "__rseq_offset");
    const unsigned *rseq_size = dlsym(RTLD_DEFAULT, "__rseq_size");
    char *resolver = dlsym(RTLD_DEFAULT, "__resp");

    if (!resolver)
        return refuse_missing("__resp");
    layout->resolver = resolver - (char *)here;
    layout->error = (char *)&errno - (char *)here;
    layout->rseq = rseq && rseq_size && *rseq_size ? *rseq : 0;
    if (*(int *)green__tls_at(here, layout->tid) !=
        green__system_table()->gettid())
        return refuse("its thread id is not where it says");
    return find_robust(layout, here);
}

/* ---- All ------------------------------------------------------------------ */

static int check_version(void)
{
    char *minor;
    long major = strtol(gnu_get_libc_version(), &minor, 10);

    if (major < OLDEST_MAJOR ||
        (major == OLDEST_MAJOR && strtol(minor + 1, NULL, 10) < OLDEST_MINOR))
        return refuse("it is too old");
    if (!green__thread_pointer_may_change())
        return refuse("the kernel does not let programs change the thread "
                      "pointer");
    return 0;
}

static int find(struct green__tls_layout *layout)
{
    void *here = green__thread_pointer();

    layout->thread = (char *)pthread_self() - (char *)here;
    if (check_version() < 0 || find_functions(layout) < 0 ||
        find_thread(layout) < 0 || find_keys(layout, here) < 0 ||
        find_rest(layout, here) < 0)
        return -1;
    return green__tls_find_malloc(layout);
}

int green__tls_prepare(void)
{
    const char *wrong;

    if (green__tls_layout.known)
        return 0;
    if (find(&green__tls_layout) < 0)
        return -1;
    wrong = green__tls_try();
    if (wrong)
        return refuse(wrong);
    green__tls_layout.known = true;
    return 0;
}
