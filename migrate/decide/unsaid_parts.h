/*
 * What the files that ask share: see unsaid.h.
 *
 *     unsaid.c       columns that could refer to entries that go, second places, hashes
 *     differing.c    copies of one certificate that differ
 *     describing.c   what stands beside the list and speaks of it
 *     otherkeys.c    columns that name entries by another column of the list than its key
 *     unique.c       rows that would be one to a unique index
 */
#ifndef KM_MIGRATE_UNSAID_PARTS_H
#define KM_MIGRATE_UNSAID_PARTS_H

#include "migrate/decide/unsaid.h"

struct asking {
    struct plan *plan;
    const struct plan_options *options;
    const struct model *m;
    const struct sweep *sweep;
    struct problems *found, *left;
    bool *blocked;
    struct action **drop; /* by entry: the action that drops it; NULL: it stays */
    bool *open;           /* by entry: it stays, but an answer that is asked for may drop it */
};

/* Asks: the problem is found, and stays, and a repair would guess. */
void unsaid_ask(struct asking *a, enum problem_code code, int64_t entry, int64_t other,
                const char *text);

/* The entry that stays in the place of one that is dropped; NULL: none. */
const struct model_entry *unsaid_survivor(const struct asking *a, unsigned entry);

/* Did --keep name the entry that stays? */
bool unsaid_decided(const struct asking *a, int32_t survivor);

/* Does the entry go, or may it once what is asked about copies is answered? */
bool unsaid_may_go(const struct asking *a, unsigned entry);

/* Compares the rows of copies, and asks where they differ.  False when memory is short, or a row
 * cannot be read. */
bool differing_ask(struct asking *a, struct fault *f);

/* Looks at what stands beside the list, and asks about what would not be true of it any more.
 * False when memory is short. */
bool describing_ask(struct asking *a, struct fault *f);

/* Looks for columns that name entries by what is no key of the list, but tells each entry from all
 * others.  False when memory is short, or the list's rows cannot be read. */
bool otherkeys_ask(struct asking *a, struct fault *f);

/* Looks for rows that would have one key in a unique index once their references have moved.  False
 * when memory is short. */
bool unique_ask(struct asking *a, struct fault *f);

#endif
