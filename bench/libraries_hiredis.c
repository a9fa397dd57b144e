/* hiredis: a pop from an empty list. libraries_hiredis PORT */
#include "libraries.h"

#include <hiredis/hiredis.h>

static void one(char **arguments)
{
    redisContext *c = redisConnect("127.0.0.1", atoi(arguments[0]));
    redisReply *reply;

    if (!c || c->err)
        libraries_fail(c ? c->errstr : "no memory");
    reply = redisCommand(c, "BLPOP empty 0.2");
    if (!reply || reply->type != REDIS_REPLY_NIL)
        libraries_fail("BLPOP has failed");
    freeReplyObject(reply);
    redisFree(c);
}
