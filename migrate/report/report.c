/* What the text and the JSON report share: see report.h. */
#include "migrate/report/report.h"

#include "migrate/console/date.h"
#include "migrate/console/document.h"

#include <stdio.h>
#include <string.h>

const char *report_time(bool known, int64_t seconds)
{
    enum { KEPT = 8 };
    static char kept[KEPT][32];
    static unsigned next;
    char iso[DATE_ROOM], *text = kept[next++ % KEPT];
    if (!known || !date_of_seconds(seconds, iso))
        return "unknown";
    snprintf(text, sizeof kept[0], "%.10s %.8s", iso, strchr(iso, 'T') + 1);
    return text;
}

int report_print(const struct assessment *a, enum report_kind kind,
                 const struct repair_result *result, bool as_json)
{
    if (!as_json) {
        report_text(a, kind, result);
        return EXIT_CLEAN;
    }
    struct json *json = document_open();
    if (json == NULL)
        return EXIT_TROUBLE;
    report_json(json, a, kind, result);
    return EXIT_CLEAN;
}
