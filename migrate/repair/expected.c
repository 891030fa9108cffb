/*
 * What a plan says of the rows of a store: see repair/expected.h.
 *
 * Actions are chained by the entry that they name, so that a row costs one search in the list and
 * the few actions of its entry.
 */
#include "migrate/repair/expected.h"

#include "formats/ese/layout/text.h"
#include "formats/arena.h"
#include "migrate/judge/names.h"
#include "migrate/profile/settings.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <strings.h>

enum { SETTINGS_MOST = 8, TEXT_MOST = 64 * 1024, EXPECTED_EACH_MOST = 1024 };

#define NONE UINT32_MAX

struct reference_columns {
    unsigned which; /* of the profile's */
    const struct ese_column *names, *key;
};

/* An entry by what references that hold bytes call it. */
struct called {
    struct bytes name;
    unsigned entry;
};

struct expected {
    const struct model *model;
    const struct plan *plan;
    uint32_t *first;    /* by entry, as model->entry: its first action; NONE */
    uint32_t *next;     /* by action: the entry's next one */
    uint64_t *seen;     /* by action: rows that it has an effect on */
    uint32_t *dangling; /* ACTION_MOVE_REFERENCE, in order */
    uint32_t danglings;
    uint32_t setting[SETTINGS_MOST]; /* actions that change a setting */
    unsigned settings;
    struct called *called[2];              /* by key, and by hash: as many as entries, in order */
    bool list_changes[PROFILE_LISTS_MOST]; /* an action changes that value of the list */
    struct buffer room;
    struct pieces pieces; /* of the new list */
    int32_t piece;        /* the number of the row in hand */
    struct arena values;  /* of the row in hand */

    /* Of the table in hand. */
    const struct ese_table *table;
    bool is_list, is_value;
    bool has_other_rows; /* not all rows of its table are of the list */
    unsigned references;
    struct reference_columns reference[PROFILE_REFERENCES_MOST];
};

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

static int order_of(const struct action *a, unsigned reference, int32_t row, int32_t names)
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
    return order_of(a, b->reference, b->row, b->entry);
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
        x->list_changes[0] = true;
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

static int by_name(const void *x, const void *y)
{
    const struct called *a = x, *b = y;
    int order = bytes_compare(a->name, b->name);
    return order ? order : (a->entry > b->entry) - (a->entry < b->entry);
}

/* What the entries are called: the keys are held against the list's rows in of_entry(). */
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
        if (m->entries > 0)
            qsort(x->called[k], m->entries, sizeof *x->called[k], by_name);
    }
    return true;
}

/* The first entry of that name; NULL: none. */
static const struct model_entry *entry_called(const struct expected *x, bool hash,
                                              struct bytes name)
{
    const struct called *all = x->called[hash];
    unsigned low = 0, high = x->model->entries;
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        if (bytes_compare(all[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < x->model->entries && bytes_equal(all[low].name, name)
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

static bool named(const struct ese_table *table, const char *name)
{
    return name && strcasecmp(table->name, name) == 0;
}

static const struct ese_column *column(const struct expected *x, const char *name)
{
    return name ? ese_table_column(x->table, name) : NULL;
}

void expected_begin(struct expected *x, const struct ese_table *table)
{
    const struct profile *p = x->model->profile;
    x->table = table;
    x->is_list = model_is_list_table(x->model, table);
    x->has_other_rows = false;
    for (unsigned i = 0; i < p->lists; i++)
        x->has_other_rows = x->has_other_rows || (named(table, p->list[i].table) &&
                                                  condition_is_there(&p->list[i].rows));
    x->is_value = false;
    for (unsigned i = 0; x->model->match == PROFILE_MATCHES_VALUE && i < p->values; i++)
        x->is_value = x->is_value || named(table, p->value[i].table);
    x->references = 0;
    for (unsigned i = 0; i < p->references; i++)
        if (named(table, p->reference[i].table))
            x->reference[x->references++] = (struct reference_columns){
                i, column(x, p->reference[i].column), column(x, p->reference[i].key)};
}

/* ---- values of a row ---- */

static bool contradiction(const struct ese_column *c, struct fault *f)
{
    return fault_set(f, FAULT_DAMAGED, "column %s: two actions of the plan contradict each other",
                     c->name);
}

static bool is_same(const struct expected_value *a, const struct expected_value *b)
{
    return a->kind == b->kind && a->each == b->each && a->number == b->number &&
           a->truth == b->truth && memcmp(&a->days, &b->days, sizeof a->days) == 0 &&
           bytes_equal(a->bytes, b->bytes) &&
           (a->text == b->text || (a->text && b->text && strcmp(a->text, b->text) == 0));
}

static bool put(struct expected_row *row, const struct expected_value *value, struct fault *f)
{
    if (value->column == NULL)
        return fault_set(f, FAULT_DAMAGED,
                         "the plan changes something for which the profile names no column");
    for (unsigned i = 0; i < row->values; i++)
        if (row->value[i].column == value->column)
            return is_same(&row->value[i], value) || contradiction(value->column, f);
    if (row->values == EXPECTED_MOST)
        return fault_set(f, FAULT_LIMIT, "more changes of one row than can be verified");
    row->value[row->values++] = *value;
    return true;
}

static bool integer_of(const struct ese_record *record, const struct ese_column *c, int32_t *number)
{
    struct ese_value v;
    if (c == NULL || !ese_record_value(record, c, &v, NULL) || v.kind != ESE_VALUE_PLAIN)
        return false;
    switch (v.data.size) {
    case 1:
        *number = v.data.at[0];
        return true;
    case 2:
        *number = v.data.at[0] | v.data.at[1] << 8;
        if (c->type == ESE_COL_SHORT)
            *number = (int16_t)*number;
        return true;
    case 4: {
        uint32_t bits = 0;
        bytes_le32(v.data, 0, &bits);
        *number = (int32_t)bits;
        return c->type == ESE_COL_LONG || bits <= INT32_MAX;
    }
    case 8: {
        uint64_t bits = 0;
        bytes_le64(v.data, 0, &bits);
        *number = (int32_t)(uint32_t)bits;
        return bits <= INT32_MAX ||
               (bits >= (uint64_t)(int64_t)INT32_MIN && c->type != ESE_COL_UNSIGNED_LONG_LONG);
    }
    default:
        return false;
    }
}

const char *expected_text(const struct ese_column *c, struct bytes value, struct buffer *room)
{
    struct ese_text text = {.code_page = c->code_page};
    buffer_clear(room);
    if (value.size > TEXT_MOST ||
        !buffer_reserve(room, ESE_TEXT_GROWTH * value.size + 2 * ESE_TEXT_CARRY + 1))
        return NULL;
    char *to = (char *)room->at;
    size_t size = ese_text_convert(&text, value, to);
    size += ese_text_end(&text, to + size);
    to[size] = '\0';
    return to;
}

static bool text_is(struct expected *x, const struct ese_record *record, const struct ese_column *c,
                    const char *wanted)
{
    struct ese_value v;
    if (c == NULL || wanted == NULL || !ese_record_value(record, c, &v, NULL) ||
        v.kind != ESE_VALUE_PLAIN)
        return false;
    const char *text = expected_text(c, v.data, &x->room);
    return text && strcasecmp(text, wanted) == 0;
}

/* ---- the list ---- */

/* The columns of a part of the list, and what a row of it has in those for role and trust. */
struct list_row {
    const struct profile_list *list;
    struct roles roles;
    struct roles_row old, new;
};

static void open_row(struct list_row *l, const struct expected *x, unsigned part)
{
    *l = (struct list_row){.list = &x->model->profile->list[part]};
    roles_open(&l->roles, l->list, x->table);
    for (unsigned i = 0; i < l->roles.columns; i++)
        l->old.null[i] = l->new.null[i] = true;
}

/* Each of the columns for role and trust that has another number than before. */
static bool put_roles(const struct list_row *l, struct expected_row *row, struct fault *f)
{
    for (unsigned i = 0; i < l->roles.columns; i++) {
        const struct ese_column *c = l->roles.column[i];
        bool bit = c->type == ESE_COL_BIT;
        if (l->new.null[i] || (!l->old.null[i] && l->old.number[i] == l->new.number[i]))
            continue;
        if (!put(row,
                 &(struct expected_value){.column = c,
                                          .kind = bit ? EXPECTED_TRUTH : EXPECTED_INTEGER,
                                          .number = bit ? 0 : (int32_t)l->new.number[i],
                                          .truth = bit && l->new.number[i] != 0},
                 f))
            return false;
    }
    return true;
}

/* A thumbprint as the column has it: bytes, or hex digits. */
static bool put_thumbprint(struct expected *x, const struct list_row *l, struct bytes sha1,
                           struct expected_row *row, struct fault *f)
{
    char hex[2 * HASH_SHA1_SIZE + 1];
    struct expected_value value = {
        .column = column(x, l->list->thumbprint), .kind = EXPECTED_BYTES, .bytes = sha1};
    if (l->list->thumbprint_hex) {
        bytes_hex(sha1, hex, sizeof hex);
        value.bytes = bytes_of(NULL, 0);
        value.kind = EXPECTED_TEXT;
        value.text = arena_copy(&x->values, bytes_of(hex, sizeof hex));
        if (value.text == NULL)
            return fault_set(f, FAULT_NO_MEMORY, "out of memory for verifying");
    }
    return put(row, &value, f);
}

static bool by_action(struct expected *x, struct list_row *l, const struct action *a,
                      struct expected_row *row, struct fault *f)
{
    switch (a->kind) {
    case ACTION_DROP_ENTRY:
        row->dropped = true;
        return true;
    case ACTION_SET_ROLE:
        return roles_set_role(&l->roles, &l->new, a->role, f);
    case ACTION_SET_TRUST:
        return roles_set_trust(&l->roles, &l->new, a->trust, f);
    case ACTION_SET_NAME:
        return put(row,
                   &(struct expected_value){
                       .column = column(x, l->list->name), .kind = EXPECTED_TEXT, .text = a->text},
                   f);
    case ACTION_SET_IMPORTED:
        return put(row,
                   &(struct expected_value){.column = column(x, l->list->imported),
                                            .kind = EXPECTED_DATE,
                                            .days = a->days},
                   f);
    case ACTION_SET_THUMBPRINT:
        return put_thumbprint(x, l, a->value, row, f);
    default: /* not of a row of the list */
        return true;
    }
}

/* Does the row have the bytes that the entry's key is a number for? */
static bool is_key(const struct expected *x, const struct ese_record *record,
                   const struct ese_column *c, const struct model_entry *e)
{
    struct ese_value v;
    return e && c && ese_record_value(record, c, &v, NULL) && v.kind == ESE_VALUE_PLAIN &&
           bytes_equal(v.data, names_key_bytes(x->model, e->key));
}

/* Is it the row that was judged as that entry? */
static bool is_entry(const struct expected *x, const struct list_row *l,
                     const struct ese_record *record, const struct model_entry *e, struct fault *f)
{
    const struct ese_column *c = column(x, l->list->key);
    int32_t key = 0;
    if (x->model->byte_keys)
        key = is_key(x, record, c, e) ? e->key : 0;
    else
        integer_of(record, c, &key);
    return e->key == key || fault_set(f, FAULT_DAMAGED,
                                      "expected a list of %u entries, with entry %d here; found %d",
                                      x->model->entries, e->key, key);
}

static bool of_entry(struct expected *x, const struct ese_record *record, unsigned number,
                     struct expected_row *row, struct fault *f)
{
    const struct model *m = x->model;
    const struct model_entry *e = model_entry_of_row(m, x->table, number);
    struct list_row l;
    if (e == NULL)
        return x->has_other_rows ||
               fault_set(f, FAULT_DAMAGED, "expected a list of %u entries, found a row more",
                         m->entries);
    open_row(&l, x, e->part);
    if (!is_entry(x, &l, record, e, f))
        return false;
    roles_read(&l.roles, record, &l.old);
    l.new = l.old;
    for (uint32_t i = x->first[e - m->entry]; i != NONE; i = x->next[i]) {
        const struct action *a = &x->plan->action[i];
        if (a->kind == ACTION_MOVE_REFERENCES)
            continue;
        x->seen[i]++;
        if (!by_action(x, &l, a, row, f))
            return false;
    }
    return put_roles(&l, row, f);
}

/* ---- references ---- */

/* The action that moves a dangling reference; of several alike the first that has no row yet. */
static uint32_t dangling_move(const struct expected *x, unsigned reference, int32_t row,
                              int32_t names)
{
    uint32_t low = 0, high = x->danglings;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (order_of(&x->plan->action[x->dangling[middle]], reference, row, names) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < x->danglings; low++) {
        uint32_t i = x->dangling[low];
        if (order_of(&x->plan->action[i], reference, row, names) != 0)
            break;
        if (x->seen[i] == 0)
            return i;
    }
    return NONE;
}

/* An integer of a reference's column; false for one that does not fit 32 bits. */
static bool number_in(const struct ese_column *c, struct bytes value, int32_t *number)
{
    int64_t wide = 0;
    if (value.size == 0 || value.size > 8)
        return false;
    bool is_signed = c->type != ESE_COL_UNSIGNED_BYTE && c->type != ESE_COL_UNSIGNED_SHORT &&
                     c->type != ESE_COL_UNSIGNED_LONG && c->type != ESE_COL_UNSIGNED_LONG_LONG;
    uint64_t bits = is_signed && value.at[value.size - 1] & 0x80 ? UINT64_MAX : 0;
    for (size_t i = value.size; i-- > 0;)
        bits = bits << 8 | value.at[i];
    memcpy(&wide, &bits, sizeof wide);
    *number = (int32_t)(uint32_t)bits;
    return wide == *number;
}

/* The digits of a hash in the places of those that stood there, in their case.  False when memory
 * is short. */
static bool expect_digits_of(struct expected *x, struct bytes was, struct bytes sha1,
                             struct expected_value *value)
{
    unsigned digit = 0;
    bool capital = false;
    uint8_t *to = arena_take(&x->values, was.size);
    for (size_t i = 0; i < was.size; i++)
        capital = capital || (isxdigit(was.at[i]) && isupper(was.at[i]));
    for (size_t i = 0; to && i < was.size; i++) {
        to[i] = was.at[i];
        if (!isxdigit(to[i]) || digit == 2 * sha1.size)
            continue;
        uint8_t four = sha1.at[digit / 2] >> (digit % 2 ? 0 : 4) & 15;
        to[i] = (uint8_t)(four < 10 ? '0' + four : (capital ? 'A' : 'a') + four - 10);
        digit++;
    }
    value->kind = EXPECTED_BYTES;
    value->bytes = bytes_of(to, was.size);
    return to != NULL;
}

/* The hash that 40 digits stand for, whatever stands between them. */
static bool digits_of(struct bytes text, uint8_t sha1[HASH_SHA1_SIZE])
{
    char pair[3] = "";
    unsigned digits = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (!isxdigit(text.at[i]))
            continue;
        if (digits == 2 * HASH_SHA1_SIZE)
            return false;
        pair[digits % 2] = (char)text.at[i];
        if (digits++ % 2)
            sha1[digits / 2 - 1] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return digits == 2 * HASH_SHA1_SIZE;
}

static bool is_by_bytes(const struct expected *x, const struct reference_columns *r)
{
    enum profile_names how = x->model->profile->reference[r->which].names;
    return profile_names_hash(how) || (how == NAMES_KEY && x->model->byte_keys);
}

/* The entry that a value of a reference names, and the number by which the plan speaks of it, also
 * where there is no such entry.  False: it names nothing. */
static bool names_of(const struct expected *x, const struct reference_columns *r,
                     const struct ese_value *v, const struct model_entry **e, int32_t *names)
{
    const struct model *m = x->model;
    enum profile_names how = m->profile->reference[r->which].names;
    if (v->kind != ESE_VALUE_PLAIN || v->data.size == 0)
        return false;
    if (is_by_bytes(x, r)) {
        uint8_t sha1[HASH_SHA1_SIZE];
        struct bytes called = v->data;
        if (how == NAMES_SHA1_HEX)
            called = bytes_of(sha1, digits_of(v->data, sha1) ? sizeof sha1 : 0);
        *e = entry_called(x, profile_names_hash(how), called);
        *names = *e ? (*e)->key : m->no_key;
        return true;
    }
    if (!number_in(r->names, v->data, names))
        return false;
    *names += how == NAMES_POSITION_0 && *names < INT32_MAX;
    *e = model_entry(m, *names);
    return true;
}

/* The action that moves a value of a reference; NONE: it stays. */
static uint32_t move_of(const struct expected *x, const struct reference_columns *r,
                        const struct ese_record *record, const struct ese_value *v)
{
    const struct model_entry *e;
    int32_t names, key;
    if (!names_of(x, r, v, &e, &names))
        return NONE;
    for (uint32_t i = e ? x->first[e - x->model->entry] : NONE; i != NONE; i = x->next[i])
        if (x->plan->action[i].kind == ACTION_MOVE_REFERENCES &&
            x->plan->action[i].reference == r->which)
            return i;
    return e == NULL && integer_of(record, r->key, &key) ? dangling_move(x, r->which, key, names)
                                                         : NONE;
}

/* The bytes that a moved reference has to hold, where it holds bytes; at is NULL when memory is
 * short. */
static struct bytes bytes_after(struct expected *x, const struct reference_columns *r,
                                const struct action *a, struct bytes was)
{
    const struct model *m = x->model;
    enum profile_names how = m->profile->reference[r->which].names;
    struct expected_value value = {.column = r->names};
    struct bytes sha1 = bytes_of(m->certificate[a->certificate].sha1, HASH_SHA1_SIZE);
    if (how == NAMES_SHA1_HEX)
        return expect_digits_of(x, was, sha1, &value) ? value.bytes : bytes_of(NULL, 0);
    return how == NAMES_SHA1 ? sha1 : names_key_bytes(m, a->other);
}

static int32_t number_after(const struct expected *x, const struct reference_columns *r,
                            const struct action *a)
{
    return a->other - (x->model->profile->reference[r->which].names == NAMES_POSITION_0);
}

static bool of_one_value(struct expected *x, const struct reference_columns *r,
                         const struct ese_record *record, struct expected_row *row, struct fault *f)
{
    struct ese_value v;
    if (r->names == NULL || !ese_record_value(record, r->names, &v, NULL))
        return true;
    uint32_t found = move_of(x, r, record, &v);
    if (found == NONE)
        return true;
    const struct action *a = &x->plan->action[found];
    x->seen[found]++;
    struct expected_value value = {.column = r->names};
    value.kind = is_by_bytes(x, r) ? EXPECTED_BYTES : EXPECTED_INTEGER;
    if (value.kind == EXPECTED_BYTES)
        value.bytes = bytes_after(x, r, a, v.data);
    else
        value.number = number_after(x, r, a);
    return row->dropped || put(row, &value, f);
}

/* A value after the move, in the memory of the row. */
static bool keep_value(struct expected *x, const struct reference_columns *r,
                       const struct action *a, struct bytes was, struct bytes *now)
{
    uint8_t number[8];
    struct bytes to = was;
    if (a && is_by_bytes(x, r)) {
        to = bytes_after(x, r, a, was);
    } else if (a) {
        bytes_put_le64(number, (uint64_t)(int64_t)number_after(x, r, a));
        to = bytes_of(number, was.size);
    }
    const uint8_t *kept = arena_copy(&x->values, to);
    *now = bytes_of(kept, to.size);
    return kept != NULL;
}

static bool of_values(struct expected *x, const struct reference_columns *r,
                      const struct ese_record *record, struct expected_row *row, struct fault *f)
{
    struct ese_values values;
    struct ese_value v;
    struct fault why = {.code = FAULT_NONE};
    struct bytes all[EXPECTED_EACH_MOST];
    unsigned count = 0;
    bool moves = false;
    if (!ese_values_of(&values, record, r->names, f))
        return false;
    while (ese_values_next(&values, &v, &why)) {
        uint32_t found = move_of(x, r, record, &v);
        if (count == EXPECTED_EACH_MOST)
            return fault_set(f, FAULT_LIMIT, "column %s: more than %d values of a reference",
                             r->names->name, EXPECTED_EACH_MOST);
        if (!keep_value(x, r, found == NONE ? NULL : &x->plan->action[found], v.data,
                        &all[count++]))
            return fault_set(f, FAULT_NO_MEMORY, "out of memory for verifying");
        if (found == NONE)
            continue;
        x->seen[found]++;
        moves = true;
    }
    if (why.code != FAULT_NONE)
        return fault_set(f, why.code, "%s", why.text);
    if (!moves || row->dropped)
        return true;
    const struct bytes *each =
        arena_copy(&x->values, bytes_of((const uint8_t *)all, count * sizeof *all));
    if (each == NULL)
        return fault_set(f, FAULT_NO_MEMORY, "out of memory for verifying");
    return put(row,
               &(struct expected_value){
                   .column = r->names, .kind = EXPECTED_EACH, .each = each, .count = count},
               f);
}

static bool of_reference(struct expected *x, const struct reference_columns *r,
                         const struct ese_record *record, struct expected_row *row, struct fault *f)
{
    if (x->model->profile->reference[r->which].names == NAMES_ISSUER_SERIAL)
        return true; /* it stays */
    if (r->names && (r->names->flags & ESE_COLUMN_MULTI_VALUED))
        return of_values(x, r, record, row, f);
    return of_one_value(x, r, record, row, f);
}

/* ---- settings, and the list as one of them ---- */

/* Is a condition met: of a text, or of a number and perhaps some of its bits? */
static bool meets(struct expected *x, const struct ese_record *record, const struct ese_column *c,
                  const struct condition *wanted)
{
    int32_t number;
    if (c == NULL || c->type == ESE_COL_TEXT || c->type == ESE_COL_LONG_TEXT)
        return text_is(x, record, c, wanted->value);
    if (!integer_of(record, c, &number))
        return false;
    if (c->type == ESE_COL_BIT)
        number = number != 0;
    if (wanted->mask)
        number = (int32_t)(number & wanted->mask);
    for (const char *at = wanted->value; *at; at += strcspn(at, ",") + (strchr(at, ',') != NULL))
        if (strtol(at, NULL, 10) == number)
            return true;
    return false;
}

static enum profile_setting_kind setting_of(const struct action *a)
{
    return a->kind == ACTION_SET_MODE ? SETTING_MODE : SETTING_ISSUING_CA;
}

static bool is_number_column(const struct ese_column *c)
{
    return c->type != ESE_COL_TEXT && c->type != ESE_COL_LONG_TEXT && c->type != ESE_COL_BINARY &&
           c->type != ESE_COL_LONG_BINARY && c->type != ESE_COL_GUID;
}

/* Hexadecimal digits where digits stood before, and all else as it was. */
static bool expect_hex(struct expected *x, const struct action *a, struct expected_value *value,
                       struct fault *f)
{
    struct bytes was = x->model->setting[SETTING_ISSUING_CA].value;
    char hex[2 * HASH_SHA1_SIZE + 1];
    if (was.size == 0) {
        value->kind = EXPECTED_TEXT;
        bytes_hex(a->value, hex, sizeof hex);
        value->text = arena_copy(&x->values, bytes_of(hex, sizeof hex));
    }
    return (was.size == 0 ? value->text != NULL : expect_digits_of(x, was, a->value, value)) ||
           fault_set(f, FAULT_NO_MEMORY, "out of memory for verifying");
}

/* A number in as many bytes as it had. */
static bool expect_number(struct expected *x, enum profile_setting_kind which, int32_t number,
                          struct expected_value *value, struct fault *f)
{
    size_t size = x->model->setting[which].value.size ? x->model->setting[which].value.size : 4;
    uint8_t *to = arena_take(&x->values, size);
    if (to == NULL)
        return fault_set(f, FAULT_NO_MEMORY, "out of memory for verifying");
    for (size_t i = 0; i < size; i++)
        to[i] = i < 4 ? (uint8_t)((uint32_t)number >> 8 * i) : 0;
    value->kind = EXPECTED_BYTES;
    value->bytes = bytes_of(to, size);
    return true;
}

static bool expect_digits(struct expected *x, const char *text, struct expected_value *value,
                          struct fault *f)
{
    value->kind = EXPECTED_TEXT;
    value->text = arena_copy(&x->values, bytes_of(text, strlen(text) + 1));
    return value->text || fault_set(f, FAULT_NO_MEMORY, "out of memory for verifying");
}

/* The key, or the position, of the entry that issues. */
static bool expect_key(struct expected *x, const struct action *a, struct expected_value *value,
                       struct fault *f)
{
    const struct model *m = x->model;
    const struct ese_column *c = value->column;
    char text[NAMES_TEXT];
    int32_t number = m->issuing_names == NAMES_POSITION_0 ? a->entry - 1 : a->entry;
    bool is_text = c && (c->type == ESE_COL_TEXT || c->type == ESE_COL_LONG_TEXT);
    if (m->byte_keys && m->issuing_names == NAMES_KEY && !is_text) {
        value->kind = EXPECTED_BYTES;
        value->bytes = names_key_bytes(m, a->entry);
        return true;
    }
    if (c && is_number_column(c)) {
        value->kind = EXPECTED_INTEGER;
        value->number = number;
        return true;
    }
    if (!is_text && m->setting[SETTING_ISSUING_CA].form == SETTING_NUMBER)
        return expect_number(x, SETTING_ISSUING_CA, number, value, f);
    if (m->byte_keys && m->issuing_names == NAMES_KEY)
        names_key_text(m, a->entry, text);
    else
        snprintf(text, sizeof text, "%d", number);
    return expect_digits(x, text, value, f);
}

static bool expect_mode(struct expected *x, const struct action *a, const char *word,
                        struct expected_value *value, struct fault *f)
{
    int32_t number = (int32_t)strtol(word, NULL, 10);
    if (value->column && value->column->type == ESE_COL_BIT) {
        value->kind = EXPECTED_TRUTH;
        value->truth = number != 0;
        return true;
    }
    if (value->column && is_number_column(value->column)) {
        value->kind = EXPECTED_INTEGER;
        value->number = number;
        return true;
    }
    return x->model->setting[setting_of(a)].form == SETTING_NUMBER
               ? expect_number(x, SETTING_MODE, number, value, f)
               : expect_digits(x, word, value, f);
}

/* What the setting's column has to hold. */
static bool expect_setting(struct expected *x, const struct action *a,
                           const struct setting_place *place, struct expected_row *row,
                           struct fault *f)
{
    struct expected_value value = {.column = column(x, place->column)};
    enum model_mode mode = a->mode;
    bool ok = true;
    if (a->kind == ACTION_SET_MODE)
        ok = expect_mode(x, a, place->mode[mode == MODE_V3 ? 2 : mode == MODE_V1V3], &value, f);
    else if (place->names == NAMES_SHA1_HEX)
        ok = expect_hex(x, a, &value, f);
    else if (profile_names_entry(place->names))
        ok = expect_key(x, a, &value, f);
    else {
        value.kind = EXPECTED_BYTES;
        value.bytes = a->value;
    }
    return ok && put(row, &value, f);
}

/* Is the row the setting's? */
static bool is_setting(struct expected *x, const struct setting_place *place,
                       const struct ese_record *record)
{
    const struct ese_column *c = column(x, place->rows.column);
    if (!named(x->table, place->table))
        return false;
    return place->rows.column == NULL || meets(x, record, c, &place->rows);
}

static bool of_setting(struct expected *x, const struct ese_record *record,
                       struct expected_row *row, struct fault *f)
{
    struct setting_place place;
    for (unsigned i = 0; i < x->settings; i++) {
        const struct action *a = &x->plan->action[x->setting[i]];
        if (!profile_place(x->model->profile, setting_of(a), &place) ||
            !is_setting(x, &place, record))
            continue;
        x->seen[x->setting[i]]++;
        if (!expect_setting(x, a, &place, row, f))
            return false;
    }
    return true;
}

/* Does the profile select that row, by a text or a number? */
static bool has_the_list(struct expected *x, const struct profile_value *p,
                         const struct ese_record *record)
{
    const struct ese_column *c = column(x, p->select);
    char *end;
    int32_t number;
    if (p->select == NULL) /* the table has one row */
        return true;
    if (c == NULL || c->type == ESE_COL_TEXT || c->type == ESE_COL_LONG_TEXT)
        return text_is(x, record, c, p->equals);
    return integer_of(record, c, &number) && number == strtol(p->equals, &end, 10) && *end == '\0';
}

static bool of_piece(struct expected *x, const struct profile_value *p,
                     const struct ese_record *record, struct expected_row *row, struct fault *f)
{
    if (!has_the_list(x, p, record) || !integer_of(record, column(x, p->join), &x->piece))
        return true;
    row->may_go = true;
    return put(row,
               &(struct expected_value){.column = column(x, p->column), .kind = EXPECTED_PIECE}, f);
}

bool expected_piece(struct expected *x, struct bytes piece, struct fault *f)
{
    return pieces_add(&x->pieces, x->piece, x->pieces.count + 1, piece) ||
           fault_set(f, FAULT_NO_MEMORY, "out of memory for verifying");
}

/* The first pieces of the old list, and no others, are left. */
static bool are_first(const struct expected *x, struct fault *f)
{
    const struct pieces *old = &x->model->value[0].pieces, *new = &x->pieces;
    for (unsigned i = 0; i < new->count; i++)
        if (i >= old->count || new->piece[i].order != old->piece[i].order)
            return fault_set(f, FAULT_DAMAGED, "a piece of the list before piece %d is missing",
                             new->piece[i].order);
    return new->count == 0 || new->length == old->length || new->count == 1 ||
           fault_set(f, FAULT_DAMAGED, "expected pieces of %zu bytes, found %zu", old->length,
                     new->length);
}

bool expected_end(struct expected *x, struct fault *f)
{
    struct buffer whole = {0};
    /* Of a list in pieces there are no other parts. */
    if (!x->is_value || !x->list_changes[0] || x->model->profile->value[0].join == NULL)
        return true;
    bool ok = pieces_join(&x->pieces, &whole, f) && are_first(x, f) &&
              expected_is_list(x, 0, buffer_bytes(&whole), f);
    buffer_free(&whole);
    pieces_free(&x->pieces);
    return ok;
}

static bool of_value(struct expected *x, unsigned part, const struct ese_record *record,
                     struct expected_row *row, struct fault *f)
{
    const struct profile_value *p = &x->model->profile->value[part];
    if (!x->list_changes[part] || !named(x->table, p->table))
        return true;
    if (p->join)
        return of_piece(x, p, record, row, f);
    bool values = x->model->value[part].form.values;
    return !has_the_list(x, p, record) ||
           put(row,
               &(struct expected_value){.column = column(x, p->column),
                                        .kind = values ? EXPECTED_VALUES : EXPECTED_LIST,
                                        .part = part},
               f);
}

static bool of_list(struct expected *x, const struct ese_record *record, struct expected_row *row,
                    struct fault *f)
{
    for (unsigned i = 0; x->is_value && i < x->model->profile->values; i++)
        if (!of_value(x, i, record, row, f))
            return false;
    return true;
}

static bool wrong_item(unsigned position, const char *what, struct fault *f)
{
    return fault_set(f, FAULT_DAMAGED, "the list value, at its entry %u: %s", position, what);
}

/* Is `new` the item `old` with what the plan adds to it? */
static bool is_item(struct expected *x, const struct certlist_entry *old,
                    const struct certlist_entry *new, struct bytes added, unsigned position,
                    struct fault *f)
{
    buffer_clear(&x->room);
    if (!buffer_add(&x->room, old->properties) || !buffer_add(&x->room, added))
        return fault_set(f, FAULT_NO_MEMORY, "out of memory for verifying");
    if (old->type != new->type || !bytes_equal(old->encoded, new->encoded))
        return wrong_item(position, "expected the entry as it was, found another", f);
    if (!bytes_equal(new->properties, buffer_bytes(&x->room)))
        return wrong_item(position, "its properties are not those that the plan wants", f);
    if (!bytes_equal(old->header, new->header))
        return wrong_item(position, "the bytes in front of it are others", f);
    return true;
}

/* Goes on with the old list: what becomes of its next item that stays.  False at the end. */
static bool next_that_stays(struct expected *x, struct certlist *old, struct certlist_entry *item,
                            struct bytes *added, unsigned *position)
{
    const struct model *m = x->model;
    while (certlist_next(old, item, NULL)) {
        bool dropped = false;
        *added = (struct bytes){.at = NULL};
        if (item->type != CERTLIST_CERTIFICATE || *position >= m->entries)
            return true;
        for (uint32_t i = x->first[(*position)++]; i != NONE; i = x->next[i]) {
            const struct action *a = &x->plan->action[i];
            dropped = dropped || a->kind == ACTION_DROP_ENTRY;
            if (a->kind == ACTION_ADD_PROPERTIES)
                *added = a->value;
            x->seen[i] += a->kind == ACTION_DROP_ENTRY || a->kind == ACTION_ADD_PROPERTIES;
        }
        if (!dropped)
            return true;
    }
    return false;
}

/* What stands behind the old list's last entry: those that the plan adds. */
static bool are_added(struct expected *x, const struct certlist *old, struct certlist *new,
                      unsigned position, struct fault *f)
{
    struct certlist_entry item;
    for (size_t i = 0; i < x->plan->actions; i++) {
        const struct action *a = &x->plan->action[i];
        if (a->kind != ACTION_ADD_ENTRY)
            continue;
        if (!certlist_next(new, &item, NULL) || item.type != CERTLIST_CERTIFICATE ||
            !bytes_equal(item.encoded, x->model->certificate[a->certificate].der))
            return wrong_item(position, "the certificate that the plan adds is not there", f);
        x->seen[i]++;
    }
    if (certlist_next(new, &item, NULL) || new->failed)
        return wrong_item(position, "expected its end, found more", f);
    if (!bytes_equal(old->items.tail, new->items.tail))
        return wrong_item(position, "the bytes behind the list are others", f);
    return true;
}

static bool are_items(struct expected *x, struct certlist *old, struct certlist *new,
                      unsigned position, struct fault *f)
{
    struct certlist_entry was, is;
    struct bytes added;
    while (next_that_stays(x, old, &was, &added, &position))
        if (!certlist_next(new, &is, NULL))
            return wrong_item(position, "expected it, found the end", f);
        else if (!is_item(x, &was, &is, added, position, f))
            return false;
    return are_added(x, old, new, position, f);
}

bool expected_is_list(struct expected *x, unsigned part, struct bytes value, struct fault *f)
{
    struct certlist old, new;
    const struct model_value *v = &x->model->value[part];
    if (v->form.kind != CERTLIST_ITEMS && certlist_detect(value) != v->kind)
        return fault_set(f, FAULT_DAMAGED, "the list value: expected %s, found %s",
                         certlist_kind_name(v->kind), certlist_kind_name(certlist_detect(value)));
    if (!certlist_open_as(&old, v->bytes, &v->form, f))
        return false;
    bool ok = certlist_open_as(&new, value, &v->form, f);
    if (ok) {
        ok = are_items(x, &old, &new, v->first, f);
        certlist_close(&new);
    }
    certlist_close(&old);
    return ok;
}

/* ---- rows ---- */

bool expected_of(struct expected *x, const struct ese_record *record, unsigned number,
                 struct expected_row *row, struct fault *f)
{
    arena_free(&x->values);
    row->dropped = row->may_go = false;
    row->values = 0;
    if (x->is_list && !of_entry(x, record, number, row, f))
        return false;
    for (unsigned i = 0; i < x->references; i++)
        if (!of_reference(x, &x->reference[i], record, row, f))
            return false;
    return of_setting(x, record, row, f) && of_list(x, record, row, f);
}

static bool added_entry(struct expected *x, const struct action *a, struct expected_row *row,
                        struct fault *f)
{
    struct list_row l;
    const struct model_certificate *cert = &x->model->certificate[a->certificate];
    open_row(&l, x, 0); /* an entry is added to a list in one part only */
    return put(row,
               &(struct expected_value){
                   .column = column(x, l.list->key), .kind = EXPECTED_INTEGER, .number = a->entry},
               f) &&
           put(row,
               &(struct expected_value){.column = column(x, l.list->certificate),
                                        .kind = EXPECTED_BYTES,
                                        .bytes = cert->der},
               f) &&
           (column(x, l.list->thumbprint) == NULL ||
            put_thumbprint(x, &l, bytes_of(cert->sha1, sizeof cert->sha1), row, f)) &&
           (!roles_are_told(l.list) || roles_set_role(&l.roles, &l.new, a->role, f)) &&
           (!roles_tell_trust(l.list) || roles_set_trust(&l.roles, &l.new, a->trust, f)) &&
           put_roles(&l, row, f);
}

static bool added_setting(struct expected *x, const struct action *a,
                          const struct setting_place *place, struct expected_row *row, int32_t key,
                          struct fault *f)
{
    const struct ese_column *tells = column(x, place->rows.column);
    bool number = tells && is_number_column(tells);
    struct expected_value selected = {.column = tells,
                                      .kind = number ? EXPECTED_INTEGER : EXPECTED_TEXT};
    if (number)
        selected.number = (int32_t)strtol(place->rows.value, NULL, 10);
    else
        selected.text = place->rows.value;
    return put(row,
               &(struct expected_value){.column = ese_table_key_column(x->table),
                                        .kind = EXPECTED_INTEGER,
                                        .number = key},
               f) &&
           put(row, &selected, f) && expect_setting(x, a, place, row, f);
}

/* Is it the action that adds this row as a setting? */
static bool adds_setting(struct expected *x, const struct action *a,
                         const struct ese_record *record, struct setting_place *place, int32_t *key)
{
    if (a->kind != ACTION_SET_ISSUING_CA && a->kind != ACTION_SET_MODE)
        return false;
    const struct model_setting *s = &x->model->setting[setting_of(a)];
    return !s->has_row && profile_place(x->model->profile, setting_of(a), place) &&
           is_setting(x, place, record) &&
           integer_of(record, ese_table_key_column(x->table), key) && *key > s->last_key;
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
            integer_of(record, column(x, p->list[0].key), &key) && key == a->entry) {
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
        uint64_t wanted = a->kind == ACTION_MOVE_REFERENCES ? a->count
                          : a->kind == ACTION_WRITE_HEADER  ? 0 /* no row's */
                                                            : 1;
        if (x->seen[i] == wanted || (settings && x->seen[i] > 0))
            continue;
        action_canonical(x->model, a, text, sizeof text);
        return fault_set(f, FAULT_DAMAGED,
                         "%.120s: expected it to change %" PRIu64 " rows, found %" PRIu64, text,
                         wanted, x->seen[i]);
    }
    return true;
}
