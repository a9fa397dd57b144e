/* RFC 2553 had these codes; POSIX has them no more, most systems do. See resolver.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "net/resolver.h"

#include <limits.h>
#include <netdb.h>

#ifdef EAI_NODATA
const int green__code_no_data = EAI_NODATA;
#else
const int green__code_no_data = EAI_NONAME;
#endif

#ifdef EAI_ADDRFAMILY
const int green__code_other_family = EAI_ADDRFAMILY;
#else
const int green__code_other_family = INT_MIN;
#endif
