/*
 * What tables take from their template: see catalog_templates.h.
 *
 * A table that has one lists only what it has besides: the template's columns go before its own,
 * and an index of the template's comes without segments.
 */
#include "formats/ese/read/catalog_templates.h"

#include "formats/array.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    INHERITED_MOST =
        1000000, /* columns of all derived tables: each has those of its template, too */
    INDEXES_COMPARED_MOST = 4000000, /* names of derived indexes with those of templates */
};

/* Before revision 8 templates' tagged columns carry no flag, and own ids go on behind theirs. */
static uint32_t first_own_tagged(const struct ese_table *parent)
{
    uint32_t first = 0;
    for (unsigned i = 0; i < parent->columns; i++) {
        const struct ese_column *column = &parent->column[i];
        if (column->id >= ESE_TAGGED_FIRST && !(column->flags & ESE_COLUMN_TEMPLATE_ESE98) &&
            column->id >= first)
            first = column->id + 1;
    }
    return first;
}

static bool inherit_columns(struct ese_table *table, const struct ese_table *parent,
                            struct fault *f)
{
    struct ese_column *both = calloc((size_t)parent->columns + table->columns + 1, sizeof *both);
    if (both == NULL)
        return fault_no_memory(f, "the catalog");
    for (unsigned i = 0; i < parent->columns; i++) {
        both[i] = parent->column[i];
        both[i].from_template = true;
    }
    if (table->columns > 0)
        memcpy(both + parent->columns, table->column, table->columns * sizeof *both);
    free(table->column);
    table->column = both;
    table->columns += parent->columns;
    table->inherited = parent->columns;
    table->first_own_tagged = first_own_tagged(parent);
    return true;
}

/* *left: how many names may still be compared; real tables have few indexes. */
static void inherit_indexes(struct ese_table *table, const struct ese_table *parent, uint32_t *left)
{
    for (unsigned i = 0; i < table->indexes; i++) {
        struct ese_index *index = &table->index[i];
        for (unsigned k = 0; k < parent->indexes && (index->flags & ESE_INDEX_DERIVED); k++) {
            const struct ese_index *from = &parent->index[k];
            if (*left == 0)
                return;
            --*left;
            if (strcasecmp(index->name, from->name) != 0)
                continue;
            index->from_template = true;
            if (index->segments == 0) {
                index->segments = from->segments;
                memcpy(index->segment, from->segment, sizeof index->segment);
            }
        }
    }
}

/* By name; of tables with one name the first is the one that is found. */
static int by_name(const void *a, const void *b)
{
    const struct ese_table *x = *(const struct ese_table *const *)a,
                           *y = *(const struct ese_table *const *)b;
    int order = strcasecmp(x->name, y->name);
    return order ? order : (x > y) - (x < y);
}

static const struct ese_table *find_sorted(const struct ese_table *const *sorted, unsigned count,
                                           const char *name)
{
    struct halving h = {.high = count};
    while (halving_next(&h))
        halving_go(&h, strcasecmp(sorted[h.middle]->name, name) < 0);
    return h.low < count && strcasecmp(sorted[h.low]->name, name) == 0 ? sorted[h.low] : NULL;
}

/* The template of a table, unless the catalog is damaged or asks for more than memory should hold.
 */
static const struct ese_table *find_parent(const struct ese_table *const *sorted, unsigned count,
                                           const struct ese_table *table, size_t inherited,
                                           struct fault *f)
{
    const struct ese_table *parent = find_sorted(sorted, count, table->template_name);
    if (parent == NULL || parent == table || parent->template_name != NULL) {
        fault_set(f, FAULT_DAMAGED, "table %s: its template table %s is missing", table->name,
                  table->template_name);
        return NULL;
    }
    if (inherited + parent->columns > INHERITED_MOST) {
        fault_set(f, FAULT_LIMIT,
                  "table %s: the %u columns of its template table %s are left out: "
                  "the tables before it have %zu from theirs, expected at most %u",
                  table->name, parent->columns, parent->name, inherited, INHERITED_MOST);
        return NULL;
    }
    return parent;
}

static int by_id(const void *a, const void *b)
{
    const struct ese_column *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

/* The catalog has columns in the order of their ids, unless its tree is damaged. */
static void sort_columns(struct ese_table *all, unsigned tables)
{
    for (unsigned i = 0; i < tables; i++) {
        struct ese_table *table = &all[i];
        bool ascending = true;
        for (unsigned k = 1; ascending && k < table->columns; k++)
            ascending = table->column[k - 1].id <= table->column[k].id;
        if (!ascending)
            qsort(table->column, table->columns, sizeof *table->column, by_id);
        table->sorted = true;
    }
}

static bool inherit_all(struct ese_table *all, unsigned tables,
                        const struct ese_table *const *sorted,
                        void (*damage)(void *, const struct fault *), void *context,
                        struct fault *f)
{
    size_t inherited = 0;
    uint32_t compared = INDEXES_COMPARED_MOST;
    for (unsigned i = 0; i < tables; i++) {
        struct ese_table *table = &all[i];
        struct fault why;
        if (table->template_name == NULL)
            continue;
        const struct ese_table *parent = find_parent(sorted, tables, table, inherited, &why);
        if (parent == NULL) {
            if (damage)
                damage(context, &why);
            continue;
        }
        inherited += parent->columns;
        if (!inherit_columns(table, parent, f))
            return false;
        inherit_indexes(table, parent, &compared);
    }
    return true;
}

/* A template has no template of its own, so one pass is enough; a cycle is simply not followed. */
bool ese_catalog_inherit(struct ese_table *all, unsigned tables,
                         void (*damage)(void *, const struct fault *), void *context,
                         struct fault *f)
{
    if (tables == 0)
        return true;
    sort_columns(all, tables);
    const struct ese_table **sorted = calloc(tables, sizeof *sorted);
    if (sorted == NULL)
        return fault_no_memory(f, "the catalog");
    for (unsigned i = 0; i < tables; i++)
        sorted[i] = &all[i];
    qsort(sorted, tables, sizeof *sorted, by_name);
    bool ok = inherit_all(all, tables, sorted, damage, context, f);
    free(sorted);
    return ok;
}
