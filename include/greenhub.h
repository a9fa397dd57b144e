/*
 * greenhub: green threads on hubs that can be chosen, replaced and written.
 *
 * This header is all of it. The parts, one subject each:
 *
 *   greenhub/base.h        times, version, the attributes that headers use
 *   greenhub/hub.h         choosing a hub; the hub as an event loop of its own
 *   greenhub/hub_module.h  for those who write a hub
 *   greenhub/thread.h      greenthreads: spawn, join, kill, sleep, time out
 *   greenhub/sync.h        events, semaphores, locks and the like
 *   greenhub/queue.h       queues
 *   greenhub/channel.h     channels, and choosing among several waits
 *   greenhub/pool.h        many jobs, few at a time; results in order
 *   greenhub/resource.h    what is dear to make and used again
 *   greenhub/shared.h      events and channels across OS threads
 *   greenhub/scope.h       greenthreads that end where they were begun
 *   greenhub/thread_pool.h OS threads for calls that block
 *   greenhub/io.h          POSIX calls that park the greenthread, not the thread
 *   greenhub/process.h     children and signals
 *   greenhub/net.h         listen, dial, serve, names
 *   greenhub/debug.h       a look inside a running program
 *
 * Every function that fails returns -1 or NULL and sets errno, unless its
 * comment says otherwise. Structs that a program fills in or keeps end in reserved
 * words, which zero-initialising sets: a later version may give them a meaning, and
 * a program need not be compiled anew. "May switch" means that other greenthreads may run
 * before the call returns; "Never switches" means that they do not.
 */
#ifndef GREENHUB_H
#define GREENHUB_H

#include <greenhub/base.h>
#include <greenhub/channel.h>
#include <greenhub/debug.h>
#include <greenhub/hub.h>
#include <greenhub/hub_module.h>
#include <greenhub/io.h>
#include <greenhub/net.h>
#include <greenhub/pool.h>
#include <greenhub/process.h>
#include <greenhub/queue.h>
#include <greenhub/resource.h>
#include <greenhub/scope.h>
#include <greenhub/shared.h>
#include <greenhub/sync.h>
#include <greenhub/thread.h>
#include <greenhub/thread_pool.h>

#endif
