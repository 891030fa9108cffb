/* Rows that refer to the list: what they name is noted with the entries, and counted. */
#include "migrate/judge/readers.h"

#include "formats/array.h"
#include "migrate/judge/names.h"
#include "migrate/judge/trials.h"

#include <stdlib.h>

/* ---- revocation lists ---- */

static bool add_crl(struct model *m, int32_t key, const int32_t *entry, struct bytes der,
                    struct fault *f)
{
    struct model_crl *crl = array_next(&m->crl, m->crls, &m->crl_room, sizeof *crl);
    const void *kept = crl ? model_keep(m, der) : NULL;
    if (kept == NULL)
        return model_no_memory(f);
    *crl = (struct model_crl){.key = key,
                              .has_entry = entry != NULL,
                              .entry = entry ? *entry : 0,
                              .der = bytes_of(kept, der.size)};
    crl->parsed = x509_crl_read(crl->der, &crl->x509, NULL);
    m->crls++;
    return true;
}

/* ---- references ---- */

static bool add_dangling(struct model *m, unsigned which, int32_t row, int32_t names,
                         struct bytes signed_object, struct fault *f)
{
    m->dangling_count++;
    if (m->dangling_kept == MODEL_DANGLING_MOST)
        return true;
    struct model_dangling *one =
        array_next(&m->dangling, m->dangling_kept, &m->dangling_room, sizeof *one);
    const void *kept = one ? model_keep(m, signed_object) : NULL;
    if (kept == NULL)
        return model_no_memory(f);
    *one = (struct model_dangling){which, row, names, bytes_of(kept, signed_object.size)};
    m->dangling_kept++;
    return true;
}

static bool is_after_switch(struct model *m, struct rows *rows, const struct reference_columns *c)
{
    struct x509_certificate cert;
    struct bytes der;
    bool null;
    return m->switch_known && rows_bytes(rows, c->proves, &m->memory->value, &der, &null, NULL) &&
           !null && x509_certificate_read(der, &cert, NULL) && cert.not_before.known &&
           cert.not_before.seconds > m->switched;
}

/* A certificate whose user is gone. */
static void look_for_user(struct model *m, struct rows *rows, const struct reference_columns *c,
                          int32_t row)
{
    const struct model_memory *mem = m->memory;
    bool null;
    int32_t user = rows_integer(rows, c->user, &null);
    if (mem->has_users && c->user && (null || !users_has(m, user)) && m->without_user++ == 0)
        m->first_without_user = (uint32_t)row;
}

/* The key of the entry that a row names by issuer and serial number. */
static int32_t identity_key(const struct model *m, unsigned which, struct rows *rows,
                            const struct ese_column *column, bool *null)
{
    const struct ese_column *second =
        ese_table_column(rows->table, m->profile->reference[which].serial);
    struct buffer room = {0}, more = {0};
    struct bytes issuer, serial;
    bool no_serial;
    bool read = rows_bytes(rows, column, &room, &issuer, null, NULL) &&
                rows_bytes(rows, second, &more, &serial, &no_serial, NULL);
    *null = !read || *null || no_serial; /* rows_end() says what cannot be read */
    int32_t key = *null ? 0 : names_identity(m, issuer, serial);
    buffer_free(&room);
    buffer_free(&more);
    return key;
}

int32_t model_reference_key(const struct model *m, unsigned which, struct rows *rows,
                            const struct ese_column *column, bool *null)
{
    if (m->profile->reference[which].names == NAMES_ISSUER_SERIAL)
        return identity_key(m, which, rows, column, null);
    if (names_is_bytes(m, which)) {
        struct buffer room = {0};
        struct bytes value;
        bool read = rows_bytes(rows, column, &room, &value, null, NULL);
        /* rows_end() says that it cannot be read */
        *null = *null || !read || value.size == 0 || names_none(m, which, value);
        int32_t key = *null ? 0 : names_entry(m, which, value);
        buffer_free(&room);
        return key;
    }
    int32_t value = rows_integer(rows, column, null);
    uint8_t number[sizeof(int32_t)];
    bytes_put_le32(number, (uint32_t)value);
    *null = *null || names_none(m, which, bytes_of(number, sizeof number));
    return *null ? 0 : profile_reference_key(&m->profile->reference[which], value);
}

/* What one value of a reference is noted with. */
struct noting {
    struct model *m;
    unsigned which;
    struct rows *rows;
    const struct reference_columns *c;
    int32_t row;
    bool tried; /* what the row holds was signed by one alone: the first that it names */
    struct fault *f;
};

/* Keeps the row for a trial of what it names. */
static bool take_trial(struct noting *n, unsigned number)
{
    struct model *m = n->m;
    struct trials **trials = &m->trials[n->which];
    if (n->c->proves == NULL || n->tried)
        return true;
    n->tried = true;
    if (*trials == NULL && (*trials = trials_open()) == NULL)
        return model_no_memory(n->f);
    return trials_take(*trials, n->rows, n->c->proves, number, m->duplicate[number],
                       &m->memory->value, n->f);
}

bool reference_counts_open(struct model *m, struct fault *f)
{
    struct reference_counts *c = &m->memory->counts;
    c->of = calloc((size_t)m->profile->references * m->entries + 1, sizeof *c->of);
    c->first = m->entries ? m->entry[0].key : 0;
    c->in_step = true;
    for (unsigned i = 1; i < m->entries; i++)
        c->in_step = c->in_step && m->entry[i].key == c->first + i;
    return c->of != NULL || model_no_memory(f);
}

void reference_counts_take_over(struct model *m)
{
    const uint64_t *count = m->memory->counts.of;
    for (unsigned r = 0; r < m->profile->references; r++)
        for (unsigned i = 0; i < m->entries; i++, count++) {
            m->entry[i].references[r] = *count;
            m->entry[i].reference_count += *count;
        }
    free(m->memory->counts.of);
    m->memory->counts.of = NULL;
}

/* Which entry a row names; false: none. */
static bool find_named(const struct model *m, const struct profile_reference *r, int32_t names,
                       unsigned *number)
{
    uint64_t place = m->entries ? (uint64_t)((int64_t)names - m->memory->counts.first) : 0;
    if (m->memory->counts.in_step && r->list == 0) {
        *number = (unsigned)place;
        return place < m->entries;
    }
    const struct model_entry *entry = model_entry(m, names);
    *number = entry ? (unsigned)(entry - m->entry) : 0;
    if (entry && r->list > 0 && r->names == NAMES_KEY && entry->part + 1 != (unsigned)r->list)
        return false; /* it names entries of another part only */
    return entry != NULL;
}

static bool note_reference(void *context, int32_t names)
{
    struct noting *n = context;
    struct model *m = n->m;
    struct bytes der;
    bool null;
    unsigned number;
    if (find_named(m, &m->profile->reference[n->which], names, &number)) {
        m->memory->counts.of[(size_t)n->which * m->entries + number]++;
        return take_trial(n, number);
    }
    if (n->c->key == NULL) { /* no single row could be named */
        m->dangling_count++;
        return true;
    }
    if (!rows_bytes(n->rows, n->c->proves, &m->memory->value, &der, &null, NULL) || null)
        der = bytes_of(NULL, 0);
    return add_dangling(m, n->which, n->row, names, der, n->f);
}

static bool read_crl(struct model *m, unsigned which, struct rows *rows,
                     const struct reference_columns *c, int32_t row, struct fault *f)
{
    bool null, no_value;
    struct bytes der;
    struct fault why;
    int32_t names = model_reference_key(m, which, rows, c->reference, &null);
    return !rows_bytes(rows, c->proves, &m->memory->value, &der, &no_value, &why) || no_value ||
           add_crl(m, row, null ? NULL : &names, der, f);
}

bool reference_rows_take(struct model *m, unsigned which, struct rows *rows,
                         const struct reference_columns *c, struct fault *f)
{
    bool no_key;
    int32_t row = rows_integer(rows, c->key, &no_key);
    struct noting n = {m, which, rows, c, row, false, f};
    m->rows_read++;
    if (c->version && rows_integer(rows, c->version, &no_key) == 1 && is_after_switch(m, rows, c) &&
        m->v1_certificates++ == 0)
        m->first_v1_certificate = (uint32_t)row;
    look_for_user(m, rows, c, row);
    return (!c->is_crl || read_crl(m, which, rows, c, row, f)) &&
           names_each(m, which, rows, c->reference, note_reference, &n);
}

/* The table that refers to the list, and the columns that are read of it; NULL: nothing is. */
const struct ese_table *reference_rows_table(const struct model *m, unsigned which,
                                             struct reference_columns *c)
{
    const struct profile *p = m->profile;
    const struct profile_reference *r = &p->reference[which];
    const struct ese_table *table = model_table_named(m, r->table);
    *c = (struct reference_columns){
        .reference = ese_table_column(table, r->column),
        .key = ese_table_column(table, r->key),
        .proves = ese_table_column(table, r->proves),
        .is_crl = r->crl,
    };
    if (model_is_named(r->table, p->certificates_table)) {
        c->version = ese_table_column(table, p->certificates_version);
        c->user = ese_table_column(table, p->certificates_user);
    }
    return c->reference ? table : NULL;
}

bool reference_rows_read(struct model *m, unsigned which, struct problems *problems,
                         struct fault *f)
{
    struct reference_columns c;
    const struct ese_table *table = reference_rows_table(m, which, &c);
    if (table == NULL)
        return true;
    struct rows rows;
    bool ok = true;
    rows_open(&rows, m->store, table);
    while (ok && rows_next(&rows))
        ok = reference_rows_take(m, which, &rows, &c, f);
    return model_end_rows(&rows, problems, f) && ok;
}
