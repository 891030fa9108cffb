/*
 * All that is known of a store once assess.h has gone the way of the data: what was read, found and
 * decided, and by which options.
 */
#ifndef KM_MIGRATE_ASSESSMENT_H
#define KM_MIGRATE_ASSESSMENT_H

#include "formats/ese/check/check.h"
#include "migrate/files/beside.h"
#include "migrate/files/filehash.h"
#include "migrate/console/status.h"
#include "migrate/decide/plan.h"
#include "migrate/decide/reading.h"
#include "migrate/discover/discover.h"
#include "migrate/judge/onepass.h"

struct foretold;
struct listfile;
struct recovery;
struct salvaging;

/* Borrowed, as what it points at. */
struct assess_options {
    struct reading reading;
    struct decisions decisions;
    bool verify_all;    /* every signature is checked, not only those that a rule needs */
    bool in_place;      /* it is to be repaired where it lies */
    bool no_backup;     /* and no copy of it is made before */
    bool list_short;    /* rows of the list could not be had, and may be what is missing */
    bool own_undo_file; /* an unfinished undo file beside it is the repair's that is under way */
    struct filehash_how hash;         /* of the file; a mark, where it is to be written or copied */
    const struct profile *discovered; /* in the store that this one was made of; NULL: none was */
    /* The file is made of another store, which is what is judged and named: */
    const char *stands_for;           /* that one's path; NULL: the file is the store itself */
    const struct recovery *recovered; /* how it was made; NULL: otherwise */
    struct salvaging *salvaged;
};

enum { ASSESS_OPEN_MOST = 8 };

/* A column that may refer to the list; table and column are the catalog's. */
struct open_column {
    const struct ese_table *table;
    const struct ese_column *column;
    bool elsewhere; /* it names what is in no list that was found */
    char why[DISCOVER_WHY];
};

struct assessment {
    const struct assess_options *options; /* borrowed */
    struct notes *notes;                  /* what is to be said; borrowed, may be NULL */
    const char *named;                    /* the store, as it was named; borrowed */
    struct store store;
    struct listfile
        *file; /* the list is this file of certificates, and there is no store; else NULL */
    struct beside beside;
    struct filehash hash;
    struct profile profile;
    enum profile_match match;
    const char *profile_how;          /* how it was chosen, for the report */
    char *discovery;                  /* what discovery found; NULL: it did not run */
    bool drafted;                     /* discovery found lists, so that a profile can be drafted */
    bool draft_whole;                 /* and nothing in the draft is undecided */
    bool repairs_allowed;             /* false: discovered, and not accepted */
    char two_keys[DISCOVER_TWO_KEYS]; /* see discover.h */
    struct open_column open[ASSESS_OPEN_MOST]; /* the first that discovery did not decide */
    unsigned opens;
    bool undecided; /* discovery left something open that a repair must know */

    struct ese_check_summary structure;
    /* Two rows under one key of a unique index: how often, the table of the first, and whether
     * another table has such rows, too. */
    uint64_t collisions;
    const char *collision;
    bool other_collision;
    struct index_entries index_entries; /* those without a row that a plan can take out */
    uint64_t damages;                   /* what else the structural check found */

    bool made_anew; /* --salvage, and something was damaged: to write it is work of its own */

    struct onepass *onepass; /* while the structure is checked */
    bool read_with_check;    /* the model was read with the structure, and so was the sweep */
    bool has_model;          /* the next ones are valid */
    struct model model;
    struct prover *prover;
    struct sweep sweep;
    bool blocked; /* a repair would guess: see decide/unsaid.h */
    struct plan plan;
    struct problems left; /* found once the plan is applied */

    struct problems found;
    enum verdict verdict; /* as the store is */
    /* What a salvage would give; NULL: nobody asked.  The caller's, from foretell_salvage(). */
    const struct foretold *foretold;
};

/* True when the plan has something to do. */
static inline bool assess_has_work(const struct assessment *a)
{
    return a->has_model && a->repairs_allowed && (a->plan.actions > 0 || a->made_anew);
}

#endif
