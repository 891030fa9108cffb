/* What the readers of a model have in common: see readers.h. */
#include "migrate/judge/readers.h"

#include <inttypes.h>
#include <strings.h>

const struct ese_table *model_table_named(const struct model *m, const char *name)
{
    return ese_catalog_find(m->store->db->catalog, name);
}

bool model_is_named(const char *name, const char *wanted)
{
    return name && wanted && strcasecmp(name, wanted) == 0;
}

/* How many values a column has in the row in hand; what cannot be read ends them. */
unsigned model_count_values(const struct rows *rows, const struct ese_column *column)
{
    struct ese_values values;
    struct ese_value value;
    if (column == NULL || !ese_values_of(&values, &rows->record, column, NULL))
        return 0;
    while (ese_values_next(&values, &value, NULL))
        ;
    return values.count;
}

/* Ends reading rows; what could not be read of them is a problem.  False, with f saying so, when
 * memory was short. */
bool model_end_rows(struct rows *rows, struct problems *problems, struct fault *f)
{
    struct fault why = {.code = FAULT_NONE};
    if (rows_end(rows, &why))
        return true;
    if (why.code == FAULT_NO_MEMORY)
        return model_no_memory(f);
    if (why.code == FAULT_NOT_THIS) {
        problem_add(problems, PROBLEM_MISFIT, NO_ENTRY, NO_ENTRY, "table %s: %s", rows->table->name,
                    why.text);
        return true;
    }
    if (problem_has(problems, PROBLEM_STRUCTURE))
        return true; /* the structural check has named the place */
    problem_add(problems, PROBLEM_STRUCTURE, NO_ENTRY, NO_ENTRY,
                "table %s: %" PRIu64 " rows, values or pages cannot be read; the first: %s",
                rows->table->name, rows->unread, why.text);
    return true;
}
