/*
 * A hundred greenthreads share five connections to a Redis server: each counts a
 * number there up by one. A connection that has failed is not used again.
 *
 *     redis_pool tcp://127.0.0.1:6379
 */
#include <greenhub.h>

#include <err.h>
#include <stdio.h>
#include <stdlib.h>

struct connection {
    struct green_reader reader;
    char buffer[512];
};

static int done;

static void *connect_to_server(void *address)
{
    struct connection *c = malloc(sizeof *c);
    int fd;

    if (!c)
        return NULL;
    fd = green_dial(address);
    if (fd < 0) {
        warnx("%s", green_net_error());
        free(c);
        return NULL;
    }
    if (green_reader_init(&c->reader, fd, c->buffer, sizeof c->buffer) < 0)
        err(1, "reader");
    return c;
}

static void hang_up(void *connection, void *address)
{
    (void)address;
    green_close(((struct connection *)connection)->reader.fd);
    free(connection);
}

/* In Redis' own protocol; the answer is a number. */
static bool increment(struct connection *c)
{
    static const char command[] = "*2\r\n$4\r\nINCR\r\n$8\r\nvisitors\r\n";
    char *line;

    return green_write_all(c->reader.fd, command, sizeof command - 1) == 0 &&
           green_read_line(&c->reader, &line, NULL) > 0 && *line == ':';
}

static void count_up(void *pool)
{
    struct connection *c = green_resource_get(pool);

    if (!c)
        return; /* could not connect */
    if (increment(c) && green_resource_put(pool, c) == 0)
        done++;
    else
        green_resource_discard(pool, c);
}

int main(int argc, char **argv)
{
    const struct green_resource_options options = {
        .create = connect_to_server,
        .destroy = hang_up,
        .arg = argc > 1 ? argv[1] : "tcp://127.0.0.1:6379",
        .size = 5,
    };
    struct green_resource_pool *pool = green_resource_pool_create(&options);
    struct green_resource_stats stats;
    struct green_pool tasks = {0};

    if (!pool)
        err(1, "pool");
    for (int i = 0; i < 100; i++)
        if (green_pool_spawn_n(&tasks, count_up, pool) < 0)
            err(1, "greenthread");
    if (green_pool_wait(&tasks) < 0 ||
        green_resource_pool_stats(pool, &stats) < 0)
        err(1, "wait");
    printf("%d of 100, over %d connections\n", done, (int)stats.created);
    green_resource_pool_destroy(pool);
    return done < 100;
}
