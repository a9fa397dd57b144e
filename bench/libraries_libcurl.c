/* libcurl: a file that the server sends slowly.
 * libraries_libcurl URL [CERTIFICATES] */
#include "libraries.h"

#include <curl/curl.h>

static size_t drop(char *data, size_t size, size_t pieces, void *unused)
{
    (void)data;
    (void)unused;
    return size * pieces;
}

static void one(char **arguments)
{
    CURL *c = curl_easy_init();
    CURLcode code;

    curl_easy_setopt(c, CURLOPT_URL, arguments[0]);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, drop);
    if (arguments[1])
        curl_easy_setopt(c, CURLOPT_CAINFO, arguments[1]);
    code = curl_easy_perform(c);
    if (code != CURLE_OK)
        libraries_fail(curl_easy_strerror(code));
    curl_easy_cleanup(c);
}
