/*
 * A hundred downloads at once, by libcurl's blocking curl_easy_perform. Each
 * call parks the greenthread that makes it.
 *
 *     patch_curl URL [FILE-OF-CERTIFICATES]
 */
#include <greenhub.h>
#include <greenhub/patch.h>

#include <curl/curl.h>
#include <err.h>
#include <stdio.h>

static const char *url, *certificates;
static int done;
static size_t bytes;

static size_t count(char *data, size_t size, size_t pieces, void *unused)
{
    (void)data;
    (void)unused;
    bytes += size * pieces;
    return size * pieces;
}

static void *download(void *unused)
{
    CURL *transfer = curl_easy_init();
    CURLcode code;

    curl_easy_setopt(transfer, CURLOPT_URL, url);
    curl_easy_setopt(transfer, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(transfer, CURLOPT_WRITEFUNCTION, count);
    /* As with OS threads: libcurl must not change the handler of SIGPIPE. */
    curl_easy_setopt(transfer, CURLOPT_NOSIGNAL, 1L);
    if (certificates)
        curl_easy_setopt(transfer, CURLOPT_CAINFO, certificates);
    code = curl_easy_perform(transfer);
    if (code == CURLE_OK)
        done++;
    else
        warnx("%s", curl_easy_strerror(code));
    curl_easy_cleanup(transfer);
    return unused;
}

int main(int argc, char **argv)
{
    struct green_thread *threads[100];
    green_time start;

    if (argc < 2)
        errx(2, "usage: %s URL [FILE-OF-CERTIFICATES]", argv[0]);
    url = argv[1];
    certificates = argv[2];
    curl_global_init(CURL_GLOBAL_ALL);
    if (green_patch(GREEN_PATCH_LIBRARIES) < 0)
        errx(1, "%s", green_hub_error());
    start = green_now();
    for (int i = 0; i < 100; i++) {
        threads[i] = green_spawn(download, NULL);
        if (!threads[i])
            err(1, "greenthread");
    }
    for (int i = 0; i < 100; i++)
        green_join(threads[i], NULL);
    printf("%d of 100 downloads, %zu bytes, in %.2f s\n", done, bytes,
           (double)(green_now() - start) / GREEN_SEC);
    return done < 100;
}
