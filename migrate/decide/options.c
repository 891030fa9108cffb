/* What was said, as a plan takes it: see options.h. */
#include "migrate/decide/options.h"

#include "migrate/judge/names.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

/* timegm() makes a day out of any numbers; a date that there is comes back as it went in. */
bool options_time(const char *text, int64_t *at, struct fault *f)
{
    struct tm tm = {.tm_isdst = 0};
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (end == NULL)
        end = strptime(text, "%Y-%m-%d", &tm);
    struct tm made = tm;
    time_t seconds = end ? timegm(&made) : 0;
    if (end == NULL || (end[0] != '\0' && strcmp(end, "Z") != 0) || made.tm_mday != tm.tm_mday ||
        made.tm_mon != tm.tm_mon || made.tm_year != tm.tm_year || made.tm_hour != tm.tm_hour ||
        made.tm_min != tm.tm_min || made.tm_sec != tm.tm_sec) {
        return fault_set(f, FAULT_NOT_THIS,
                         "--at: expected a time as 1999-12-31 or 1999-12-31T23:59:59Z, found %s",
                         text);
    }
    *at = seconds;
    return true;
}

/* "ENTRY" in `size` characters of an option's value. */
static bool parse_entry(const struct model *m, const char *option, const char *text, size_t size,
                        int32_t *key, struct fault *f)
{
    char entry[NAMES_TEXT];
    bool ok = size < sizeof entry;
    snprintf(entry, sizeof entry, "%.*s", ok ? (int)size : 40, text);
    struct fault why = {.code = FAULT_NONE};
    ok = ok ? names_parse(m, entry, key, &why)
            : fault_set(&why, FAULT_NOT_THIS, "expected an entry, found %s...", entry);
    return ok || fault_set(f, FAULT_MISSING, "%s: %s", option, why.text);
}

static bool parse_trust(const struct model *m, const struct decisions *said,
                        struct plan_options *plan, struct fault *f)
{
    for (unsigned i = 0; i < said->trusts && i < PLAN_DECISIONS_MOST; i++) {
        int32_t entry;
        const char *text = said->trust[i], *end = strrchr(text, '=');
        bool yes = end && strcmp(end, "=yes") == 0;
        if (end == NULL || (!yes && strcmp(end, "=no") != 0))
            return fault_set(f, FAULT_NOT_THIS, "--trust: expected ENTRY=yes or ENTRY=no, found %s",
                             text);
        if (!parse_entry(m, "--trust", text, (size_t)(end - text), &entry, f))
            return false;
        plan->trust[plan->trusts].entry = entry;
        plan->trust[plan->trusts++].yes = yes;
    }
    return true;
}

static bool parse_entries(const struct model *m, const char *option, const char *const *text,
                          unsigned count, int32_t *key, unsigned *keys, struct fault *f)
{
    for (unsigned i = 0; i < count && i < PLAN_DECISIONS_MOST; i++) {
        if (!parse_entry(m, option, text[i], strlen(text[i]), &key[i], f))
            return false;
        ++*keys;
    }
    return true;
}

bool options_of(const struct model *m, const struct decisions *said, struct plan_options *plan,
                struct fault *f)
{
    const char *superseded = said->superseded ? said->superseded : "keep";
    *plan = (struct plan_options){.to = MODE_UNKNOWN};
    if (said->to)
        plan->to = strcasecmp(said->to, "V3") == 0     ? MODE_V3
                   : strcasecmp(said->to, "V1V3") == 0 ? MODE_V1V3
                                                       : MODE_UNKNOWN;
    if (said->to && plan->to == MODE_UNKNOWN)
        return fault_set(f, FAULT_NOT_THIS, "--to: expected V3 or V1V3, found %s", said->to);
    plan->drop_superseded = strcmp(superseded, "drop") == 0;
    if (!plan->drop_superseded && strcmp(superseded, "keep") != 0)
        return fault_set(f, FAULT_NOT_THIS, "--superseded: expected keep or drop, found %s",
                         superseded);
    return parse_trust(m, said, plan, f) &&
           parse_entries(m, "--keep", said->keep, said->keeps, plan->keep, &plan->keeps, f) &&
           parse_entries(m, "--drop", said->drop, said->drops, plan->drop, &plan->drops, f);
}
