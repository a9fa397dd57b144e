/*
 * greenhub: greenthreads on hubs that a program can choose, replace or write.
 *
 * This header includes every part but greenhub/scoped.h and greenhub/patch.h. The parts are:
 *
 *   greenhub/base.h        times, version, attributes of declarations
 *   greenhub/hub.h         choosing a hub; the hub as an event loop
 *   greenhub/hub_module.h  for authors of hubs
 *   greenhub/thread.h      greenthreads: spawn, join, kill, sleep, time out
 *   greenhub/sync.h        events, semaphores, locks and the like
 *   greenhub/queue.h       queues
 *   greenhub/channel.h     channels; waiting for one of several things
 *   greenhub/pool.h        limited numbers of jobs at once; results in order
 *   greenhub/resource.h    pools of reusable resources, such as connections
 *   greenhub/shared.h      events and channels across OS threads
 *   greenhub/scope.h       greenthreads that end before their scope does
 *   greenhub/scoped.h      timeouts, shields and scopes that end with a block
 *   greenhub/patch.h       blocking libraries made green (libgreenhub-patch)
 *   greenhub/thread_pool.h OS threads for blocking calls
 *   greenhub/io.h          POSIX calls that park the greenthread alone
 *   greenhub/stream.h      descriptors, and layers over them such as TLS
 *   greenhub/process.h     child processes and signals
 *   greenhub/socket.h      what sockets have beyond bytes: descriptors passed
 *   greenhub/service.h     service managers, upgrades of a running service
 *   greenhub/net.h         listen, dial, serve
 *   greenhub/resolve.h     names and addresses; the choice of a resolver
 *   greenhub/log.h         a log that keeps nobody waiting
 *   greenhub/debug.h       a look inside a running program
 *   greenhub/trace.h       what a program does over time
 *
 * Every function that fails returns -1 or NULL and sets errno, unless its
 * comment says otherwise. Errors stand after a colon: "-1: EINVAL for NULL"
 * means that the function returns -1 and sets errno to EINVAL if an argument
 * that must not be NULL is NULL.
 * "May switch" means that other greenthreads may run before the call returns;
 * "Never switches" means that none does.
 * "Mirrors" names the function whose semantics the call follows: Eventlet's,
 * unless the comment says otherwise.
 * Structs that a program fills in or stores have reserved words at their end.
 * Zero-initialising such a struct sets them. A later version may give them a
 * meaning without the program being compiled again.
 */
#ifndef GREENHUB_H
#define GREENHUB_H

#include <greenhub/base.h>
#include <greenhub/channel.h>
#include <greenhub/debug.h>
#include <greenhub/hub.h>
#include <greenhub/hub_module.h>
#include <greenhub/io.h>
#include <greenhub/log.h>
#include <greenhub/net.h>
#include <greenhub/pool.h>
#include <greenhub/process.h>
#include <greenhub/queue.h>
#include <greenhub/resolve.h>
#include <greenhub/resource.h>
#include <greenhub/scope.h>
#include <greenhub/service.h>
#include <greenhub/shared.h>
#include <greenhub/socket.h>
#include <greenhub/stream.h>
#include <greenhub/sync.h>
#include <greenhub/thread.h>
#include <greenhub/thread_pool.h>
#include <greenhub/trace.h>

#endif
