/* What a plan says of rows that refer to the list. */
#include "migrate/repair/expected_parts.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* The action that moves a dangling reference; of several alike the first that has no row yet. */
static uint32_t dangling_move(const struct expected *x, unsigned reference, int32_t row,
                              int32_t names)
{
    uint32_t low = 0, high = x->danglings;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (expected_order_of(&x->plan->action[x->dangling[middle]], reference, row, names) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < x->danglings; low++) {
        uint32_t i = x->dangling[low];
        if (expected_order_of(&x->plan->action[i], reference, row, names) != 0)
            break;
        if (x->seen[i] == 0)
            return i;
    }
    return NONE;
}

/* The digits of a hash in the places of those that stood there, in their case.  False when memory
 * is short. */
bool expected_digits_of(struct expected *x, struct bytes was, struct bytes sha1,
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

/* A number in `size` bytes, at most 8; as it is where it does not fit. */
static struct bytes in_bytes(struct bytes number, size_t size, uint8_t room[8])
{
    if (number.size == size || number.size > 8 || size > 8)
        return number;
    bytes_put_le64(room, bytes_number(number));
    return size == 8 || bytes_number(number) >> 8 * size == 0 ? bytes_of(room, size) : number;
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
        uint8_t wide[8];
        struct bytes called = v->data;
        if (how == NAMES_KEY && m->long_keys && m->entries > 0)
            called = in_bytes(v->data, names_key_bytes(m, m->entry[0].key).size, wide);
        if (how == NAMES_SHA1_HEX)
            called = bytes_of(sha1, digits_of(v->data, sha1) ? sizeof sha1 : 0);
        *e = expected_entry_called(x, profile_names_hash(how), called);
        *names = *e ? (*e)->key : m->no_key;
        return true;
    }
    int64_t number;
    if (!ese_integer(r->names->type, v->data, &number) || number != (int32_t)number)
        return false;
    *names = (int32_t)number;
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
    return e == NULL && rows_integer_of(record, r->key, &key)
               ? dangling_move(x, r->which, key, names)
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
        return expected_digits_of(x, was, sha1, &value) ? value.bytes : bytes_of(NULL, 0);
    if (how == NAMES_SHA1)
        return sha1;
    uint8_t wide[8];
    struct bytes key = names_key_bytes(m, a->other);
    struct bytes fits = m->long_keys ? in_bytes(key, was.size, wide) : key;
    return bytes_of(arena_copy(&x->values, fits), fits.size);
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
    return row->dropped || expected_put(row, &value, f);
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
    return expected_put(
        row,
        &(struct expected_value){
            .column = r->names, .kind = EXPECTED_EACH, .each = each, .count = count},
        f);
}

bool expected_of_reference(struct expected *x, const struct reference_columns *r,
                           const struct ese_record *record, struct expected_row *row,
                           struct fault *f)
{
    if (x->model->profile->reference[r->which].names == NAMES_ISSUER_SERIAL)
        return true; /* it stays */
    if (r->names && (r->names->flags & ESE_COLUMN_MULTI_VALUED))
        return of_values(x, r, record, row, f);
    return of_one_value(x, r, record, row, f);
}
