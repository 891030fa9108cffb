/* What the text and the JSON report share: see report.h. */
#include "migrate/report/report.h"

#include "migrate/console/message.h"

#include <stdio.h>
#include <time.h>

const char *report_time(bool known, int64_t seconds, char text[32])
{
    time_t time = (time_t)seconds;
    struct tm tm;
    enum { LAST_YEAR = 9999 };
    if (!known || gmtime_r(&time, &tm) == NULL || tm.tm_year < -1900 ||
        tm.tm_year > LAST_YEAR - 1900)
        return "unknown";
    snprintf(text, 32, "%04d-%02d-%02d %02d:%02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1,
             tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
    return text;
}

int report_print(const struct assessment *a, enum report_kind kind,
                 const struct report_result *result, bool as_json)
{
    if (!as_json) {
        report_text(a, kind, result);
        return EXIT_CLEAN;
    }
    struct json *json = json_open(true);
    if (json == NULL) {
        message_error("out of memory");
        return EXIT_TROUBLE;
    }
    report_json(json, a, kind, result);
    json_close(json);
    return EXIT_CLEAN;
}
