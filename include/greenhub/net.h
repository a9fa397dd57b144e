/*
 * Listen, dial, serve. An address is written
 *
 *   tcp://HOST:PORT     IPv4 or IPv6, whichever HOST is or its name gives;
 *   tcp://[::1]:6000    an IPv6 address in brackets
 *   tcp6://HOST:PORT    IPv6 only
 *   unix:///run/a.sock  a path; unix://@name for Linux's abstract names
 *
 * HOST may be "*" for green_listen (all addresses). PORT may be 0 there: the
 * system chooses, green_local_address tells.
 */
#ifndef GREENHUB_NET_H
#define GREENHUB_NET_H

#include <greenhub/base.h>
#include <greenhub/hub.h>

GREEN_BEGIN_DECLS

struct addrinfo; /* <netdb.h> */

/* Zero-initialise it; 0 means the default. */
struct green_listen_options {
    int backlog;           /* default 4096, cut by the system's limit */
    bool reuse_port;       /* SO_REUSEPORT: several TCP listeners share it */
    bool no_reuse_address; /* leave SO_REUSEADDR off */
    uint64_t reserved[4];  /* must be zero */
};

/*
 * A listening socket, close-on-exec. A unix path that exists but on which nobody
 * listens is replaced. options may be NULL.
 * Returns the descriptor, or -1: EINVAL (address or options make no sense),
 * ENOENT (the name is not known), EADDRINUSE, EACCES and what socket, bind and
 * listen fail with; green_net_error() says it in words. May switch, to look a name
 * up.
 */
GREEN_API int green_listen(const char *address,
                           const struct green_listen_options *options);

/*
 * Connects; several addresses of a name are tried in turn. Limit it in time with
 * a green_timeout. TCP sockets get TCP_NODELAY.
 * Returns the descriptor, close-on-exec, or -1: EINVAL (address makes no
 * sense), ENOENT (the name is not known), EAGAIN (the name could not be
 * looked up now), ECONNREFUSED and what socket and connect fail with, for the
 * last address tried; green_net_error() says it in words. TCP could also connect a
 * socket to itself, when nobody listens at a port that the system hands out: that is
 * ECONNREFUSED. May switch.
 */
GREEN_API int green_dial(const char *address);

/* Zero-initialise it; 0 and NULL mean the defaults. */
struct green_dial_options {
    const char *local;  /* the address to connect from, written as the other;
                           * port 0: the system chooses. Default: it chooses all */
    green_time timeout; /* for all of it, looking up included; default: none */
    uint64_t reserved[4]; /* must be zero */
};

/*
 * green_dial with options, which may be NULL. Besides green_dial's errors: EINVAL
 * for a negative timeout, a local address of another scheme, or a reserved word that
 * is not zero; ETIMEDOUT when the time is over; EAFNOSUPPORT if `local` is of no
 * family that the address has; EADDRINUSE, EADDRNOTAVAIL and what else bind fails
 * with; EDEADLK with a timeout in a hub's callback. May switch.
 */
GREEN_API int green_dial_with(const char *address,
                              const struct green_dial_options *options);

/*
 * getaddrinfo(3), with the same results, to be freed by freeaddrinfo(3): numbers are
 * answered at once, names looked up on OS threads of the resolver's. hints may be NULL.
 * Returns 0; or a code for gai_strerror(3). EAI_SYSTEM with errno is also said of
 * ECANCELED, ETIMEDOUT, EDEADLK in a hub's callback, EAGAIN if there is no thread,
 * EINVAL if found is NULL, and what green_get_hub fails with. May switch.
 */
GREEN_API int green_getaddrinfo(const char *node, const char *service,
                                const struct addrinfo *hints,
                                struct addrinfo **found);

/*
 * Why the last green_listen, green_dial, green_dial_with or green_serve of this OS thread that
 * failed did so: "ADDRESS: words", for instance "tcp://no.such.host:80: Name or
 * service not known"; "" if none did. The words are those of gai_strerror(3) where
 * a name could not be looked up, of green_hub_error() where no hub could be made,
 * else strerror(3)'s of errno. A call that succeeds leaves them alone. Of an address
 * of more than 180 bytes the rest is cut off. Of green_serve it is the listener's
 * address, or "descriptor N" if that has none.
 * Never NULL. Valid until the OS thread's next such call that fails: a greenthread
 * reads or copies it before it calls what may switch, since then others may fail.
 * Never switches.
 */
GREEN_API const char *green_net_error(void);

/*
 * Writes the address at which a socket is bound, as green_listen and green_dial
 * take it, with its '\0'. Returns its length, or -1: EINVAL for NULL, ENOSPC if
 * it does not fit, EAFNOSUPPORT, errors as getsockname. Never switches.
 */
GREEN_API int green_local_address(int fd, char *buffer, size_t size);

/* The same of its peer; errors as getpeername. Never switches. */
GREEN_API int green_peer_address(int fd, char *buffer, size_t size);

/*
 * A running green_serve, for those who want to stop or watch it. Zero-initialise
 * it, each time anew since it remembers a stop; name it in the options; keep it in
 * place until green_serve has returned.
 * The counters are atomic: they may be read at any time from any thread, as plain
 * variables are; they may be a little behind.
 */
struct green_server {
    GREEN_ATOMIC(uint64_t) accepted; /* connections accepted */
    GREEN_ATOMIC(uint64_t) active;   /* being handled now */
    GREEN_ATOMIC(uint64_t)
    pauses; /* times that descriptors or memory ran out */
    struct {
        GREEN_ATOMIC(void *) state; /* the library's */
        GREEN_ATOMIC(unsigned) stop;
        void *reserved[2];
    } internal;
};

/* Zero-initialise it; 0 and NULL mean the defaults. */
struct green_serve_options {
    void *arg;                /* handed to the handler */
    unsigned max_connections; /* handled at once, over all threads; the rest
                               * waits in the system's backlog, but for one
                               * that each thread may have accepted. Default:
                               * no limit */
    unsigned threads;         /* OS threads, the caller's one of them, each with
                              * its own hub. Default 1. With TCP the listener
                              * must have reuse_port set, and what waits in
                              * the further threads' own backlogs at a stop
                              * is reset */
    const char *hub;          /* the hub of the further threads; NULL: the same
                              * as the caller's */
    size_t stack_size;        /* as in struct green_attr */
    bool kill_on_stop;        /* kill the handlers on a stop; default: let them
                              * finish */
    struct green_server *server; /* handle for green_server_stop; may be NULL */
    uint64_t reserved[4];        /* must be zero */
};

/*
 * Accepts connections and spawns handler(fd, arg) for each; closes fd when the
 * handler returns (it may shut it down, it must not close it). Out of
 * descriptors or memory it pauses accepting, and goes on when there are some.
 * It leaves the listener open. TCP connections get TCP_NODELAY. options may be
 * NULL. Runs until green_server_stop (0), or until the caller is killed, timed
 * out or the listener fails (-1): EINVAL for a NULL handler, a reserved word
 * that is not zero, or threads without reuse_port; EBADF when the listener is
 * closed; what accept fails with; what
 * green_use_hub fails with in a further thread, with words in green_hub_error();
 * green_net_error() says all of these in words. It returns when all handlers have returned: after a stop it waits for them (or
 * kills them, with kill_on_stop); when it fails it kills them, and then waits.
 * May switch. Mirrors eventlet.serve.
 */
GREEN_API int green_serve(int listener, void (*handler)(int fd, void *arg),
                          const struct green_serve_options *options);

/*
 * Has green_serve accept no more, wait for its handlers and return; before
 * green_serve was called it makes it return at once. Returns 0, or -1 and EINVAL
 * for NULL. Never switches. From any thread, and from signal handlers.
 */
GREEN_API int green_server_stop(struct green_server *server);

GREEN_END_DECLS

#endif
