/* Names of entries that are no integers: see names.h. */
#include "migrate/judge/names.h"

#include "formats/array.h"
#include "formats/ese/layout/text.h"
#include "migrate/judge/identities.h"
#include "migrate/profile/settings.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <strings.h>

/* ---- keys ---- */

enum { TEXT_KEY_MOST = 256 };

/* A key as it is compared: text in small letters. */
static struct bytes folded(const struct model *m, struct bytes key, uint8_t to[TEXT_KEY_MOST])
{
    if (!m->text_keys || key.size > TEXT_KEY_MOST)
        return key;
    for (size_t i = 0; i < key.size; i++) {
        bool letter = key.at[i] >= 'A' && key.at[i] <= 'Z' &&
                      (!m->wide_keys || (i % 2 == 0 && i + 1 < key.size && key.at[i + 1] == 0));
        to[i] = letter ? (uint8_t)(key.at[i] - 'A' + 'a') : key.at[i];
    }
    return bytes_of(to, key.size);
}

int names_compare_keys(const struct model *m, struct bytes a, struct bytes b)
{
    uint8_t x[TEXT_KEY_MOST], y[TEXT_KEY_MOST];
    return bytes_compare(folded(m, a, x), folded(m, b, y));
}

/* A key's place in the table: by its SHA-256, so that no input can make places collide. */
static uint32_t place_of(const struct model *m, struct bytes key)
{
    uint8_t sha256[HASH_SHA256_SIZE], room[TEXT_KEY_MOST];
    struct hash hash = m->hash;
    uint32_t start = 0;
    hash_sha256(&hash, folded(m, key, room), sha256);
    bytes_le32(bytes_of(sha256, 4), 0, &start);
    return start & (m->key_slots - 1);
}

static bool rehash(struct model *m, struct fault *f)
{
    uint32_t slots = m->key_slots ? 2 * m->key_slots : 256;
    uint32_t *fresh = calloc(slots, sizeof *fresh);
    if (fresh == NULL)
        return fault_no_memory(f, "the keys of the list");
    free(m->key_slot);
    m->key_slot = fresh;
    m->key_slots = slots;
    for (unsigned i = 0; i < m->key_count; i++) {
        uint32_t place = place_of(m, m->key_bytes[i]);
        while (fresh[place])
            place = (place + 1) & (slots - 1);
        fresh[place] = i + 1;
    }
    return true;
}

/* The number of the key; 0 with *place where it would stand: it has none. */
static uint32_t find_key(const struct model *m, struct bytes key, uint32_t *place)
{
    if (m->key_slots == 0)
        return 0;
    for (*place = place_of(m, key); m->key_slot[*place]; *place = (*place + 1) & (m->key_slots - 1))
        if (names_compare_keys(m, m->key_bytes[m->key_slot[*place] - 1], key) == 0)
            return m->key_slot[*place];
    return 0;
}

/* A number in as many bytes; false when it does not fit.  None of those that are compared so is
 * negative and of another width. */
static bool widen(struct bytes number, uint8_t to[8], size_t size)
{
    memset(to, 0, 8);
    for (size_t i = 0; i < number.size; i++) {
        if (i >= size && number.at[i] != 0)
            return false;
        if (i < size)
            to[i] = number.at[i];
    }
    return true;
}

int32_t names_key(const struct model *m, struct bytes key)
{
    uint8_t wide[8];
    size_t size = m->long_keys && m->key_count > 0 ? m->key_bytes[0].size : key.size;
    if (size != key.size && size <= sizeof wide) {
        if (!widen(key, wide, size))
            return m->no_key;
        key = bytes_of(wide, size);
    }
    uint32_t place, number = find_key(m, key, &place);
    return number ? (int32_t)number : m->no_key;
}

static bool keep_key(struct model *m, struct bytes key, struct fault *f)
{
    if (!array_reserve(&m->key_bytes, &m->key_room, (size_t)m->key_count + 1, sizeof *m->key_bytes))
        return fault_no_memory(f, "the keys of the list");
    uint8_t *copy = malloc(key.size + 1);
    if (copy == NULL)
        return fault_no_memory(f, "the keys of the list");
    if (key.size > 0)
        memcpy(copy, key.at, key.size);
    m->key_bytes[m->key_count++] = bytes_of(copy, key.size);
    return true;
}

bool names_add_key(struct model *m, struct bytes key, int32_t *number, struct fault *f)
{
    uint32_t place = 0;
    if (2 * m->key_count >= m->key_slots && !rehash(m, f))
        return false;
    uint32_t found = find_key(m, key, &place);
    if (found == 0) {
        if (!keep_key(m, key, f))
            return false;
        found = m->key_slot[place] = m->key_count;
    }
    *number = (int32_t)found;
    return true;
}

struct bytes names_key_bytes(const struct model *m, int32_t number)
{
    return number >= 1 && (unsigned)number <= m->key_count ? m->key_bytes[number - 1]
                                                           : bytes_of(NULL, 0);
}

/* ---- hashes ---- */

static int by_sha1(const void *a, const void *b, void *context)
{
    const struct model *m = context;
    unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;
    int order = memcmp(model_certificate_of(m, &m->entry[x])->sha1,
                       model_certificate_of(m, &m->entry[y])->sha1, HASH_SHA1_SIZE);
    return order ? order : (x > y) - (x < y);
}

bool names_index(struct model *m, struct fault *f)
{
    m->no_key = m->byte_keys ? 0 : INT32_MIN;
    while (model_entry(m, m->no_key))
        m->no_key++;
    m->by_sha1 = calloc((size_t)m->entries + 1, sizeof *m->by_sha1);
    if (m->by_sha1 == NULL)
        return fault_no_memory(f, "the keys of the list");
    for (unsigned i = 0; i < m->entries; i++)
        m->by_sha1[i] = i;
    m->identities = identities_open(m);
    if (m->identities == NULL)
        return fault_no_memory(f, "the keys of the list");
    m->hashed = m->entries;
    qsort_r(m->by_sha1, m->entries, sizeof *m->by_sha1, by_sha1, m);
    return true;
}

/* The key of the first entry with that hash. */
static int32_t key_of_hash(const struct model *m, const uint8_t sha1[HASH_SHA1_SIZE])
{
    struct halving h = {.high = m->hashed};
    while (halving_next(&h)) {
        const struct model_entry *e = &m->entry[m->by_sha1[h.middle]];
        halving_go(&h, memcmp(model_certificate_of(m, e)->sha1, sha1, HASH_SHA1_SIZE) < 0);
    }
    if (h.low == m->hashed)
        return m->no_key;
    const struct model_entry *e = &m->entry[m->by_sha1[h.low]];
    return memcmp(model_certificate_of(m, e)->sha1, sha1, HASH_SHA1_SIZE) == 0 ? e->key : m->no_key;
}

/* ---- references ---- */

bool names_is_bytes(const struct model *m, unsigned which)
{
    enum profile_names names = m->profile->reference[which].names;
    return !profile_names_entry(names) || (names == NAMES_KEY && m->byte_keys);
}

int32_t names_entry(const struct model *m, unsigned which, struct bytes value)
{
    uint8_t sha1[HASH_SHA1_SIZE];
    switch (m->profile->reference[which].names) {
    case NAMES_SHA1:
        return value.size == HASH_SHA1_SIZE ? key_of_hash(m, value.at) : m->no_key;
    case NAMES_SHA1_HEX:
        return setting_hex_bytes(value, sha1) ? key_of_hash(m, sha1) : m->no_key;
    case NAMES_ISSUER_SERIAL: /* names_identity() */
        return m->no_key;
    default:
        return names_key(m, value);
    }
}

int32_t names_identity(const struct model *m, struct bytes issuer, struct bytes serial)
{
    long found = identities_find(m->identities, issuer, serial);
    return found < 0 ? m->no_key : key_of_hash(m, m->certificate[found].sha1);
}

bool names_value(const struct model *m, unsigned which, int32_t key, unsigned certificate,
                 struct bytes old, struct buffer *to)
{
    struct bytes sha1 = bytes_of(m->certificate[certificate].sha1, HASH_SHA1_SIZE);
    struct bytes name = names_key_bytes(m, key);
    uint8_t wide[8];
    buffer_clear(to);
    if (m->profile->reference[which].names == NAMES_SHA1_HEX)
        return setting_put_hex(old, sha1, to);
    if (m->profile->reference[which].names == NAMES_KEY && m->long_keys &&
        old.size <= sizeof wide) {
        if (!widen(name, wide, old.size))
            return false;
        name = bytes_of(wide, old.size);
    }
    return buffer_add(to, m->profile->reference[which].names == NAMES_SHA1 ? sha1 : name);
}

bool names_none(const struct model *m, unsigned which, struct bytes number)
{
    const struct profile_reference *r = &m->profile->reference[which];
    if (r->proves || r->names != NAMES_KEY || (m->byte_keys && !m->long_keys) ||
        number.size > sizeof(uint64_t) || !rows_is_none(number))
        return false;
    return m->long_keys ? names_key(m, number) == m->no_key
                        : model_entry(m, number.at[0] ? -1 : 0) == NULL;
}

bool names_in_value(const struct model *m, unsigned which, const struct ese_column *column,
                    struct bytes value, int32_t *key, struct fault *f)
{
    if (value.size == 0 || (!names_is_bytes(m, which) && value.size > sizeof(int64_t)))
        return false;
    if (names_none(m, which, value))
        return false;
    if (names_is_bytes(m, which)) {
        *key = names_entry(m, which, value);
        return true;
    }
    int64_t number = (int64_t)bytes_number(value);
    if (!ese_integer(column->type, value, &number) || number < INT32_MIN || number > INT32_MAX)
        return fault_set(f, FAULT_NOT_THIS,
                         "column %s: expected a number from %d to %d, found %lld", column->name,
                         INT32_MIN, INT32_MAX, (long long)number);
    *key = profile_reference_key(&m->profile->reference[which], (int32_t)number);
    return true;
}

bool names_each(const struct model *m, unsigned which, struct rows *rows,
                const struct ese_column *column, bool (*take)(void *context, int32_t key),
                void *context)
{
    struct fault why;
    struct ese_values values;
    struct ese_value value;
    bool null;
    int32_t key;
    fault_clear(&why);
    if (column == NULL)
        return true;
    if (!(column->flags & ESE_COLUMN_MULTI_VALUED)) {
        key = model_reference_key(m, which, rows, column, &null);
        return null || take(context, key);
    }
    bool read = ese_values_of(&values, &rows->record, column, &why), ok = true;
    while (read && ok && ese_values_next(&values, &value, &why))
        if (value.kind == ESE_VALUE_PLAIN &&
            names_in_value(m, which, column, value.data, &key, &why))
            ok = take(context, key);
        else if (value.kind != ESE_VALUE_PLAIN && value.kind != ESE_VALUE_NULL)
            fault_set(&why, FAULT_UNSUPPORTED, "column %s: a reference that is compressed or long",
                      column->name);
    if (why.code != FAULT_NONE)
        rows_unread(rows, &why);
    return ok;
}

/* ---- for people ---- */

const struct ese_column *names_key_column(const struct model *m)
{
    const struct ese_table *table = model_list_table(m, 0);
    return ese_table_column(table, m->profile->list[0].key);
}

const char *names_key_text(const struct model *m, int32_t key, char to[NAMES_TEXT])
{
    const struct ese_column *column = m->byte_keys ? names_key_column(m) : NULL;
    struct bytes bytes = names_key_bytes(m, key);
    enum { SHOWN = (NAMES_TEXT - 2 * ESE_TEXT_CARRY - 1) / ESE_TEXT_GROWTH };
    if (column == NULL) {
        snprintf(to, NAMES_TEXT, "%d", key);
    } else if (m->long_keys && bytes.size > 0 && bytes.size <= 8) {
        snprintf(to, NAMES_TEXT, "%" PRId64, (int64_t)bytes_number(bytes));
    } else if (column->type == ESE_COL_TEXT) {
        bytes.size = bytes.size > SHOWN ? SHOWN : bytes.size;
        ese_text_whole(column->code_page, bytes, to);
    } else {
        bytes_hex(bytes_of(bytes.at, bytes.size > 255 ? 255 : bytes.size), to, NAMES_TEXT);
    }
    return to;
}

static bool parse_number(const char *text, int32_t *number)
{
    char *end;
    errno = 0;
    long parsed = strtol(text, &end, 10);
    *number = (int32_t)parsed;
    return !errno && end != text && *end == '\0' && parsed >= INT32_MIN && parsed <= INT32_MAX;
}

bool names_parse(const struct model *m, const char *text, int32_t *key, struct fault *f)
{
    char name[NAMES_TEXT];
    int32_t number;
    bool numbered = parse_number(text[0] == '#' ? text + 1 : text, &number);
    if (!m->byte_keys) {
        *key = number;
        return numbered ||
               fault_set(f, FAULT_NOT_THIS, "expected the number of an entry, found %.100s", text);
    }
    bool named = false;
    bool hex = names_key_column(m) && names_key_column(m)->type != ESE_COL_TEXT;
    for (unsigned i = 0; i < m->entries && text[0] != '#'; i++) {
        names_key_text(m, m->entry[i].key, name);
        if (hex ? strcasecmp(name, text) != 0 : strcmp(name, text) != 0)
            continue;
        if (named && *key != m->entry[i].key)
            return fault_set(f, FAULT_NOT_THIS, "%.100s is the key of several entries", text);
        named = true;
        *key = m->entry[i].key;
    }
    if (named && numbered && number != *key && model_entry(m, number))
        return fault_set(f, FAULT_NOT_THIS,
                         "%.100s is the number of one entry and the key of another; #%d and #%d "
                         "are their numbers",
                         text, number, *key);
    if (!named && numbered)
        *key = number;
    return named || numbered ||
           fault_set(f, FAULT_NOT_THIS, "expected the key or the number of an entry, found %.100s",
                     text);
}

void names_close(struct model *m)
{
    for (unsigned i = 0; i < m->key_count; i++)
        free((void *)(uintptr_t)m->key_bytes[i].at);
    identities_close(m->identities);
    free(m->key_bytes);
    free(m->key_slot);
    free(m->by_sha1);
}
