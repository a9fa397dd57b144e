/* How a line of a log looks. */
#include "tools/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const char *const level_names[] = {
    "emergency", "alert",  "critical", "error",
    "warning",   "notice", "info",     "debug",
};

/* "2026-11-26T22:10:00.123Z": RFC 3339, as RFC 5424 demands. */
static int write_time(char *text, size_t size)
{
    struct timespec now;
    struct tm tm;

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    return snprintf(text, size, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
                    tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
                    tm.tm_min, tm.tm_sec, (int)(now.tv_nsec / 1000000));
}

/* "Nov 26 22:10:00", in local time: RFC 3164. Month names are English, whatever
 * the locale. */
static int write_old_time(char *text, size_t size)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t now = time(NULL);
    struct tm tm;

    localtime_r(&now, &tm);
    return snprintf(text, size, "%.3s %2d %02d:%02d:%02d",
                    months + (size_t)tm.tm_mon * 3, tm.tm_mday, tm.tm_hour,
                    tm.tm_min, tm.tm_sec);
}

/* What is in front of the text. */
static size_t write_head(const struct green__log_words *words, char *line,
                         size_t size, unsigned level)
{
    unsigned priority = words->facility * 8 + level;
    char time[96];
    int n;

    if (words->syslog && !words->rfc5424) {
        write_old_time(time, sizeof time);
        n = snprintf(line, size, "<%u>%s %s[%d]: ", priority, time, words->name,
                     (int)words->pid);
    } else if (words->syslog) {
        write_time(time, sizeof time);
        n = snprintf(line, size, "<%u>1 %s %s %s %d - - ", priority, time,
                     words->host, words->name, (int)words->pid);
    } else {
        write_time(time, sizeof time);
        n = snprintf(line, size, "%s %s %s[%d]: ", time, level_names[level],
                     words->name, (int)words->pid);
    }
    return n > 0 ? (size_t)n : 0;
}

static bool is_control(char c)
{
    return ((unsigned char)c < 0x20 && c != '\t') || c == 0x7f;
}

/* Copies the text, control characters as "#" and three octal digits, which
 * rsyslog made usual. Returns how much it has written. */
static size_t write_text(char *line, size_t room, const char *text)
{
    size_t n = 0;

    for (; *text != '\0' && n + 4 < room; text++) {
        if (is_control(*text))
            n += (size_t)snprintf(line + n, room - n, "#%03o",
                                  (unsigned)(unsigned char)*text);
        else
            line[n++] = *text;
    }
    return n;
}

size_t green__log_line(const struct green__log_words *words,
                       char line[GREEN_LOG_LINE], enum green_log_level level,
                       const char *format, va_list arguments)
{
    const int error = errno;
    char text[GREEN_LOG_LINE] = "";
    size_t length, size = write_head(words, line, GREEN_LOG_LINE, level);

    errno = error; /* for "%m" */
    if (vsnprintf(text, sizeof text, format, arguments) < 0)
        snprintf(text, sizeof text, "(a format that printf refuses)");
    length = strlen(text);
    if (length > 0 && text[length - 1] == '\n')
        text[length - 1] = '\0';
    size += write_text(line + size, GREEN_LOG_LINE - 1 - size, text);
    line[size++] = '\n';
    return size;
}

size_t green__log_note(const struct green__log_words *words,
                       char line[GREEN_LOG_LINE], const char *format, ...)
{
    va_list arguments;
    size_t size;

    va_start(arguments, format);
    size = green__log_line(words, line, GREEN_LOG_WARNING, format, arguments);
    va_end(arguments);
    return size;
}
