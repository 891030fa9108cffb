/*
 * Reading the model of a store: see model.h.
 *
 * The list is read first, for its keys; then settings and revocation lists; last the tables that
 * refer to the list, of whose rows only the reference is looked at, and counted.
 */
#include "migrate/judge/readers.h"

#include "formats/array.h"
#include "formats/ese/layout/text.h"
#include "migrate/judge/groups.h"
#include "migrate/judge/names.h"
#include "migrate/judge/settings.h"
#include "migrate/judge/trials.h"

#include <inttypes.h>
#include <stdlib.h>
#include <strings.h>

bool model_no_memory(struct fault *f)
{
    return fault_set(f, FAULT_NO_MEMORY, "out of memory for the certificate list");
}

/* One more element of an array that doubles; its pointer in *array may change. */
void *model_grow(void **array, unsigned count, size_t *room, size_t size)
{
    if (!array_reserve(array, room, (size_t)count + 1, size))
        return NULL;
    return (char *)*array + (size_t)count * size;
}

const struct ese_table *model_table_named(const struct model *m, const char *name)
{
    return ese_catalog_find(m->store->db->catalog, name);
}

bool model_is_named(const char *name, const char *wanted)
{
    return name && wanted && strcasecmp(name, wanted) == 0;
}

/* A copy that lives as long as the model, with a zero byte behind it; NULL when memory is short. */
const void *model_keep(struct model *m, struct bytes b)
{
    return pool_keep(&m->memory->pool, &m->hash, b);
}

char *model_utf8_text(struct model *m, const struct ese_column *column, struct bytes b)
{
    struct ese_text text = {.code_page = column->code_page};
    struct buffer *room = &m->memory->text;
    buffer_clear(room);
    if (!buffer_reserve(room, b.size * ESE_TEXT_GROWTH + ESE_TEXT_CARRY))
        return NULL;
    char *to = (char *)room->at;
    room->size = ese_text_convert(&text, b, to);
    room->size += ese_text_end(&text, to + room->size);
    return (char *)(uintptr_t)model_keep(m, buffer_bytes(room));
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

/* ---- distinct certificates ---- */

static uint32_t slot_of(const struct model_memory *mem, const uint8_t sha256[HASH_SHA256_SIZE])
{
    uint32_t start = 0;
    bytes_le32(bytes_of(sha256, 4), 0, &start);
    return start & (mem->slots - 1);
}

static bool rehash(struct model *m)
{
    struct model_memory *mem = m->memory;
    uint32_t slots = mem->slots ? mem->slots * 2 : 256;
    uint32_t *fresh = calloc(slots, sizeof *fresh);
    if (fresh == NULL)
        return false;
    free(mem->by_hash);
    mem->by_hash = fresh;
    mem->slots = slots;
    for (unsigned i = 0; i < m->certificates; i++) {
        uint32_t slot = slot_of(mem, m->certificate[i].sha256);
        while (mem->by_hash[slot])
            slot = (slot + 1) & (slots - 1);
        mem->by_hash[slot] = i + 1;
    }
    return true;
}

static void examine(struct model *m, struct model_certificate *cert)
{
    cert->parsed = x509_certificate_read(cert->der, &cert->x509, &cert->why);
    if (!cert->parsed)
        return;
    cert->extensions = x509_extensions_read(cert->x509.extensions);
    cert->is_der = x509_is_der(&cert->x509.envelope);
    x509_key_sha256(&cert->x509, &m->hash, cert->key_sha256);
    x509_tbs_sha256(&cert->x509.envelope, &m->hash, &m->memory->more, cert->tbs_sha256);
    const struct x509_extensions *x = &cert->extensions;
    if (cert->x509.version >= 3)
        cert->can_sign = x->has_basic_constraints && x->is_ca &&
                         (!x->has_key_usage || (x->key_usage & X509_USE_CERTIFICATE_SIGN));
    else
        cert->can_sign = true;
}

/* The number of the certificate with these bytes, which is kept when it is new. */
bool model_intern(struct model *m, struct bytes der, unsigned *number, struct fault *f)
{
    struct model_memory *mem = m->memory;
    uint8_t sha256[HASH_SHA256_SIZE];
    hash_sha256(&m->hash, der, sha256);
    if (2 * m->certificates >= mem->slots && !rehash(m))
        return model_no_memory(f);
    uint32_t slot = slot_of(mem, sha256);
    for (; mem->by_hash[slot]; slot = (slot + 1) & (mem->slots - 1)) {
        *number = mem->by_hash[slot] - 1;
        if (memcmp(m->certificate[*number].sha256, sha256, sizeof sha256) == 0)
            return true;
    }
    void *array = m->certificate;
    struct model_certificate *cert =
        model_grow(&array, m->certificates, &m->certificate_room, sizeof *cert);
    m->certificate = array;
    const void *kept = cert ? arena_copy(&mem->arena, der) : NULL;
    if (kept == NULL)
        return model_no_memory(f);
    *cert = (struct model_certificate){.der = bytes_of(kept, der.size)};
    memcpy(cert->sha256, sha256, sizeof sha256);
    hash_sha1(&m->hash, der, cert->sha1);
    examine(m, cert);
    *number = m->certificates++;
    mem->by_hash[slot] = *number + 1;
    return true;
}

/* ---- entries by key ---- */

/* Keys that count up without a gap, as most do: then this is the entry's place. */
static bool is_at(const struct model *m, uint64_t place, int64_t key)
{
    return place < m->entries && m->entry[place].key == key &&
           (place == 0 || m->entry[place - 1].key != key);
}

struct model_entry *model_entry(const struct model *m, int64_t key)
{
    unsigned low = 0, high = m->entries;
    uint64_t place = high ? (uint64_t)key - (uint64_t)m->entry[0].key : 0;
    if (is_at(m, place, key))
        return &m->entry[place];
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (m->entry[middle].key < key)
            low = middle + 1;
        else
            high = middle;
    }
    return low < m->entries && m->entry[low].key == key ? &m->entry[low] : NULL;
}

bool model_key_is_primary(const struct model *m)
{
    for (unsigned i = 0; i < m->profile->lists; i++) {
        const struct ese_table *table = model_list_table(m, i);
        const struct ese_column *key = table ? ese_table_key_column(table) : NULL;
        if (key == NULL || strcasecmp(key->name, m->profile->list[i].key) != 0)
            return false;
    }
    return m->profile->lists > 0;
}

/* Entries of one key are neighbours, in the order of their twin. */
struct model_entry *model_entry_twin(const struct model *m, int32_t key, unsigned twin)
{
    struct model_entry *e = model_entry(m, key);
    if (e == NULL || twin >= (unsigned)(m->entry + m->entries - e))
        return NULL;
    return e[twin].key == key && e[twin].twin == twin ? &e[twin] : NULL;
}

/* ---- all of it ---- */

/* When the issuing CA came into the list, V3 began; whoever has a V1 certificate from before has it
 * rightly. */
static bool model_find_switch(const struct model *m, int64_t *seconds)
{
    bool found = false;
    for (unsigned i = 0; m->mode == MODE_V3 && m->has_issuing_ca && i < m->entries; i++) {
        const struct model_entry *e = &m->entry[i];
        if (!e->has_imported ||
            memcmp(model_certificate_of(m, e)->sha1, m->issuing_ca, HASH_SHA1_SIZE) != 0 ||
            !(e->imported > 0 && e->imported < 2958466))
            continue;
        int64_t when = (int64_t)((e->imported - 25569) * 86400); /* 25569: 1970-01-01 */
        *seconds = !found || when > *seconds ? when : *seconds;
        found = true;
    }
    return found;
}

/* The store's own last time, so that two runs give one answer: when it was last consistent, else
 * last detached, attached, created. */
static void set_now(struct model *m, const int64_t *at)
{
    const struct ese_header *h = &m->store->db->headers.header;
    const struct ese_time times[] = {h->consistent, h->detached, h->attached, h->signature.created};
    m->now_known = m->now_utc = at != NULL;
    if (at)
        m->now = *at;
    for (size_t i = 0; i < sizeof times / sizeof times[0] && !m->now_known; i++)
        if ((m->now_known = ese_time_seconds(times[i], &m->now)))
            m->now_utc = times[i].utc;
}

static bool find_duplicates(struct model *m, struct fault *f)
{
    static const enum grouping by[] = {GROUP_SAME_CONTENT, GROUP_IDENTITY};
    m->duplicate = calloc((size_t)m->entries + 1, sizeof *m->duplicate);
    for (size_t i = 0; m->duplicate && i < sizeof by / sizeof by[0]; i++) {
        struct groups groups;
        struct group group;
        if (!groups_open(&groups, m, by[i]))
            return model_no_memory(f);
        while (groups_next(&groups, &group))
            for (unsigned k = 0; k < group.entries; k++)
                m->duplicate[group.entry[k]] = true;
        groups_close(&groups);
    }
    return m->duplicate || model_no_memory(f);
}

/* An empty model. */
static bool begin(struct model *m, struct store *store, const struct profile *profile,
                  enum profile_match match, struct fault *f)
{
    *m = (struct model){.store = store, .profile = profile, .match = match};
    m->memory = calloc(1, sizeof *m->memory);
    if (m->memory == NULL)
        return model_no_memory(f);
    if (hash_open(&m->hash, f))
        return true;
    free(m->memory);
    m->memory = NULL;
    return false;
}

bool model_read_file(struct model *m, struct bytes file, struct problems *problems, struct fault *f)
{
    static const struct profile one_value = {.values = 1}; /* in whatever form it has */
    if (!begin(m, NULL, &one_value, PROFILE_MATCHES_VALUE, f))
        return false;
    bool ok = list_file_read(m, file, problems, f) && names_index(m, f);
    m->listed = m->certificates;
    if (!ok)
        model_close(m);
    return ok;
}

/* All but the rows of users, and of what refers to the list. */
static bool read_list(struct model *m, struct store *store, const struct profile *profile,
                      enum profile_match match, const int64_t *at, struct problems *problems,
                      struct fault *f)
{
    if (!begin(m, store, profile, match, f))
        return false;
    set_now(m, at);
    bool ok = settings_read(m, problems, f) && list_values_read(m, problems, f);
    if (ok && match == PROFILE_MATCHES_ROWS)
        ok = list_rows_read(m, problems, f);
    ok = ok && names_index(m, f) && settings_find_issuing(m, problems, f) && find_duplicates(m, f);
    m->switch_known = ok && model_find_switch(m, &m->switched);
    m->listed = m->certificates;
    if (!ok)
        model_close(m);
    return ok;
}

bool model_read(struct model *m, struct store *store, const struct profile *profile,
                enum profile_match match, const int64_t *at, struct problems *problems,
                struct fault *f)
{
    if (!read_list(m, store, profile, match, at, problems, f))
        return false;
    bool ok = users_read(m, problems, f);
    for (unsigned i = 0; ok && i < profile->references; i++)
        ok = reference_rows_read(m, i, problems, f);
    if (!ok)
        model_close(m);
    return ok;
}

/* ---- by rows that somebody else goes over ---- */

struct model_feed {
    struct model *m;
    bool users_come; /* with the rows; else they were read before */
    bool incomplete; /* something could not be read, or not in the order it should be */
    /* The table in hand. */
    const struct ese_table *table;
    const struct ese_column *user_name, *user_key; /* NULL: it is not that of the users */
    unsigned references, reference[PROFILE_REFERENCES_MOST];
    struct reference_columns c[PROFILE_REFERENCES_MOST];
    struct rows rows;
};

/* Users must be known before the certificates that name them: does their table come first? */
static bool users_come_first(const struct model *m)
{
    const struct ese_catalog *catalog = m->store->db->catalog;
    const struct ese_table *users = model_table_named(m, m->profile->users_table);
    const struct ese_table *certificates = model_table_named(m, m->profile->certificates_table);
    for (unsigned i = 0; users != certificates && i < ese_catalog_tables(catalog); i++)
        if (ese_catalog_table(catalog, i) == users || ese_catalog_table(catalog, i) == certificates)
            return ese_catalog_table(catalog, i) == users;
    return false;
}

struct model_feed *model_open(struct model *m, struct store *store, const struct profile *profile,
                              enum profile_match match, const int64_t *at,
                              struct problems *problems, struct fault *f)
{
    struct model_feed *feed = calloc(1, sizeof *feed);
    if (feed == NULL) {
        model_no_memory(f);
        return NULL;
    }
    bool ok = read_list(m, store, profile, match, at, problems, f);
    feed->m = m;
    feed->users_come = ok && users_come_first(m);
    ok = ok && (feed->users_come || users_read(m, problems, f));
    for (unsigned i = 0; ok && i < profile->references; i++)
        if (profile->reference[i].crl) /* not many; so they are in order */
            ok = reference_rows_read(m, i, problems, f);
    if (ok)
        return feed;
    model_close(m);
    free(feed);
    return NULL;
}

bool model_feed_begin(struct model_feed *feed, const struct ese_table *table)
{
    struct model *m = feed->m;
    feed->table = table;
    feed->references = 0;
    if (!feed->users_come || users_table(m, &feed->user_name, &feed->user_key) != table)
        feed->user_name = NULL;
    for (unsigned i = 0; i < m->profile->references; i++)
        if (!m->profile->reference[i].crl &&
            reference_rows_table(m, i, &feed->c[feed->references]) == table)
            feed->reference[feed->references++] = i;
    if (feed->user_name == NULL && feed->references == 0)
        return false;
    rows_open(&feed->rows, m->store, table);
    return true;
}

bool model_feed_row(struct model_feed *feed, const struct ese_record *record, struct fault *f)
{
    bool ok = true;
    feed->rows.record = *record;
    if (feed->user_name)
        ok = users_read_row(feed->m, &feed->rows, feed->user_name, feed->user_key, f);
    for (unsigned i = 0; ok && i < feed->references; i++)
        ok = reference_rows_take(feed->m, feed->reference[i], &feed->rows, &feed->c[i], f);
    return ok;
}

bool model_feed_end(struct model_feed *feed, struct fault *f)
{
    struct fault why;
    fault_clear(&why);
    bool whole = rows_end(&feed->rows, &why);
    if (feed->user_name)
        users_have(feed->m);
    feed->incomplete = feed->incomplete || !whole;
    return whole || why.code != FAULT_NO_MEMORY || model_no_memory(f);
}

bool model_feed_close(struct model_feed *feed)
{
    const struct model *m = feed->m;
    /* What dangles is kept in the order of the references, and up to a bound. */
    bool whole = !feed->incomplete && (m->dangling_count == 0 || m->profile->references == 1);
    free(feed);
    return whole;
}

void model_close(struct model *m)
{
    if (m->memory == NULL)
        return;
    for (unsigned i = 0; i < PROFILE_LISTS_MOST; i++)
        pieces_free(&m->value[i].pieces);
    for (unsigned i = 0; i < PROFILE_REFERENCES_MOST; i++)
        trials_close(m->trials[i]);
    arena_free(&m->memory->arena);
    buffer_free(&m->memory->value);
    buffer_free(&m->memory->more);
    buffer_free(&m->memory->text);
    pool_free(&m->memory->pool);
    names_close(m);
    free(m->memory->by_hash);
    free(m->memory->user);
    free(m->memory);
    free(m->duplicate);
    free(m->certificate);
    free(m->entry);
    free(m->crl);
    free(m->dangling);
    hash_close(&m->hash);
    m->memory = NULL;
}

bool model_reference_is_fixed(const struct model *m, unsigned which)
{
    const struct profile_reference *r = &m->profile->reference[which];
    const struct ese_table *table = model_table_named(m, r->table);
    const struct ese_column *column = ese_table_column(table, r->column),
                            *serial = ese_table_column(table, r->serial);
    return (column && ese_table_in_primary(table, column)) ||
           (serial && ese_table_in_primary(table, serial));
}

const char *model_role_name(enum model_role role)
{
    static const char *const names[] = {"none", "own", "issuing", "imported", "unknown"};
    return names[role];
}

const char *model_trust_name(enum model_trust trust)
{
    static const char *const names[] = {"null", "untrusted", "trusted"};
    return names[trust];
}

const char *model_mode_name(enum model_mode mode)
{
    static const char *const names[] = {"unknown", "V1", "V1V3", "V3"};
    return names[mode];
}
