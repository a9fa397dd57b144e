/*
 * Static probes, which SystemTap, bpftrace and perf find in the library's file
 * (readelf -n). Each is one instruction that does nothing; the arguments are
 * what the place has in registers or memory anyway. A build without
 * <sys/sdt.h> has none. docs/debugging.md lists them.
 */
#ifndef GREEN_PROBE_H
#define GREEN_PROBE_H

#if GREEN__PROBES

#include <sys/sdt.h>

#define GREEN__PROBE1(name, a) STAP_PROBE1(greenhub, name, a)
#define GREEN__PROBE2(name, a, b) STAP_PROBE2(greenhub, name, a, b)
#define GREEN__PROBE3(name, a, b, c) STAP_PROBE3(greenhub, name, a, b, c)

#else

#define GREEN__PROBE1(name, a) ((void)(a))
#define GREEN__PROBE2(name, a, b) ((void)(a), (void)(b))
#define GREEN__PROBE3(name, a, b, c) ((void)(a), (void)(b), (void)(c))

#endif

#endif
