/* Trying a salvage before it is asked for: see foretell.h. */
#include "migrate/decide/foretell.h"

#include "migrate/decide/assess.h"
#include "migrate/decide/salvaged.h"
#include "migrate/rescue/salvaging.h"

#include <stdio.h>

/* Dirty, every row is in doubt, and an interrupted repair comes first. */
static bool is_worth_trying(const struct assessment *a)
{
    return problem_has(&a->found, PROBLEM_STRUCTURE) && !problem_has(&a->found, PROBLEM_DIRTY) &&
           !problem_has(&a->found, PROBLEM_UNDO_PENDING) && a->options->salvaged == NULL &&
           a->options->recovered == NULL;
}

static void take_tables(const struct salvaging *x, struct foretold *to)
{
    for (unsigned i = 0; i < x->result.tables; i++) {
        const struct ese_salvage_table *t = &x->result.table[i];
        if (salvaging_badness(t) == 0 || to->tables == FORETOLD_TABLES_MOST)
            continue;
        struct foretold_table *table = &to->table[to->tables++];
        *table = (struct foretold_table){.kept = t->kept,
                                         .doubtful = t->doubtful,
                                         .lost = t->lost,
                                         .perhaps_lost = t->perhaps_lost,
                                         .cut = t->cut,
                                         .pages_lost = t->pages_lost};
        snprintf(table->name, sizeof table->name, "%s", t->name);
    }
}

static void judge_what_is_left(struct salvaging *x, const char *path,
                               const struct assess_options *options, struct foretold *to)
{
    struct assessment a;
    struct assess_options inner = *options;
    inner.salvaged = x;
    inner.stands_for = x->store.path;
    if (assess(&a, path, &inner, x->notes) == EXIT_CLEAN) {
        bool fits = a.match != PROFILE_NO_MATCH;
        *to = (struct foretold){.known = true,
                                .verdict = a.verdict,
                                .list_whole = fits && salvaged_is_whole(&a, false),
                                .references_whole = fits && salvaged_is_whole(&a, true),
                                .doubtful = SALVAGING_SUM(&x->result, doubtful),
                                .lost = SALVAGING_SUM(&x->result, lost),
                                .perhaps_lost = SALVAGING_SUM(&x->result, perhaps_lost),
                                .cut = SALVAGING_SUM(&x->result, cut),
                                .pages_lost = SALVAGING_SUM(&x->result, pages_lost)};
        take_tables(x, to);
    }
    assess_close(&a);
}

void foretell_salvage(const struct assessment *a, const struct rescue_options *rescue,
                      struct foretold *to)
{
    char path[UNNAMED_PATH];
    *to = (struct foretold){.known = false};
    if (!is_worth_trying(a))
        return;
    struct salvaging *x = salvaging_new(rescue, a->notes);
    if (x && salvaging_open(x) == EXIT_CLEAN && salvaging_keep(x, path) == EXIT_CLEAN)
        judge_what_is_left(x, path, a->options, to);
    salvaging_close(x);
}
