#include "tickets.h"

#include <pthread.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include "config.h"
#include "connection.h"

void green__tls_tickets_clear(struct green__tls_tickets *tickets)
{
    OPENSSL_cleanse(tickets, sizeof *tickets);
}

/* Makes a key if there is none, or if the newest is old. */
static int rotate(struct green__tls_tickets *tickets)
{
    struct green__tls_ticket_key key;
    green_time now = green_now(), age = now - tickets->made_at;

    if (tickets->count && age < GREEN__TLS_TICKET_PERIOD)
        return 0;
    if (RAND_bytes((unsigned char *)&key, sizeof key) <= 0)
        return -1;
    /* Nothing was issued in between, so that all others are too old. */
    if (age >= (GREEN__TLS_TICKET_KEYS - 1) * GREEN__TLS_TICKET_PERIOD)
        green__tls_tickets_clear(tickets);
    memmove(tickets->keys + 1, tickets->keys,
            (GREEN__TLS_TICKET_KEYS - 1) * sizeof key);
    tickets->keys[0] = key;
    if (tickets->count < GREEN__TLS_TICKET_KEYS)
        tickets->count++;
    tickets->made_at = now;
    return 0;
}

/* The key's index, or -1. */
static int find_key(const struct green__tls_tickets *tickets,
                    const unsigned char *name)
{
    for (int i = 0; i < tickets->count; i++)
        if (memcmp(tickets->keys[i].name, name, sizeof tickets->keys[i].name) ==
            0)
            return i;
    return -1;
}

/* Copies a key, the newest or the named one. Returns its age in keys, or -1. */
static int take_key(struct green_tls_config *config, const unsigned char *name,
                    struct green__tls_ticket_key *key)
{
    int found;

    pthread_mutex_lock(&config->lock);
    found = rotate(&config->tickets) < 0 ? -1 : 0;
    if (found == 0 && name)
        found = find_key(&config->tickets, name);
    if (found >= 0)
        *key = config->tickets.keys[found];
    pthread_mutex_unlock(&config->lock);
    return found;
}

static bool set_mac(EVP_MAC_CTX *mac, struct green__tls_ticket_key *key)
{
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->mac,
                                          sizeof key->mac),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, "SHA256", 0),
        OSSL_PARAM_construct_end(),
    };

    return EVP_MAC_CTX_set_params(mac, params) > 0;
}

static int seal(struct green_tls_config *config, unsigned char *name,
                unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
    struct green__tls_ticket_key key;
    bool done;

    if (take_key(config, NULL, &key) < 0)
        return -1;
    memcpy(name, key.name, sizeof key.name);
    done = RAND_bytes(iv, EVP_MAX_IV_LENGTH) > 0 &&
           EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, key.cipher, iv) >
               0 &&
           set_mac(mac, &key);
    OPENSSL_cleanse(&key, sizeof key);
    return done ? 1 : -1;
}

/* 0: unknown, a full handshake follows. 2: known, but give a new ticket; those of TLS 1.3 are
 * used once. */
static int open_ticket(SSL *ssl, struct green_tls_config *config,
                       const unsigned char *name, const unsigned char *iv,
                       EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
    struct green__tls_ticket_key key;
    int age = take_key(config, name, &key);
    bool done;

    if (age < 0)
        return 0;
    done = EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, key.cipher, iv) >
               0 &&
           set_mac(mac, &key);
    OPENSSL_cleanse(&key, sizeof key);
    if (!done)
        return -1;
    return age == 0 && SSL_version(ssl) < TLS1_3_VERSION ? 1 : 2;
}

static int use_key(SSL *ssl, unsigned char *name, unsigned char *iv,
                   EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int sealing)
{
    struct green__tls *tls = SSL_get_app_data(ssl);

    return sealing ? seal(tls->config, name, iv, cipher, mac)
                   : open_ticket(ssl, tls->config, name, iv, cipher, mac);
}

int green__tls_tickets_use(SSL_CTX *context)
{
    SSL_CTX_set_timeout(context, GREEN__TLS_TICKET_SECONDS);
    return SSL_CTX_set_tlsext_ticket_key_evp_cb(context, use_key) > 0 ? 0 : -1;
}
