/* Dates of DateTime columns: see date.h. */
#include "migrate/console/date.h"

#include "formats/calendar.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { DAY_MS = 86400000, TICKS_A_SECOND = 10000000, SECONDS_A_DAY = CALENDAR_SECONDS_A_DAY };

/* ---- which columns hold FILETIMEs ---- */

/* The part of a column's name that counts: Certificate Services marks some with a $. */
static const char *bare(const char *name)
{
    return name[0] == '$' ? name + 1 : name;
}

bool date_is_filetime(const struct ese_table *table, const struct ese_column *column)
{
    static const struct {
        const char *table, *column;
    } known[] = {
        /* the engine's own: cat.cxx */
        {"MSysObjects", "PgnoFDPLastSetTime"},
        {"MSysObjectsShadow", "PgnoFDPLastSetTime"},
        /* User Access Logging: Current.mdb and its copies, SystemIdentity.mdb */
        {"CLIENTS", "InsertDate"},
        {"CLIENTS", "LastAccess"},
        {"ROLE_ACCESS", "FirstSeen"},
        {"ROLE_ACCESS", "LastSeen"},
        {"DNS", "LastSeen"},
        {"VIRTUALMACHINES", "CreationTime"},
        {"VIRTUALMACHINES", "LastSeenActive"},
        {"SYSTEM_IDENTITY", "CreationTime"},
        {"CHAINED_DATABASES", "CreationTime"},
        /* Certificate Services */
        {"Requests", "SubmittedWhen"},
        {"Requests", "ResolvedWhen"},
        {"Requests", "RevokedWhen"},
        {"Requests", "RevokedEffectiveWhen"},
        {"Certificates", "NotBefore"},
        {"Certificates", "NotAfter"},
        {"CRLs", "ThisUpdate"},
        {"CRLs", "NextUpdate"},
        {"CRLs", "ThisPublish"},
        {"CRLs", "NextPublish"},
        {"CRLs", "Effective"},
        {"CRLs", "PropagationComplete"},
        {"CRLs", "LastPublished"},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (column->type == ESE_COL_DATE_TIME && ese_table_is(table, known[i].table) &&
            strcasecmp(bare(column->name), known[i].column) == 0)
            return true;
    return false;
}

/* ---- as text ---- */

/* Writes `digits` digits of a number and the character behind them. */
static char *write_number(char *to, int value, int digits, char behind)
{
    for (int i = digits; i-- > 0; value /= 10)
        to[i] = (char)('0' + value % 10);
    to[digits] = behind;
    return to + digits + 1;
}

/* to[] without a fraction; returns where it ends.  By hand: a dump is full of dates. */
static size_t write_second(int64_t day_number, int64_t second, char to[DATE_ROOM])
{
    struct calendar_date date = calendar_date_of(day_number);
    char *at = to;
    at = write_number(at, (int)date.year, 4, '-');
    at = write_number(at, date.month, 2, '-');
    at = write_number(at, date.day, 2, 'T');
    at = write_number(at, (int)(second / 3600), 2, ':');
    at = write_number(at, (int)(second / 60 % 60), 2, ':');
    at = write_number(at, (int)(second % 60), 2, '\0');
    return (size_t)(at - to) - 1;
}

static bool filetime_text(uint64_t ticks, char to[DATE_ROOM])
{
    enum { DAYS = 3067671 /* from 1601 to 9999 */ };
    uint64_t seconds = ticks / TICKS_A_SECOND, fraction = ticks % TICKS_A_SECOND;
    if (seconds / SECONDS_A_DAY >= DAYS)
        return false;
    size_t end = write_second((int64_t)(seconds / SECONDS_A_DAY) + CALENDAR_FILETIME_EPOCH,
                              (int64_t)(seconds % SECONDS_A_DAY), to);
    if (fraction != 0)
        end += (size_t)snprintf(to + end, DATE_ROOM - end, ".%07u", (unsigned)fraction);
    snprintf(to + end, DATE_ROOM - end, "Z");
    return true;
}

bool date_text(uint64_t bits, bool filetime, char to[DATE_ROOM])
{
    double days;
    if (filetime && filetime_text(bits, to))
        return true; /* or a table of the same name has dates of the engine's kind */
    memcpy(&days, &bits, sizeof days);
    if (!(days > -657435.0 && days < 2958466.0))
        return false;
    if (days != 0 && fabs(days) < 0.5 / DAY_MS)
        return false;
    /* Before the epoch the fraction still counts forward from midnight: -1.25 is 1899-12-29 06:00.
     */
    double whole = trunc(days);
    int64_t day_number = (int64_t)whole + CALENDAR_OLE_EPOCH;
    int64_t ms = llround(fabs(days - whole) * DAY_MS);
    if (ms == DAY_MS) {
        ms = 0;
        day_number++;
    }
    size_t end = write_second(day_number, ms / 1000, to);
    if (ms % 1000)
        snprintf(to + end, DATE_ROOM - end, ".%03d", (int)(ms % 1000));
    return true;
}

bool date_of_seconds(int64_t seconds, char to[DATE_ROOM])
{
    int64_t day = seconds / SECONDS_A_DAY, second = seconds % SECONDS_A_DAY;
    if (second < 0) {
        second += SECONDS_A_DAY;
        day--;
    }
    to[0] = '\0';
    if (day < calendar_days(0, 3, 1) || day >= calendar_days(10000, 1, 1))
        return false;
    write_second(day, second, to);
    return true;
}
