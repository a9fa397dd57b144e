/*
 * malloc keeps a cache and an arena for each thread. Were they each TCB's own,
 * every greenthread would leave its cache behind and open another arena: which
 * words of the C library's thread-local data they are is seen in an OS thread
 * that calls malloc for the first time. (Its end also returns what it got.)
 * Another malloc than the C library's changes none, and looks after itself.
 */
#include <errno.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>

#include "base/self.h"
#include "context/thread_pointer.h"
#include "patch/tls_parts.h"

#define MOST 512

struct search {
    struct green__tls_layout *layout;
    void **words; /* the C library's thread-local data here */
    size_t count;
    int error;
};

/* A compiler deletes free(malloc(24)) if it sees it. */
static void *volatile kept;

static void use_malloc(void)
{
    kept = malloc(24);
    free(kept);
}

/* The object whose thread-local data errno is part of. */
static int visit(struct dl_phdr_info *info, size_t size, void *arg)
{
    struct search *search = arg;
    char *data = info->dlpi_tls_data, *error = (char *)&errno;

    (void)size;
    for (int i = 0; data && i < info->dlpi_phnum; i++) {
        size_t length = info->dlpi_phdr[i].p_memsz;

        if (info->dlpi_phdr[i].p_type != PT_TLS || error < data ||
            error >= data + length)
            continue;
        search->words = (void **)(void *)data;
        search->count = length / sizeof search->words[0];
        return 1;
    }
    return 0;
}

static void compare(struct search *search, void *const *before)
{
    struct green__tls_layout *layout = search->layout;
    void **after = search->words;
    char *here = green__thread_pointer();

    for (size_t i = 0; i < search->count; i++) {
        if (before[i] == after[i])
            continue;
        if (layout->malloc_word_count == GREEN__TLS_MALLOC_WORDS) {
            search->error = E2BIG;
            return;
        }
        layout->malloc_words[layout->malloc_word_count++] =
            (char *)&after[i] - here;
    }
}

static void *watch_malloc(void *arg)
{
    struct search *search = arg;
    void *before[MOST];

    dl_iterate_phdr(visit, search);
    if (!search->words || search->count > MOST) {
        search->error = ENOENT;
        return NULL;
    }
    memcpy(before, search->words, search->count * sizeof before[0]);
    use_malloc();
    compare(search, before);
    return NULL;
}

int green__tls_find_malloc(struct green__tls_layout *layout)
{
    struct search search = {.layout = layout};
    pthread_t thread;
    int error;

    layout->malloc_word_count = 0;
    error = pthread_create(&thread, NULL, watch_malloc, &search);
    if (!error)
        error = pthread_join(thread, NULL);
    if (!error)
        error = search.error;
    use_malloc(); /* so that this OS thread's own are set */
    if (error)
        return green__fail(ENOTSUP,
                           "thread-local data for each greenthread: malloc's "
                           "part of them was not found (%s)",
                           strerror(error));
    return 0;
}
