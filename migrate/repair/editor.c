/*
 * From actions to changes of rows: see repair/editor.h.
 *
 * An entry's changes are looked up by its key, a reference's new value by the entry that it names,
 * so that each row costs one search in the list.
 */
#include "migrate/repair/editor.h"

#include "formats/certs/certs.h"

#include <stdlib.h>
#include <strings.h>

enum { CHANGES = 6 };

/* What becomes of one entry, and of the references to it. */
struct entry_change {
    bool drop, set_role, set_trust, set_name, set_imported, set_thumbprint;
    enum model_role role;
    enum model_trust trust;
    const char *name;
    double imported;
    struct bytes thumbprint, properties;
    bool moved[PROFILE_REFERENCES_MOST];
    int32_t to[PROFILE_REFERENCES_MOST];
};

struct apply {
    const struct model *model;
    const struct plan *plan;
    size_t left_out;
    struct ese_editor editor;
    struct entry_change *entry; /* as model->entry */
    const struct action *added; /* NULL: no entry is added */
    const struct action *set_issuing_ca, *set_mode;
    struct buffer list_value, text; /* the new list value; a name in the column's code page */
    bool rewrite_list;
    uint8_t number[CHANGES][8]; /* bytes of the fixed values of the row in hand */
    uint8_t mode[16];           /* the mode as a setting's value */
    size_t mode_size;
};

static struct entry_change *change_of(const struct apply *a, int32_t key, unsigned twin)
{
    const struct model *m = a->model;
    const struct model_entry *e = model_entry(m, key);
    for (; e && e < m->entry + m->entries && e->key == key; e++)
        if (e->twin == twin)
            return &a->entry[e - m->entry];
    return NULL;
}

/* ---- from actions ---- */

static void take_action(struct apply *a, const struct action *action)
{
    struct entry_change *c = change_of(a, action->entry, action->twin);
    switch (action->kind) {
    case ACTION_DROP_ENTRY:
        c->drop = true;
        a->rewrite_list = true;
        break;
    case ACTION_SET_ROLE:
        c->set_role = true;
        c->role = action->role;
        break;
    case ACTION_SET_TRUST:
        c->set_trust = true;
        c->trust = action->trust;
        break;
    case ACTION_SET_NAME:
        c->set_name = true;
        c->name = action->text;
        break;
    case ACTION_SET_IMPORTED:
        c->set_imported = true;
        c->imported = action->days;
        break;
    case ACTION_SET_THUMBPRINT:
        c->set_thumbprint = true;
        c->thumbprint = action->value;
        break;
    case ACTION_ADD_PROPERTIES:
        c->properties = action->value;
        a->rewrite_list = true;
        break;
    case ACTION_MOVE_REFERENCES:
        c->moved[action->reference] = true;
        c->to[action->reference] = action->other;
        break;
    case ACTION_ADD_ENTRY:
        a->added = action;
        a->rewrite_list = true;
        break;
    case ACTION_SET_ISSUING_CA:
        a->set_issuing_ca = action;
        break;
    case ACTION_SET_MODE:
        a->set_mode = action;
        break;
    case ACTION_MOVE_REFERENCE: /* found in the plan when its row comes */
    case ACTION_WRITE_HEADER:   /* a new file has a new header */
    case ACTION_KINDS:
        break;
    }
}

static bool write_list(struct apply *a, struct certlist *list, struct certlist_writer *w)
{
    struct certlist_entry item;
    struct buffer properties = {0};
    unsigned position = 0;
    bool ok = true;
    while (ok && certlist_next(list, &item, NULL)) {
        const struct entry_change *c =
            item.type == CERTLIST_CERTIFICATE ? &a->entry[position++] : NULL;
        if (c && c->drop)
            continue;
        if (c && c->properties.size > 0) {
            buffer_clear(&properties);
            buffer_add(&properties, item.properties);
            buffer_add(&properties, c->properties);
            item.properties = buffer_bytes(&properties);
        }
        ok = certlist_write(w, &item);
    }
    if (ok && a->added) {
        item = (struct certlist_entry){.type = CERTLIST_CERTIFICATE,
                                       .encoded = a->model->certificate[a->added->certificate].der,
                                       .encoding = SST_ENCODING};
        ok = certlist_write(w, &item);
    }
    ok = ok && !list->failed && !properties.failed;
    buffer_free(&properties);
    return ok;
}

/* The new list value, put together before the first row is written. */
static bool make_list_value(struct apply *a, struct fault *f)
{
    struct certlist list;
    struct certlist_writer writer;
    if (a->model->match != PROFILE_MATCHES_VALUE || !a->rewrite_list)
        return true;
    if (!certlist_open(&list, a->model->list_value, f))
        return false;
    certlist_write_begin(&writer, a->model->list_kind, &a->list_value);
    bool ok = write_list(a, &list, &writer) && certlist_write_end(&writer);
    certlist_close(&list);
    return ok || fault_set(f, FAULT_UNSUPPORTED, "the list value cannot be written anew");
}

/* ---- rows ---- */

static void add_change(struct ese_row_edit *edit, const struct ese_column *column,
                       struct bytes data)
{
    if (column == NULL || edit->changes == ESE_EDIT_CHANGES_MOST)
        return;
    edit->fate = ESE_ROW_CHANGE;
    edit->change[edit->changes++] = (struct ese_change){.column = column, .data = data};
}

static void add_number(struct apply *a, struct ese_row_edit *edit, const struct ese_column *column,
                       unsigned which, uint64_t bits)
{
    if (column == NULL)
        return;
    bytes_put_le64(a->number[which], bits);
    add_change(edit, column, bytes_of(a->number[which], ese_coltype_size(column->type)));
}

static bool named(const struct ese_table *table, const char *name)
{
    return name && strcasecmp(table->name, name) == 0;
}

static const struct ese_column *column(const struct ese_table *table, const char *name)
{
    return name ? ese_table_column(table, name) : NULL;
}

static bool integer_of(const struct ese_record *record, const struct ese_column *c, int32_t *value)
{
    struct ese_value v;
    uint32_t bits;
    if (c == NULL || !ese_record_value(record, c, &v, NULL) || v.kind != ESE_VALUE_PLAIN ||
        !bytes_le32(v.data, 0, &bits))
        return false;
    *value = (int32_t)bits;
    return true;
}

static int32_t role_number(const struct profile *p, enum model_role role)
{
    return role == ROLE_OWN       ? p->role_own
           : role == ROLE_ISSUING ? p->role_issuing
                                  : p->role_imported;
}

static uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* Text for a column: UTF-8 into its code page.  What does not fit there is refused before it is
 * written. */
static bool text_for(struct apply *a, const struct ese_column *c, const char *utf8,
                     struct bytes *out, struct fault *f)
{
    buffer_clear(&a->text);
    for (const unsigned char *s = (const unsigned char *)utf8; *s;) {
        uint32_t ch = *s++;
        int more = ch >= 0xf0 ? 3 : ch >= 0xe0 ? 2 : ch >= 0xc0 ? 1 : 0;
        ch &= more == 3 ? 0x07u : more == 2 ? 0x0fu : more == 1 ? 0x1fu : 0x7fu;
        for (; more > 0 && *s; more--)
            ch = ch << 6 | (*s++ & 0x3f);
        if (c->code_page == ESE_CODEPAGE_UNICODE && ch < 0x10000) {
            buffer_add_u8(&a->text, (uint8_t)ch);
            buffer_add_u8(&a->text, (uint8_t)(ch >> 8));
        } else if (c->code_page != ESE_CODEPAGE_UNICODE &&
                   (ch < 0x80 || (ch >= 0xa0 && ch < 0x100))) {
            buffer_add_u8(&a->text, (uint8_t)ch);
        } else {
            return fault_set(f, FAULT_UNSUPPORTED, "column %s: U+%04X cannot be written", c->name,
                             ch);
        }
    }
    *out = buffer_bytes(&a->text);
    return !a->text.failed || fault_set(f, FAULT_NO_MEMORY, "out of memory");
}

static bool edit_entry(struct apply *a, const struct ese_table *table,
                       const struct ese_record *record, unsigned twin, struct ese_row_edit *edit,
                       struct fault *f)
{
    const struct profile *p = a->model->profile;
    int32_t key;
    if (!integer_of(record, column(table, p->list_key), &key))
        return true;
    const struct entry_change *c = change_of(a, key, twin);
    if (c == NULL)
        return true;
    if (c->drop) {
        edit->fate = ESE_ROW_DROP;
        return true;
    }
    if (c->set_role)
        add_number(a, edit, column(table, p->list_role), 0, (uint32_t)role_number(p, c->role));
    if (c->set_trust)
        add_number(a, edit, column(table, p->list_trusted), 1, c->trust == TRUST_YES ? 0xff : 0);
    if (c->set_imported)
        add_number(a, edit, column(table, p->list_imported), 2, bits_of(c->imported));
    if (c->set_thumbprint)
        add_change(edit, column(table, p->list_thumbprint), c->thumbprint);
    struct bytes text = {.at = NULL};
    const struct ese_column *name = column(table, p->list_name);
    if (c->set_name && name) {
        if (!text_for(a, name, c->name, &text, f))
            return false;
        add_change(edit, name, text);
    }
    return true;
}

static const struct action *dangling_move(const struct apply *a, unsigned reference, int32_t row,
                                          int32_t names)
{
    for (size_t i = 0; i < a->plan->actions; i++) {
        const struct action *action = &a->plan->action[i];
        if (i != a->left_out && action->kind == ACTION_MOVE_REFERENCE &&
            action->reference == reference && action->row == row && action->entry == names)
            return action;
    }
    return NULL;
}

static void edit_reference(struct apply *a, unsigned which, const struct ese_table *table,
                           const struct ese_record *record, struct ese_row_edit *edit)
{
    const struct profile_reference *r = &a->model->profile->reference[which];
    const struct ese_column *c = column(table, r->column);
    int32_t names, row;
    if (!integer_of(record, c, &names))
        return;
    const struct entry_change *change = change_of(a, names, 0);
    if (change) {
        if (change->moved[which])
            add_number(a, edit, c, 3, (uint32_t)change->to[which]);
        return;
    }
    const struct action *move = integer_of(record, column(table, r->key), &row)
                                    ? dangling_move(a, which, row, names)
                                    : NULL;
    if (move)
        add_number(a, edit, c, 3, (uint32_t)move->other);
}

static bool text_is(const struct ese_record *record, const struct ese_column *c, const char *wanted)
{
    struct ese_value v;
    if (c == NULL || wanted == NULL || !ese_record_value(record, c, &v, NULL) ||
        v.kind != ESE_VALUE_PLAIN)
        return false;
    size_t width = c->code_page == ESE_CODEPAGE_UNICODE ? 2 : 1, size = strlen(wanted);
    if (v.data.size != size * width)
        return false;
    for (size_t i = 0; i < size; i++)
        if (strncasecmp((const char *)v.data.at + i * width, wanted + i, 1) != 0)
            return false;
    return true;
}

/* A mode as the value column has it. */
static struct bytes mode_value(struct apply *a, const struct ese_column *value)
{
    const char *mode = model_mode_name(a->set_mode->mode);
    a->mode_size = 0;
    bool wide = value && (value->type == ESE_COL_TEXT || value->type == ESE_COL_LONG_TEXT) &&
                value->code_page == ESE_CODEPAGE_UNICODE;
    for (size_t i = 0; mode[i] && a->mode_size + 2 <= sizeof a->mode; i++) {
        a->mode[a->mode_size++] = (uint8_t)mode[i];
        if (wide)
            a->mode[a->mode_size++] = 0;
    }
    return bytes_of(a->mode, a->mode_size);
}

static void edit_setting(struct apply *a, const struct ese_table *table,
                         const struct ese_record *record, struct ese_row_edit *edit)
{
    const struct profile *p = a->model->profile;
    const struct ese_column *name = column(table, p->settings_name);
    const struct ese_column *value = column(table, p->settings_value);
    if (a->set_issuing_ca && text_is(record, name, p->setting_issuing_ca))
        add_change(edit, value, a->set_issuing_ca->value);
    if (a->set_mode && text_is(record, name, p->setting_mode))
        add_change(edit, value, mode_value(a, value));
}

/* A setting that has no row yet: its row. */
static bool add_setting(struct apply *a, const struct ese_table *table, const char *name,
                        struct bytes value, int32_t key, struct ese_row_edit *edit, struct fault *f)
{
    const struct profile *p = a->model->profile;
    const struct ese_column *key_column = ese_table_key_column(table);
    const struct ese_column *name_column = column(table, p->settings_name);
    struct bytes text = {.at = NULL};
    if (key_column == NULL)
        return fault_set(f, FAULT_UNSUPPORTED,
                         "table %s: there is no setting %s, and a row cannot be added: its primary "
                         "key is not one "
                         "Long column",
                         table->name, name);
    if (!text_for(a, name_column, name, &text, f))
        return false;
    add_number(a, edit, key_column, 4, (uint32_t)key);
    add_change(edit, name_column, text);
    add_change(edit, column(table, p->settings_value), value);
    return true;
}

static void edit_list_value(struct apply *a, const struct ese_table *table,
                            const struct ese_record *record, struct ese_row_edit *edit)
{
    const struct profile *p = a->model->profile;
    if (a->model->match == PROFILE_MATCHES_VALUE && a->rewrite_list &&
        text_is(record, column(table, p->value_select), p->value_equals))
        add_change(edit, column(table, p->value_column), buffer_bytes(&a->list_value));
}

/* ---- the editor ---- */

static bool wants(void *context, const struct ese_table *table)
{
    const struct apply *a = context;
    const struct profile *p = a->model->profile;
    if (named(table, p->list_table) || named(table, p->settings_table) ||
        named(table, p->value_table))
        return true;
    for (unsigned i = 0; i < p->references; i++)
        if (named(table, p->reference[i].table))
            return true;
    return false;
}

static bool row(void *context, const struct ese_table *table, const struct ese_record *record,
                unsigned twin, struct ese_row_edit *edit, struct fault *f)
{
    struct apply *a = context;
    const struct profile *p = a->model->profile;
    if (a->model->match == PROFILE_MATCHES_ROWS && named(table, p->list_table) &&
        !edit_entry(a, table, record, twin, edit, f))
        return false;
    for (unsigned i = 0; i < p->references; i++)
        if (named(table, p->reference[i].table))
            edit_reference(a, i, table, record, edit);
    if (named(table, p->settings_table))
        edit_setting(a, table, record, edit);
    if (named(table, p->value_table))
        edit_list_value(a, table, record, edit);
    return true;
}

/* The n-th setting that is to be set and has no row. */
static bool add_nth_setting(struct apply *a, const struct ese_table *table, unsigned n,
                            struct ese_row_edit *edit, bool *more, struct fault *f)
{
    const struct profile *p = a->model->profile;
    const struct model *m = a->model;
    bool issuing = a->set_issuing_ca && !m->has_issuing_row, mode = a->set_mode && !m->has_mode_row;
    int32_t key = m->last_setting + 1 + (int32_t)n;
    *more = n < (unsigned)issuing + mode;
    if (*more && issuing && n == 0)
        return add_setting(a, table, p->setting_issuing_ca, a->set_issuing_ca->value, key, edit, f);
    if (*more)
        return add_setting(a, table, p->setting_mode,
                           mode_value(a, column(table, p->settings_value)), key, edit, f);
    return true;
}

/* --issuing-ca FILE as a new row of the list.  When it was imported is not known, and stays null.
 */
static bool add(void *context, const struct ese_table *table, unsigned n, struct ese_row_edit *edit,
                bool *more, struct fault *f)
{
    struct apply *a = context;
    const struct profile *p = a->model->profile;
    if (named(table, p->settings_table))
        return add_nth_setting(a, table, n, edit, more, f);
    *more = n == 0 && a->added && a->model->match == PROFILE_MATCHES_ROWS &&
            named(table, p->list_table);
    if (!*more)
        return true;
    const struct model_certificate *cert = &a->model->certificate[a->added->certificate];
    add_number(a, edit, column(table, p->list_key), 4, (uint32_t)a->added->entry);
    add_change(edit, column(table, p->list_certificate), cert->der);
    add_change(edit, column(table, p->list_thumbprint), bytes_of(cert->sha1, sizeof cert->sha1));
    add_number(a, edit, column(table, p->list_role), 0, (uint32_t)role_number(p, a->added->role));
    add_number(a, edit, column(table, p->list_trusted), 1, a->added->trust == TRUST_YES ? 0xff : 0);
    return true;
}

struct apply *apply_open(const struct model *model, const struct plan *plan, size_t left_out,
                         struct fault *f)
{
    struct apply *a = calloc(1, sizeof *a);
    if (a)
        a->entry = calloc(model->entries + 1, sizeof *a->entry);
    if (a == NULL || a->entry == NULL) {
        free(a);
        fault_set(f, FAULT_NO_MEMORY, "out of memory for applying the plan");
        return NULL;
    }
    a->model = model;
    a->plan = plan;
    a->left_out = left_out;
    a->editor = (struct ese_editor){.context = a, .wants = wants, .row = row, .add = add};
    for (size_t i = 0; i < plan->actions; i++)
        if (i != left_out)
            take_action(a, &plan->action[i]);
    if (make_list_value(a, f))
        return a;
    apply_close(a);
    return NULL;
}

void apply_close(struct apply *a)
{
    if (a == NULL)
        return;
    buffer_free(&a->list_value);
    buffer_free(&a->text);
    free(a->entry);
    free(a);
}

const struct ese_editor *apply_editor(struct apply *a)
{
    return &a->editor;
}
