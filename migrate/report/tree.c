/* Who issued whom, as text: see tree.h. */
#include "migrate/report/tree.h"

#include "migrate/console/output.h"

#include <inttypes.h>

enum { INDENT = 2, DEEP = 32 };

static void print_row(const struct picture *p, const struct picture_row *row)
{
    unsigned depth = row->depth < DEEP ? row->depth : DEEP;
    char name[512];
    output_format("%*s%s (entry %d, %s, %s", (int)(INDENT * depth), "",
                  picture_name(p, row, name, sizeof name), row->entry->key,
                  model_role_name(row->role), model_trust_name(row->trust));
    if (row->references)
        output_format(", %" PRIu64 " %s", row->references,
                      plural(row->references, "reference", "references"));
    output_format(")%s%s\n", row->above ? ": " : "", row->above ? row->above : "");
}

void tree_print(const struct picture *p)
{
    for (unsigned i = 0; i < p->rows; i++)
        if (p->row[i].entry)
            print_row(p, &p->row[i]);
}
