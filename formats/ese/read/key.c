/* Computing index keys: see key.h. */
#include "formats/ese/read/key.h"

enum {
    PREFIX_NULL = 0x00,
    PREFIX_EMPTY = 0x40,
    PREFIX_VALUE = 0x7f,
    PREFIX_NULL_HIGH = 0xc0,
    CHUNK = 8, /* of binary values; behind each stands one more byte */
    FIXED_SEGMENT_MOST = 17,
};

size_t ese_index_key_most(const struct ese_index *index)
{
    if (index->key_most == 0)
        return ESE_KEY_MOST_DEFAULT;
    return index->key_most < ESE_KEY_MOST ? index->key_most : ESE_KEY_MOST;
}

void ese_key_start(struct ese_key *key, const struct ese_index *index)
{
    key->size = 0;
    key->most = ese_index_key_most(index);
    key->segments = 0;
    key->all_null = true;
    key->first_null = key->some_null = key->truncated = key->opaque = false;
}

/* ---- one segment ---- */

/* Longest segment of a variable column that the index allows; SIZE_MAX: no limit but the key's. */
static size_t segment_limit(const struct ese_key *key, const struct ese_index *index)
{
    return index->variable_most != 0 && index->variable_most < key->most ? index->variable_most
                                                                         : SIZE_MAX;
}

static void put_big_endian(uint8_t *to, struct bytes little)
{
    for (size_t i = 0; i < little.size; i++)
        to[i] = little.at[little.size - 1 - i];
}

/* A floating-point number orders like an integer once negative ones have all bits flipped. */
static void put_float(uint8_t *to, struct bytes value)
{
    put_big_endian(to, value);
    bool negative = to[0] & 0x80;
    to[0] ^= 0x80;
    for (size_t i = 0; negative && i < value.size; i++)
        to[i] = i == 0 ? (uint8_t)(to[i] ^ 0x7f) : (uint8_t)~to[i];
}

static void put_guid(uint8_t *to, struct bytes value, bool dot_net)
{
    static const uint8_t usual[16] = {10, 11, 12, 13, 14, 15, 8, 9, 6, 7, 4, 5, 0, 1, 2, 3};
    static const uint8_t net[16] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
    const uint8_t *order = dot_net ? net : usual;
    for (size_t i = 0; i < sizeof usual; i++)
        to[i] = value.at[order[i]];
}

/* Types of one size.  Returns the segment's size, 0 when the type cannot be indexed. */
static size_t fixed_segment(uint8_t to[FIXED_SEGMENT_MOST], const struct ese_column *column,
                            const struct ese_index *index, struct bytes value)
{
    to[0] = PREFIX_VALUE;
    switch (column->type) {
    case ESE_COL_BIT:
        to[1] = value.at[0] ? 0xff : 0x00;
        break;
    case ESE_COL_UNSIGNED_BYTE:
    case ESE_COL_UNSIGNED_SHORT:
    case ESE_COL_UNSIGNED_LONG:
    case ESE_COL_UNSIGNED_LONG_LONG:
        put_big_endian(to + 1, value);
        break;
    case ESE_COL_SHORT:
    case ESE_COL_LONG:
    case ESE_COL_LONG_LONG:
    case ESE_COL_CURRENCY:
        put_big_endian(to + 1, value);
        to[1] ^= 0x80;
        break;
    case ESE_COL_IEEE_SINGLE:
    case ESE_COL_IEEE_DOUBLE:
    case ESE_COL_DATE_TIME:
        put_float(to + 1, value);
        break;
    case ESE_COL_GUID:
        put_guid(to + 1, value, index->flags & ESE_INDEX_DOT_NET_GUID);
        break;
    default:
        return 0;
    }
    return 1 + value.size;
}

static uint8_t upper(uint8_t c)
{
    return c >= 'a' && c <= 'z' ? (uint8_t)(c - 'a' + 'A') : c;
}

/*
 * Text of a single-byte code page: ASCII letters in upper case, every other byte as it is, a zero
 * at the end; a zero inside the text ends it.  Where the text is cut, its last byte loses 0x20
 * whether it is a letter or not: that is what the engine always did.  Sets *cut; returns the
 * segment's size.
 */
static size_t text_segment(uint8_t *to, size_t room, struct bytes value, bool *cut)
{
    to[0] = PREFIX_VALUE;
    *cut = false;
    if (room < 2)
        return 1;
    size_t whole = room - 1 > value.size ? value.size : room - 2;
    size_t size = 0;
    for (; size < whole && value.at[size] != 0; size++)
        to[1 + size] = upper(value.at[size]);
    *cut = size == whole && whole < value.size && value.at[size] != 0;
    to[1 + size] = *cut ? (uint8_t)(value.at[size] - ('a' - 'A')) : 0;
    return size + 2;
}

/* Binary values of variable size: 8 bytes and a ninth that is 9 when more follows, else how many of
 * the 8 count.  Sets *cut; returns the segment's size. */
static size_t binary_segment(uint8_t *to, size_t room, struct bytes value, bool *cut)
{
    size_t chunks = (value.size + CHUNK - 1) / CHUNK;
    size_t size = chunks * (CHUNK + 1) + 1;
    *cut = size > room;
    if (*cut)
        size = room;
    to[0] = PREFIX_VALUE;
    size_t at = 1;
    for (size_t from = 0; at < size; from += CHUNK) {
        size_t left = value.size - from, part = left < CHUNK ? left : CHUNK;
        for (size_t i = 0; i < CHUNK && at < size; i++)
            to[at++] = i < part ? value.at[from + i] : 0;
        if (at < size) {
            /* A cut that falls on a full last chunk says "more", though there is none. */
            bool more = left > CHUNK || (*cut && left == CHUNK);
            to[at++] = more ? CHUNK + 1 : (uint8_t)part;
        }
    }
    return size;
}

/* A fixed column's binary value needs no end mark. */
static size_t fixed_binary_segment(uint8_t *to, size_t room, struct bytes value, bool *cut)
{
    size_t size = value.size + 1;
    *cut = size > room;
    if (*cut)
        size = room;
    to[0] = PREFIX_VALUE;
    if (size > 1)
        memcpy(to + 1, value.at, size - 1);
    return size;
}

static enum ese_key_result add_value(struct ese_key *key, const struct ese_column *column,
                                     const struct ese_index *index, struct bytes value,
                                     size_t *size, struct fault *f)
{
    size_t left = key->most - key->size, limit = segment_limit(key, index);
    size_t room = limit < left ? limit : left;
    uint8_t *to = key->bytes + key->size;
    bool cut = false;
    if (ese_column_is_text(column)) {
        if (column->code_page == ESE_CODEPAGE_UNICODE)
            return ESE_KEY_NOT_COMPUTABLE;
        if (key->most == ESE_KEY_MOST_DEFAULT && value.size > key->most)
            value.size = key->most;
        *size = text_segment(to, room, value, &cut);
    } else if (ese_column_is_binary(column)) {
        *size = column->id <= ESE_FIXED_LAST ? fixed_binary_segment(to, room, value, &cut)
                                             : binary_segment(to, room, value, &cut);
    } else {
        uint8_t segment[FIXED_SEGMENT_MOST];
        size_t expected = ese_coltype_size(column->type);
        if (value.size != expected || expected == 0 || expected >= sizeof segment) {
            fault_set(f, FAULT_DAMAGED, "column %s: a value of %zu bytes, expected %zu",
                      column->name, value.size, expected);
            return ESE_KEY_FAULT;
        }
        *size = fixed_segment(segment, column, index, value);
        cut = *size > left;
        if (cut)
            *size = left;
        memcpy(to, segment, *size);
    }
    /* A column cut at the limit that the index sets on purpose does not count as a cut key. */
    key->truncated |= cut && *size < limit;
    return ESE_KEY_OK;
}

static uint8_t null_prefix(const struct ese_index *index)
{
    return index->flags & ESE_INDEX_SORT_NULLS_HIGH ? PREFIX_NULL_HIGH : PREFIX_NULL;
}

/* The segment that most keys are made of: a number of 32 bits, not null, not cut.  False: it is
 * none such, and nothing was added. */
static inline bool add_long(struct ese_key *key, const struct ese_column *column,
                            const struct ese_key_segment *segment, bool null, struct bytes value)
{
    enum { SIZE = 5 };
    if (null || column->type != ESE_COL_LONG || value.size != 4 || segment->descending ||
        key->most - key->size < SIZE || key->truncated)
        return false;
    uint8_t *to = key->bytes + key->size;
    to[0] = PREFIX_VALUE;
    bytes_put_be32(to + 1, bytes_get_le32(value, 0) ^ 0x80000000);
    key->size += SIZE;
    key->segments++;
    key->all_null = false;
    return true;
}

enum ese_key_result ese_key_add(struct ese_key *key, const struct ese_column *column,
                                const struct ese_key_segment *segment,
                                const struct ese_index *index, bool null, struct bytes value,
                                struct fault *f)
{
    if (add_long(key, column, segment, null, value))
        return ESE_KEY_OK;
    bool full = key->size == key->most;
    uint8_t *to = key->bytes + key->size;
    size_t size = 0;
    if (null) {
        key->first_null |= key->segments == 0;
        key->some_null = true;
    } else if (!full) {
        key->all_null = false;
    }
    key->segments++;
    if (full) {
        key->truncated = true;
    } else if (null ||
               (value.size == 0 && (ese_column_is_text(column) || ese_column_is_binary(column)))) {
        to[0] = null ? null_prefix(index) : PREFIX_EMPTY;
        size = 1;
    } else {
        enum ese_key_result result = add_value(key, column, index, value, &size, f);
        if (result != ESE_KEY_OK)
            return result;
    }
    for (size_t i = 0; segment->descending && i < size; i++)
        to[i] = (uint8_t)~to[i];
    key->size += size;
    if (!key->truncated || !(index->flags & ESE_INDEX_DISALLOW_TRUNCATION))
        return ESE_KEY_OK;
    fault_set(f, FAULT_DAMAGED, "index %s allows no cut keys, and a key exceeds its %zu bytes",
              index->name, key->most);
    return ESE_KEY_FAULT;
}

/* ---- the keys of a row ---- */

bool ese_index_computable(const struct ese_table *table, const struct ese_index *index)
{
    for (unsigned i = 0; i < index->segments + index->conditions; i++) {
        bool condition = i >= index->segments;
        const struct ese_column *column = ese_table_segment_column(
            table, condition ? &index->condition[i - index->segments] : &index->segment[i]);
        if (column == NULL || (column->flags & ESE_COLUMN_USER_DEFINED_DEFAULT))
            return false;
        if (condition)
            continue;
        if ((column->flags & ESE_COLUMN_ENCRYPTED) ||
            (ese_column_is_text(column) && column->code_page == ESE_CODEPAGE_UNICODE))
            return false;
    }
    return !index->tuples;
}

static bool find_columns(const struct ese_table *table, const struct ese_index *index,
                         const struct ese_key_segment *segment, unsigned count,
                         const struct ese_column **column, struct fault *f)
{
    for (unsigned i = 0; i < count; i++) {
        column[i] = ese_table_segment_column(table, &segment[i]);
        if (column[i] == NULL || column[i]->type == ESE_COL_NIL)
            return fault_set(f, FAULT_DAMAGED, "index %s is over column %u, which is missing",
                             index->name, segment[i].column);
    }
    return true;
}

bool ese_keys_open(struct ese_keys *k, struct ese_key_scratch *scratch, struct ese_pages *pages,
                   const struct ese_table *table, const struct ese_index *index, struct fault *f)
{
    k->count_only = false;
    k->scratch = scratch;
    k->pages = pages;
    k->table = table;
    k->index = index;
    k->done = true;
    k->last_several = -1;
    ese_key_start(&k->key, index);
    if (!find_columns(table, index, index->segment, index->segments, k->column, f) ||
        !find_columns(table, index, index->condition, index->conditions, k->condition, f))
        return false;
    bool all = index->flags & (ESE_INDEX_CROSS_PRODUCT | ESE_INDEX_NESTED_TABLE);
    for (unsigned i = 0; i < index->segments; i++) {
        k->several[i] = (index->flags & ESE_INDEX_MULTI_VALUED) &&
                        (k->column[i]->flags & ESE_COLUMN_MULTI_VALUED) &&
                        k->column[i]->id >= ESE_TAGGED_FIRST && (all || k->last_several < 0);
        if (k->several[i])
            k->last_several = (int)i;
    }
    k->fixed = index->conditions == 0 && !index->tuples;
    for (unsigned i = 0; i < index->segments; i++)
        k->fixed =
            k->fixed && k->column[i]->id <= ESE_FIXED_LAST && !ese_column_is_text(k->column[i]);
    return true;
}

void ese_keys_of(struct ese_keys *k, const struct ese_record *record)
{
    k->record = record;
    k->started = k->done = false;
    if (k->fixed)
        return; /* what follows is for one value after the other */
    for (unsigned i = 0; i < k->index->segments; i++) {
        k->which[i] = 1;
        k->values[i].column = NULL; /* not begun */
    }
}

static enum ese_key_result fault_of(const struct fault *inner, struct fault *f)
{
    if (f)
        *f = *inner;
    return inner->code == FAULT_UNSUPPORTED || inner->code == FAULT_MISSING ? ESE_KEY_NOT_COMPUTABLE
                                                                            : ESE_KEY_FAULT;
}

/* Gets the segment's value number which[s]; values are passed over forward, never again from the
 * start unless the number went down.  Where there are fewer values: null. */
static enum ese_key_result stored_value(struct ese_keys *k, unsigned s, struct ese_value *value,
                                        struct fault *f)
{
    struct ese_values *values = &k->values[s];
    struct fault inner;
    inner.code = FAULT_NONE;
    if (values->column == NULL || values->count >= k->which[s]) {
        if (!ese_values_of(values, k->record, k->column[s], &inner)) {
            values->column = NULL;
            return fault_of(&inner, f);
        }
    }
    do {
        if (!ese_values_next(values, value, &inner)) {
            if (inner.code != FAULT_NONE)
                return fault_of(&inner, f);
            *value = (struct ese_value){.kind = ESE_VALUE_NULL};
            return ESE_KEY_OK;
        }
    } while (values->count < k->which[s]);
    return ESE_KEY_OK;
}

/* The start of a long value, as far as a key can use it. */
static enum ese_key_result long_value_start(struct ese_keys *k, const struct ese_value *value,
                                            struct bytes *start, struct fault *f)
{
    struct fault inner = {.code = FAULT_NONE};
    size_t size = 0, wanted = k->key.most;
    if (k->pages == NULL)
        return ESE_KEY_NOT_COMPUTABLE;
    struct ese_lv *lv = &k->scratch->lv;
    bool ok = ese_lv_open(lv, k->pages, k->table, value, &inner);
    while (ok && size < wanted) {
        struct bytes run;
        ok = ese_lv_next(lv, &run, &inner);
        if (!ok || run.size == 0)
            break;
        if (run.size > wanted - size)
            run.size = wanted - size;
        memcpy(k->scratch->room + size, run.at, run.size);
        size += run.size;
    }
    ese_lv_close(lv);
    *start = bytes_of(k->scratch->room, size);
    return ok ? ESE_KEY_OK : fault_of(&inner, f);
}

static enum ese_key_result plain_bytes(struct ese_keys *k, const struct ese_value *value,
                                       struct bytes *plain, struct fault *f)
{
    struct fault inner;
    size_t size;
    inner.code = FAULT_NONE;
    *plain = bytes_of(NULL, 0);
    if (value->kind == ESE_VALUE_PLAIN) {
        *plain = value->data;
        return ESE_KEY_OK;
    }
    if (k->scratch == NULL && value->kind != ESE_VALUE_NULL)
        return ESE_KEY_NOT_COMPUTABLE;
    switch (value->kind) {
    case ESE_VALUE_NULL:
    case ESE_VALUE_PLAIN:
        break;
    case ESE_VALUE_COMPRESSED:
        if (!ese_decompress(value->data, k->scratch->room, sizeof k->scratch->room, &size, &inner))
            return fault_of(&inner, f);
        *plain = bytes_of(k->scratch->room, size);
        break;
    case ESE_VALUE_SEPARATED:
        return long_value_start(k, value, plain, f);
    case ESE_VALUE_ENCRYPTED:
        return ESE_KEY_NOT_COMPUTABLE;
    }
    return ESE_KEY_OK;
}

/* A null may stand for a default that a callback of the application would make. */
static bool null_is_doubtful(const struct ese_column *column, const struct ese_value *value)
{
    return value->kind == ESE_VALUE_NULL && (column->flags & ESE_COLUMN_USER_DEFINED_DEFAULT);
}

/* OK when the row satisfies the index's conditions, NONE when not. */
static enum ese_key_result conditions_hold(const struct ese_keys *k, struct fault *f)
{
    for (unsigned i = 0; i < k->index->conditions; i++) {
        struct ese_value value;
        if (!ese_record_value(k->record, k->condition[i], &value, f))
            return ESE_KEY_FAULT;
        if (null_is_doubtful(k->condition[i], &value))
            return ESE_KEY_NOT_COMPUTABLE;
        if ((value.kind == ESE_VALUE_NULL) != k->index->condition[i].must_be_null)
            return ESE_KEY_NONE;
    }
    return ESE_KEY_OK;
}

static enum ese_key_result add_segment(struct ese_keys *k, unsigned s,
                                       const struct ese_value *value, struct fault *f)
{
    const struct ese_column *column = k->column[s];
    struct bytes plain = {.size = 0};
    bool null = value->kind == ESE_VALUE_NULL;
    if (k->count_only && !null && ese_column_is_text(column) &&
        column->code_page == ESE_CODEPAGE_UNICODE) {
        k->key.opaque = true;
        k->key.all_null = false;
        k->key.segments++;
        return ESE_KEY_OK;
    }
    enum ese_key_result result = ESE_KEY_OK;
    if (k->key.size < k->key.most)
        result = plain_bytes(k, value, &plain, f);
    if (result != ESE_KEY_OK)
        return result;
    return ese_key_add(&k->key, column, &k->index->segment[s], k->index, null, plain, f);
}

/* Fixed and variable columns have one value, and most indexes only those. */
static enum ese_key_result add_single(struct ese_keys *k, unsigned s, struct fault *f)
{
    struct ese_values *values = &k->values[s];
    if (!ese_values_of(values, k->record, k->column[s], f))
        return ESE_KEY_FAULT;
    if (null_is_doubtful(k->column[s], &values->one))
        return ESE_KEY_NOT_COMPUTABLE;
    return add_segment(k, s, &values->one, f);
}

enum { NO_SEGMENT = -1 };

/* Computes the key for the values which[].  *out_of: the segment that has no value of that number,
 * so that there is no such key. */
static enum ese_key_result compute(struct ese_keys *k, int *out_of, struct fault *f)
{
    bool nested = k->index->flags & ESE_INDEX_NESTED_TABLE, all_past = true;
    *out_of = NO_SEGMENT;
    ese_key_start(&k->key, k->index);
    for (unsigned s = 0; s < k->index->segments; s++) {
        struct ese_value value;
        enum ese_key_result result;
        if (k->column[s]->id < ESE_TAGGED_FIRST) {
            result = add_single(k, s, f);
            if (result != ESE_KEY_OK)
                return result;
            continue;
        }
        result = stored_value(k, s, &value, f);
        if (result != ESE_KEY_OK)
            return result;
        bool null = value.kind == ESE_VALUE_NULL, further = k->which[s] > 1;
        if (k->several[s])
            all_past = all_past && further && null;
        if (!further && null_is_doubtful(k->column[s], &value))
            return ESE_KEY_NOT_COMPUTABLE;
        if (further && null && !nested) {
            *out_of = (int)s;
            return ESE_KEY_OK;
        }
        result = add_segment(k, s, &value, f);
        if (result != ESE_KEY_OK)
            return result;
    }
    if (nested && all_past)
        *out_of = 0;
    return ESE_KEY_OK;
}

/* Goes on to the next combination of values. */
static void go_on(struct ese_keys *k)
{
    if (k->last_several < 0) {
        k->done = true;
        return;
    }
    bool nested = k->index->flags & ESE_INDEX_NESTED_TABLE;
    for (int s = nested ? 0 : k->last_several; s <= k->last_several; s++)
        if (k->several[s])
            k->which[s]++;
}

/* Segment `out_of` has no more values: it starts over, and the one before it goes on. */
static void roll_over(struct ese_keys *k, int out_of)
{
    int s = out_of - 1;
    while (s >= 0 && !k->several[s])
        s--;
    if (s < 0) {
        k->done = true;
        return;
    }
    k->which[s]++;
    for (int i = out_of; i <= k->last_several; i++)
        k->which[i] = 1;
}

/* Does the index take a key with these nulls? */
static bool nulls_allowed(const struct ese_keys *k)
{
    uint32_t flags = k->index->flags;
    if (flags & ESE_INDEX_PRIMARY)
        return true;
    if (k->key.all_null)
        return (flags & ESE_INDEX_ALLOW_ALL_NULLS) && (flags & ESE_INDEX_ALLOW_FIRST_NULL);
    if (k->key.first_null)
        return flags & ESE_INDEX_ALLOW_FIRST_NULL;
    return !k->key.some_null || (flags & ESE_INDEX_ALLOW_SOME_NULLS);
}

static enum ese_key_result next_key(struct ese_keys *k, struct fault *f)
{
    enum ese_key_result result = ESE_KEY_OK;
    if (!k->started) {
        k->started = true;
        result = k->index->tuples ? ESE_KEY_NOT_COMPUTABLE : conditions_hold(k, f);
    }
    while (result == ESE_KEY_OK && !k->done) {
        int out_of;
        result = compute(k, &out_of, f);
        if (result != ESE_KEY_OK)
            return result;
        if (out_of != NO_SEGMENT) {
            roll_over(k, out_of);
            continue;
        }
        if (!nulls_allowed(k))
            return ESE_KEY_NONE;
        if (k->key.all_null)
            k->done = true;
        else
            go_on(k);
        return ESE_KEY_OK;
    }
    return result == ESE_KEY_OK ? ESE_KEY_NONE : result;
}

/* The one key of a row in most indexes. */
static enum ese_key_result fixed_key(struct ese_keys *k, struct fault *f)
{
    k->done = true;
    ese_key_start(&k->key, k->index);
    for (unsigned s = 0; s < k->index->segments; s++) {
        const struct ese_column *column = k->column[s];
        struct bytes data;
        if (!ese_record_fixed(k->record, column, &data, f))
            return ESE_KEY_FAULT;
        bool null = data.at == NULL;
        if (null && (column->flags & ESE_COLUMN_USER_DEFINED_DEFAULT))
            return ESE_KEY_NOT_COMPUTABLE;
        enum ese_key_result result = ESE_KEY_OK;
        if (!add_long(&k->key, column, &k->index->segment[s], null, data))
            result = ese_key_add(&k->key, column, &k->index->segment[s], k->index, null, data, f);
        if (result != ESE_KEY_OK)
            return result;
    }
    return nulls_allowed(k) ? ESE_KEY_OK : ESE_KEY_NONE;
}

enum ese_key_result ese_keys_next(struct ese_keys *k, struct fault *f)
{
    if (k->done)
        return ESE_KEY_NONE;
    if (k->fixed)
        return fixed_key(k, f);
    enum ese_key_result result = next_key(k, f);
    if (result != ESE_KEY_OK)
        k->done = true;
    return result;
}
