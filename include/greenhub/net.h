/*
 * Listen, dial, serve. The forms of an address are
 *
 *   tcp://HOST:PORT     IPv4 or IPv6, as HOST is or resolves to
 *   tcp://[::1]:6000    an IPv6 address in brackets
 *   tcp6://HOST:PORT    IPv6 only
 *   udp://HOST:PORT     datagrams; udp6:// for IPv6 only
 *   unix:///run/a.sock  a path; unix://@name for Linux's abstract names
 *
 * For green_listen, HOST may be "*" (all addresses), and PORT may be 0: the
 * system then chooses a port, and green_local_address returns it.
 */
#ifndef GREENHUB_NET_H
#define GREENHUB_NET_H

#include <greenhub/base.h>
#include <greenhub/hub.h>
#include <greenhub/socket.h>
#include <greenhub/thread.h>

GREEN_BEGIN_DECLS

struct green_stream;      /* greenhub/stream.h */
struct green_stream_wrap; /* greenhub/stream.h */

/* Zero-initialise it; 0 selects the default. */
struct green_listen_options {
    int backlog;     /* default 4096; the system may lower it */
    bool reuse_port; /* SO_REUSEPORT: TCP listeners, and UDP sockets, may
                            * share the port */
    bool
        no_reuse_address; /* leave SO_REUSEADDR off; it is always off for UDP */
    unsigned fast_open;   /* TCP fast open: at most this many connections that
                            * sent data before their handshake was over. It
                            * needs bit 2 of the sysctl net.ipv4.tcp_fastopen.
                            * Default 0: off */
    const struct green_keepalive *keepalive; /* of accepted TCP connections;
                                              * NULL: off */
    uint64_t reserved[4];                    /* must be zero */
};

/*
 * Makes a listening socket, close-on-exec; for udp, a bound socket, for
 * green_recvfrom and green_recvmmsg. Replaces a unix socket on which no
 * process listens, but no other file. options may be NULL.
 * Returns the descriptor, or -1: EINVAL (address or options are invalid, or
 * fast_open or keepalive is set and the address is not TCP's),
 * ENOENT (the name is unknown), EADDRINUSE, EACCES, and the errors of socket,
 * bind and listen; green_net_error() gives the error in words. May switch, to
 * look up a name.
 */
GREEN_API int green_listen(const char *address,
                           const struct green_listen_options *options);

/*
 * Connects to an address. If a name has several addresses, tries them by
 * RFC 8305: IPv6 and IPv4 in turn, the next one when one fails, or after 250 ms
 * without an answer; the first that connects counts, and the other attempts end.
 * A resolver of the program's own (green_use_resolver) is asked for both
 * families at once: attempts begin with the answer for IPv6, or 50 ms after that
 * for IPv4. The system's resolver gets one question for both, and another for
 * each family if it has not answered after 50 ms: so neither way does a family
 * whose name server is silent delay the other.
 * TCP sockets get TCP_NODELAY. A UDP socket is connected without a word to the
 * peer: if nobody has the port, a later call may fail with ECONNREFUSED. Use a
 * green_timeout to limit the time.
 * Returns the descriptor, close-on-exec, or -1: EINVAL (the address is
 * invalid), ENOENT (the name is unknown), EAGAIN (the name could not be looked
 * up now), ECONNREFUSED, and the errors of socket and connect for the attempt
 * that failed last; green_net_error() gives the error in words.
 * If no process listens at a port that the system also assigns to clients, TCP
 * may connect the socket to itself: that fails with ECONNREFUSED, too. May
 * switch.
 */
GREEN_API int green_dial(const char *address);

/* Zero-initialise it; 0 and NULL select the defaults. */
struct green_dial_options {
    const char *local;  /* the address to connect from, in the same form; with
                           * port 0 the system chooses the port. Default: the
                           * system chooses address and port */
    green_time timeout; /* for the whole call with look-up; default: none */
    bool fast_open;     /* TCP fast open (TCP_FASTOPEN_CONNECT): to a server
                           * that this machine knows, the first bytes written go
                           * with the handshake. The call then succeeds at once,
                           * and they find out whether anybody is there */
    const struct green_keepalive *keepalive; /* of TCP; NULL: off */
    uint64_t reserved[4];                    /* must be zero */
};

/*
 * Like green_dial, with options, which may be NULL.
 * Fails with the errors of green_dial, and with EINVAL for a negative timeout,
 * a local address of another scheme, fast_open or keepalive without TCP, or a
 * reserved word that is not zero; with the errors of green_set_keepalive;
 * ETIMEDOUT when the timeout expires; EAFNOSUPPORT if `local` and the address
 * have no address family in common; EADDRINUSE, EADDRNOTAVAIL and the other
 * errors of bind; EDEADLK with a timeout in a hub's callback. May switch.
 */
GREEN_API int green_dial_with(const char *address,
                              const struct green_dial_options *options);

/*
 * Describes the last failure of green_listen, green_dial, green_dial_with,
 * green_resolve or green_serve on this OS thread: "ADDRESS: reason", for instance
 * "tcp://no.such.host:80: Name or service not known"; "" if none has failed.
 * A call that succeeds does not change the string.
 * The reason is gai_strerror(3)'s if a name could not be looked up,
 * green_hub_error()'s if no hub could be made, otherwise strerror(3)'s for
 * errno. An address is cut at 180 bytes. For green_serve it is the listener's
 * address, or "descriptor N" if the listener has none.
 * Never NULL. Valid until this OS thread's next such call that fails. Other
 * greenthreads may make such calls: read or copy the string before you make a
 * call that may switch.
 * Never switches.
 */
GREEN_API const char *green_net_error(void);

/*
 * Writes the address to which a socket is bound, with its '\0', in the form
 * that green_listen and green_dial take.
 * Returns its length, or -1: EINVAL for NULL, ENOSPC if it does not fit,
 * EAFNOSUPPORT, and the errors of getsockname. Never switches.
 */
GREEN_API int green_local_address(int fd, char *buffer, size_t size);

/*
 * Like green_local_address, for the socket's peer; fails with the errors of
 * getpeername. Never switches.
 */
GREEN_API int green_peer_address(int fd, char *buffer, size_t size);

/*
 * A handle to stop or watch a running green_serve. Zero-initialise it before
 * each green_serve, since it remembers a stop; put it in the options; keep it
 * in place until green_serve has returned.
 * The counters are atomic: any thread may read them at any time, as it reads
 * plain variables. They may be slightly out of date.
 */
struct green_server {
    GREEN_ATOMIC(uint64_t) accepted; /* connections accepted */
    GREEN_ATOMIC(uint64_t) active;   /* connections being handled now */
    GREEN_ATOMIC(uint64_t)
    pauses; /* times that descriptors or memory ran out */
    struct {
        GREEN_ATOMIC(void *) state; /* the library's */
        GREEN_ATOMIC(unsigned) stop;
        void *watcher;    /* the greenthread of green_server_stop_on */
        uint64_t signals; /* that it waits for */
    } internal;
};

/* Zero-initialise it; 0 and NULL select the defaults. */
struct green_serve_options {
    void *arg;                /* passed to the handler */
    unsigned max_connections; /* handled at once, in all threads together; the
                               * rest waits in the system's backlog, except
                               * one that each thread may have accepted.
                               * Default: no limit */
    unsigned threads;         /* number of OS threads, each with its own hub,
                              * the caller's included. Default 1. If there are
                              * more, a TCP listener needs reuse_port, and a
                              * stop resets connections that wait in the
                              * backlogs of the additional threads */
    const char *hub;          /* the hub of the additional threads; NULL: the
                              * same as the caller's */
    size_t stack_size;        /* as in struct green_attr */
    bool kill_on_stop;        /* kill the handlers on a stop; default: let them
                              * finish */
    struct green_server *server; /* for green_server_stop; may be NULL */
    green_time stop_timeout; /* kill the handlers that a stop has waited for as
                              * long as this; default: wait for ever */
    const struct green_stream_wrap *wrap; /* green_serve_streams: the layer,
                                           * such as TLS; NULL: none */
    uint64_t reserved[4];                 /* must be zero */
};

/*
 * Accepts connections and spawns handler(fd, arg) for each. When a handler
 * returns, green_serve closes its fd; a handler may shut fd down but must not
 * close it. When descriptors or memory run out, green_serve pauses accepting
 * until some are free. It does not close the listener. TCP connections get
 * TCP_NODELAY. options may be NULL.
 * It runs until one of these happens:
 * - green_server_stop is called. green_serve ends the waits in idle regions
 *   (green_idle_begin), waits until all handlers have returned, and returns 0.
 *   With kill_on_stop it kills the handlers first, with stop_timeout those that
 *   are still there after that time. A handler that blocks under a shield is
 *   waited for. green_server_stop_on in greenhub/process.h does so at a signal.
 * - The caller is killed or timed out, or the listener fails. green_serve kills
 *   the handlers, waits until they have returned, and returns -1.
 * Errors: EINVAL for a NULL handler, a wrap, a negative stop_timeout, a reserved
 * word that is not zero, or several threads without reuse_port; EBADF if the listener is closed; the
 * errors of accept; the errors of green_use_hub in an additional thread, with
 * the reason in green_hub_error(). green_net_error() gives all of these in
 * words.
 * May switch. Mirrors eventlet.serve.
 */
GREEN_API int green_serve(int listener, void (*handler)(int fd, void *arg),
                          const struct green_serve_options *options);

/*
 * Like green_serve, but calls handler(stream, arg), with a stream of the
 * connection: plain, or made by the layer `wrap` of the options. The layer's
 * part, such as a handshake, runs in the connection's greenthread; if it fails,
 * the connection is closed and the handler not called. green_serve_streams
 * closes the stream when the handler returns; the handler may shut it down but
 * must not close it.
 * Errors: those of green_serve; EINVAL if `wrap` is incomplete or a reserved
 * word of it is not zero. May switch.
 */
GREEN_API int green_serve_streams(int listener,
                                  void (*handler)(struct green_stream *stream,
                                                  void *arg),
                                  const struct green_serve_options *options);

/*
 * Makes green_serve stop accepting, wait for its handlers and return. If
 * green_serve has not been called yet, it will return at once.
 * Returns 0, or -1: EINVAL for NULL. Never switches. From any thread, and from
 * signal handlers.
 */
GREEN_API int green_server_stop(struct green_server *server);

/*
 * Like green_server_stop, but kills the handlers, also those that an earlier
 * green_server_stop waits for: their blocking calls fail with ECANCELED.
 * Returns 0, or -1: EINVAL for NULL. Never switches. From any thread, and from
 * signal handlers.
 */
GREEN_API int green_server_kill(struct green_server *server);

/*
 * Returns whether a server has been told to stop. With NULL: whether a
 * green_serve in which the calling OS thread takes part is to end, also because
 * it failed. A handler asks this before it starts what takes long, and to tell
 * its client that this answer is the last. Never switches. With a server, from
 * any thread.
 */
GREEN_API bool green_server_stopping(const struct green_server *server);

/* ---- Idle regions ------------------------------------------------------ */

/*
 * A part of a handler in which nothing is lost if it ends, such as the wait for
 * the next request: blocking calls in it fail when the server stops, so that idle
 * connections do not hold up the stop. It lies on the greenthread's stack, from
 * green_idle_begin to green_idle_end.
 */
struct green_idle {
    struct {
        struct green_cancel_scope cancel_scope; /* the library's */
        struct green_list link;
        void *reserved[2];
    } internal;
};

/*
 * Begins an idle region of the calling greenthread. When the server stops, the
 * call in which it is blocked fails with ECANCELED, and so does each later one
 * that would block, until green_idle_end. After a stop, calls in a new region
 * fail only if they would block: what has been received can still be read.
 * Idle regions, timeouts, shields and scopes nest: end each in the function that
 * began it, before those that were begun earlier. *idle need not be initialised.
 * server  its green_serve has to run in the calling OS thread; NULL: the
 *         innermost one that does. To be called by handlers, and by greenthreads
 *         that they wait for.
 * Returns 0, or -1: EINVAL if idle is NULL or no such green_serve runs here,
 * EBUSY if the region was begun and not ended, EDEADLK in a hub's callback.
 * Never switches.
 */
GREEN_API int green_idle_begin(struct green_idle *idle,
                               struct green_server *server);

/*
 * Ends an idle region. Returns 0, or -1: EINVAL for NULL or if it is not the
 * innermost of the caller's idle regions, timeouts, shields and scopes. Leaves
 * errno unchanged if it succeeds. Never switches.
 */
GREEN_API int green_idle_end(struct green_idle *idle);

/*
 * Returns whether a stop came while the region lasted, or before, also after it
 * was ended. This tells whether the stop caused an ECANCELED. False for NULL.
 * Never switches.
 */
GREEN_API bool green_idle_stopped(const struct green_idle *idle);

GREEN_END_DECLS

#endif
