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

/* Decimal digits. snprintf would take half of the time of a whole line. */
static char *write_number(char *text, int number, int digits, char end)
{
    for (int i = digits - 1; i >= 0; i--, number /= 10)
        text[i] = (char)('0' + number % 10);
    text[digits] = end;
    return text + digits + 1;
}

#define TIME_SIZE sizeof "2026-11-26T22:10:00.123Z"

/* RFC 3339, as RFC 5424 demands; with a '\0'. */
static void write_time(char text[TIME_SIZE])
{
    struct timespec now;
    struct tm tm;

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    text = write_number(text, tm.tm_year + 1900, 4, '-');
    text = write_number(text, tm.tm_mon + 1, 2, '-');
    text = write_number(text, tm.tm_mday, 2, 'T');
    text = write_number(text, tm.tm_hour, 2, ':');
    text = write_number(text, tm.tm_min, 2, ':');
    text = write_number(text, tm.tm_sec, 2, '.');
    text = write_number(text, (int)(now.tv_nsec / 1000000), 3, 'Z');
    *text = '\0';
}

/* "Nov 26 22:10:00", in local time: RFC 3164. Month names are English, whatever
 * the locale. */
static void write_old_time(char *text, size_t size)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t now = time(NULL);
    struct tm tm;

    localtime_r(&now, &tm);
    snprintf(text, size, "%.3s %2d %02d:%02d:%02d",
             months + (size_t)tm.tm_mon * 3, tm.tm_mday, tm.tm_hour, tm.tm_min,
             tm.tm_sec);
}

/* What is in front of the text, in a file. */
static size_t write_file_head(const struct green__log_words *words, char *line,
                              unsigned level)
{
    char *end = line + TIME_SIZE - 1;

    write_time(line);
    *end++ = ' ';
    end = stpcpy(end, level_names[level]);
    *end++ = ' ';
    return (size_t)(stpcpy(end, words->who) - line);
}

/* And for the system's log. */
static size_t write_syslog_head(const struct green__log_words *words,
                                char *line, size_t size, unsigned level)
{
    unsigned priority = words->facility * 8 + level;
    char time[96];
    int n;

    if (words->rfc5424) {
        write_time(time);
        n = snprintf(line, size, "<%u>1 %s %s %s %d - - ", priority, time,
                     words->host, words->name, (int)words->pid);
    } else {
        write_old_time(time, sizeof time);
        n = snprintf(line, size, "<%u>%s %s", priority, time, words->who);
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
    char text[GREEN_LOG_LINE];
    size_t length, size;

    size = words->syslog ? write_syslog_head(words, line, GREEN_LOG_LINE, level)
                         : write_file_head(words, line, level);
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
