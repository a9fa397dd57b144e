/*
 * libpq and libcurl for a long time, with kills and timeouts at random:
 *
 *     soak run CONNECTION URL SECONDS
 *
 * A hundred workers insert numbers into a table and download. Whatever a call
 * reports as done has to be so: each number that the server has confirmed is in the
 * table at the end, and no answer belongs to another query. A worker that is killed
 * ends, and a new one takes its place.
 */
#include "crowd.h"

#include <curl/curl.h>
#include <errno.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST (1 << 22) /* numbers */
#define LARGE 200000   /* bytes of URL/large */

static unsigned char inserted[MOST];
static int next_number;
static bool over;
static struct green_thread *workers[CROWD];

static struct {
    long queries, downloads, failed, timeouts, killed;
} done;

static char why[300]; /* the last operation that failed did */

/* ---- One operation ------------------------------------------------------ */

/* After an error the connection is not used again: an answer may be under way. */
static bool insert(PGconn *c, int number)
{
    char query[150];
    PGresult *result;
    bool well;

    snprintf(query, sizeof query,
             "insert into soak values (%d) returning number, "
             "pg_sleep(random() * 0.05)",
             number);
    result = PQexec(c, query);
    well = PQresultStatus(result) == PGRES_TUPLES_OK;
    if (well && atoi(PQgetvalue(result, 0, 0)) != number)
        crowd_give_up("%d: the answer is %s", number, PQgetvalue(result, 0, 0));
    PQclear(result);
    inserted[number] = well;
    return well;
}

static bool query(PGconn **connection)
{
    int number = next_number++;

    if (number >= MOST)
        crowd_give_up("more numbers than this program has room for");
    if (!*connection)
        *connection = PQconnectdb(crowd_argument(0));
    if (PQstatus(*connection) == CONNECTION_OK && insert(*connection, number)) {
        done.queries++;
        return true;
    }
    snprintf(why, sizeof why, "%s", PQerrorMessage(*connection));
    PQfinish(*connection);
    *connection = NULL;
    return false;
}

static size_t count_bytes(char *bytes, size_t size, size_t count, void *sum)
{
    (void)bytes;
    *(size_t *)sum += size * count;
    return size * count;
}

static bool download(void)
{
    size_t bytes = 0;
    char url[300];
    CURL *c = curl_easy_init();
    CURLcode code;

    snprintf(url, sizeof url, "%s/large", crowd_argument(1));
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, count_bytes);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, &bytes);
    code = curl_easy_perform(c);
    curl_easy_cleanup(c);
    if (code == CURLE_OK && bytes != LARGE)
        crowd_give_up("%zu bytes of a file that has %d", bytes, LARGE);
    done.downloads += code == CURLE_OK;
    if (code != CURLE_OK)
        snprintf(why, sizeof why, "%s", curl_easy_strerror(code));
    return code == CURLE_OK;
}

/* One in four has a time limit, which most of these do not reach. */
static void operate(PGconn **connection)
{
    struct green_timeout limit;
    bool limited = crowd_random(4) == 0;

    green_timeout_start(&limit, limited ? crowd_random(100) * GREEN_MSEC
                                        : GREEN_FOREVER);
    crowd_enter();
    if (crowd_random(2) ? !query(connection) : !download()) {
        done.failed++;
        if (!green_timeout_fired(&limit) && !green_killed())
            crowd_give_up("it failed, and nothing has ended it: %s", why);
    }
    crowd_leave();
    green_timeout_cancel(&limit);
    done.timeouts += green_timeout_fired(&limit);
}

/* ---- The workers ---------------------------------------------------------- */

static void *work(void *unused)
{
    PGconn *connection = NULL;

    while (!over && !green_killed()) {
        operate(&connection);
        usleep(crowd_random(50000));
    }
    PQfinish(connection);
    return unused;
}

static void start_worker(int i)
{
    workers[i] = green_spawn(work, NULL);
    if (!workers[i])
        crowd_give_up("green_spawn: %s", strerror(errno));
}

static void kill_one(void)
{
    int i = (int)crowd_random(CROWD);

    green_kill(workers[i]);
    if (green_join(workers[i], NULL) < 0)
        crowd_give_up("green_join: %s", strerror(errno));
    done.killed++;
    start_worker(i);
}

/* ---- What is left ------------------------------------------------------- */

static long resident(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    long pages = -1;

    if (!file || fscanf(file, "%*d %ld", &pages) != 1)
        crowd_give_up("/proc/self/statm: %s", strerror(errno));
    fclose(file);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static PGconn *open_table(void)
{
    PGconn *c = PQconnectdb(crowd_argument(0));

    if (PQstatus(c) != CONNECTION_OK)
        crowd_give_up("%s", PQerrorMessage(c));
    return c;
}

static void make_table(void)
{
    PGconn *c = open_table();

    PQclear(PQexec(c, "set client_min_messages = warning"));
    PQclear(PQexec(c, "drop table if exists soak"));
    PQclear(PQexec(c, "create table soak (number int primary key)"));
    PQfinish(c);
}

/* Some of which no answer came may be in the table, too. */
static void check_table(void)
{
    PGconn *c = open_table();
    PGresult *r = PQexec(c, "select number from soak");
    long confirmed = 0;

    for (int i = 0; i < PQntuples(r); i++)
        inserted[atoi(PQgetvalue(r, i, 0))] |= 2;
    for (int i = 0; i < next_number; i++) {
        confirmed += inserted[i] & 1;
        if (inserted[i] == 1)
            crowd_give_up("%d was confirmed, and is not in the table", i);
    }
    printf("confirmed %ld, in the table %d\n", confirmed, PQntuples(r));
    PQclear(r);
    PQfinish(c);
}

static void kill_until(green_time end)
{
    while (green_now() < end) {
        usleep(crowd_random(40000));
        kill_one();
    }
}

/* Memory is compared after a fifth of the time and at the end. */
static void run(void)
{
    green_time length = atoi(crowd_argument(2)) * GREEN_SEC;
    green_time began = green_now();
    long before;

    make_table();
    crowd_count_descriptors();
    for (int i = 0; i < CROWD; i++)
        start_worker(i);
    kill_until(began + length / 5);
    before = resident();
    kill_until(began + length);
    printf("kilobytes more: %ld of %ld\n", resident() - before, before);
    over = true;
    for (int i = 0; i < CROWD; i++)
        green_join(workers[i], NULL);
    printf("%ld queries, %ld downloads, %ld failed, %ld timeouts, %ld kills\n",
           done.queries, done.downloads, done.failed, done.timeouts,
           done.killed);
    check_table();
}

int main(int argc, char **argv)
{
    static const struct program_case cases[] = {{"run", run}, {NULL, NULL}};

    curl_global_init(CURL_GLOBAL_ALL);
    return crowd_main(argc, argv, cases);
}
