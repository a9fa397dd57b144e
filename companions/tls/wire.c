#include "wire.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static BIO_METHOD *method;

static int read_wire(BIO *bio, char *buffer, size_t size, size_t *done)
{
    struct green__tls_wire *wire = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    *done = wire->in_size < size ? wire->in_size : size;
    if (*done == 0) {
        wire->wanted = size;
        BIO_set_retry_read(bio);
        return 0;
    }
    memcpy(buffer, wire->in, *done);
    wire->in += *done;
    wire->in_size -= *done;
    return 1;
}

static bool make_room(struct green__tls_wire *wire, size_t size)
{
    size_t room = 2 * wire->out_room;
    unsigned char *larger;

    if (size <= wire->out_room - wire->out_size)
        return true;
    if (room < wire->out_size + size)
        room = wire->out_size + size;
    larger = realloc(wire->out, room);
    if (!larger)
        return false;
    wire->out = larger;
    wire->out_room = room;
    return true;
}

/* A record of up to 16 KiB has a head, a number, a tag and perhaps padding. */
#define RECORD 16384
#define RECORD_MORE 64

int green__tls_wire_reserve(struct green__tls_wire *wire, size_t size)
{
    return make_room(wire, size + (size / RECORD + 1) * RECORD_MORE) ? 0 : -1;
}

static int write_wire(BIO *bio, const char *bytes, size_t size, size_t *done)
{
    struct green__tls_wire *wire = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    if (!make_room(wire, size))
        return 0;
    memcpy(wire->out + wire->out_size, bytes, size);
    wire->out_size += size;
    *done = size;
    return 1;
}

/* Nothing is buffered below it. */
static long control_wire(BIO *bio, int command, long number, void *pointer)
{
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH || command == BIO_CTRL_DUP;
}

static void make_method(void)
{
    BIO_METHOD *made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK,
                                    "greenhub's wire");

    if (made && BIO_meth_set_read_ex(made, read_wire) &&
        BIO_meth_set_write_ex(made, write_wire) &&
        BIO_meth_set_ctrl(made, control_wire))
        method = made;
}

int green__tls_wire_attach(struct green__tls_wire *wire, SSL *ssl)
{
    BIO *bio;

    pthread_once(&once, make_method);
    bio = method ? BIO_new(method) : NULL;
    if (!bio)
        return -1;
    BIO_set_data(bio, wire);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    return 0;
}

void green__tls_wire_free(struct green__tls_wire *wire)
{
    free(wire->out);
}
