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

const char *report_entry_name(const struct model *m, const char *name, char text[120])
{
    const struct profile *p = m->profile;
    const struct ese_table *table =
        p->list[0].table ? ese_catalog_find(m->store->db->catalog, p->list[0].table) : NULL;
    const struct ese_column *column =
        table && p->list[0].name ? ese_table_column(table, p->list[0].name) : NULL;
    if (column == NULL || name == NULL || !store_column_is_secret(m->store, table, column))
        return name;
    uint8_t digest[HASH_SHA256_SIZE];
    char hex[2 * HASH_SHA256_SIZE + 1];
    struct hash hash = m->hash;
    hash_sha256_add(&hash, bytes_of(name, strlen(name)));
    hash_sha256_end(&hash, digest);
    snprintf(text, 120, "[%zu bytes, SHA-256 %s]", strlen(name),
             bytes_hex(bytes_of(digest, sizeof digest), hex, sizeof hex));
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
