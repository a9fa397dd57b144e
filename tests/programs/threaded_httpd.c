/*
 * A web server with an OS thread for each connection, by libmicrohttpd. It
 * knows nothing of greenhub; `greenhub run` makes greenthreads of its threads.
 *
 *     GET /SIZE      SIZE bytes
 *     POST ...       the body that was sent
 *
 * Prints its port. SIGTERM ends it: it prints how many requests it answered.
 */
#include <arpa/inet.h>
#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST (1 << 20)

struct request {
    size_t size;
    char body[];
};

static char filler[MOST];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned long answered; /* under the lock */

static void count(void)
{
    pthread_mutex_lock(&lock);
    answered++;
    pthread_mutex_unlock(&lock);
}

static enum MHD_Result answer(struct MHD_Connection *connection, size_t size,
                              void *data)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(size, data, MHD_RESPMEM_MUST_COPY);
    enum MHD_Result result;

    if (!response)
        return MHD_NO;
    count();
    result = MHD_queue_response(connection, MHD_HTTP_OK, response);
    MHD_destroy_response(response);
    return result;
}

/* Called with the head, then with each piece of the body, then at its end. */
static enum MHD_Result handle(void *unused, struct MHD_Connection *connection,
                              const char *url, const char *method,
                              const char *version, const char *data,
                              size_t *size, void **place)
{
    struct request *request = *place;
    size_t wanted = strtoul(url + 1, NULL, 10);

    (void)unused;
    (void)version;
    if (!request) {
        *place = request = calloc(1, sizeof *request + MOST);
        return request ? MHD_YES : MHD_NO;
    }
    if (*size > 0) {
        if (*size > MOST - request->size)
            return MHD_NO;
        memcpy(request->body + request->size, data, *size);
        request->size += *size;
        *size = 0;
        return MHD_YES;
    }
    if (strcmp(method, "POST") == 0)
        return answer(connection, request->size, request->body);
    return answer(connection, wanted < MOST ? wanted : MOST, filler);
}

static void free_request(void *unused, struct MHD_Connection *connection,
                         void **place, enum MHD_RequestTerminationCode code)
{
    (void)unused;
    (void)connection;
    (void)code;
    free(*place);
}

static struct MHD_Daemon *start(void)
{
    const unsigned flags = MHD_USE_THREAD_PER_CONNECTION |
                           MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL |
                           MHD_USE_ERROR_LOG;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};

    return MHD_start_daemon(
        flags, 0, NULL, NULL, handle, NULL, MHD_OPTION_SOCK_ADDR, &address,
        MHD_OPTION_LISTEN_BACKLOG_SIZE, 1024u, MHD_OPTION_NOTIFY_COMPLETED,
        free_request, NULL, MHD_OPTION_END);
}

int main(void)
{
    struct MHD_Daemon *daemon;
    sigset_t signals;
    int number;

    memset(filler, 'x', sizeof filler);
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    daemon = start();
    if (!daemon)
        return 1;
    printf("listening on tcp://127.0.0.1:%d\n",
           MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    fflush(stdout);
    sigwait(&signals, &number);
    MHD_stop_daemon(daemon);
    printf("answered %lu requests\n", answered);
    return 0;
}
