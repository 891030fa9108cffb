/* Entries of indexes without a row: see index_entries.h. */
#include "migrate/decide/index_entries.h"

#include "migrate/judge/evidence.h"

#include <stdlib.h>
#include <string.h>

static bool keep(struct index_entries *entries, const struct ese_table *table,
                 const struct ese_index_entry *entry)
{
    const uint8_t *key = arena_copy(&entries->memory, entry->key),
                  *row = arena_copy(&entries->memory, entry->row);
    if (key == NULL || row == NULL)
        return false;
    entries->at[entries->count++] = (struct index_entry){.table = table,
                                                         .index = entry->index,
                                                         .key = bytes_of(key, entry->key.size),
                                                         .row = bytes_of(row, entry->row.size),
                                                         .unfinished = entry->unfinished};
    return true;
}

bool index_entries_take(struct index_entries *entries, const struct ese_catalog *catalog,
                        const struct ese_finding *finding, struct problems *found)
{
    const struct ese_index_entry *entry = finding->entry;
    const struct ese_table *table =
        entry && finding->table ? ese_catalog_find(catalog, finding->table) : NULL;
    /* The catalog is never changed where it lies. */
    if (table == NULL || ese_objid_is_catalog(table->objid) ||
        entries->count == INDEX_ENTRIES_MOST || !(entry->row_removed || entry->unfinished))
        return false;
    if (!keep(entries, table, entry)) {
        found->no_memory = true;
        return false;
    }
    problem_find(found, entry->unfinished ? PROBLEM_INDEX_UNFINISHED : PROBLEM_INDEX_DANGLING,
                 FACTS(fact_text(FACT_TABLE, table->name), fact_number(FACT_PAGE, finding->page),
                       fact_text(FACT_WHY, finding->text)));
    return true;
}

void index_entries_close(struct index_entries *entries)
{
    arena_free(&entries->memory);
    entries->count = 0;
}

static int by_place(const void *x, const void *y)
{
    const struct index_entry *a = x, *b = y;
    int order = strcmp(a->table->name, b->table->name);
    if (order == 0)
        order = strcmp(a->index->name, b->index->name);
    if (order == 0)
        order = bytes_compare(a->row, b->row);
    return order ? order : bytes_compare(a->key, b->key);
}

void index_entries_sort(struct index_entries *entries)
{
    if (entries->count > 0)
        qsort(entries->at, entries->count, sizeof *entries->at, by_place);
}
