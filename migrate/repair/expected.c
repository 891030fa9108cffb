/*
 * What a plan says of the rows of a store: see repair/expected.h.
 *
 * Actions are chained by the entry that they name, so that a row costs one search in the list and
 * the few actions of its entry.
 */
#include "migrate/repair/expected_parts.h"

#include <inttypes.h>
#include <stdlib.h>

/* ---- opening ---- */

static bool is_of_entry(enum action_kind kind)
{
    switch (kind) {
    case ACTION_DROP_ENTRY:
    case ACTION_SET_ROLE:
    case ACTION_SET_TRUST:
    case ACTION_SET_NAME:
    case ACTION_SET_IMPORTED:
    case ACTION_SET_THUMBPRINT:
    case ACTION_ADD_PROPERTIES:
    case ACTION_MOVE_REFERENCES:
        return true;
    case ACTION_WRITE_HEADER:
    case ACTION_DROP_INDEX_ENTRY:
    case ACTION_ADD_ENTRY:
    case ACTION_MOVE_REFERENCE:
    case ACTION_SET_ISSUING_CA:
    case ACTION_SET_MODE:
    case ACTION_KINDS:
        break;
    }
    return false;
}

/* References name a key; where several entries have it, the first of them stands for all. */
static const struct model_entry *entry_of(const struct model *m, const struct action *a)
{
    unsigned twin = a->kind == ACTION_MOVE_REFERENCES ? 0 : a->twin;
    const struct model_entry *e = model_entry(m, a->entry);
    for (; e && e < m->entry + m->entries && e->key == a->entry; e++)
        if (e->twin == twin)
            return e;
    return NULL;
}

int expected_order_of(const struct action *a, unsigned reference, int32_t row, int32_t names)
{
    if (a->reference != reference)
        return a->reference < reference ? -1 : 1;
    if (a->row != row)
        return a->row < row ? -1 : 1;
    return (a->entry > names) - (a->entry < names);
}

static int by_dangling(const void *x, const void *y, void *context)
{
    const struct action *all = context, *a = &all[*(const uint32_t *)x],
                        *b = &all[*(const uint32_t *)y];
    return expected_order_of(a, b->reference, b->row, b->entry);
}

static bool chain(struct expected *x, uint32_t i, struct fault *f)
{
    const struct action *a = &x->plan->action[i];
    if (a->kind == ACTION_MOVE_REFERENCE)
        x->dangling[x->danglings++] = i;
    if (a->kind == ACTION_SET_ISSUING_CA || a->kind == ACTION_SET_MODE) {
        if (x->settings == SETTINGS_MOST)
            return fault_set(f, FAULT_LIMIT, "more changes of settings than can be verified");
        x->setting[x->settings++] = i;
    }
    if (a->kind == ACTION_ADD_ENTRY)
        x->list_changes[a->part] = true;
    if (!is_of_entry(a->kind))
        return true;
    const struct model_entry *e = entry_of(x->model, a);
    if (e == NULL)
        return fault_set(f, FAULT_DAMAGED, "the plan speaks of entry %d, which is not there",
                         a->entry);
    if (a->kind == ACTION_DROP_ENTRY || a->kind == ACTION_ADD_PROPERTIES)
        x->list_changes[e->part] = true;
    x->next[i] = x->first[e - x->model->entry];
    x->first[e - x->model->entry] = i;
    return true;
}

/* hash: names are hashes, and keys otherwise. */
static int compare_names(const struct model *m, bool hash, struct bytes a, struct bytes b)
{
    return hash ? bytes_compare(a, b) : names_compare_keys(m, a, b);
}

static int by_key(const void *x, const void *y, void *model)
{
    const struct called *a = x, *b = y;
    int order = compare_names(model, false, a->name, b->name);
    return order ? order : (a->entry > b->entry) - (a->entry < b->entry);
}

static int by_name(const void *x, const void *y)
{
    const struct called *a = x, *b = y;
    int order = bytes_compare(a->name, b->name);
    return order ? order : (a->entry > b->entry) - (a->entry < b->entry);
}

/* What the entries are called: the keys are held against the list's rows in expected_of_entry(). */
static bool open_called(struct expected *x)
{
    const struct model *m = x->model;
    for (unsigned k = 0; k < 2; k++) {
        x->called[k] = malloc(((size_t)m->entries + 1) * sizeof *x->called[k]);
        if (x->called[k] == NULL)
            return false;
        for (unsigned i = 0; i < m->entries; i++)
            x->called[k][i] = (struct called){
                k == 0 ? names_key_bytes(m, m->entry[i].key)
                       : bytes_of(m->certificate[m->entry[i].certificate].sha1, HASH_SHA1_SIZE),
                i};
        if (m->entries > 0 && k == 0)
            qsort_r(x->called[k], m->entries, sizeof *x->called[k], by_key, (void *)(uintptr_t)m);
        else if (m->entries > 0)
            qsort(x->called[k], m->entries, sizeof *x->called[k], by_name);
    }
    return true;
}

/* The first entry of that name; NULL: none. */
const struct model_entry *expected_entry_called(const struct expected *x, bool hash,
                                                struct bytes name)
{
    const struct called *all = x->called[hash];
    unsigned low = 0, high = x->model->entries;
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        if (compare_names(x->model, hash, all[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < x->model->entries && compare_names(x->model, hash, all[low].name, name) == 0
               ? &x->model->entry[all[low].entry]
               : NULL;
}

/* A hash that references get is that of an entry that stays. */
static bool hash_stays(const struct expected *x, const struct action *a)
{
    const struct model *m = x->model;
    for (unsigned i = 0; i < m->entries; i++) {
        bool dropped = m->entry[i].certificate != a->certificate;
        for (uint32_t k = x->first[i]; !dropped && k != NONE; k = x->next[k])
            dropped = x->plan->action[k].kind == ACTION_DROP_ENTRY;
        if (!dropped)
            return true;
    }
    return false;
}

static bool check_hashes(const struct expected *x, struct fault *f)
{
    for (size_t i = 0; i < x->plan->actions; i++) {
        const struct action *a = &x->plan->action[i];
        if ((a->kind == ACTION_MOVE_REFERENCES || a->kind == ACTION_MOVE_REFERENCE) &&
            profile_names_hash(x->model->profile->reference[a->reference].names) &&
            !hash_stays(x, a))
            return fault_set(f, FAULT_DAMAGED,
                             "the plan moves references to a certificate that does not stay");
    }
    return true;
}

struct expected *expected_open(const struct model *m, const struct plan *plan, struct fault *f)
{
    struct expected *x = calloc(1, sizeof *x);
    bool ok = x != NULL;
    if (ok) {
        x->model = m;
        x->plan = plan;
        x->first = malloc(((size_t)m->entries + 1) * sizeof *x->first);
        x->next = malloc((plan->actions + 1) * sizeof *x->next);
        x->dangling = malloc((plan->actions + 1) * sizeof *x->dangling);
        x->seen = calloc(plan->actions + 1, sizeof *x->seen);
        ok =
            x->first && x->next && x->dangling && x->seen && plan->actions < NONE && open_called(x);
    }
    if (!ok)
        fault_set(f, FAULT_NO_MEMORY, "out of memory for verifying");
    for (unsigned i = 0; ok && i < m->entries; i++)
        x->first[i] = NONE;
    for (size_t i = 0; ok && i < plan->actions; i++)
        ok = chain(x, (uint32_t)i, f);
    ok = ok && check_hashes(x, f);
    if (ok && x->danglings > 0)
        qsort_r(x->dangling, x->danglings, sizeof *x->dangling, by_dangling, plan->action);
    if (ok)
        return x;
    expected_close(x);
    return NULL;
}

void expected_close(struct expected *x)
{
    if (x == NULL)
        return;
    free(x->called[0]);
    free(x->called[1]);
    pieces_free(&x->pieces);
    free(x->first);
    free(x->next);
    free(x->dangling);
    free(x->seen);
    buffer_free(&x->room);
    arena_free(&x->values);
    free(x);
}

/* ---- tables ---- */

const struct ese_column *expected_column(const struct expected *x, const char *name)
{
    return ese_table_column(x->table, name);
}

void expected_begin(struct expected *x, const struct ese_table *table)
{
    const struct profile *p = x->model->profile;
    x->table = table;
    x->is_list = model_is_list_table(x->model, table);
    x->has_other_rows = false;
    for (unsigned i = 0; i < p->lists; i++)
        x->has_other_rows = x->has_other_rows || (ese_table_is(table, p->list[i].table) &&
                                                  condition_is_there(&p->list[i].rows));
    x->is_value = false;
    for (unsigned i = 0; x->model->match == PROFILE_MATCHES_VALUE && i < p->values; i++)
        x->is_value = x->is_value || ese_table_is(table, p->value[i].table);
    x->references = 0;
    for (unsigned i = 0; i < p->references; i++)
        if (ese_table_is(table, p->reference[i].table))
            x->reference[x->references++] =
                (struct reference_columns){i, expected_column(x, p->reference[i].column),
                                           expected_column(x, p->reference[i].key)};
}

/* ---- rows ---- */

bool expected_of(struct expected *x, const struct ese_record *record, unsigned number,
                 struct expected_row *row, struct fault *f)
{
    arena_free(&x->values);
    row->dropped = row->may_go = false;
    row->values = 0;
    if (x->is_list && !expected_of_entry(x, record, number, row, f))
        return false;
    for (unsigned i = 0; i < x->references; i++)
        if (!expected_of_reference(x, &x->reference[i], record, row, f))
            return false;
    return expected_of_setting(x, record, row, f) && expected_of_list(x, record, row, f);
}

/* What tells the rows of a part of the list from others. */
static bool added_to_part(struct expected *x, const struct condition *rows,
                          struct expected_row *row, struct fault *f)
{
    struct expected_value value = {
        .column = expected_column(x, rows->column), .kind = EXPECTED_TEXT, .text = rows->value};
    if (value.column && value.column->type != ESE_COL_TEXT) {
        value.kind = EXPECTED_INTEGER;
        value.number = (int32_t)strtol(rows->value, NULL, 10);
    }
    return value.column == NULL || expected_put(row, &value, f);
}

static bool added_entry(struct expected *x, const struct action *a, struct expected_row *row,
                        struct fault *f)
{
    struct list_row l;
    const struct model_certificate *cert = &x->model->certificate[a->certificate];
    expected_open_row(&l, x, a->part);
    return expected_put(row,
                        &(struct expected_value){.column = expected_column(x, l.list->key),
                                                 .kind = EXPECTED_INTEGER,
                                                 .number = a->entry},
                        f) &&
           expected_put(row,
                        &(struct expected_value){.column = expected_column(x, l.list->certificate),
                                                 .kind = EXPECTED_BYTES,
                                                 .bytes = cert->der},
                        f) &&
           added_to_part(x, &l.list->rows, row, f) &&
           (expected_column(x, l.list->thumbprint) == NULL ||
            expected_put_thumbprint(x, &l, bytes_of(cert->sha1, sizeof cert->sha1), row, f)) &&
           (!roles_are_told(l.list) || roles_set_role(&l.roles, &l.new, a->role, f)) &&
           (!roles_tell_trust(l.list) || roles_set_trust(&l.roles, &l.new, a->trust, f)) &&
           expected_put_roles(&l, row, f);
}

static bool added_setting(struct expected *x, const struct action *a,
                          const struct setting_place *place, struct expected_row *row, int32_t key,
                          struct fault *f)
{
    const struct ese_column *tells = expected_column(x, place->rows.column);
    bool number = tells && expected_is_number_column(tells);
    struct expected_value selected = {.column = tells,
                                      .kind = number ? EXPECTED_INTEGER : EXPECTED_TEXT};
    if (number)
        selected.number = (int32_t)strtol(place->rows.value, NULL, 10);
    else
        selected.text = place->rows.value;
    return expected_put(row,
                        &(struct expected_value){.column = ese_table_key_column(x->table),
                                                 .kind = EXPECTED_INTEGER,
                                                 .number = key},
                        f) &&
           expected_put(row, &selected, f) && expected_setting(x, a, place, row, f);
}

/* Is it the action that adds this row as a setting? */
static bool adds_setting(struct expected *x, const struct action *a,
                         const struct ese_record *record, struct setting_place *place, int32_t *key)
{
    if (a->kind != ACTION_SET_ISSUING_CA && a->kind != ACTION_SET_MODE)
        return false;
    const struct model_setting *s = &x->model->setting[expected_setting_of(a)];
    return !s->has_row && profile_place(x->model->profile, expected_setting_of(a), place) &&
           expected_is_setting(x, place, record) &&
           rows_integer_of(record, ese_table_key_column(x->table), key) && *key > s->last_key;
}

bool expected_of_new(struct expected *x, const struct ese_record *record, struct expected_row *row,
                     struct fault *f)
{
    const struct profile *p = x->model->profile;
    struct setting_place place;
    int32_t key;
    arena_free(&x->values);
    row->dropped = row->may_go = false;
    row->values = 0;
    for (size_t i = 0; i < x->plan->actions; i++) {
        const struct action *a = &x->plan->action[i];
        if (x->seen[i] > 0)
            continue;
        if (x->is_list && a->kind == ACTION_ADD_ENTRY &&
            model_list_table(x->model, a->part) == x->table &&
            rows_integer_of(record, expected_column(x, p->list[a->part].key), &key) &&
            key == a->entry) {
            x->seen[i]++;
            return added_entry(x, a, row, f);
        }
        if (adds_setting(x, a, record, &place, &key)) {
            x->seen[i]++;
            return added_setting(x, a, &place, row, key, f);
        }
    }
    return fault_set(f, FAULT_DAMAGED, "it is new, and no action of the plan adds it");
}

/* ---- the end ---- */

bool expected_complete(const struct expected *x, struct fault *f)
{
    char text[512];
    for (size_t i = 0; i < x->plan->actions; i++) {
        const struct action *a = &x->plan->action[i];
        bool settings = a->kind == ACTION_SET_ISSUING_CA || a->kind == ACTION_SET_MODE;
        bool no_row = a->kind == ACTION_WRITE_HEADER || a->kind == ACTION_DROP_INDEX_ENTRY;
        uint64_t wanted = a->kind == ACTION_MOVE_REFERENCES ? a->count : no_row ? 0 : 1;
        if (x->seen[i] == wanted || (settings && x->seen[i] > 0))
            continue;
        action_canonical(x->model, a, text, sizeof text);
        return fault_set(f, FAULT_DAMAGED,
                         "%.120s: expected it to change %" PRIu64 " rows, found %" PRIu64, text,
                         wanted, x->seen[i]);
    }
    return true;
}
