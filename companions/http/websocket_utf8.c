/* UTF-8 (RFC 3629), checked in pieces that may end within a character. */
#include <string.h>

#include "websocket.h"

/* What may follow the first byte of a character: how many bytes, and which the
 * next one may be. So nothing is left of what is longer than it need be, of
 * surrogates, and of what lies beyond U+10FFFF. */
static bool begin(struct green__utf8 *utf8, unsigned char byte)
{
    if (byte < 0xc2 || byte > 0xf4)
        return false;
    utf8->missing = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    utf8->least = byte == 0xe0 ? 0xa0 : byte == 0xf0 ? 0x90 : 0x80;
    utf8->most = byte == 0xed ? 0x9f : byte == 0xf4 ? 0x8f : 0xbf;
    return true;
}

static bool next(struct green__utf8 *utf8, unsigned char byte)
{
    if (byte < utf8->least || byte > utf8->most)
        return false;
    utf8->missing--;
    utf8->least = 0x80;
    utf8->most = 0xbf;
    return true;
}

/* Skips ASCII, most of it eight bytes at a time. */
static const unsigned char *skip_ascii(const unsigned char *at,
                                       const unsigned char *end)
{
    uint64_t word;

    while (end - at >= 8) {
        memcpy(&word, at, sizeof word);
        if (word & UINT64_C(0x8080808080808080))
            break;
        at += 8;
    }
    while (at < end && *at < 0x80)
        at++;
    return at;
}

bool green__utf8_check(struct green__utf8 *utf8, const void *bytes, size_t size)
{
    const unsigned char *at = bytes, *end = at + size;

    while (at < end) {
        if (utf8->missing > 0) {
            if (!next(utf8, *at++))
                return false;
            continue;
        }
        at = skip_ascii(at, end);
        if (at < end && !begin(utf8, *at++))
            return false;
    }
    return true;
}
