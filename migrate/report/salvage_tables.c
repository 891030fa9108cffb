/* The tables of a salvage in a report: see salvage_tables.h. */
#include "migrate/report/salvage_tables.h"

#include "migrate/console/output.h"
#include "migrate/console/words.h"

#include <inttypes.h>
#include <stdlib.h>

static int worst_first(const void *a, const void *b)
{
    const struct ese_salvage_table *x = *(const struct ese_salvage_table *const *)a,
                                   *y = *(const struct ese_salvage_table *const *)b;
    if (salvaging_badness(x) != salvaging_badness(y))
        return salvaging_badness(x) > salvaging_badness(y) ? -1 : 1;
    return (x->objid > y->objid) - (x->objid < y->objid);
}

const struct ese_salvage_table **salvage_tables_worst_first(const struct salvaging *x)
{
    const struct ese_salvage_result *r = &x->result;
    const struct ese_salvage_table **order = calloc(r->tables + 1u, sizeof *order);
    for (unsigned i = 0; order && i < r->tables; i++)
        order[i] = &r->table[i];
    if (order)
        qsort(order, r->tables, sizeof *order, worst_first);
    return order;
}

void salvage_table_losses(const struct ese_salvage_table *t)
{
    output_text(salvaging_perhaps(t->perhaps_lost));
    if (t->cut)
        output_format("; %" PRIu64 " of the kept without a long value", t->cut);
    if (t->pages_lost)
        output_format("; %s of rows lost", counted(t->pages_lost, "page", "pages"));
    if (t->in_part)
        output_text("; columns or indexes may be missing");
    if (t->older)
        output_format("; %s", counted(t->older, "older version", "older versions"));
    if (t->entries_missing)
        output_format("; %s missing", counted(t->entries_missing, "index entry", "index entries"));
    output_text("\n");
}

static void json_table(struct json *json, const struct ese_salvage_table *t)
{
    json_map(json);
    json_put_text(json, "name", t->name);
    json_put_unsigned(json, "object", t->objid);
    json_put_unsigned(json, "kept", t->kept);
    json_put_unsigned(json, "doubtful", t->doubtful);
    json_put_unsigned(json, "lost", t->lost);
    json_put_unsigned(json, "perhaps_lost", t->perhaps_lost);
    json_put_unsigned(json, "written", t->written);
    json_put_unsigned(json, "cut", t->cut);
    json_put_unsigned(json, "older", t->older);
    json_put_unsigned(json, "deleted", t->deleted);
    json_put_unsigned(json, "pages_lost", t->pages_lost);
    json_put_unsigned(json, "entries_missing", t->entries_missing);
    json_put_bool(json, "in_part", t->in_part);
    json_end_map(json);
}

void salvage_tables_json(struct json *json, const struct ese_salvage_result *result)
{
    json_put_array(json, "tables");
    for (unsigned i = 0; i < result->tables; i++)
        json_table(json, &result->table[i]);
    json_end_array(json);
}
