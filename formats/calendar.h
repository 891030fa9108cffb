/*
 * The Gregorian calendar, carried on to years before it was: which day a date is, and back.
 */
#ifndef KM_FORMATS_CALENDAR_H
#define KM_FORMATS_CALENDAR_H

#include <stdint.h>

enum {
    CALENDAR_SECONDS_A_DAY = 86400,
    /* Days that other counts than the one from 1970 begin with. */
    CALENDAR_FILETIME_EPOCH = -134774, /* 1601-01-01 */
    CALENDAR_OLE_EPOCH = -25569,       /* 1899-12-30 */
};

struct calendar_date {
    int64_t year; /* the one before year 1 is 0 */
    int month, day;
};

/* Days from 1970-01-01 to a date.  month: 1 to 12; a day that the month does not have is one of the
 * next. */
int64_t calendar_days(int64_t year, int month, int day);

/* The date of that number of days from 1970-01-01. */
struct calendar_date calendar_date_of(int64_t days);

/* How many days a month has, 1 to 12. */
int calendar_days_in(int64_t year, int month);

#endif
