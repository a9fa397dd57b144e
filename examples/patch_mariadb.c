/*
 * A hundred queries at once, by the blocking calls of MariaDB's client library.
 * Each call parks the greenthread that makes it; there is one OS thread.
 *
 *     patch_mariadb HOST USER PASSWORD [PORT-OR-SOCKET]
 */
#include <greenhub.h>
#include <greenhub/patch.h>

#include <err.h>
#include <mysql.h>
#include <stdio.h>
#include <stdlib.h>

static char **words;
static int answered;

static MYSQL *connect_to_server(void)
{
    const char *where = words[4] ? words[4] : "0";
    MYSQL *connection = mysql_init(NULL);

    if (!connection)
        errx(1, "no memory");
    mysql_real_connect(connection, words[1], words[2], words[3], NULL,
                       (unsigned)atoi(where), *where == '/' ? where : NULL, 0);
    return connection;
}

static void *query(void *unused)
{
    MYSQL *connection = connect_to_server();
    MYSQL_RES *result = NULL;

    if (mysql_errno(connection) == 0 &&
        mysql_query(connection, "SELECT SLEEP(0.2)") == 0)
        result = mysql_store_result(connection);
    if (result && mysql_num_rows(result) == 1)
        answered++;
    else
        warnx("%s", mysql_error(connection));
    mysql_free_result(result);
    mysql_close(connection);
    return unused;
}

int main(int argc, char **argv)
{
    struct green_thread *threads[100];
    green_time start;

    if (argc < 4)
        errx(2, "usage: %s HOST USER PASSWORD [PORT-OR-SOCKET]", argv[0]);
    words = argv;
    if (green_patch(GREEN_PATCH_LIBRARIES) < 0)
        errx(1, "%s", green_hub_error());
    start = green_now();
    for (int i = 0; i < 100; i++) {
        threads[i] = green_spawn(query, NULL);
        if (!threads[i])
            err(1, "greenthread");
    }
    for (int i = 0; i < 100; i++)
        green_join(threads[i], NULL);
    printf("%d of 100 answers in %.2f s\n", answered,
           (double)(green_now() - start) / GREEN_SEC);
    return answered < 100;
}
