/*
 * A hundred greenthreads wait for Redis at once, by hiredis' blocking calls:
 * each for the first value of a list, which the program then pushes.
 *
 *     patch_redis [HOST [PORT]]
 */
#include <greenhub.h>
#include <greenhub/patch.h>

#include <err.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>

static const char *host = "localhost";
static int port = 6379, answered;

static redisContext *connect_to_redis(void)
{
    redisContext *connection = redisConnect(host, port);

    if (!connection || connection->err)
        errx(1, "%s", connection ? connection->errstr : "no memory");
    return connection;
}

static void *pop(void *number)
{
    redisContext *connection = connect_to_redis();
    redisReply *reply =
        redisCommand(connection, "BLPOP greenhub:%d 10", *(int *)number);

    if (reply && reply->type == REDIS_REPLY_ARRAY)
        answered++;
    else
        warnx("%s", reply ? "no value in 10 s" : connection->errstr);
    freeReplyObject(reply);
    redisFree(connection);
    return NULL;
}

static void push(int number)
{
    redisContext *connection = connect_to_redis();

    freeReplyObject(
        redisCommand(connection, "RPUSH greenhub:%d value", number));
    redisFree(connection);
}

int main(int argc, char **argv)
{
    struct green_thread *threads[100];
    int numbers[100];

    host = argc > 1 ? argv[1] : host;
    port = argc > 2 ? atoi(argv[2]) : port;
    if (green_patch(GREEN_PATCH_LIBRARIES) < 0)
        errx(1, "%s", green_hub_error());
    for (int i = 0; i < 100; i++) {
        numbers[i] = i;
        threads[i] = green_spawn(pop, &numbers[i]);
        if (!threads[i])
            err(1, "greenthread");
    }
    for (int i = 0; i < 100; i++)
        push(i);
    for (int i = 0; i < 100; i++)
        green_join(threads[i], NULL);
    printf("%d of 100 values\n", answered);
    return answered < 100;
}
