/*
 * What a salvage of a damaged store, and the repair of what it gives, would come to: said before
 * either is asked for, so that the report on a damaged store ends with more than "no".
 */
#ifndef KM_MIGRATE_FORETELL_H
#define KM_MIGRATE_FORETELL_H

#include "migrate/decide/assessment.h"
#include "migrate/rescue/rescue.h"

enum { FORETOLD_TABLES_MOST = 8 };

struct foretold {
    bool known; /* false: it was not tried, or could not be; all else is zero then */
    enum verdict verdict;
    bool list_whole;       /* the list and the settings; false where no profile fits what is left */
    bool references_whole; /* what refers to the list */
    uint64_t doubtful, lost, perhaps_lost, cut, pages_lost; /* of all tables */
    struct foretold_table {
        char name[65]; /* UTF-8 or not, as the catalog has it */
        uint64_t kept, doubtful, lost, perhaps_lost, cut, pages_lost;
    } table[FORETOLD_TABLES_MOST]; /* those that are not whole, the first so many */
    unsigned tables;
};

/*
 * Tries it, in an unnamed file that vanishes: for a store whose structure is damaged and that was
 * shut down cleanly, whose profile is chosen anew from what was salvaged, by the same options.
 * rescue: as for `repair --salvage`; nothing is written under any name.  What is in the way is
 * printed, and the result is not known.
 */
void foretell_salvage(const struct assessment *assessment, const struct rescue_options *rescue,
                      struct foretold *foretold);

#endif
