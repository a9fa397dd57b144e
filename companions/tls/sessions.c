#include "sessions.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "connection.h"

static void drop(struct green__tls_session *kept)
{
    free(kept->host);
    SSL_SESSION_free(kept->session);
}

void green__tls_sessions_clear(struct green__tls_sessions *sessions)
{
    while (sessions->count > 0)
        drop(&sessions->kept[--sessions->count]);
}

/* Takes a host's session out. */
static bool take(struct green__tls_sessions *sessions, const char *host,
                 struct green__tls_session *taken)
{
    for (int i = 0; i < sessions->count; i++) {
        if (strcmp(sessions->kept[i].host, host) != 0)
            continue;
        *taken = sessions->kept[i];
        sessions->count--;
        memmove(&sessions->kept[i], &sessions->kept[i + 1],
                (size_t)(sessions->count - i) * sizeof *taken);
        return true;
    }
    return false;
}

/* Puts it first; the last one may have to go. */
static void put(struct green__tls_sessions *sessions,
                const struct green__tls_session *one)
{
    if (sessions->count == GREEN__TLS_SESSIONS)
        drop(&sessions->kept[--sessions->count]);
    memmove(&sessions->kept[1], &sessions->kept[0],
            (size_t)sessions->count * sizeof *one);
    sessions->kept[0] = *one;
    sessions->count++;
}

void green__tls_sessions_offer(struct green__tls *tls)
{
    struct green_tls_config *config = tls->config;
    struct green__tls_session one;
    bool found;

    pthread_mutex_lock(&config->lock);
    /* A reload may have come between. */
    found = SSL_get_SSL_CTX(tls->ssl) == config->context &&
            take(&config->sessions, tls->host, &one);
    if (found && SSL_SESSION_is_resumable(one.session) &&
        SSL_set_session(tls->ssl, one.session) > 0 &&
        SSL_SESSION_get_protocol_version(one.session) < TLS1_3_VERSION)
        put(&config->sessions, &one);
    else if (found)
        drop(&one);
    pthread_mutex_unlock(&config->lock);
}

/* OpenSSL has a new session, whose reference is the caller's if 1 is returned. */
static int keep(SSL *ssl, SSL_SESSION *session)
{
    struct green__tls *tls = SSL_get_app_data(ssl);
    struct green_tls_config *config = tls->config;
    struct green__tls_session one = {.session = session}, old;
    bool kept;

    if (SSL_is_server(ssl) || !tls->host)
        return 0;
    one.host = strdup(tls->host);
    if (!one.host)
        return 0;
    pthread_mutex_lock(&config->lock);
    kept = SSL_get_SSL_CTX(ssl) == config->context;
    if (kept && take(&config->sessions, one.host, &old))
        drop(&old);
    if (kept)
        put(&config->sessions, &one);
    pthread_mutex_unlock(&config->lock);
    if (!kept)
        free(one.host);
    return kept;
}

/* Servers need no cache: their sessions are in the tickets. */
void green__tls_sessions_use(SSL_CTX *context)
{
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT |
                                                SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, keep);
}
