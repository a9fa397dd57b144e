/*
 * hiredis, blocking as it is, on a Redis server.
 *
 *     redis CASE SOCKET-OR-PORT
 *
 * Where all have to be in a call at once, they wait for a list of their own, and
 * main asks the server how many clients are blocked.
 */
#include "crowd.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static redisContext *gate; /* main's own connection */

/* ---- Short forms ------------------------------------------------------ */

static redisContext *open_connection(void)
{
    const char *where = crowd_argument(0);

    return *where == '/' ? redisConnectUnix(where)
                         : redisConnect("localhost", atoi(where));
}

static redisContext *connect_to_server(struct member *me)
{
    redisContext *c = open_connection();

    if (c && !c->err)
        return c;
    crowd_failed(me, "%s", c ? c->errstr : "no memory");
    redisFree(c);
    return NULL;
}

static void main_connects(void)
{
    gate = open_connection();
    if (!gate || gate->err)
        crowd_give_up("%s", gate ? gate->errstr : "no memory");
}

static void main_is_well(void)
{
    redisReply *reply = redisCommand(gate, "PING");

    if (!reply || strcmp(reply->str, "PONG") != 0)
        crowd_give_up("afterwards: %s", gate->errstr);
    freeReplyObject(reply);
    redisFree(gate);
}

/* The number after a word in what INFO CLIENTS says. */
static int number_in_info(const char *word)
{
    redisReply *reply = redisCommand(gate, "INFO clients");
    const char *found = reply ? strstr(reply->str, word) : NULL;
    int number = found ? atoi(found + strlen(word)) : -1;

    freeReplyObject(reply);
    if (number < 0)
        crowd_give_up("INFO has no %s: %s", word, gate->errstr);
    return number;
}

static void until_all_are_blocked(void)
{
    while (number_in_info("blocked_clients:") < CROWD)
        usleep(2000);
}

/* A command that waits in the server until something is in the list. */
static void pop(struct member *me, redisContext *c)
{
    redisReply *reply;

    crowd_enter();
    reply = redisCommand(c, "BLPOP list:%d 0", me->number);
    crowd_leave();
    if (!reply || reply->type != REDIS_REPLY_ARRAY)
        crowd_failed(me, "%s", reply ? reply->str : c->errstr);
    else if (atoi(reply->element[1]->str) != me->number)
        crowd_failed(me, "popped %s", reply->element[1]->str);
    freeReplyObject(reply);
}

static void pop_one(struct member *me)
{
    redisContext *c = connect_to_server(me);

    if (c)
        pop(me, c);
    redisFree(c);
}

/* ---- Waits at once ------------------------------------------------------- */

static void push_to_all(void)
{
    for (int i = 0; i < CROWD; i++)
        freeReplyObject(redisCommand(gate, "RPUSH list:%d %d", i, i));
}

static void wait_for_lists(void)
{
    main_connects();
    crowd_start(pop_one);
    until_all_are_blocked();
    push_to_all();
    crowd_wait();
    main_is_well();
}

/* Values that are larger than a socket's buffers, in a pipeline. */
#define LARGE (1 << 20)

static void large_one(struct member *me)
{
    redisContext *c = connect_to_server(me);
    char *value = malloc(LARGE);
    redisReply *reply = NULL;

    crowd_gather();
    crowd_enter();
    memset(value, 'a' + me->number % 26, LARGE);
    if (c) {
        redisAppendCommand(c, "SET large:%d %b", me->number, value,
                           (size_t)LARGE);
        redisAppendCommand(c, "GET large:%d", me->number);
        redisGetReply(c, (void **)&reply);
        freeReplyObject(reply);
        reply = NULL;
        redisGetReply(c, (void **)&reply);
        if (!reply || reply->len != LARGE ||
            memcmp(reply->str, value, LARGE) != 0)
            crowd_failed(me, "%s", reply ? "other bytes" : c->errstr);
        freeReplyObject(reply);
        freeReplyObject(redisCommand(c, "DEL large:%d", me->number));
    }
    crowd_leave();
    free(value);
    redisFree(c);
}

static void large(void)
{
    main_connects();
    crowd_run(large_one);
    main_is_well();
}

/* ---- Publish and subscribe ------------------------------------------------ */

static void subscribe_one(struct member *me)
{
    redisContext *c = connect_to_server(me);
    redisReply *reply = NULL;

    if (!c)
        return;
    freeReplyObject(redisCommand(c, "SUBSCRIBE news only:%d", me->number));
    redisGetReply(c, (void **)&reply); /* the second of the two */
    freeReplyObject(reply);
    crowd_enter();
    for (int heard = 0; heard < 2; heard++) {
        reply = NULL;
        if (redisGetReply(c, (void **)&reply) != REDIS_OK)
            crowd_failed(me, "%s", c->errstr);
        else if (atoi(reply->element[2]->str) != heard * me->number)
            crowd_failed(me, "heard %s", reply->element[2]->str);
        freeReplyObject(reply);
    }
    crowd_leave();
    redisFree(c);
}

static void subscribe(void)
{
    main_connects();
    crowd_start(subscribe_one);
    while (crowd_inside() < CROWD)
        usleep(1000);
    freeReplyObject(redisCommand(gate, "PUBLISH news 0"));
    for (int i = 0; i < CROWD; i++)
        freeReplyObject(redisCommand(gate, "PUBLISH only:%d %d", i, i));
    crowd_wait();
    main_is_well();
}

/* ---- Ended early ------------------------------------------------------ */

/* hiredis' own limit, by SO_RCVTIMEO; the context cannot be used further. */
static void limited_one(struct member *me)
{
    redisContext *c = connect_to_server(me);
    const struct timeval limit = {.tv_usec = 200000};

    crowd_gather();
    if (c && redisSetTimeout(c, limit) == REDIS_OK)
        pop(me, c);
    redisFree(c);
}

static void own_limit(void)
{
    main_connects();
    crowd_run(limited_one);
    main_is_well();
}

/* The same by greenhub's; then the context is connected again. */
static void timed_one(struct member *me)
{
    redisContext *c = connect_to_server(me);
    struct green_timeout timeout;
    redisReply *reply;

    crowd_gather();
    if (!c)
        return;
    green_timeout_start(&timeout, 200 * GREEN_MSEC);
    pop(me, c);
    green_timeout_cancel(&timeout);
    if (redisReconnect(c) != REDIS_OK)
        crowd_give_up("redisReconnect: %s", c->errstr);
    reply = redisCommand(c, "ECHO again");
    if (!reply || strcmp(reply->str, "again") != 0)
        crowd_give_up("after redisReconnect: %s", c->errstr);
    freeReplyObject(reply);
    redisFree(c);
}

static void timeout(void)
{
    main_connects();
    crowd_run(timed_one);
    main_is_well();
}

/* The server closes the connections. */
static void closed_by_server(void)
{
    main_connects();
    crowd_start(pop_one);
    until_all_are_blocked();
    freeReplyObject(redisCommand(gate, "CLIENT KILL TYPE normal SKIPME yes"));
    crowd_wait();
    main_is_well();
}

static void kill_in_wait(void)
{
    main_connects();
    crowd_start(pop_one);
    until_all_are_blocked();
    crowd_kill(0);
    crowd_wait();
    main_is_well();
}

static void kill_anywhere(void)
{
    main_connects();
    crowd_start(pop_one);
    crowd_kill(GREEN_MSEC / 5);
    crowd_wait();
    main_is_well();
}

int main(int argc, char **argv)
{
    static const struct program_case cases[] = {
        {"lists", wait_for_lists},
        {"large", large},
        {"subscribe", subscribe},
        {"own_limit", own_limit},
        {"timeout", timeout},
        {"closed", closed_by_server},
        {"kill_in_wait", kill_in_wait},
        {"kill_anywhere", kill_anywhere},
        {NULL, NULL},
    };

    return crowd_main(argc, argv, cases);
}
