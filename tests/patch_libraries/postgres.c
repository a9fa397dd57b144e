/*
 * libpq, blocking as it is, on a PostgreSQL server.
 *
 *     postgres CASE CONNECTION [SECONDS]
 *
 * Where all have to be in a call at once, they wait in the server for a lock
 * that main holds there; main asks the server how many wait.
 */
#include "crowd.h"

#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROWS 2000 /* of a hundred bytes: more than a socket's buffers hold */
#define LONG "select pg_sleep(600)"

static PGconn *connections[CROWD];
static PGconn *gate; /* main's own connection */

/* ---- Short forms ------------------------------------------------------ */

static PGconn *connect_to_server(struct member *me)
{
    PGconn *c = PQconnectdb(crowd_argument(0));

    if (PQstatus(c) == CONNECTION_OK)
        return c;
    crowd_failed(me, "%s", PQerrorMessage(c));
    PQfinish(c);
    return NULL;
}

/* The first field of the answer to a query, as a number; -1 if it fails. */
static long number_of(PGconn *c, const char *query)
{
    PGresult *r = PQexec(c, query);
    long number = -1;

    if (PQresultStatus(r) == PGRES_TUPLES_OK)
        number = atol(PQgetvalue(r, 0, 0));
    PQclear(r);
    return number;
}

static bool command(struct member *me, PGconn *c, const char *text)
{
    PGresult *r = PQexec(c, text);
    ExecStatusType status = PQresultStatus(r);

    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        crowd_failed(me, "%s", PQerrorMessage(c));
    PQclear(r);
    return !me->failed;
}

static void main_connects(void)
{
    gate = PQconnectdb(crowd_argument(0));
    if (PQstatus(gate) != CONNECTION_OK)
        crowd_give_up("%s", PQerrorMessage(gate));
}

/* Until the server says of so many connections that they are at it. */
static void until_server_has(int count, const char *query)
{
    while (number_of(gate, query) < count)
        usleep(2000);
}

#define WAIT_FOR_LOCK "select count(*) from pg_locks where not granted"
#define SLEEP                                                                  \
    "select count(*) from pg_stat_activity where wait_event = 'PgSleep'"

/* The connection of main still works, and a new one too. */
static void main_is_well(void)
{
    PGconn *again = PQconnectdb(crowd_argument(0));

    if (number_of(gate, "select 42") != 42 ||
        number_of(again, "select 43") != 43)
        crowd_give_up("afterwards: %s%s", PQerrorMessage(gate),
                      PQerrorMessage(again));
    PQfinish(again);
    PQfinish(gate);
}

/* ---- Queries at once --------------------------------------------------- */

static void ask(struct member *me, PGconn *c)
{
    char query[100];
    long number;

    snprintf(query, sizeof query, "select %d, pg_advisory_lock_shared(7)",
             me->number);
    crowd_enter();
    number = number_of(c, query);
    crowd_leave();
    if (number != me->number)
        crowd_failed(me, "%ld: %s", number, PQerrorMessage(c));
}

static void query_one(struct member *me)
{
    PGconn *c = connect_to_server(me);

    if (c)
        ask(me, c);
    PQfinish(c);
}

static void query(void)
{
    main_connects();
    number_of(gate, "select pg_advisory_lock(7)");
    crowd_start(query_one);
    until_server_has(CROWD, WAIT_FOR_LOCK);
    number_of(gate, "select pg_advisory_unlock(7)");
    crowd_wait();
    main_is_well();
}

static void connect_one(struct member *me)
{
    crowd_enter();
    PQfinish(connect_to_server(me));
    crowd_leave();
}

static void connect_all(void)
{
    crowd_run(connect_one);
}

/* ---- COPY in and out ---------------------------------------------------- */

static bool copy_in(struct member *me, PGconn *c)
{
    char row[101];
    PGresult *r = PQexec(c, "copy t from stdin");

    PQclear(r);
    memset(row, 'a' + me->number % 26, sizeof row);
    row[sizeof row - 1] = '\n';
    for (int i = 0; i < ROWS; i++)
        if (PQputCopyData(c, row, sizeof row) != 1)
            crowd_failed(me, "put: %s", PQerrorMessage(c));
    if (PQputCopyEnd(c, NULL) != 1)
        crowd_failed(me, "end: %s", PQerrorMessage(c));
    while ((r = PQgetResult(c))) {
        if (PQresultStatus(r) != PGRES_COMMAND_OK)
            crowd_failed(me, "copy in: %s", PQerrorMessage(c));
        PQclear(r);
    }
    return !me->failed;
}

static void copy_out(struct member *me, PGconn *c)
{
    int rows = 0, length;
    char *row;

    PQclear(PQexec(c, "copy t to stdout"));
    while ((length = PQgetCopyData(c, &row, 0)) > 0) {
        if (length != 101 || row[0] != 'a' + me->number % 26)
            crowd_failed(me, "%d bytes: %.10s", length, row);
        PQfreemem(row);
        rows++;
    }
    if (length != -1 || rows != ROWS)
        crowd_failed(me, "%d rows: %s", rows, PQerrorMessage(c));
    PQclear(PQgetResult(c));
}

static void copy_one(struct member *me)
{
    PGconn *c = connect_to_server(me);

    crowd_gather();
    crowd_enter();
    if (c && command(me, c, "create temporary table t (line text)") &&
        copy_in(me, c))
        copy_out(me, c);
    crowd_leave();
    PQfinish(c);
}

static void copy(void)
{
    main_connects();
    crowd_run(copy_one);
    main_is_well();
}

/* ---- LISTEN and NOTIFY ------------------------------------------------- */

/* As libpq's documentation does it. */
static void wait_for_note(struct member *me, PGconn *c)
{
    struct pollfd fd = {.fd = PQsocket(c), .events = POLLIN};
    PGnotify *note = NULL;
    char wanted[20];

    snprintf(wanted, sizeof wanted, "note %d", me->number);
    while (!(note = PQnotifies(c)))
        if (poll(&fd, 1, -1) < 0 || !PQconsumeInput(c)) {
            crowd_failed(me, "%s", PQerrorMessage(c));
            return;
        }
    if (strcmp(note->extra, wanted) != 0)
        crowd_failed(me, "heard %s", note->extra);
    PQfreemem(note);
}

static void notify_one(struct member *me)
{
    PGconn *c = connect_to_server(me);
    char text[50];

    snprintf(text, sizeof text, "listen c%d", me->number);
    if (c && command(me, c, text)) {
        crowd_enter();
        wait_for_note(me, c);
        crowd_leave();
    }
    PQfinish(c);
}

static void notify(void)
{
    main_connects();
    crowd_start(notify_one);
    while (crowd_inside() < CROWD)
        usleep(1000);
    for (int i = 0; i < CROWD; i++) {
        char text[50];

        snprintf(text, sizeof text, "notify c%d, 'note %d'", i, i);
        PQclear(PQexec(gate, text));
    }
    crowd_wait();
    main_is_well();
}

/* ---- Ended early ------------------------------------------------------ */

static void sleep_long(struct member *me, PGconn *c)
{
    PGresult *r;

    crowd_enter();
    r = PQexec(c, LONG);
    crowd_leave();
    if (PQresultStatus(r) != PGRES_TUPLES_OK)
        crowd_failed(me, "%s", PQerrorMessage(c));
    PQclear(r);
}

static void long_one(struct member *me)
{
    PGconn *c = connect_to_server(me);

    connections[me->number] = c;
    if (c)
        sleep_long(me, c);
}

/* The same connection goes on after a query that was cancelled. The server sends
 * its signal to the process and to its group: the second may end the query that
 * follows. */
static void cancelled_one(struct member *me)
{
    PGconn *c;

    long_one(me);
    c = connections[me->number];
    if (c && number_of(c, "select 44") != 44 && number_of(c, "select 44") != 44)
        crowd_give_up("after a cancel: %s", PQerrorMessage(c));
    PQfinish(c);
}

static void cancel(void)
{
    char words[256];

    main_connects();
    crowd_start(cancelled_one);
    until_server_has(CROWD, SLEEP);
    for (int i = 0; i < CROWD; i++) {
        PGcancel *one = PQgetCancel(connections[i]);

        if (!PQcancel(one, words, sizeof words))
            crowd_give_up("PQcancel: %s", words);
        PQfreeCancel(one);
    }
    crowd_wait();
    main_is_well();
}

/* The server ends the connections, as an administrator would. */
static void closed_one(struct member *me)
{
    long_one(me);
    PQfinish(connections[me->number]);
}

static void terminate(void)
{
    main_connects();
    crowd_start(closed_one);
    until_server_has(CROWD, SLEEP);
    until_server_has(CROWD, "select count(pg_terminate_backend(pid)) from "
                            "pg_stat_activity where wait_event = 'PgSleep'");
    crowd_wait();
    main_is_well();
}

static void kill_in_query(void)
{
    main_connects();
    crowd_start(closed_one);
    until_server_has(CROWD, SLEEP);
    crowd_kill(0);
    crowd_wait();
    main_is_well();
}

/* Some are still connecting, some are in a query, some have not begun. */
static void kill_anywhere(void)
{
    main_connects();
    crowd_start(closed_one);
    crowd_kill(2 * GREEN_MSEC);
    crowd_wait();
    main_is_well();
}

/* After a timeout the connection is in the middle of an answer: it is made
 * anew, and goes on. */
static void timed_one(struct member *me)
{
    PGconn *c = connect_to_server(me);
    struct green_timeout timeout;

    if (!c)
        return;
    crowd_gather();
    green_timeout_start(&timeout, 200 * GREEN_MSEC);
    sleep_long(me, c);
    green_timeout_cancel(&timeout);
    if (!green_timeout_fired(&timeout))
        crowd_give_up("before its time: %s", me->error);
    PQreset(c);
    if (number_of(c, "select 45") != 45)
        crowd_give_up("after PQreset: %s", PQerrorMessage(c));
    PQfinish(c);
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
        {"connect", connect_all},
        {"copy", copy},
        {"notify", notify},
        {"cancel", cancel},
        {"terminate", terminate},
        {"kill_in_query", kill_in_query},
        {"kill_anywhere", kill_anywhere},
        {"timeout", timeout},
        {NULL, NULL},
    };

    return crowd_main(argc, argv, cases);
}
