/*
 * Who issued whom, as a picture in SVG: one before the repair and one after it, in the same places.
 * What goes is struck through, and an arrow leads to what takes its place; what that means is said
 * in words, too.
 */
#include "migrate/report/html_parts.h"

#include <inttypes.h>
#include <stdlib.h>

/* In units of the picture, which is as wide as a phone. */
enum { WIDE = 400, HIGH = 46, BOX = 38, INDENT = 14, DEEP = 8, ARROWS = 34, LETTERS = 40 };

struct tree {
    struct buffer *page;
    const struct picture *p;
    unsigned *place; /* of each row, from the top; PICTURE_NOTHING: not drawn */
    bool after;
};

static unsigned left_of(const struct picture_row *row)
{
    return 4 + INDENT * (row->depth < DEEP ? row->depth : DEEP);
}

static unsigned top_of(const struct tree *t, unsigned row)
{
    return t->place[row] * HIGH + 4;
}

static bool is_there(const struct tree *t, const struct picture_row *row)
{
    return t->after ? row->drop == NULL : row->entry != NULL;
}

/* The last row of the CA above that is there; PICTURE_NOTHING: none is drawn. */
static unsigned above(const struct tree *t, const struct picture_row *row)
{
    unsigned found = PICTURE_NOTHING;
    for (unsigned i = row->parent; i < t->p->rows && t->p->row[i].ca == t->p->row[row->parent].ca;
         i++)
        if (t->p->row[i].drawn && (found == PICTURE_NOTHING || is_there(t, &t->p->row[i])))
            found = i;
    return found;
}

/* From the CA above. */
static void edge(const struct tree *t, unsigned number)
{
    const struct picture_row *row = &t->p->row[number];
    unsigned parent = above(t, row);
    if (parent == PICTURE_NOTHING)
        return;
    unsigned x = left_of(&t->p->row[parent]) + 7, left = left_of(row);
    if (left <= x) /* deeper than the picture indents */
        x = left > 4 ? left - 3 : 1;
    html_put(t->page, "<path class=\"edge\" d=\"M%u %u V%u H%u\"/>\n", x, top_of(t, parent) + BOX,
             top_of(t, number) + BOX / 2, left);
}

/* From what goes to what takes its place. */
static void arrow(const struct tree *t, unsigned number)
{
    const struct picture_row *row = &t->p->row[number];
    if (t->after || row->survivor == PICTURE_NOTHING || t->place[row->survivor] == PICTURE_NOTHING)
        return;
    unsigned from = top_of(t, number) + BOX / 2, to = top_of(t, row->survivor) + BOX / 2;
    unsigned x = WIDE - ARROWS;
    html_put(t->page,
             "<path class=\"arrow\" d=\"M%u %u H%d V%u H%u\"/>"
             "<path class=\"head\" d=\"M%u %u l8 -5 v10 z\"/>\n",
             x, from, WIDE - 10, to, x + 8, x, to);
}

static void words(const struct tree *t, const struct picture_row *row)
{
    uint64_t references = t->after ? row->references_after : row->references;
    html_put(t->page, "entry %d, %s, %s", t->after ? row->key_after : row->entry->key,
             model_role_name(t->after ? row->role_after : row->role),
             model_trust_name(t->after ? row->trust_after : row->trust));
    if (!t->after && row->drop && row->moves)
        html_put(t->page, "; goes: %" PRIu64 " %s", row->moves,
                 row->moves == 1 ? "reference moves" : "references move");
    else if (!t->after && row->drop)
        html_put(t->page, "; goes");
    else if (references)
        html_put(t->page, "; %" PRIu64 " %s", references,
                 plural(references, "reference", "references"));
}

static void box(const struct tree *t, unsigned number)
{
    const struct picture_row *row = &t->p->row[number];
    unsigned x = left_of(row), y = top_of(t, number);
    bool there = is_there(t, row), goes = !t->after && row->drop;
    char text[512];
    const char *name = picture_name(t->p, row, text, sizeof text);
    html_put(t->page, "<g class=\"%s\"><title>%s%s%s</title>\n",
             !there         ? "gone"
             : goes         ? "goes"
             : row->changed ? "changed"
                            : "stays",
             name, row->above ? "; " : "", row->above ? row->above : "");
    html_put(t->page, "<rect x=\"%u\" y=\"%u\" width=\"%u\" height=\"%d\" rx=\"4\"/>\n", x, y,
             WIDE - ARROWS - x, BOX);
    if (!there) {
        html_put(t->page, "<text x=\"%u\" y=\"%u\">entry %d %s</text></g>\n", x + 6,
                 y + BOX / 2 + 4, row->entry ? row->entry->key : row->key_after,
                 row->entry ? "is gone" : "is not there yet");
        return;
    }
    html_put(t->page, "<text class=\"name\" x=\"%u\" y=\"%u\">%.*s</text>\n", x + 6, y + 16,
             LETTERS, name);
    html_put(t->page, "<text x=\"%u\" y=\"%u\">", x + 6, y + 31);
    words(t, row);
    html_put(t->page, "</text></g>\n");
}

static void tree(struct tree *t, const char *heading)
{
    html_put(t->page,
             "<figure><figcaption>%s</figcaption>\n<svg xmlns=\"http://www.w3.org/2000/svg\" "
             "viewBox=\"0 0 %d %u\" role=\"img\" aria-label=\"%s\">\n",
             heading, WIDE, t->p->drawn * HIGH + 4, heading);
    for (unsigned i = 0; i < t->p->rows; i++)
        if (t->p->row[i].drawn)
            edge(t, i);
    for (unsigned i = 0; i < t->p->rows; i++)
        if (t->p->row[i].drawn) {
            box(t, i);
            arrow(t, i);
        }
    html_put(t->page, "</svg></figure>\n");
}

void html_trees(struct buffer *page, const struct picture *p)
{
    struct tree t = {.page = page, .p = p};
    unsigned place = 0;
    t.place = malloc(((size_t)p->rows + 1) * sizeof *t.place);
    if (t.place == NULL) {
        page->failed = true;
        return;
    }
    for (unsigned i = 0; i < p->rows; i++)
        t.place[i] = p->row[i].drawn ? place++ : (unsigned)PICTURE_NOTHING;
    html_put(page, "<section><h2>Who issued whom</h2>\n<div class=\"trees\">\n");
    char before[64], after[64];
    snprintf(before, sizeof before, "Before %s", report_deed(p->a));
    snprintf(after, sizeof after, "After %s", report_deed(p->a));
    tree(&t, p->has_plan ? before : "As it is");
    t.after = true;
    if (p->has_plan)
        tree(&t, after);
    html_put(page, "</div>\n");
    if (p->drawn < p->rows)
        html_put(page, "<p>%u of %u entries are drawn; the table has the rest.</p>\n", p->drawn,
                 p->rows);
    html_put(page, "</section>\n");
    free(t.place);
}
