/*
 * libmariadb, blocking as it is, on a MariaDB server.
 *
 *     mariadb CASE SOCKET-OR-PORT
 *
 * Where all have to be in a call at once, they wait in the server for a lock
 * that main holds there; main asks the server how many wait.
 */
#include "crowd.h"

#include <mysql.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static MYSQL *gate; /* main's own connection */
static unsigned long ids[CROWD];

/* ---- Short forms ------------------------------------------------------ */

static MYSQL *open_connection(void)
{
    const char *where = crowd_argument(0);
    MYSQL *c = mysql_init(NULL);
    bool local = *where == '/';

    if (!c)
        crowd_give_up("mysql_init");
    mysql_real_connect(c, local ? NULL : "127.0.0.1", "test", "", "test",
                       local ? 0 : (unsigned)atoi(where), local ? where : NULL,
                       0);
    return c;
}

static MYSQL *connect_to_server(struct member *me)
{
    MYSQL *c = open_connection();

    if (mysql_errno(c) == 0)
        return c;
    crowd_failed(me, "%s", mysql_error(c));
    mysql_close(c);
    return NULL;
}

/* The first field of the answer to a query, as a number; -1 if it fails. */
static long number_of(MYSQL *c, const char *query)
{
    MYSQL_RES *result = NULL;
    MYSQL_ROW row = NULL;
    long number = -1;

    if (mysql_query(c, query) == 0)
        result = mysql_store_result(c);
    if (result)
        row = mysql_fetch_row(result);
    if (row && row[0])
        number = atol(row[0]);
    mysql_free_result(result);
    return number;
}

static void main_connects(void)
{
    gate = open_connection();
    if (mysql_errno(gate))
        crowd_give_up("%s", mysql_error(gate));
}

/* The server does not look whether the client of a sleeping query is there. */
static void end_what_is_left(void)
{
    char command[50];
    long id;

    while ((id = number_of(gate, "SELECT id FROM information_schema.processlist"
                                 " WHERE id > CONNECTION_ID()")) > 0) {
        snprintf(command, sizeof command, "KILL %ld", id);
        (void)mysql_query(gate, command); /* it may just have ended */
    }
}

static void main_is_well(void)
{
    MYSQL *again;

    end_what_is_left();
    again = open_connection();
    if (number_of(gate, "SELECT 42") != 42 ||
        number_of(again, "SELECT 43") != 43)
        crowd_give_up("afterwards: %s%s", mysql_error(gate),
                      mysql_error(again));
    mysql_close(again);
    mysql_close(gate);
}

/* Until the server says of all connections that they are at it. */
static void until_all_are(const char *state)
{
    char query[200];

    snprintf(query, sizeof query,
             "SELECT COUNT(*) FROM information_schema.processlist "
             "WHERE state = '%s' AND id > CONNECTION_ID()",
             state);
    while (number_of(gate, query) < CROWD)
        usleep(5000);
}

static void ask(struct member *me, MYSQL *c, const char *query)
{
    long number;

    crowd_enter();
    number = number_of(c, query);
    crowd_leave();
    if (mysql_errno(c) || number != me->number)
        crowd_failed(me, "%s", mysql_error(c));
}

/* ---- Queries at once --------------------------------------------------- */

static void query_one(struct member *me)
{
    MYSQL *c = connect_to_server(me);
    char query[100];

    snprintf(query, sizeof query,
             "SELECT %d, GET_LOCK('gate', 600), RELEASE_LOCK('gate')",
             me->number);
    if (c)
        ask(me, c, query);
    mysql_close(c);
}

static void query(void)
{
    main_connects();
    number_of(gate, "SELECT GET_LOCK('gate', 600)");
    crowd_start(query_one);
    until_all_are("User lock");
    number_of(gate, "SELECT RELEASE_LOCK('gate')");
    crowd_wait();
    main_is_well();
}

/* An answer of 2 MB that is read row by row. */
static void large_one(struct member *me)
{
    MYSQL *c = connect_to_server(me);
    MYSQL_RES *result = NULL;
    char query[100];
    int rows = 0;

    crowd_gather();
    crowd_enter();
    snprintf(query, sizeof query,
             "SELECT REPEAT('%c', 1000) FROM seq_1_to_2000",
             'a' + me->number % 26);
    if (c && mysql_query(c, query) == 0)
        result = mysql_use_result(c);
    for (MYSQL_ROW row; result && (row = mysql_fetch_row(result)); rows++)
        if (strlen(row[0]) != 1000 || *row[0] != 'a' + me->number % 26)
            crowd_failed(me, "a row of somebody else");
    if (c && rows != 2000)
        crowd_failed(me, "%d rows: %s", rows, mysql_error(c));
    mysql_free_result(result);
    crowd_leave();
    mysql_close(c);
}

static void large(void)
{
    main_connects();
    crowd_run(large_one);
    main_is_well();
}

/* ---- Ended early ------------------------------------------------------ */

static void sleep_one(struct member *me)
{
    MYSQL *c = connect_to_server(me);

    if (!c)
        return;
    ids[me->number] = mysql_thread_id(c);
    ask(me, c, "SELECT SLEEP(600) + 1000000");
    mysql_close(c);
}

/* As an administrator would: the query alone, or the connection. */
static void killed_by_server(const char *what)
{
    main_connects();
    crowd_start(sleep_one);
    until_all_are("User sleep");
    for (int i = 0; i < CROWD; i++) {
        char command[50];

        snprintf(command, sizeof command, "KILL %s %lu", what, ids[i]);
        if (mysql_query(gate, command) != 0)
            crowd_give_up("%s: %s", command, mysql_error(gate));
    }
    crowd_wait();
    main_is_well();
}

static void cancel(void)
{
    killed_by_server("QUERY");
}

static void terminate(void)
{
    killed_by_server("CONNECTION");
}

static void kill_in_query(void)
{
    main_connects();
    crowd_start(sleep_one);
    until_all_are("User sleep");
    crowd_kill(0);
    crowd_wait();
    main_is_well();
}

static void kill_anywhere(void)
{
    main_connects();
    crowd_start(sleep_one);
    crowd_kill(GREEN_MSEC);
    crowd_wait();
    main_is_well();
}

static void timed_one(struct member *me)
{
    MYSQL *c = connect_to_server(me);
    struct green_timeout timeout;

    crowd_gather();
    if (!c)
        return;
    green_timeout_start(&timeout, 200 * GREEN_MSEC);
    ask(me, c, "SELECT SLEEP(600)");
    green_timeout_cancel(&timeout);
    mysql_close(c);
    c = open_connection();
    if (number_of(c, "SELECT 45") != 45)
        crowd_give_up("connected again: %s", mysql_error(c));
    mysql_close(c);
}

static void timeout(void)
{
    main_connects();
    crowd_run(timed_one);
    main_is_well();
}

int main(int argc, char **argv)
{
    static const struct program_case cases[] = {
        {"query", query},
        {"large", large},
        {"cancel", cancel},
        {"terminate", terminate},
        {"kill_in_query", kill_in_query},
        {"kill_anywhere", kill_anywhere},
        {"timeout", timeout},
        {NULL, NULL},
    };

    return crowd_main(argc, argv, cases);
}
