/*
 * A hundred queries at once, by libpq's blocking calls. Each call parks the
 * greenthread that makes it; there is one OS thread.
 *
 *     patch_postgres "host=localhost user=postgres"
 */
#include <greenhub.h>
#include <greenhub/patch.h>

#include <err.h>
#include <libpq-fe.h>
#include <stdio.h>

static int answered;

static void query(PGconn *connection)
{
    PGresult *result = PQexec(connection, "select 'well', pg_sleep(0.2)");

    if (PQresultStatus(result) == PGRES_TUPLES_OK)
        answered++;
    else
        warnx("%s", PQerrorMessage(connection));
    PQclear(result);
}

static void *connect_and_query(void *server)
{
    PGconn *connection = PQconnectdb(server);

    if (PQstatus(connection) == CONNECTION_OK)
        query(connection);
    else
        warnx("%s", PQerrorMessage(connection));
    PQfinish(connection);
    return NULL;
}

int main(int argc, char **argv)
{
    struct green_thread *threads[100];
    green_time start;

    if (green_patch(GREEN_PATCH_LIBRARIES) < 0)
        errx(1, "%s", green_hub_error());
    start = green_now();
    for (int i = 0; i < 100; i++) {
        threads[i] = green_spawn(connect_and_query, argc > 1 ? argv[1] : "");
        if (!threads[i])
            err(1, "greenthread");
    }
    for (int i = 0; i < 100; i++)
        green_join(threads[i], NULL);
    printf("%d of 100 answers in %.2f s\n", answered,
           (double)(green_now() - start) / GREEN_SEC);
    return answered < 100;
}
