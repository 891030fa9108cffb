/*
 * The structural check: is a database what its format says it must be?
 *
 * The counterpart of the engine's own checks: page accounting as CPAGE::ErrCheckPage has it, trees,
 * long values and space as its repair code has them, and beyond them the agreement of rows and
 * indexes.  It finds everything in one run.  Damage does not spread: what lies on a page that
 * cannot be believed is "not judged", never a finding of its own and never passed.
 *
 * Each page is read once, tree by tree; memory does not grow with the file but for a few bits a
 * page.
 *
 * Source: the published engine, ese/cpage.cxx, ese/repair.cxx, ese/space.cxx, ese/lv.cxx,
 * ese/fcreate.cxx.
 */
#ifndef KM_FORMATS_ESE_CHECK_H
#define KM_FORMATS_ESE_CHECK_H

#include "formats/ese/layout/record.h"
#include "formats/ese/read/db.h"

enum ese_rule {
    /* header and file */
    ESE_RULE_HEADER_SHADOW,
    ESE_RULE_HEADER_FIELD,
    ESE_RULE_FILE_SIZE,
    /* one page */
    ESE_RULE_PAGE_READ,
    ESE_RULE_PAGE_CHECKSUM,
    ESE_RULE_PAGE_BIT,
    ESE_RULE_PAGE_NUMBER,
    ESE_RULE_PAGE_ZERO,
    ESE_RULE_PAGE_TIME,
    ESE_RULE_PAGE_ACCOUNTING,
    ESE_RULE_PAGE_FLAGS,
    ESE_RULE_TAG_OUTSIDE_PAGE,
    ESE_RULE_TAG_OVERLAP,
    ESE_RULE_NODE,
    /* one tree */
    ESE_RULE_CHILD_PAGE,
    ESE_RULE_PAGE_TWICE,
    ESE_RULE_PAGE_OWNER,
    ESE_RULE_PAGE_LEVEL,
    ESE_RULE_KEY_ORDER,
    ESE_RULE_KEY_DUPLICATE,
    ESE_RULE_SEPARATOR,
    ESE_RULE_SIBLING_LINK,
    ESE_RULE_EMPTY_PAGE,
    /* space */
    ESE_RULE_SPACE_HEADER,
    ESE_RULE_SPACE_PARENT,
    ESE_RULE_SPACE_EXTENT,
    ESE_RULE_EXTENT_NESTING,
    ESE_RULE_EXTENT_OVERLAP,
    ESE_RULE_PAGE_NOT_OWNED,
    ESE_RULE_PAGE_AVAILABLE,
    /* catalog */
    ESE_RULE_CATALOG_ROW,
    ESE_RULE_CATALOG_ROOT,
    ESE_RULE_CATALOG_OBJECT,
    ESE_RULE_CATALOG_SHADOW,
    /* rows and indexes */
    ESE_RULE_RECORD,
    ESE_RULE_PRIMARY_KEY,
    ESE_RULE_INDEX_MISSING_ENTRY,
    ESE_RULE_INDEX_DANGLING,
    ESE_RULE_INDEX_WRONG_KEY,
    ESE_RULE_INDEX_COUNT,
    /* long values */
    ESE_RULE_LONG_VALUE_KEY,
    ESE_RULE_LONG_VALUE_ROOT,
    ESE_RULE_LONG_VALUE_CHUNK,
    ESE_RULE_LONG_VALUE_SIZE,
    ESE_RULE_LONG_VALUE_DATA,
    ESE_RULE_LONG_VALUE_MISSING,
    ESE_RULE_LONG_VALUE_REFERENCES,
    ESE_RULE_LONG_VALUE_ORPHAN,
    ESE_RULES, /* their number */
};

enum ese_severity {
    ESE_PROBLEM,    /* the engine would refuse or misread the database */
    ESE_ADVICE,     /* legal, but worth knowing: the engine lives with it */
    ESE_NOT_JUDGED, /* damage elsewhere keeps this rule from being judged here */
};

/* An entry of a secondary index that points at a row that does not exist; row: its primary key. */
struct ese_index_entry {
    const struct ese_index *index;
    struct bytes key, row;
    /* Why there is no such row.  Its leaf was written after the entry's page, so it held the row
     * once, which was removed; the entry's own removal was lost.  Else the row's insertion may be
     * what was lost.  (That rows moved from leaf to leaf meanwhile, and that write alone was lost,
     * breaks links or separators, which are found for themselves.) */
    bool row_removed;
    bool unfinished; /* its page is newer than the header: left by a change that was not finished */
};

struct ese_finding {
    enum ese_rule rule;
    enum ese_severity severity;
    const char *table;  /* NULL: of no table */
    uint32_t page;      /* 0: none */
    int tag;            /* -1: none */
    const char *text;   /* one sentence: what was expected and what was found */
    bool eseutil_fails; /* the engine's own check (eseutil /g) calls the database corrupted for it,
                           though attaching and using it works; only with ESE_ADVICE */
    const struct ese_index_entry *entry; /* of ESE_RULE_INDEX_DANGLING; else NULL */
};

/* The finding and its strings are valid during the call. */
typedef void (*ese_finding_fn)(void *context, const struct ese_finding *finding);

struct ese_check_summary {
    uint64_t pages_read, pages_in_trees, pages_never_used;
    uint64_t
        pages_lost; /* owned, but neither in use nor available: the engine leaks some on crashes */
    uint64_t trees, tables, rows, index_entries, long_values;
    uint64_t problems, advice, not_judged;
    uint64_t eseutil_fails;      /* advice for which eseutil /g calls the database corrupted */
    uint64_t of_rule[ESE_RULES]; /* problems and advice, by rule */
    bool dirty; /* no clean shutdown: rules that compare pages with each other were not judged */
};

/* The rule's stable name, as "page-checksum". */
const char *ese_rule_name(enum ese_rule rule);

/* Checks a database.  Findings go to `found`, in the order in which they are made; *summary is
 * filled.  False only when the check itself could not be done (memory). */
bool ese_check(struct ese_db *db, ese_finding_fn found, void *context,
               struct ese_check_summary *summary, struct fault *f);

/* Somebody who wants the rows that the check goes over, so that they are read once for both. */
struct ese_check_reader {
    void *context;
    /* A table begins, in the order of the catalog.  False: none of its rows, and no end. */
    bool (*begin)(void *context, const struct ese_table *table);
    /* A row that ese_record_check() has passed, in the order of the keys; valid during the call. */
    void (*row)(void *context, const struct ese_record *record);
    /* whole: every row of the table was given. */
    void (*end)(void *context, bool whole);
};

/* As ese_check(), with a reader (NULL: none), who may read from the database on his own. */
bool ese_check_and_read(struct ese_db *db, ese_finding_fn found, void *context,
                        const struct ese_check_reader *reader, struct ese_check_summary *summary,
                        struct fault *f);

#endif
