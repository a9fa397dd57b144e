/*
 * Names that POSIX.1-2008 does not have, for systems that lack them. A flag that
 * a system does not know is 0: it cannot be asked for, and is never set.
 */
#ifndef GREEN_PORTABLE_H
#define GREEN_PORTABLE_H

#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <netdb.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>

/* Bits beside a socket's type; system_made.c takes them off it. */
#ifndef SOCK_CLOEXEC
#define SOCK_CLOEXEC 0x10000000
#endif
#ifndef SOCK_NONBLOCK
#define SOCK_NONBLOCK 0x20000000
#endif

#ifndef MSG_CMSG_CLOEXEC
#define MSG_CMSG_CLOEXEC 0
#endif
#ifndef MSG_FASTOPEN
#define MSG_FASTOPEN 0
#endif
#ifndef MSG_ERRQUEUE
#define MSG_ERRQUEUE 0
#endif
#ifndef MSG_WAITFORONE
#define MSG_WAITFORONE 0
#endif

/* Not 0: a call that asks for it fails where it is not known. */
#ifndef RWF_NOWAIT
#define RWF_NOWAIT 8
#endif

#ifndef O_DIRECT
#define O_DIRECT 0
#endif
#ifndef O_PATH
#define O_PATH 0
#endif

#ifndef O_TMPFILE
#define O_TMPFILE O_CREAT
#endif

#ifndef IOV_MAX
#define IOV_MAX 1024
#endif

#ifndef WCOREFLAG
#define WCOREFLAG 0x80
#endif

/* 1 above the highest number of a signal. */
#ifndef NSIG
#define NSIG 65
#endif

/* No system has such an option, or such a message. */
#ifndef SO_PROTOCOL
#define SO_PROTOCOL (-1)
#endif
#ifndef SCM_CREDENTIALS
#define SCM_CREDENTIALS (-1)
#endif

/* The same bit in all systems that have getifaddrs. */
#ifndef IFF_UP
#define IFF_UP 1
#endif

/* RFC 3493 has these two. */
#ifndef NI_MAXHOST
#define NI_MAXHOST 1025
#endif
#ifndef NI_MAXSERV
#define NI_MAXSERV 32
#endif

#ifndef NI_IDN
#define NI_IDN 0
#endif

#endif
