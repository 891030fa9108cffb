/*
 * Everything that can be wrong with a store: one table, as e2fsprogs keeps its own.
 *
 * A rule only names a problem's code and its evidence; severity, words, article and what a repair
 * does stand in the table in problem.c.  Codes are stable: scripts and tickets rely on them.
 */
#ifndef KM_MIGRATE_PROBLEM_H
#define KM_MIGRATE_PROBLEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum problem_code {
    /* R1: the file */
    PROBLEM_DIRTY,
    PROBLEM_HEADER,
    PROBLEM_STRUCTURE,
    PROBLEM_UNIQUE_KEY,
    PROBLEM_INDEX_DANGLING,
    PROBLEM_SALVAGED,
    /* finding the list */
    PROBLEM_NO_PROFILE,
    PROBLEM_MISFIT,
    PROBLEM_NO_SETTINGS,
    PROBLEM_LIST_MISSING,
    PROBLEM_LIST_CUT,
    PROBLEM_LIST_FORM,
    PROBLEM_TWO_LISTS,
    PROBLEM_LIST_TAIL,
    PROBLEM_SECOND_COPY,
    /* R2: the list */
    PROBLEM_IDENTICAL,
    PROBLEM_RE_ENCODED,
    PROBLEM_SAME_IDENTITY,
    PROBLEM_TWO_ACTIVE,
    PROBLEM_OWN_AND_ISSUING,
    PROBLEM_TRUST_DIFFERS,
    PROBLEM_TRUST_UNDECIDED,
    PROBLEM_UNPARSABLE,
    PROBLEM_THUMBPRINT,
    PROBLEM_ROLE_UNKNOWN,
    PROBLEM_COPIES_DIFFER,
    /* R3: the mode */
    PROBLEM_MODE_UNKNOWN,
    PROBLEM_SETTING_TWICE,
    PROBLEM_SETTING_VALUE,
    PROBLEM_NO_OWN,
    PROBLEM_ISSUING_MISSING,
    PROBLEM_ISSUING_AMBIGUOUS,
    PROBLEM_ISSUING_ROLE,
    PROBLEM_ISSUING_NOT_V3,
    PROBLEM_ISSUING_NOT_CA,
    PROBLEM_ISSUING_UNTRUSTED,
    PROBLEM_ISSUING_REVOKED,
    PROBLEM_ISSUING_CHAIN,
    PROBLEM_SETTING_NAMES_DROPPED,
    /* R4: references */
    PROBLEM_DANGLING,
    PROBLEM_REFERENCE_REFUTED,
    PROBLEM_PROOF_LIMIT,
    PROBLEM_RESIDUE,
    /* beside the store */
    PROBLEM_LOGS_BESIDE,
    PROBLEM_UNDO_PENDING,
    /* advice */
    PROBLEM_INDEX_UNFINISHED,
    PROBLEM_ROW_GONE,
    PROBLEM_REISSUE,
    PROBLEM_PROPERTY_DIFFERS,
    PROBLEM_TWO_CRLS,
    PROBLEM_ORGANIZATION,
    PROBLEM_SHORT_LIVED,
    PROBLEM_LONG_NAME,
    PROBLEM_EXPIRED,
    PROBLEM_WEAK,
    PROBLEM_UNPROVABLE,
    PROBLEM_ENCODINGS,
    PROBLEM_V1_IN_V3,
    PROBLEM_NO_USER,
    PROBLEM_SEVERAL_ISSUING,
    PROBLEM_CODES,
};

enum problem_severity {
    PROBLEM_FATAL,  /* the service cannot start */
    PROBLEM_DOUBT,  /* whether it can start cannot be told */
    PROBLEM_ADVICE, /* blocks nothing */
};

struct problem_kind {
    const char *code; /* "KM-..." */
    enum problem_severity severity;
    const char *rule;    /* "R1" to "R4"; NULL for advice */
    const char *article; /* "Q230780"; NULL: none */
    const char *title;   /* what is wrong, in the words of the trade */
    const char *repair;  /* what a repair does, or why it leaves it */
};

/* The table's entry.  code < PROBLEM_CODES. */
const struct problem_kind *problem_kind(enum problem_code code);

/* What is no entry's key: those are 32 bits wide, and 0 is one of them. */
#define NO_ENTRY INT64_MIN

/* What a finding can rest on; see evidence.h. */
enum fact_name {
    FACT_END, /* ends a list of facts */
    FACT_ENTRY,
    FACT_OTHER,       /* a second entry */
    FACT_NAMED,       /* an entry that something else names */
    FACT_CERTIFICATE, /* serial number and subject, for a sentence */
    FACT_SERIAL,
    FACT_KEYS,    /* of several entries, for a sentence */
    FACT_SERIALS, /* of several entries, for a sentence */
    FACT_SUBJECT,
    FACT_COUNT,
    FACT_MORE, /* so many others of the kind are not told one by one */
    FACT_TABLE,
    FACT_ROW,
    FACT_COLUMN,
    FACT_PAGE,
    FACT_RULE, /* of the structural check */
    FACT_SIZE, /* bytes */
    FACT_SETTING,
    FACT_VALUE,
    FACT_ROLE,
    FACT_MODE,
    FACT_VERSION,
    FACT_PROPERTY,
    FACT_THUMBPRINT,
    FACT_DAYS_LEFT,
    FACT_DAYS_AGO,
    FACT_STATE,
    FACT_FIRST_LOG,
    FACT_LAST_LOG,
    FACT_DIRECTORY,
    FACT_PLACE,
    FACT_WHY,
    FACT_NAMES,
};

struct fact {
    enum fact_name name;
    bool is_text;
    int64_t number;
    const char *text;
};

/* One finding. */
struct problem {
    enum problem_code code;
    bool repairable;  /* the plan has the actions that end it */
    int64_t entry[2]; /* keys of the first two entries concerned; NO_ENTRY: none */
    int32_t *named;   /* the keys of all of them, ascending, where they are more than two */
    size_t names, name_room;
    uint64_t count; /* how many there are, when one finding stands for many */
    char *evidence; /* what was found where: entries, rows, serials, expected and found */
    struct fact
        *fact; /* the same as facts, as far as they are known; ends with FACT_END, or NULL */
    unsigned facts;
};

struct problems {
    struct problem *item;
    size_t count, room;
    bool no_memory; /* a finding is missing for want of memory */
};

/* Adds a finding with printf-like evidence and no facts; where it has any, problem_find() is the
 * right one.  Returns it, NULL when memory is short (noted in the
 * list). The pointer is valid until the next is added. */
struct problem *problem_add(struct problems *problems, enum problem_code code, int64_t entry,
                            int64_t other, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* Adds to a finding (NULL: it could not be added) one of the entries that it concerns, to be named
 * in full; once one is named, all have to be.  Short memory is noted in the list. */
void problem_name(struct problems *problems, struct problem *problem, int32_t key);

/* "1 entry", "2 entries": the word that fits a number. */
static inline const char *plural(uint64_t number, const char *one, const char *many)
{
    return number == 1 ? one : many;
}

/* True when the list has a finding of that code. */
bool problem_has(const struct problems *problems, enum problem_code code);

/* Moves all findings of `from` behind those of `to`, and empties it.  Short memory is noted in
 * `to`. */
void problems_move(struct problems *to, struct problems *from);

void problems_close(struct problems *problems);

#endif
