#include <greenhub/net.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <greenhub/hub_module.h>
#include <greenhub/io.h>

#include "base/reserved.h"
#include "base/system.h"
#include "hub/hub.h"
#include "net/listeners.h"
#include "net/server.h"
#include "net/servers.h"
#include "net/words.h"

/* ---- A run ------------------------------------------------------------ */

static void close_shard(struct green__shard *shard)
{
    bool first = shard == &shard->run->shards[0];

    if (shard->wakeup.fd >= 0)
        (first ? green_close : green__system.close)(shard->wakeup.fd);
    green__wakeup_close_end(&shard->wakeup);
    if (!first && shard->listener >= 0)
        green__system.close(shard->listener);
}

static int open_shard(struct green__shard *shard, struct green__run *run,
                      int listener)
{
    int one = 1;
    bool first = shard == &run->shards[0];

    shard->run = run;
    green__list_init(&shard->connections);
    shard->listener = -1;
    if (green__wakeup_open(&shard->wakeup) < 0)
        return -1;
    shard->listener = first ? listener : green__listener_again(listener);
    if (shard->listener < 0)
        return -1;
    /* Accepted sockets inherit it, which saves a system call per connection. A
     * unix socket refuses it, which does no harm. */
    green__system.setsockopt(shard->listener, IPPROTO_TCP, TCP_NODELAY, &one,
                             sizeof one);
    return 0;
}

static void free_run(struct green__run *run)
{
    for (unsigned i = 0; i < run->count; i++)
        close_shard(&run->shards[i]);
    green__system.release(run);
}

static struct green__run *new_run(int listener, unsigned threads)
{
    struct green__run *run = green__system.allocate(
        1, sizeof *run + threads * sizeof run->shards[0]);
    int error;

    if (!run)
        return NULL;
    for (; run->count < threads; run->count++) {
        if (open_shard(&run->shards[run->count], run, listener) == 0)
            continue;
        error = errno;
        close_shard(&run->shards[run->count]);
        free_run(run);
        errno = error;
        return NULL;
    }
    return run;
}

/* ---- The other OS threads ---------------------------------------------- */

/* The hub's message belongs to this OS thread: keep a copy for the caller of
 * green_serve, who reads it after all threads have ended. */
static void report_no_hub(struct green__shard *shard, int error)
{
    memcpy(shard->words, green_hub_error(), sizeof shard->words);
    if (green__run_fail(shard->run, error))
        shard->run->no_hub = shard;
}

static void *thread_main(void *arg)
{
    struct green__shard *shard = arg;
    struct green__run *run = shard->run;
    int result = run->module ? green_use_hub_module(run->module)
                             : green_use_hub(run->options.hub);

    if (result < 0)
        report_no_hub(shard, errno);
    else
        green__shard_run(shard);
    /* By green_close, so that this hub forgets the number: it may be reused
     * before the hub is closed. */
    if (result == 0)
        green_close(shard->listener);
    else
        green__system.close(shard->listener);
    shard->listener = -1;
    atomic_fetch_sub_explicit(&run->running, 1, memory_order_acq_rel);
    green__shard_notify(&run->shards[0]);
    return NULL;
}

static void start_threads(struct green__run *run)
{
    for (unsigned i = 1; i < run->count; i++) {
        struct green__shard *shard = &run->shards[i];
        int error;

        atomic_fetch_add_explicit(&run->running, 1, memory_order_acq_rel);
        error = green__system.pthread_create(&shard->thread, NULL, thread_main,
                                             shard);
        shard->started = error == 0;
        if (error == 0)
            continue;
        atomic_fetch_sub_explicit(&run->running, 1, memory_order_acq_rel);
        green__run_fail(run, error);
        return;
    }
}

/* All have reported their end, so this blocks only for their last steps. */
static void join_threads(struct green__run *run)
{
    for (unsigned i = 1; i < run->count; i++) {
        if (run->shards[i].started)
            green__system.pthread_join(run->shards[i].thread, NULL);
    }
}

/* ---- green_serve ------------------------------------------------------- */

/* Returns 0, or -1 with errno; *why may say more than errno. */
static int serve(struct green__run *run, const char **why)
{
    int error;

    green__run_begin(run);
    green__servers_add(run);
    start_threads(run);
    green__shard_run(&run->shards[0]);
    join_threads(run);
    green__servers_remove(run);
    green__run_end(run);
    error = green__run_error(run);
    if (run->no_hub) {
        green_hub_set_error("%s", run->no_hub->words);
        *why = green_hub_error();
    }
    free_run(run);
    if (error == 0)
        return 0;
    return green__refuse(error);
}

/* What calls for each connection: one of the two handlers. */
struct service {
    void (*handler)(int fd, void *arg);
    void (*stream_handler)(struct green_stream *stream, void *arg);
    const struct green_serve_options *options;
};

static bool is_sound(const struct service *service)
{
    const struct green_serve_options *options = service->options;
    const struct green_stream_wrap *wrap = options->wrap;

    if (!service->handler && !service->stream_handler)
        return false;
    if (!GREEN__RESERVED_IS_ZERO(options) || options->stop_timeout < 0)
        return false;
    return !wrap || (service->stream_handler && wrap->wrap &&
                     GREEN__RESERVED_IS_ZERO(wrap));
}

static int make_and_serve(int listener, const char *here,
                          const struct service *service, const char **why)
{
    const struct green_serve_options *options = service->options;
    struct green_hub *hub = green__hub_get();
    unsigned threads = options->threads != 0 ? options->threads : 1;
    struct green__run *run;

    if (!hub) {
        *why = green_hub_error();
        return -1;
    }
    if (!is_sound(service))
        return green__refuse(EINVAL);
    if (green__listener_check(listener, threads) < 0)
        return -1;
    run = new_run(listener, threads);
    if (!run)
        return -1;
    run->handler = service->handler;
    run->stream_handler = service->stream_handler;
    run->options = *options;
    snprintf(run->address, sizeof run->address, "%s", here);
    run->module = !options->hub ? green_hub_get_module(hub) : NULL;
    run->server = options->server ? options->server : &run->own;
    return serve(run, why);
}

static int serve_with(int listener, struct service service)
{
    static const struct green_serve_options defaults;
    char here[128]; /* read while the descriptor is the listener */
    const char *why = NULL;
    int result;

    if (!service.options)
        service.options = &defaults;
    if (green_local_address(listener, here, sizeof here) < 0)
        snprintf(here, sizeof here, "descriptor %d", listener);
    result = make_and_serve(listener, here, &service, &why);
    green__server_unwatch(service.options->server);
    return result < 0 ? green__net_fail(here, why) : 0;
}

int green_serve(int listener, void (*handler)(int fd, void *arg),
                const struct green_serve_options *options)
{
    return serve_with(listener,
                      (struct service){.handler = handler, .options = options});
}

int green_serve_streams(int listener,
                        void (*handler)(struct green_stream *stream, void *arg),
                        const struct green_serve_options *options)
{
    return serve_with(listener, (struct service){.stream_handler = handler,
                                                 .options = options});
}
