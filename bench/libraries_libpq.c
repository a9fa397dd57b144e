/* libpq: a query that sleeps. libraries_libpq CONNECTION */
#include "libraries.h"

#include <libpq-fe.h>

static void one(char **arguments)
{
    PGconn *c = PQconnectdb(arguments[0]);
    PGresult *result = PQexec(c, "select pg_sleep(0.2)");

    if (PQresultStatus(result) != PGRES_TUPLES_OK)
        libraries_fail(PQerrorMessage(c));
    PQclear(result);
    PQfinish(c);
}
