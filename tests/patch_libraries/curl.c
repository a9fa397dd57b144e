/*
 * libcurl, blocking as it is, on a web server.
 *
 *     curl CASE URL [CA-FILE]
 *
 * The server's answer to URL/gate comes when 100 requests are there, and the
 * answer to URL/never does not come. URL/large has 200,000 bytes.
 */
#include "crowd.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LARGE 200000
#define TRANSFERS 200 /* of one multi handle */

/* ---- Short forms ------------------------------------------------------ */

static size_t count_bytes(char *bytes, size_t size, size_t count, void *sum)
{
    (void)bytes;
    *(size_t *)sum += size * count;
    return size * count;
}

/* As with OS threads, libcurl must leave signals alone. */
static CURL *make_handle(const char *path, size_t *bytes)
{
    const char *certificate = crowd_argument(1);
    char url[300];
    CURL *c = curl_easy_init();

    snprintf(url, sizeof url, "%s/%s", crowd_argument(0), path);
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, count_bytes);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, bytes);
    if (certificate)
        curl_easy_setopt(c, CURLOPT_CAINFO, certificate);
    return c;
}

static void get(struct member *me, const char *path, size_t wanted)
{
    char words[CURL_ERROR_SIZE] = "";
    size_t bytes = 0;
    CURL *c = make_handle(path, &bytes);
    CURLcode code;

    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, words);
    crowd_enter();
    code = curl_easy_perform(c);
    crowd_leave();
    if (code != CURLE_OK)
        crowd_failed(me, "%s: %s", curl_easy_strerror(code), words);
    else if (bytes != wanted)
        crowd_failed(me, "%zu bytes", bytes);
    curl_easy_cleanup(c);
}

static void is_well(void)
{
    struct member me = {.number = 0};

    get(&me, "large", LARGE);
    if (me.failed)
        crowd_give_up("afterwards: %s", me.error);
}

/* Whatever libcurl and OpenSSL keep open is open from here on. */
static void begin(void)
{
    is_well();
    crowd_count_descriptors();
}

/* ---- Transfers at once ------------------------------------------------- */

static void gate_one(struct member *me)
{
    get(me, "gate", 5);
}

static void gate(void)
{
    begin();
    crowd_run(gate_one);
    is_well();
}

static void large_one(struct member *me)
{
    crowd_gather();
    get(me, "large", LARGE);
}

static void large(void)
{
    begin();
    crowd_run(large_one);
    is_well();
}

/* Two hundred transfers of one multi handle, each with a host name to look up,
 * by curl_multi_poll. Any number of greenthreads may do this at once. */
static void multi_transfers(struct member *me, CURL **handles)
{
    CURLM *multi = curl_multi_init();
    int running = 1, left, done = 0;
    CURLMsg *message;

    curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, 50L);
    for (int i = 0; i < TRANSFERS; i++)
        curl_multi_add_handle(multi, handles[i]);
    while (running) {
        if (curl_multi_perform(multi, &running) != CURLM_OK ||
            (running &&
             curl_multi_poll(multi, NULL, 0, 1000, NULL) != CURLM_OK)) {
            crowd_failed(me, "curl_multi");
            break;
        }
    }
    while ((message = curl_multi_info_read(multi, &left))) {
        done += message->data.result == CURLE_OK;
        if (message->data.result != CURLE_OK)
            crowd_failed(me, "%s", curl_easy_strerror(message->data.result));
    }
    if (done != TRANSFERS)
        crowd_failed(me, "%d transfers", done);
    for (int i = 0; i < TRANSFERS; i++)
        curl_multi_remove_handle(multi, handles[i]);
    curl_multi_cleanup(multi);
}

static void multi_one(struct member *me)
{
    CURL *handles[TRANSFERS];
    size_t bytes = 0;

    if (me->number >= 4)
        return; /* four are enough: 800 transfers */
    for (int i = 0; i < TRANSFERS; i++)
        handles[i] = make_handle("small", &bytes);
    crowd_enter();
    multi_transfers(me, handles);
    crowd_leave();
    for (int i = 0; i < TRANSFERS; i++)
        curl_easy_cleanup(handles[i]);
    if (!me->failed && bytes != 5 * TRANSFERS)
        crowd_failed(me, "%zu bytes", bytes);
}

static void multi(void)
{
    begin();
    crowd_run(multi_one);
    is_well();
}

/* Each looks the name up by an OS thread of libcurl's, twice in a row. */
static void resolve_one(struct member *me)
{
    for (int i = 0; i < 2; i++)
        get(me, "small", 5);
}

static void resolve(void)
{
    begin();
    crowd_run(resolve_one);
    is_well();
}

/* ---- Ended early ------------------------------------------------------ */

static void never_one(struct member *me)
{
    get(me, "never", 0);
}

static void kill_in_transfer(void)
{
    begin();
    crowd_start(never_one);
    while (crowd_inside() < CROWD)
        usleep(1000);
    usleep(300000); /* most have been sent by now, and none is answered */
    crowd_kill(0);
    crowd_wait();
    is_well();
}

static void kill_anywhere(void)
{
    begin();
    crowd_start(never_one);
    crowd_kill(2 * GREEN_MSEC);
    crowd_wait();
    is_well();
}

static void timed_one(struct member *me)
{
    struct green_timeout timeout;

    crowd_gather();
    green_timeout_start(&timeout, 300 * GREEN_MSEC);
    get(me, "never", 0);
    green_timeout_cancel(&timeout);
    if (!green_timeout_fired(&timeout))
        crowd_give_up("before its time: %s", me->error);
}

static void timeout(void)
{
    begin();
    crowd_run(timed_one);
    is_well();
}

int main(int argc, char **argv)
{
    static const struct program_case cases[] = {
        {"gate", gate},
        {"large", large},
        {"multi", multi},
        {"resolve", resolve},
        {"kill_in_transfer", kill_in_transfer},
        {"kill_anywhere", kill_anywhere},
        {"timeout", timeout},
        {NULL, NULL},
    };

    curl_global_init(CURL_GLOBAL_ALL);
    return crowd_main(argc, argv, cases);
}
