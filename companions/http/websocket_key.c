/* The keys of a handshake, which show that the other side speaks WebSocket. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include <openssl/evp.h>

#include "websocket.h"

/* 16 bytes in base64. */
bool green__websocket_is_key(const char *key)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    return strspn(key, digits) == 22 && strcmp(key + 22, "==") == 0;
}

int green__websocket_accept_of(const char *key,
                               char answer[GREEN__WEBSOCKET_ACCEPT])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    char text[GREEN__WEBSOCKET_KEY + 36];
    unsigned size;
    int n = snprintf(text, sizeof text,
                     "%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);

    if (!EVP_Digest(text, (size_t)n, digest, &size, EVP_sha1(), NULL) ||
        size != 20) {
        errno = ENOMEM;
        return -1;
    }
    EVP_EncodeBlock((unsigned char *)answer, digest, (int)size);
    return 0;
}

int green__websocket_new_key(char key[GREEN__WEBSOCKET_KEY])
{
    unsigned char random[16];

    if (getentropy(random, sizeof random) < 0)
        return -1;
    EVP_EncodeBlock((unsigned char *)key, random, sizeof random);
    return 0;
}
