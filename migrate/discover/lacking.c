/*
 * Discovery: does the chosen list hold the CAs that issued what else is in the store?
 *
 * A store may keep its list in a form that nobody recognises, and some of its certificates in
 * another place, too: an archive, a cache.  That place then looks like a list.  It gives itself
 * away where users' certificates are issued by CAs that it lacks.
 */
#include "migrate/discover/parts.h"
#include "formats/array.h"

#include <stdlib.h>

/* Users of a CA that is gone are few; so are certificates that wandered in from elsewhere. */
enum { LACKING_PERCENT = 2 };

/* The subjects of the entries, hashed, ascending; NULL: memory is short. */
static uint64_t *subjects(struct discover_run *run, size_t *count)
{
    uint64_t *subject = malloc((run->entries + 1u) * sizeof *subject);
    *count = 0;
    if (subject == NULL) {
        run->no_memory = true;
        return NULL;
    }
    for (unsigned i = 0; i < run->entries; i++)
        if (run->entry[i].parsed)
            subject[(*count)++] = run->entry[i].subject;
    qsort(subject, *count, sizeof *subject, array_by_u64);
    return subject;
}

void discover_lacking(struct discover_run *run)
{
    struct discovery *d = run->d;
    unsigned seen = 0, lacking = 0;
    const struct discover_column *first = NULL;
    size_t count;
    uint64_t *subject = subjects(run, &count);
    for (unsigned i = 0; subject && i < run->facts; i++) {
        const struct discover_fact *fact = &run->fact[i];
        if (d->column[fact->column].kind != DISCOVER_CERTIFICATES || fact->subject == fact->issuer)
            continue;
        seen++;
        if (bsearch(&fact->issuer, subject, count, sizeof *subject, array_by_u64))
            continue;
        lacking++;
        first = first ? first : &d->column[fact->column];
    }
    free(subject);
    if (lacking * 100 <= seen * LACKING_PERCENT)
        return;
    snprintf(
        d->lacking, sizeof d->lacking,
        "%u of %u certificates sampled, first in %s.%s, are issued by CAs that it does not hold",
        lacking, seen, discover_name(first->table->name), discover_name(first->column->name));
    run->undecided = true;
    discover_note(run, run->list_key ? "[list] table" : "[list-value] table", false, true,
                  "%s: is it the whole list?", d->lacking);
}
