/* The calendar, against the C library's. */
#include "formats/calendar.h"
#include "tests/check_main.h"

#include <time.h>

START_TEST(known_days)
{
    ck_assert_int_eq(calendar_days(1970, 1, 1), 0);
    ck_assert_int_eq(calendar_days(1969, 12, 31), -1);
    ck_assert_int_eq(calendar_days(2000, 2, 29), 11016);
    ck_assert_int_eq(calendar_days(1601, 1, 1), CALENDAR_FILETIME_EPOCH);
    ck_assert_int_eq(calendar_days(1899, 12, 30), CALENDAR_OLE_EPOCH);
    ck_assert_int_eq(calendar_days(0, 3, 1), -719468);
    ck_assert_int_eq(calendar_days(-400, 3, 1), -719468 - 146097);
    ck_assert_int_eq(calendar_days(2001, 2, 29), calendar_days(2001, 3, 1));
}
END_TEST

/* Both ways, and one after the other. */
static bool is_right(int64_t day, struct calendar_date before)
{
    time_t seconds = (time_t)day * CALENDAR_SECONDS_A_DAY;
    struct tm tm;
    struct calendar_date date = calendar_date_of(day);
    return gmtime_r(&seconds, &tm) && date.year == tm.tm_year + 1900 &&
           date.month == tm.tm_mon + 1 && date.day == tm.tm_mday &&
           calendar_days(date.year, date.month, date.day) == day &&
           (date.day > 1 || calendar_days_in(before.year, before.month) == before.day);
}

START_TEST(every_day_from_800_before_0_to_3000_is_the_librarys)
{
    int64_t day = calendar_days(-800, 1, 1), last = calendar_days(3000, 12, 31);
    while (day <= last && is_right(day, calendar_date_of(day - 1)))
        day++;
    ck_assert_int_eq(day, last + 1);
}
END_TEST

int main(void)
{
    return check_main(
        "calendar",
        (const struct check_case[]){
            {known_days, 0}, {every_day_from_800_before_0_to_3000_is_the_librarys, 0}, {0}});
}
