/* Who issued whom, as text and for Graphviz: see tree.h. */
#include "migrate/report/tree.h"

#include "migrate/console/escape.h"
#include "migrate/console/output.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { INDENT = 2, DEEP = 32 };

static void print_row(const struct picture *p, const struct picture_row *row)
{
    unsigned depth = row->depth < DEEP ? row->depth : DEEP;
    char name[512];
    output_format("%*s%s (entry %d", (int)(INDENT * depth), "",
                  picture_name(p, row, name, sizeof name), row->entry->key);
    if (!model_is_of_file(&p->a->model))
        output_format(", %s, %s", model_role_name(row->role), model_trust_name(row->trust));
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

/* ---- Graphviz ---- */

/* A text inside a quoted string: nothing ends the string, no backslash begins an escape (\N, \l) of
 * a label, and & no character of HTML.  Hidden characters become what they are on a terminal. */
static void add_quoted(struct buffer *out, const char *text)
{
    struct bytes piece;
    for (struct escape e = escape_of(bytes_of(text, strlen(text)), ESCAPE_LINE);
         escape_next(&e, &piece);)
        for (size_t i = 0; i < piece.size; i++)
            if (piece.at[i] == '\\')
                buffer_add_text(out, "\\\\");
            else if (piece.at[i] == '"')
                buffer_add_text(out, "\\\"");
            else if (piece.at[i] == '&')
                buffer_add_text(out, "&amp;");
            else
                buffer_add_u8(out, piece.at[i]);
}

/* A node is named by its row: entries may have one key in two tables. */
static void add_node(const struct picture *p, unsigned number, struct buffer *out)
{
    const struct picture_row *row = &p->row[number];
    char name[512], line[128];
    snprintf(line, sizeof line, "  n%u [label=\"", number);
    buffer_add_text(out, line);
    add_quoted(out, picture_name(p, row, name, sizeof name));
    snprintf(line, sizeof line, "\\nentry %d", row->entry->key);
    buffer_add_text(out, line);
    if (!model_is_of_file(&p->a->model)) {
        snprintf(line, sizeof line, ", %s, %s", model_role_name(row->role),
                 model_trust_name(row->trust));
        buffer_add_text(out, line);
    }
    if (row->references) {
        snprintf(line, sizeof line, "\\n%" PRIu64 " %s", row->references,
                 plural(row->references, "reference", "references"));
        buffer_add_text(out, line);
    }
    if (row->above) {
        buffer_add_text(out, "\\n");
        add_quoted(out, row->above);
    }
    buffer_add_text(out, "\"];\n");
    if (row->parent == PICTURE_NOTHING)
        return;
    snprintf(line, sizeof line, "  n%u -> n%u;\n", row->parent, number);
    buffer_add_text(out, line);
}

bool tree_dot(const struct picture *p, struct buffer *out)
{
    buffer_add_text(out, "digraph \"kmmigrate\" {\n  charset=\"UTF-8\";\n  node [shape=box];\n");
    for (unsigned i = 0; i < p->rows; i++)
        if (p->row[i].entry)
            add_node(p, i, out);
    buffer_add_text(out, "}\n");
    return !out->failed;
}
