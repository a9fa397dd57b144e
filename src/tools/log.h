/* The parts of a log: lines, and where they go. */
#ifndef GREEN_LOG_INTERNAL_H
#define GREEN_LOG_INTERNAL_H

#include <sys/types.h>

#include <greenhub/log.h>

#define GREEN__LOG_NAME 48

/* What is in each line; does not change. */
struct green__log_words {
    char name[GREEN__LOG_NAME];
    char who[GREEN__LOG_NAME + 16]; /* "name[PID]: " */
    char host[64];                  /* for RFC 5424 */
    pid_t pid;
    unsigned facility;
    bool syslog, rfc5424;
};

/* Formats a line with its '\n'; returns its size. errno is for "%m". */
size_t green__log_line(const struct green__log_words *words,
                       char line[GREEN_LOG_LINE], enum green_log_level level,
                       const char *format, va_list arguments);
size_t green__log_note(const struct green__log_words *words,
                       char line[GREEN_LOG_LINE], const char *format, ...)
    __attribute__((format(printf, 3, 4)));

struct green__log_output {
    int fd;
    char *path;  /* of a file or of a socket; NULL: the user's descriptor */
    bool syslog; /* path is a socket's */
    bool torn;   /* a part of a line was written */
};

/* 0, or -1 with errno. */
int green__log_output_open(struct green__log_output *output);
void green__log_output_close(struct green__log_output *output);

/*
 * Writes lines. Returns the number of bytes that were written; fewer than size
 * with errno if the target refused the rest. May switch.
 */
size_t green__log_output_write(struct green__log_output *output,
                               const char *lines, size_t size);

#endif
