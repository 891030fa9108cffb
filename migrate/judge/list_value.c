/* A certificate list that is kept in one value, or in several: whole, or in pieces. */
#include "migrate/judge/readers.h"
#include "migrate/console/words.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const struct profile_value *value_of(const struct model *m, const struct model_value *v)
{
    return &m->profile->value[v - m->value];
}

enum { UNREAD_TOLD = 20 }; /* entries of a file */

static const char *value_words(const struct model *m)
{
    return model_is_of_file(m) ? "file" : "list value";
}

/* What stands behind the list's end: no encoding of a list has a place for it. */
static struct bytes behind_the_end(const struct certlist *list, const struct model *m,
                                   const struct model_value *v)
{
    struct buffer end = {0};
    struct bytes tail = {.at = NULL};
    switch (list->kind) {
    case CERTLIST_SST:
        tail = list->sst.tail;
        if (sst_write_end(&end) && tail.size >= end.size && memcmp(tail.at, end.at, end.size) == 0)
            tail = bytes_from(tail, end.size);
        break;
    case CERTLIST_PKCS7:
        tail = list->pkcs7.frame.trailing;
        break;
    case CERTLIST_DER:
        if (m->entries > v->first && model_certificate_of(m, &m->entry[m->entries - 1])->parsed)
            tail = model_certificate_of(m, &m->entry[m->entries - 1])->x509.envelope.trailing;
        break;
    case CERTLIST_ITEMS: /* their form does not hold then */
    case CERTLIST_PEM:   /* any text may stand around its blocks */
    case CERTLIST_NONE:
        break;
    }
    buffer_free(&end);
    return tail;
}

static void judge_end(struct model *m, const struct model_value *v, const struct certlist *list,
                      struct problems *problems)
{
    struct bytes tail = behind_the_end(list, m, v);
    enum certlist_kind kind = certlist_detect(tail);
    m->list_tail = m->list_tail || tail.size > 0;
    if (tail.size > 0)
        problem_add(problems, PROBLEM_LIST_TAIL, NO_ENTRY, NO_ENTRY,
                    "%s behind the end of the %s, after entry %u%s%s",
                    counted(tail.size, "byte", "bytes"), certlist_kind_name(list->kind), m->entries,
                    kind == CERTLIST_NONE ? "" : "; they look like certificates: ",
                    kind == CERTLIST_NONE ? "" : certlist_kind_name(kind));
}

/* What certlist_open() or certlist_next() says that the value is not.  A list that is known for
 * what it is, and stops short, is cut; anything else may as well be whole, in a form that nobody
 * has told of. */
static bool note_unread(struct model *m, const struct model_value *v, const struct fault *why,
                        struct problems *problems, struct fault *f)
{
    bool known =
        v->form.kind == CERTLIST_NONE && why->code != FAULT_NOT_THIS && m->entries > v->first;
    if (why->code == FAULT_NO_MEMORY)
        return model_no_memory(f);
    m->list_cut = true;
    enum problem_code code = known ? PROBLEM_LIST_CUT : PROBLEM_LIST_FORM;
    if (m->entries > v->first)
        problem_add(problems, code, NO_ENTRY, NO_ENTRY, "after entry %u: %s", m->entries,
                    why->text);
    else
        problem_add(problems, code, NO_ENTRY, NO_ENTRY, "the %s of %zu bytes: %s", value_words(m),
                    v->bytes.size, why->text);
    return true;
}

static void doubt_form(struct model *m, const struct model_value *v, struct problems *problems,
                       const char *what)
{
    m->list_cut = true;
    problem_add(problems, PROBLEM_LIST_FORM, NO_ENTRY, NO_ENTRY, "the %s of %zu bytes: %s",
                value_words(m), v->bytes.size, what);
}

/* Items have no form but the one that was said: it has to hold for each of them. */
static bool are_items(const struct model *m, const struct model_value *v, size_t items)
{
    for (unsigned i = v->first; i < m->entries; i++)
        if (!model_certificate_of(m, &m->entry[i])->parsed)
            return false;
    return m->entries - v->first == items;
}

/* A list that was read to its end: is that what it is?  What it does not hold to is written over by
 * no repair. */
static bool judge_form(struct model *m, const struct model_value *v, const struct certlist *list,
                       struct problems *problems, struct fault *f)
{
    struct fault why = {.code = FAULT_NONE};
    unsigned read = 0, trailing = 0;
    /* PKCS#7 with indefinite lengths gets definite ones; nothing else of it changes. */
    bool exact = v->kind == CERTLIST_PKCS7 || certlist_is_exact(v->bytes, &v->form, &why);
    if (why.code == FAULT_NO_MEMORY)
        return model_no_memory(f);
    for (unsigned i = v->first; i < m->entries; i++) {
        const struct model_certificate *c = model_certificate_of(m, &m->entry[i]);
        read += c->parsed;
        trailing += c->parsed && c->x509.envelope.trailing.size > 0;
    }
    if (!exact)
        doubt_form(
            m, v, problems,
            "taken apart and put together again it is not what it was: it is in another form");
    else if (m->entries > v->first && read == 0 && !model_is_of_file(m))
        doubt_form(m, v, problems, "none of its entries is a certificate: it is in another form");
    else if (read > 1 && trailing == read)
        doubt_form(m, v, problems,
                   "bytes of something else stand behind each of its certificates: it is in "
                   "another form");
    else if (list->items.tail.size > 0)
        doubt_form(m, v, problems, "it goes on behind as many items as it counts");
    else if (v->kind == CERTLIST_ITEMS && !are_items(m, v, list->index))
        doubt_form(m, v, problems, "not all of its items are certificates: it is in another form");
    return true;
}

/* Copies whose headers say different things are no copies: which of them stays matters, and what
 * they say is not known. */
static bool judge_headers(struct model *m, const struct model_value *v, struct problems *problems,
                          struct fault *f)
{
    unsigned *first = calloc((size_t)m->certificates + 1, sizeof *first);
    bool alike = true;
    if (first == NULL)
        return model_no_memory(f);
    for (unsigned i = v->first; i < m->entries; i++) {
        unsigned *one = &first[m->entry[i].certificate];
        alike =
            alike && (*one == 0 || items_headers_alike(&v->form.items, m->entry[*one - 1].header,
                                                       m->entry[i].header));
        *one = *one ? *one : i + 1;
    }
    free(first);
    if (!alike)
        doubt_form(
            m, v, problems,
            "copies of one certificate have different bytes in front of them, which are said "
            "to be skipped");
    return true;
}

static bool add_item(struct model *m, const struct model_value *v,
                     const struct certlist_entry *item, struct fault *f)
{
    if (item->type != CERTLIST_CERTIFICATE)
        return true;
    struct model_entry *entry = model_add_entry(m, (int32_t)m->entries + 1, item->encoded, f);
    if (entry == NULL)
        return false;
    entry->role = ROLE_NONE;
    entry->part = (unsigned)(v - m->value);
    entry->properties = item->properties;
    entry->encoding = item->encoding;
    entry->header = item->header;
    return true;
}

/* Takes off the header and the packing around a list; what cannot be taken off is noted, and
 * *fits false then. */
static bool unwrap(struct model *m, struct model_value *v, struct problems *problems, bool *fits,
                   struct fault *f)
{
    const struct wrapping *w = &value_of(m, v)->wrapping;
    struct fault why = {.code = FAULT_NONE};
    *fits = true;
    if (wrapping_is_none(w))
        return true;
    *fits = wrapping_take_off(w, v->stored, &m->memory->more, &v->bytes, &why);
    if (why.code == FAULT_NO_MEMORY)
        return model_no_memory(f);
    if (!*fits) {
        v->bytes = v->stored;
        doubt_form(m, v, problems, why.text);
        return true;
    }
    const void *kept = arena_copy(&m->memory->arena, v->bytes);
    v->bytes = bytes_of(kept, v->bytes.size);
    return kept != NULL || model_no_memory(f);
}

/* The entries of a value, behind those of the values before it. */
static bool read_list_value(struct model *m, struct model_value *v, struct bytes value,
                            struct problems *problems, struct fault *f)
{
    struct certlist list;
    struct certlist_entry item;
    struct fault why = {.code = FAULT_NONE};
    bool fits = true;
    v->stored = v->bytes = value;
    v->first = m->entries;
    if (!profile_value_form(value_of(m, v), &v->form, f) ||
        (!model_is_of_file(m) && !unwrap(m, v, problems, &fits, f)))
        return false;
    if (!fits)
        return true;
    value = v->bytes;
    if (!certlist_open_as(&list, value, &v->form, &why))
        return note_unread(m, v, &why, problems, f);
    v->kind = list.kind;
    bool ok = true;
    while (ok && certlist_next(&list, &item, &why))
        ok = add_item(m, v, &item, f);
    if (ok && list.failed) {
        ok = note_unread(m, v, &why, problems, f);
    } else if (ok) {
        judge_end(m, v, &list, problems);
        ok = judge_form(m, v, &list, problems, f);
    }
    if (ok && list.kind == CERTLIST_ITEMS)
        ok = judge_headers(m, v, problems, f);
    v->entries = m->entries - v->first;
    certlist_close(&list);
    return ok;
}

bool list_file_read(struct model *m, struct bytes file, struct problems *problems, struct fault *f)
{
    if (!read_list_value(m, &m->value[0], file, problems, f))
        return false;
    for (unsigned i = 0, told = 0; i < m->entries && told < UNREAD_TOLD; i++) {
        const struct model_certificate *cert = model_certificate_of(m, &m->entry[i]);
        if (cert->parsed)
            continue;
        told++;
        problem_add(problems, PROBLEM_UNPARSABLE, m->entry[i].key, NO_ENTRY,
                    "entry %d is no certificate that can be read: %s", m->entry[i].key,
                    cert->why.text);
    }
    return true;
}

const char *model_value_place(const struct model *m, unsigned which, char to[128])
{
    const struct profile_value *p = &m->profile->value[which];
    if (p->table && p->select == NULL)
        snprintf(to, 128, "a value in the only row of table %s", p->table);
    else
        snprintf(to, 128, "a value named %.100s", p->equals ? p->equals : "(none)");
    return to;
}

/* Several rows could be the list's.  Without a text that selects, it is none of them. */
static void note_second_row(struct model *m, const struct model_value *v, struct problems *problems)
{
    const struct profile_value *p = value_of(m, v);
    m->second_list = true;
    if (p->select)
        problem_add(problems, PROBLEM_TWO_LISTS, NO_ENTRY, NO_ENTRY,
                    "table %s has more than one row named %s; only the first is judged", p->table,
                    p->equals);
    else
        problem_add(problems, PROBLEM_TWO_LISTS, NO_ENTRY, NO_ENTRY,
                    "table %s has more than one row, and the profile does not say which of them "
                    "has the list ([list-value] select, equals); only the first is judged",
                    p->table);
}

/* All values of a column, in a row; false when one cannot be read, which model_end_rows() tells. */
static bool gather_values(struct model *m, struct rows *rows, const struct ese_column *column,
                          struct buffer *row)
{
    struct ese_values values;
    struct ese_value value;
    struct bytes bytes;
    struct fault why = {.code = FAULT_NONE};
    if (!ese_values_of(&values, &rows->record, column, &why))
        return rows_unread(rows, &why);
    while (ese_values_next(&values, &value, &why)) {
        if (value.kind == ESE_VALUE_NULL)
            bytes = bytes_of(NULL, 0);
        else if (!rows_value(rows, column, &value, &m->memory->value, &bytes, NULL))
            return false;
        if (!certlist_add_value(row, bytes)) {
            fault_no_memory(&why, NULL);
            return rows_unread(rows, &why);
        }
    }
    return why.code == FAULT_NONE || rows_unread(rows, &why);
}

/* What the list is made of, in the row in hand: one value, or all that the column has. */
static bool list_bytes(struct model *m, struct model_value *v, struct rows *rows,
                       const struct ese_column *column, struct buffer *row, struct bytes *value,
                       bool *null)
{
    struct fault ignored;
    struct bytes first;
    if (!rows_bytes(rows, column, &m->memory->value, &first, null, NULL))
        return false;
    *value = first;
    if (*null || !profile_value_form(value_of(m, v), &v->form, &ignored) || !v->form.values)
        return true;
    bool ok = gather_values(m, rows, column, row);
    *value = buffer_bytes(row);
    return ok;
}

/* The value of the row in hand, when it is the list; one that stands beside a list in rows is only
 * noted.  number: which row it is, from 1. */
static bool take_value_row(struct model *m, struct model_value *v, struct rows *rows,
                           const struct ese_column *column, uint64_t number, struct buffer *row,
                           struct problems *problems, struct fault *f)
{
    struct bytes value;
    bool null;
    if (!list_bytes(m, v, rows, column, row, &value, &null)) {
        v->missing = false; /* it is there; model_end_rows() says that it cannot be read */
        m->list_cut = true;
        return true;
    }
    if (null)
        return true;
    if (m->match == PROFILE_MATCHES_ROWS) {
        m->second_list = m->second_list || value.size > 0;
        return true;
    }
    if (!v->missing) {
        note_second_row(m, v, problems);
        return true;
    }
    const void *kept = model_keep(m, value);
    if (kept == NULL)
        return model_no_memory(f);
    v->missing = false;
    v->row = number;
    if (!read_list_value(m, v, bytes_of(kept, value.size), problems, f))
        return false;
    if (!v->form.values && model_count_values(rows, column) > 1)
        doubt_form(
            m, v, problems,
            "there are more values in its row, and the profile does not say that the list is "
            "in all of them (form = values)");
    return true;
}

static bool read_value_row(struct model *m, struct model_value *v, struct rows *rows,
                           const struct ese_column *column, uint64_t number,
                           struct problems *problems, struct fault *f)
{
    struct buffer row = {0};
    bool ok = take_value_row(m, v, rows, column, number, &row, problems, f);
    buffer_free(&row);
    return ok;
}

/* Is the row in hand the one that the profile selects?  Without a column to select by each is. */
static bool is_selected(struct model *m, const struct model_value *v, struct rows *rows,
                        const struct ese_column *select, bool *selected, struct fault *f)
{
    struct bytes value;
    bool null;
    *selected = select == NULL;
    if (select && !ese_column_is_text(select)) {
        char number[16];
        snprintf(number, sizeof number, "%d", rows_integer(rows, select, &null));
        *selected = !null && strcmp(number, value_of(m, v)->equals) == 0;
        return true;
    }
    if (*selected || !rows_bytes(rows, select, &m->memory->value, &value, &null, NULL))
        return true; /* model_end_rows() says so */
    const char *name = null ? NULL : model_utf8_text(m, select, value);
    *selected = model_is_named(name, value_of(m, v)->equals);
    return null || name != NULL || model_no_memory(f);
}

/* Adds the row in hand to the pieces of the list. */
static bool read_piece(struct model *m, struct model_value *v, struct rows *rows,
                       const struct ese_column *column, const struct ese_column *join,
                       uint64_t number, struct problems *problems, struct fault *f)
{
    struct bytes value;
    bool null, no_order;
    int32_t order = rows_integer(rows, join, &no_order);
    if (!rows_bytes(rows, column, &m->memory->value, &value, &null, NULL) || no_order || null ||
        model_count_values(rows, column) > 1) {
        if (rows->unread == 0)
            doubt_form(m, v, problems,
                       "a row has no number, or not one value, that it could be a piece by");
        m->list_cut = true;
        return true;
    }
    return pieces_add(&v->pieces, order, number, value) || model_no_memory(f);
}

static bool join_pieces(struct model *m, struct model_value *v, struct problems *problems,
                        struct fault *f)
{
    struct buffer whole = {0};
    struct fault why = {.code = FAULT_NONE};
    const void *kept = NULL;
    bool joined = pieces_join(&v->pieces, &whole, &why);
    if (joined)
        kept = arena_copy(&m->memory->arena, buffer_bytes(&whole));
    size_t size = whole.size;
    buffer_free(&whole);
    if (why.code == FAULT_NO_MEMORY || (joined && kept == NULL))
        return model_no_memory(f);
    if (!joined) {
        doubt_form(m, v, problems, why.text);
        return true;
    }
    return read_list_value(m, v, bytes_of(kept, size), problems, f);
}

/* A list in pieces. */
static bool read_pieces(struct model *m, struct model_value *v, const struct ese_table *table,
                        struct problems *problems, struct fault *f)
{
    const struct ese_column *select = ese_table_column(table, value_of(m, v)->select);
    const struct ese_column *column = ese_table_column(table, value_of(m, v)->column);
    const struct ese_column *join = ese_table_column(table, value_of(m, v)->join);
    struct rows rows;
    bool ok = true, selected;
    rows_open(&rows, m->store, table);
    for (uint64_t number = 1; ok && rows_next(&rows); number++) {
        ok = is_selected(m, v, &rows, select, &selected, f);
        if (ok && selected)
            ok = read_piece(m, v, &rows, column, join, number, problems, f);
    }
    ok = model_end_rows(&rows, problems, f) && ok;
    if (m->match == PROFILE_MATCHES_ROWS)
        m->second_list = v->pieces.count > 0;
    else if (ok && v->pieces.count > 0)
        ok = join_pieces(m, v, problems, f);
    v->missing = v->missing && v->pieces.count == 0 && !m->list_cut;
    return ok;
}

/* A part of the list that is kept in one value, in whatever table that is. */
static bool read_value(struct model *m, struct model_value *v, struct problems *problems,
                       struct fault *f)
{
    const struct profile_value *p = value_of(m, v);
    const struct ese_table *table = model_table_named(m, p->table);
    const struct ese_column *select = ese_table_column(table, p->select);
    const struct ese_column *column = ese_table_column(table, p->column);
    v->missing = m->match == PROFILE_MATCHES_VALUE;
    if (table == NULL || (select == NULL && p->select) || column == NULL)
        return true;
    if (p->join)
        return read_pieces(m, v, table, problems, f);
    struct rows rows;
    bool ok = true;
    uint64_t seen = 0, number = 0;
    rows_open(&rows, m->store, table);
    while (ok && rows_next(&rows)) {
        bool selected;
        number++;
        ok = is_selected(m, v, &rows, select, &selected, f);
        if (ok && selected && p->select == NULL && seen++ > 0) {
            note_second_row(m, v, problems);
            break;
        }
        if (ok && selected)
            ok = read_value_row(m, v, &rows, column, number, problems, f);
    }
    return model_end_rows(&rows, problems, f) && ok;
}

/* All values, in the profile's order.  Of several each has to be there: which certificates one that
 * is not would hold is not known. */
bool list_values_read(struct model *m, struct problems *problems, struct fault *f)
{
    unsigned missing = 0, values = m->profile->values;
    char place[128];
    for (unsigned i = 0; i < values; i++) {
        if (!read_value(m, &m->value[i], problems, f))
            return false;
        missing += m->value[i].missing;
    }
    m->list_missing = m->match == PROFILE_MATCHES_VALUE && missing == values;
    for (unsigned i = 0; i < values && missing > 0 && missing < values; i++)
        if (m->value[i].missing) {
            m->list_cut = true;
            problem_add(problems, PROBLEM_MISFIT, NO_ENTRY, NO_ENTRY,
                        "a part of the list is not there: %s", model_value_place(m, i, place));
        }
    return true;
}
