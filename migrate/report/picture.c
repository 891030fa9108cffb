/* The entries of a list in the order of a page: see picture.h. */
#include "migrate/report/picture.h"

#include "formats/certs/name.h"

#include <stdlib.h>

enum { ISSUERS_ASKED = 16 }; /* of one name, for one certificate */

/* One CA: an issuer of the prover's index. */
struct node {
    unsigned parent, child, next; /* children by next, the last first; PICTURE_NOTHING ends them */
    const char *above;
    unsigned first; /* its first row */
    bool visited;
};

struct ordering {
    struct picture *p;
    const struct issuers *issuers;
    struct node *node;
    unsigned *stack;  /* of CAs that are still to be written, and their depths */
    unsigned *row_of; /* by entry */
    const struct action *added;
    unsigned added_parent;
};

/* ---- who issued whom ---- */

/* The CA whose key proves the certificate; *above says why there is none. */
static unsigned parent_of(const struct ordering *o, unsigned self, unsigned certificate,
                          const char **above)
{
    const struct x509_certificate *x509 = &o->p->a->model.certificate[certificate].x509;
    const struct issuer *first;
    unsigned count = issuers_named(o->issuers, x509->issuer, &first);
    bool named = bytes_equal(x509->issuer, x509->subject);
    *above = named ? NULL : count ? "its issuer is not proven" : "its issuer is not in the list";
    for (unsigned i = 0; i < count && i < ISSUERS_ASKED; i++) {
        unsigned number = (unsigned)(&first[i] - o->issuers->issuer);
        if (prover_check(o->p->a->prover, first[i].certificate, &x509->envelope).answer !=
            PROOF_PROVEN)
            continue;
        *above = NULL;
        return number == self ? PICTURE_NOTHING : number;
    }
    return PICTURE_NOTHING;
}

static void link_nodes(struct ordering *o)
{
    unsigned count = o->issuers->count;
    for (unsigned i = 0; i < count; i++)
        o->node[i] = (struct node){.child = PICTURE_NOTHING, .first = PICTURE_NOTHING};
    for (unsigned i = 0; i < count; i++) {
        struct node *n = &o->node[i];
        n->parent = parent_of(o, i, o->issuers->issuer[i].certificate, &n->above);
        n->next = PICTURE_NOTHING;
        if (n->parent == PICTURE_NOTHING)
            continue;
        n->next = o->node[n->parent].child;
        o->node[n->parent].child = i;
    }
}

/* ---- rows ---- */

static struct picture_row *add_row(struct ordering *o, unsigned ca, unsigned depth)
{
    struct picture_row *row = &o->p->row[o->p->rows++];
    unsigned parent = ca == PICTURE_NOTHING ? PICTURE_NOTHING : o->node[ca].parent;
    *row = (struct picture_row){.ca = ca,
                                .depth = depth,
                                .parent = PICTURE_NOTHING,
                                .survivor = PICTURE_NOTHING,
                                .above = ca == PICTURE_NOTHING ? NULL : o->node[ca].above};
    /* In a ring of cross-certificates the first one's issuer is written behind it. */
    if (parent != PICTURE_NOTHING && depth > 0)
        row->parent = o->node[parent].first;
    return row;
}

static void add_entry(struct ordering *o, unsigned number, unsigned ca, unsigned depth)
{
    const struct model_entry *e = &o->p->a->model.entry[number];
    struct picture_row *row = add_row(o, ca, depth);
    o->row_of[number] = o->p->rows - 1;
    row->entry = e;
    row->certificate = e->certificate;
    row->key_after = e->key;
    row->role = row->role_after = e->role;
    row->trust = row->trust_after = e->trust;
    row->references = row->references_after = e->reference_count;
}

static void add_added(struct ordering *o, unsigned depth, unsigned parent)
{
    struct picture_row *row = add_row(o, PICTURE_NOTHING, depth);
    row->certificate = o->added->certificate;
    row->parent = parent;
    row->changed = true;
    row->key_after = o->added->entry;
    row->role_after = o->added->role;
    row->trust_after = o->added->trust;
    o->added = NULL;
}

/* A CA, and on the stack those below it. */
static void add_node(struct ordering *o, unsigned ca, unsigned depth, unsigned *top)
{
    const struct issuer *issuer = &o->issuers->issuer[ca];
    struct node *n = &o->node[ca];
    n->visited = true;
    n->first = o->p->rows;
    for (unsigned i = 0; i < issuer->entries; i++)
        add_entry(o, issuer->entry[i], ca, depth);
    if (o->added && o->added_parent == ca)
        add_added(o, depth + 1, n->first);
    for (unsigned child = n->child; child != PICTURE_NOTHING; child = o->node[child].next)
        if (!o->node[child].visited) {
            o->node[child].visited = true;
            o->stack[2 * *top] = child;
            o->stack[2 * (*top)++ + 1] = depth + 1;
        }
}

static void add_tree(struct ordering *o, unsigned root)
{
    unsigned top = 1;
    o->stack[0] = root;
    o->stack[1] = 0;
    while (top > 0) {
        top--;
        add_node(o, o->stack[2 * top], o->stack[2 * top + 1], &top);
    }
}

static void add_rows(struct ordering *o)
{
    const struct model *m = &o->p->a->model;
    for (unsigned i = 0; i < o->issuers->count; i++)
        if (o->node[i].parent == PICTURE_NOTHING)
            add_tree(o, i);
    for (unsigned i = 0; i < o->issuers->count; i++)
        if (!o->node[i].visited)
            add_tree(o, i);
    for (unsigned i = 0; i < m->entries; i++)
        if (!model_certificate_of(m, &m->entry[i])->parsed)
            add_entry(o, i, PICTURE_NOTHING, 0);
    if (o->added)
        add_added(o, 0, PICTURE_NOTHING);
}

/* ---- what the plan does ---- */

static struct picture_row *row_of(struct ordering *o, int32_t key, unsigned twin)
{
    const struct model *m = &o->p->a->model;
    const struct model_entry *e = model_entry_twin(m, key, twin);
    return e ? &o->p->row[o->row_of[e - m->entry]] : NULL;
}

/* In a list value the entries that stay move up. */
static void number_after(struct ordering *o)
{
    const struct model *m = &o->p->a->model;
    int32_t position = 0;
    for (unsigned i = 0; i < m->entries && m->match == PROFILE_MATCHES_VALUE; i++)
        if (o->p->row[o->row_of[i]].drop == NULL)
            o->p->row[o->row_of[i]].key_after = ++position;
}

static void change_cells(const struct model *m, struct picture_row *row,
                         const struct action *action)
{
    struct action_cell cell[ACTION_CELLS_MOST];
    unsigned cells = action_cells(m, action, cell);
    for (unsigned i = 0; i < cells; i++) {
        if (cell[i].kind == CELL_ROLE)
            row->role_after = cell[i].role;
        if (cell[i].kind == CELL_TRUST)
            row->trust_after = cell[i].trust;
    }
}

static void change_entry(struct ordering *o, const struct action *action)
{
    struct picture_row *row =
        action_is_of_entry(action->kind) ? row_of(o, action->entry, action->twin) : NULL;
    if (row == NULL)
        return;
    row->changed = true;
    if (action_effect(action->kind) == EFFECT_CELLS)
        change_cells(&o->p->a->model, row, action);
    if (action_effect(action->kind) != EFFECT_DROP)
        return;
    struct picture_row *other = action->alone ? NULL : row_of(o, action->other, 0);
    row->drop = action;
    if (other)
        row->survivor = (unsigned)(other - o->p->row);
}

/* References that leave an entry which goes; a dangling one comes from no entry. */
static void move_references(struct ordering *o, const struct action *action)
{
    struct picture_row *from = row_of(o, action->entry, 0), *to;
    if (action_effect(action->kind) == EFFECT_MOVE_ONE) {
        bool rows = o->p->a->model.match == PROFILE_MATCHES_ROWS;
        if (rows && (to = row_of(o, action->other, 0)) != NULL) {
            to->references_after++;
            to->changed = true;
        }
        return;
    }
    if (from == NULL || from->drop == NULL)
        return;
    from->moves += action->count;
    from->references_after -= action->count;
    if (from->survivor != PICTURE_NOTHING)
        o->p->row[from->survivor].references_after += action->count;
}

static void follow_plan(struct ordering *o)
{
    const struct plan *plan = &o->p->a->plan;
    for (size_t i = 0; i < plan->actions; i++)
        change_entry(o, &plan->action[i]);
    number_after(o);
    for (size_t i = 0; i < plan->actions; i++)
        if (action_effect(plan->action[i].kind) == EFFECT_MOVE_ALL ||
            action_effect(plan->action[i].kind) == EFFECT_MOVE_ONE)
            move_references(o, &plan->action[i]);
}

/* ---- what is drawn ---- */

static void draw(struct picture *p, unsigned row)
{
    if (p->row[row].drawn || p->drawn >= PICTURE_MOST)
        return;
    p->row[row].drawn = true;
    p->drawn++;
}

/* With what is above it, so that nothing hangs in the air. */
static void draw_chain(struct picture *p, unsigned row)
{
    enum { HIGH = 32 };
    for (unsigned i = 0; i < HIGH && row != PICTURE_NOTHING; i++, row = p->row[row].parent)
        draw(p, row);
}

/* Duplicates and what a repair changes, with their chains; then the rest, as far as there is room.
 */
static void choose_drawn(struct picture *p)
{
    for (unsigned i = 0; i < p->rows; i++)
        if (p->row[i].changed) {
            if (p->row[i].survivor != PICTURE_NOTHING)
                draw_chain(p, p->row[i].survivor);
            draw_chain(p, i);
        }
    for (unsigned i = 1; i < p->rows; i++)
        if (p->row[i].ca != PICTURE_NOTHING && p->row[i].ca == p->row[i - 1].ca) {
            draw_chain(p, i - 1);
            draw(p, i);
        }
    unsigned room = p->rows <= PICTURE_ALL ? p->rows : PICTURE_ALL;
    for (unsigned i = 0; i < p->rows && p->drawn < room; i++)
        draw(p, i);
}

/* ---- the whole ---- */

static const struct action *find_added(const struct plan *plan)
{
    for (size_t i = 0; i < plan->actions; i++)
        if (action_effect(plan->action[i].kind) == EFFECT_ADD)
            return &plan->action[i];
    return NULL;
}

bool picture_open(struct picture *p, const struct assessment *a)
{
    const struct model *m = &a->model;
    struct ordering o = {.p = p, .issuers = prover_issuers(a->prover)};
    const char *above;
    *p = (struct picture){.a = a, .has_plan = assess_has_work(a)};
    p->row = calloc((size_t)m->entries + 2, sizeof *p->row);
    o.node = calloc((size_t)o.issuers->count + 1, sizeof *o.node);
    o.stack = calloc((size_t)o.issuers->count + 1, 2 * sizeof *o.stack);
    o.row_of = calloc((size_t)m->entries + 1, sizeof *o.row_of);
    bool ok = p->row && o.node && o.stack && o.row_of;
    if (ok) {
        link_nodes(&o);
        o.added = p->has_plan ? find_added(&a->plan) : NULL;
        o.added_parent = PICTURE_NOTHING;
        if (o.added && m->certificate[o.added->certificate].parsed)
            o.added_parent = parent_of(&o, PICTURE_NOTHING, o.added->certificate, &above);
        add_rows(&o);
        if (p->has_plan)
            follow_plan(&o);
        choose_drawn(p);
    }
    free(o.node);
    free(o.stack);
    free(o.row_of);
    return ok && !prover_failed(a->prover);
}

void picture_close(struct picture *p)
{
    free(p->row);
    p->row = NULL;
}

const char *picture_name(const struct picture *p, const struct picture_row *row, char *text,
                         size_t size)
{
    const struct model_certificate *cert = &p->a->model.certificate[row->certificate];
    if (!cert->parsed)
        return "not a certificate";
    if (name_find(cert->x509.subject, "CN", text, size) == 0)
        name_text(cert->x509.subject, text, size);
    return text;
}
