/*
 * What support engineers see in an event log or a message box, and what it means: one table, for
 * `kmmigrate explain` and for the report of a store that is not the cause.
 *
 * Every entry is what the articles named in it say, in this project's words.
 */
#ifndef KM_MIGRATE_EVENTS_H
#define KM_MIGRATE_EVENTS_H

#include <stdbool.h>
#include <stddef.h>

/* Where the cause can lie. */
enum event_cause { CAUSE_STORE, CAUSE_SETTINGS, CAUSE_ISSUING_CA, CAUSE_NAMES, CAUSE_OUTSIDE };

enum event_kind {
    EVENT_KM,     /* an event of the KM service: number */
    EVENT_ENGINE, /* an event of the database engine, source ESE97: number */
    EVENT_ID,     /* an "ID no" of a message box: number, shown as 8 hexadecimal digits */
    EVENT_ERROR,  /* an error of Windows or, below 0, of the database engine: number */
};

struct event {
    enum event_kind kind;
    long number;
    enum event_cause cause;
    bool keeps_from_starting; /* the service does not start; else something that it does fails */
    const char *articles;     /* separated by blanks */
    const char *title;        /* what is seen, in a few words */
    const char *meaning, *next;
};

extern const struct event events[];
extern const size_t events_count;

/* "yes", "the settings", ...: the answer to "is the store the cause?" */
const char *event_cause_name(enum event_cause cause);

#endif
