/* Dates of HTTP: RFC 9110, 5.6.7. The names in them are English, whatever the
 * locale. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "http.h"

static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed",
                                "Thu", "Fri", "Sat"};
static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

void green__http_date_print(char text[GREEN__HTTP_DATE], time_t when)
{
    struct tm parts = {0};

    gmtime_r(&when, &parts);
    snprintf(text, GREEN__HTTP_DATE, "%s, %02u %s %04u %02u:%02u:%02u GMT",
             days[parts.tm_wday % 7], (unsigned)parts.tm_mday % 100,
             months[parts.tm_mon % 12],
             (unsigned)(parts.tm_year + 1900) % 10000,
             (unsigned)parts.tm_hour % 100, (unsigned)parts.tm_min % 100,
             (unsigned)parts.tm_sec % 100);
}

const char *green__http_now(void)
{
    static _Thread_local struct {
        time_t when;
        char text[GREEN__HTTP_DATE];
    } now;
    time_t when = time(NULL);

    if (when != now.when || now.text[0] == '\0') {
        now.when = when;
        green__http_date_print(now.text, when);
    }
    return now.text;
}

static int month_of(const char *name)
{
    for (int i = 0; i < 12; i++)
        if (strcmp(months[i], name) == 0)
            return i;
    return -1;
}

/* Two digits of a year are those of the past, or at most 50 years ahead. */
static int whole_year(int year)
{
    time_t when = time(NULL);
    struct tm parts = {0};
    int now;

    gmtime_r(&when, &parts);
    now = parts.tm_year + 1900;
    year += now - now % 100;
    return year > now + 50 ? year - 100 : year;
}

/* NOLINTBEGIN(cert-err34-c): their widths bound the numbers */
bool green__http_date_parse(const char *text, time_t *when)
{
    struct tm parts = {0};
    char month[4] = "", zone[4] = "";
    int year = 0, end = 0;

    if (sscanf(text, "%*3[A-Za-z], %2d %3s %4d %2d:%2d:%2d %3s%n",
               &parts.tm_mday, month, &year, &parts.tm_hour, &parts.tm_min,
               &parts.tm_sec, zone, &end) == 7 &&
        end == 29) {
        /* the preferred form */
    } else if (sscanf(text, "%*9[A-Za-z], %2d-%3s-%2d %2d:%2d:%2d %3s%n",
                      &parts.tm_mday, month, &year, &parts.tm_hour,
                      &parts.tm_min, &parts.tm_sec, zone, &end) == 7) {
        year = whole_year(year);
    } else if (sscanf(text, "%*3[A-Za-z] %3s %2d %2d:%2d:%2d %4d%n", month,
                      &parts.tm_mday, &parts.tm_hour, &parts.tm_min,
                      &parts.tm_sec, &year, &end) == 6) {
        strcpy(zone, "GMT"); /* asctime's */
    } else {
        return false;
    }
    parts.tm_year = year - 1900;
    parts.tm_mon = month_of(month);
    if (text[end] != '\0' || strcmp(zone, "GMT") != 0 || parts.tm_mon < 0 ||
        parts.tm_mday < 1 || parts.tm_mday > 31 || parts.tm_hour > 23 ||
        parts.tm_min > 59 || parts.tm_sec > 60)
        return false;
    *when = timegm(&parts);
    return true;
}
/* NOLINTEND(cert-err34-c) */
