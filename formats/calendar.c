/*
 * The Gregorian calendar: see calendar.h.
 *
 * Years are counted from March, so that the leap day comes last and the months before it follow one
 * rule: five of them have 153 days.  400 years, an era, have 146097 days in all; the first begins
 * with 0000-03-01.
 */
#include "formats/calendar.h"

enum { ERA_YEARS = 400, ERA_DAYS = 146097, EPOCH = 719468 /* days from 0000-03-01 to 1970 */ };

static int64_t floor_divide(int64_t a, int64_t b)
{
    return (a >= 0 ? a : a - b + 1) / b;
}

int64_t calendar_days(int64_t year, int month, int day)
{
    int64_t from_march = month > 2 ? month - 3 : month + 9;
    year -= month <= 2;
    int64_t era = floor_divide(year, ERA_YEARS), of_era = year - era * ERA_YEARS;
    return era * ERA_DAYS + of_era * 365 + of_era / 4 - of_era / 100 + (153 * from_march + 2) / 5 +
           day - 1 - EPOCH;
}

struct calendar_date calendar_date_of(int64_t days)
{
    struct calendar_date date;
    days += EPOCH;
    int64_t era = floor_divide(days, ERA_DAYS), of_era = days - era * ERA_DAYS;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t from_march = (5 * of_year + 2) / 153;
    date.day = (int)(of_year - (153 * from_march + 2) / 5 + 1);
    date.month = (int)(from_march < 10 ? from_march + 3 : from_march - 9);
    date.year = year + era * ERA_YEARS + (date.month <= 2);
    return date;
}

int calendar_days_in(int64_t year, int month)
{
    return (int)(calendar_days(month < 12 ? year : year + 1, month % 12 + 1, 1) -
                 calendar_days(year, month, 1));
}
