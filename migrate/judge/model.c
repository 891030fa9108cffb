/*
 * Reading the model of a store: see model.h.
 *
 * The list is read first, for its keys; then settings and revocation lists; last the tables that
 * refer to the list, of whose rows only the reference is looked at, and counted.
 */
#include "migrate/judge/model.h"

#include "formats/arena.h"
#include "formats/ese/layout/text.h"
#include "migrate/store/rows.h"

#include <inttypes.h>
#include <stdlib.h>
#include <strings.h>

enum { NAME_CHARACTERS_MOST = 64 };

/* What only this file needs of the model's memory. */
struct model_memory {
    struct arena arena;
    struct buffer value, more; /* of the row being read */
    uint32_t *by_hash;         /* certificate numbers + 1, hashed by SHA-256; 0: free */
    uint32_t slots;
};

static bool no_memory(struct fault *f)
{
    return fault_set(f, FAULT_NO_MEMORY, "out of memory for the certificate list");
}

/* One more element of an array that doubles; its pointer in *array may change. */
static void *grow(void **array, unsigned count, unsigned *room, size_t size)
{
    if (count == *room) {
        unsigned more = *room ? *room * 2 : 64;
        void *grown = realloc(*array, (size_t)more * size);
        if (grown == NULL)
            return NULL;
        *array = grown;
        *room = more;
    }
    return (char *)*array + (size_t)count * size;
}

static const struct ese_table *table_named(const struct model *m, const char *name)
{
    return name ? ese_catalog_find(m->store->db->catalog, name) : NULL;
}

static const struct ese_column *column_named(const struct ese_table *table, const char *name)
{
    return table && name ? ese_table_column(table, name) : NULL;
}

static char *utf8_of(struct model *m, const struct ese_column *column, struct bytes b)
{
    struct ese_text text = {.code_page = column->code_page};
    char *to = arena_take(&m->memory->arena, b.size * ESE_TEXT_GROWTH + ESE_TEXT_CARRY + 1);
    if (to == NULL)
        return NULL;
    size_t size = ese_text_convert(&text, b, to);
    size += ese_text_end(&text, to + size);
    to[size] = '\0';
    return to;
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
        return no_memory(f);
    uint32_t slot = slot_of(mem, sha256);
    for (; mem->by_hash[slot]; slot = (slot + 1) & (mem->slots - 1)) {
        *number = mem->by_hash[slot] - 1;
        if (memcmp(m->certificate[*number].sha256, sha256, sizeof sha256) == 0)
            return true;
    }
    void *array = m->certificate;
    struct model_certificate *cert =
        grow(&array, m->certificates, &m->certificate_room, sizeof *cert);
    m->certificate = array;
    const void *kept = cert ? arena_copy(&mem->arena, der) : NULL;
    if (kept == NULL)
        return no_memory(f);
    *cert = (struct model_certificate){.der = bytes_of(kept, der.size)};
    memcpy(cert->sha256, sha256, sizeof sha256);
    hash_sha1(&m->hash, der, cert->sha1);
    examine(m, cert);
    *number = m->certificates++;
    mem->by_hash[slot] = *number + 1;
    return true;
}

/* ---- the list ---- */

static struct model_entry *add_entry(struct model *m, int32_t key, struct bytes der,
                                     struct fault *f)
{
    unsigned number = 0;
    if (!model_intern(m, der, &number, f))
        return NULL;
    void *array = m->entry;
    struct model_entry *entry = grow(&array, m->entries, &m->entry_room, sizeof *entry);
    m->entry = array;
    if (entry == NULL) {
        no_memory(f);
        return NULL;
    }
    *entry = (struct model_entry){
        .key = key, .certificate = number, .encoding = SST_ENCODING, .row = m->entries};
    m->entries++;
    return entry;
}

static enum model_role role_of(const struct profile *p, int32_t number, bool null)
{
    if (null)
        return ROLE_NONE;
    return number == p->role_own        ? ROLE_OWN
           : number == p->role_issuing  ? ROLE_ISSUING
           : number == p->role_imported ? ROLE_IMPORTED
                                        : ROLE_NONE;
}

struct list_columns {
    const struct ese_column *key, *certificate, *thumbprint, *role, *trusted, *name, *imported;
};

static bool read_entry_fields(struct model *m, struct rows *rows, const struct list_columns *c,
                              struct model_entry *entry, struct fault *f)
{
    bool null;
    struct bytes value;
    int32_t number = rows_integer(rows, c->role, &null);
    entry->role = role_of(m->profile, number, null);
    number = rows_integer(rows, c->trusted, &null);
    entry->trust = null ? TRUST_NULL : number ? TRUST_YES : TRUST_NO;
    entry->imported = rows_date(rows, c->imported, &null);
    entry->has_imported = !null;
    if (!rows_bytes(rows, c->name, &m->memory->value, &value, &null, f))
        return false;
    if (!null && (entry->name = utf8_of(m, c->name, value)) == NULL)
        return no_memory(f);
    if (!rows_bytes(rows, c->thumbprint, &m->memory->value, &value, &null, f))
        return false;
    const void *kept = null ? NULL : arena_copy(&m->memory->arena, value);
    if (!null && kept == NULL)
        return no_memory(f);
    entry->has_thumbprint = !null;
    entry->thumbprint = bytes_of(kept, null ? 0 : value.size);
    return true;
}

static bool read_entry(struct model *m, struct rows *rows, const struct list_columns *c,
                       struct problems *problems, struct fault *f)
{
    bool null;
    struct bytes der;
    struct fault why = {.code = FAULT_NONE};
    int32_t key = rows_integer(rows, c->key, &null);
    if (!rows_bytes(rows, c->certificate, &m->memory->value, &der, &null, &why)) {
        if (why.code == FAULT_NO_MEMORY)
            return no_memory(f);
        problem_add(problems, PROBLEM_UNPARSABLE, key, 0, "entry %d: %s", key, why.text);
        der = bytes_of(NULL, 0);
    }
    struct model_entry *entry = add_entry(m, key, der, f);
    return entry != NULL && read_entry_fields(m, rows, c, entry, f);
}

static int by_key_and_row(const void *a, const void *b)
{
    const struct model_entry *x = a, *y = b;
    return x->key != y->key ? (x->key > y->key) - (x->key < y->key)
                            : (x->row > y->row) - (x->row < y->row);
}

/* Rows come in the order of the primary key, so that the sort is for keys that are no primary key.
 */
static bool sort_entries(struct model *m, struct fault *f)
{
    bool sorted = true;
    for (unsigned i = 1; sorted && i < m->entries; i++)
        sorted = m->entry[i - 1].key <= m->entry[i].key;
    if (!sorted) {
        m->entry_of_row = arena_take(&m->memory->arena, m->entries * sizeof *m->entry_of_row);
        if (m->entry_of_row == NULL)
            return no_memory(f);
        qsort(m->entry, m->entries, sizeof *m->entry, by_key_and_row);
        for (unsigned i = 0; i < m->entries; i++)
            m->entry_of_row[m->entry[i].row] = i;
    }
    for (unsigned i = 1; i < m->entries; i++)
        if (m->entry[i].key == m->entry[i - 1].key)
            m->entry[i].twin = m->entry[i - 1].twin + 1;
    return true;
}

const struct model_entry *model_entry_of_row(const struct model *m, unsigned row)
{
    if (row >= m->entries)
        return NULL;
    return &m->entry[m->entry_of_row ? m->entry_of_row[row] : row];
}

/* Closes rows that were read; what could not be read of them is a problem. */
static void end_rows(struct rows *rows, struct problems *problems)
{
    if (rows->damaged > 0)
        problem_add(problems, PROBLEM_STRUCTURE, 0, 0,
                    "table %s: %" PRIu64 " rows or pages cannot be read; the first: %s",
                    rows->table->name, rows->damaged, rows->first_damage.text);
    rows_close(rows);
}

static bool read_list_rows(struct model *m, struct problems *problems, struct fault *f)
{
    const struct profile *p = m->profile;
    const struct ese_table *table = table_named(m, p->list_table);
    if (table == NULL) {
        m->list_missing = true;
        return true;
    }
    struct list_columns c = {
        .key = column_named(table, p->list_key),
        .certificate = column_named(table, p->list_certificate),
        .thumbprint = column_named(table, p->list_thumbprint),
        .role = column_named(table, p->list_role),
        .trusted = column_named(table, p->list_trusted),
        .name = column_named(table, p->list_name),
        .imported = column_named(table, p->list_imported),
    };
    struct rows rows;
    bool ok = true;
    rows_open(&rows, m->store, table);
    while (ok && rows_next(&rows))
        ok = read_entry(m, &rows, &c, problems, f);
    end_rows(&rows, problems);
    return ok && sort_entries(m, f);
}

/* ---- a list kept in one value ---- */

static bool read_list_value(struct model *m, struct bytes value, struct problems *problems,
                            struct fault *f)
{
    struct certlist list;
    struct certlist_entry item;
    struct fault why = {.code = FAULT_NONE};
    m->list_value = value;
    m->list_kind = certlist_detect(value);
    if (!certlist_open(&list, value, &why)) {
        m->list_cut = true;
        problem_add(problems, PROBLEM_LIST_CUT, 0, 0, "the list value of %zu bytes: %s", value.size,
                    why.text);
        return why.code != FAULT_NO_MEMORY || no_memory(f);
    }
    bool ok = true;
    while (ok && certlist_next(&list, &item, &why)) {
        if (item.type != CERTLIST_CERTIFICATE)
            continue;
        struct model_entry *entry = add_entry(m, (int32_t)m->entries + 1, item.encoded, f);
        ok = entry != NULL;
        if (ok) {
            entry->role = ROLE_NONE;
            entry->properties = item.properties;
            entry->encoding = item.encoding;
        }
    }
    if (ok && list.failed) {
        m->list_cut = true;
        problem_add(problems, PROBLEM_LIST_CUT, 0, 0, "after entry %u: %s", m->entries, why.text);
    }
    certlist_close(&list);
    return ok;
}

/* ---- settings ---- */

static void set_mode(struct model *m, struct bytes value)
{
    static const struct {
        const char *text;
        enum model_mode mode;
    } modes[] = {{"V1", MODE_V1}, {"V1V3", MODE_V1V3}, {"V3", MODE_V3}};
    snprintf(m->mode_text, sizeof m->mode_text, "%.*s", (int)(value.size < 31 ? value.size : 31),
             value.size ? (const char *)value.at : "");
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++)
        if (strcmp(m->mode_text, modes[i].text) == 0)
            m->mode = modes[i].mode;
}

static bool is_setting(const char *name, const char *wanted)
{
    return name && wanted && strcasecmp(name, wanted) == 0;
}

static bool take_setting(struct model *m, const char *name, struct bytes value,
                         struct problems *problems, struct fault *f)
{
    const struct profile *p = m->profile;
    m->has_mode_row = m->has_mode_row || is_setting(name, p->setting_mode);
    m->has_issuing_row = m->has_issuing_row || is_setting(name, p->setting_issuing_ca);
    if (is_setting(name, p->setting_mode))
        set_mode(m, value);
    if (is_setting(name, p->setting_issuing_ca) && value.size == HASH_SHA1_SIZE) {
        m->has_issuing_ca = true;
        memcpy(m->issuing_ca, value.at, HASH_SHA1_SIZE);
    }
    if (is_setting(name, p->setting_organization) &&
        (m->organization = arena_copy(&m->memory->arena, value)) == NULL)
        return no_memory(f);
    if (m->match == PROFILE_MATCHES_ROWS && is_setting(name, p->value_equals) && value.size > 0)
        m->second_list = true;
    if (m->match == PROFILE_MATCHES_VALUE && is_setting(name, p->value_equals)) {
        const void *kept = arena_copy(&m->memory->arena, value);
        if (kept == NULL)
            return no_memory(f);
        m->list_missing = false;
        return read_list_value(m, bytes_of(kept, value.size), problems, f);
    }
    return true;
}

static bool read_settings(struct model *m, struct problems *problems, struct fault *f)
{
    const struct profile *p = m->profile;
    const struct ese_table *table = table_named(m, p->settings_table);
    const struct ese_column *name_column = column_named(table, p->settings_name);
    const struct ese_column *value_column = column_named(table, p->settings_value);
    m->list_missing = m->match == PROFILE_MATCHES_VALUE;
    if (table == NULL || name_column == NULL || value_column == NULL)
        return true;
    struct rows rows;
    bool ok = true;
    m->has_settings = true;
    rows_open(&rows, m->store, table);
    while (ok && rows_next(&rows)) {
        struct bytes value;
        bool null;
        ok = rows_bytes(&rows, name_column, &m->memory->value, &value, &null, f);
        char *name = ok && !null ? utf8_of(m, name_column, value) : NULL;
        int32_t key = rows_integer(&rows, ese_table_key_column(table), &null);
        if (!null && key > m->last_setting)
            m->last_setting = key;
        ok = ok && rows_bytes(&rows, value_column, &m->memory->value, &value, &null, f);
        if (ok)
            ok = take_setting(m, name, null ? bytes_of(NULL, 0) : value, problems, f);
    }
    end_rows(&rows, problems);
    return ok;
}

/* ---- revocation lists ---- */

static bool add_crl(struct model *m, int32_t key, int32_t entry, struct bytes der, struct fault *f)
{
    void *array = m->crl;
    struct model_crl *crl = grow(&array, m->crls, &m->crl_room, sizeof *crl);
    m->crl = array;
    const void *kept = crl ? arena_copy(&m->memory->arena, der) : NULL;
    if (kept == NULL)
        return no_memory(f);
    *crl = (struct model_crl){.key = key, .entry = entry, .der = bytes_of(kept, der.size)};
    crl->parsed = x509_crl_read(crl->der, &crl->x509, NULL);
    m->crls++;
    return true;
}

/* ---- references ---- */

struct reference_columns {
    const struct ese_column *reference, *key, *proves;
    const struct ese_column *version; /* of a user's certificate, for advice */
    bool is_crl;
};

struct model_entry *model_entry(const struct model *m, int32_t key)
{
    unsigned low = 0, high = m->entries;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (m->entry[middle].key < key)
            low = middle + 1;
        else
            high = middle;
    }
    return low < m->entries && m->entry[low].key == key ? &m->entry[low] : NULL;
}

static bool add_dangling(struct model *m, unsigned which, int32_t row, int32_t names,
                         struct bytes signed_object, struct fault *f)
{
    m->dangling_count++;
    if (m->dangling_kept == MODEL_DANGLING_MOST)
        return true;
    void *array = m->dangling;
    struct model_dangling *one = grow(&array, m->dangling_kept, &m->dangling_room, sizeof *one);
    m->dangling = array;
    const void *kept = one ? arena_copy(&m->memory->arena, signed_object) : NULL;
    if (kept == NULL)
        return no_memory(f);
    *one = (struct model_dangling){which, row, names, bytes_of(kept, signed_object.size)};
    m->dangling_kept++;
    return true;
}

/* When the issuing CA came into the list, V3 began; whoever has a V1 certificate from before has it
 * rightly. */
static bool find_switch(const struct model *m, int64_t *seconds)
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

static bool is_after_switch(struct model *m, struct rows *rows, const struct reference_columns *c)
{
    struct x509_certificate cert;
    struct bytes der;
    bool null;
    return m->switch_known && rows_bytes(rows, c->proves, &m->memory->value, &der, &null, NULL) &&
           !null && x509_certificate_read(der, &cert, NULL) && cert.not_before.known &&
           cert.not_before.seconds > m->switched;
}

static bool read_reference(struct model *m, unsigned which, struct rows *rows,
                           const struct reference_columns *c, struct fault *f)
{
    bool null, no_key;
    struct bytes der;
    int32_t names = rows_integer(rows, c->reference, &null);
    int32_t row = rows_integer(rows, c->key, &no_key);
    m->rows_read++;
    if (c->version && rows_integer(rows, c->version, &no_key) == 1 && is_after_switch(m, rows, c) &&
        m->v1_certificates++ == 0)
        m->first_v1_certificate = (uint32_t)row;
    if (c->is_crl) {
        bool no_value;
        struct fault why;
        if (rows_bytes(rows, c->proves, &m->memory->value, &der, &no_value, &why) && !no_value &&
            !add_crl(m, row, null ? 0 : names, der, f))
            return false;
    }
    if (null)
        return true;
    struct model_entry *entry = model_entry(m, names);
    if (entry) {
        entry->references[which]++;
        entry->reference_count++;
        return true;
    }
    if (!rows_bytes(rows, c->proves, &m->memory->value, &der, &null, NULL) || null)
        der = bytes_of(NULL, 0);
    return add_dangling(m, which, row, names, der, f);
}

static bool read_references(struct model *m, unsigned which, struct problems *problems,
                            struct fault *f)
{
    const struct profile *p = m->profile;
    const struct profile_reference *r = &p->reference[which];
    const struct ese_table *table = table_named(m, r->table);
    struct reference_columns c = {
        .reference = column_named(table, r->column),
        .key = column_named(table, r->key),
        .proves = column_named(table, r->proves),
        .is_crl = r->crl,
    };
    if (p->certificates_table && strcasecmp(r->table, p->certificates_table) == 0)
        c.version = column_named(table, p->certificates_version);
    if (table == NULL || c.reference == NULL)
        return true;
    struct rows rows;
    bool ok = true;
    rows_open(&rows, m->store, table);
    while (ok && rows_next(&rows))
        ok = read_reference(m, which, &rows, &c, f);
    end_rows(&rows, problems);
    return ok;
}

/* ---- users, for advice ---- */

/* Characters of the common name, the part of the distinguished name that the limit is about: what
 * stands behind the last "cn=". */
static size_t common_name_length(struct bytes b)
{
    size_t start = 0;
    for (size_t i = 0; i + 3 <= b.size; i++)
        if (strncasecmp((const char *)b.at + i, "cn=", 3) == 0)
            start = i + 3;
    return b.size - start;
}

static void read_users(struct model *m, struct problems *problems)
{
    const struct profile *p = m->profile;
    const struct ese_table *table = table_named(m, p->users_table);
    const struct ese_column *name = column_named(table, p->users_name);
    const struct ese_column *key = column_named(table, p->users_key);
    if (name == NULL)
        return;
    struct rows rows;
    size_t width = name->code_page == ESE_CODEPAGE_UNICODE ? 2 : 1;
    rows_open(&rows, m->store, table);
    while (rows_next(&rows)) {
        struct bytes value;
        bool null;
        if (!rows_bytes(&rows, name, &m->memory->value, &value, &null, NULL) || null)
            continue;
        size_t length = width == 1 ? common_name_length(value) : value.size / 2;
        if (length > NAME_CHARACTERS_MOST && m->long_names++ == 0)
            m->first_long_name = (uint32_t)rows_integer(&rows, key, &null);
    }
    end_rows(&rows, problems);
}

/* ---- all of it ---- */

/* The store's own last time, so that two runs give one answer: when it was last consistent, else
 * last detached, attached, created. */
static void set_now(struct model *m, const int64_t *at)
{
    const struct ese_header *h = &m->store->db->headers.header;
    const struct ese_time times[] = {h->consistent, h->detached, h->attached, h->signature.created};
    m->now_known = at != NULL;
    if (at)
        m->now = *at;
    for (size_t i = 0; i < sizeof times / sizeof times[0] && !m->now_known; i++)
        m->now_known = ese_time_seconds(times[i], &m->now);
}

bool model_read(struct model *m, struct store *store, const struct profile *profile,
                enum profile_match match, const int64_t *at, struct problems *problems,
                struct fault *f)
{
    *m = (struct model){.store = store, .profile = profile, .match = match};
    m->memory = calloc(1, sizeof *m->memory);
    if (m->memory == NULL)
        return no_memory(f);
    if (!hash_open(&m->hash, f)) {
        free(m->memory);
        m->memory = NULL;
        return false;
    }
    set_now(m, at);
    bool ok = read_settings(m, problems, f);
    if (ok && match == PROFILE_MATCHES_ROWS)
        ok = read_list_rows(m, problems, f);
    m->switch_known = ok && find_switch(m, &m->switched);
    for (unsigned i = 0; ok && i < profile->references; i++)
        ok = read_references(m, i, problems, f);
    if (ok)
        read_users(m, problems);
    m->listed = m->certificates;
    if (!ok)
        model_close(m);
    return ok;
}

void model_close(struct model *m)
{
    if (m->memory == NULL)
        return;
    arena_free(&m->memory->arena);
    buffer_free(&m->memory->value);
    buffer_free(&m->memory->more);
    free(m->memory->by_hash);
    free(m->memory);
    free(m->certificate);
    free(m->entry);
    free(m->crl);
    free(m->dangling);
    hash_close(&m->hash);
    m->memory = NULL;
}

const char *model_role_name(enum model_role role)
{
    static const char *const names[] = {"none", "own", "issuing", "imported"};
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
