/*
 * A record without its references to long values that are gone: ese_record_forget() of record.h.
 *
 * A record only gets shorter by it, so what is kept is copied behind what was kept before.
 */
#include "formats/ese/layout/record_bits.h"
#include "formats/ese/layout/record_parts.h"

#include <string.h>

/* What is being written; room was checked before: it only gets shorter. */
struct shorter {
    const struct ese_record *rec;
    ese_lid_gone_fn gone;
    void *context;
    uint8_t *to;
    size_t size;
};

static void copy(struct shorter *w, struct bytes b)
{
    if (b.size > 0)
        memcpy(w->to + w->size, b.at, b.size);
    w->size += b.size;
}

static bool is_gone(const struct shorter *w, struct bytes id)
{
    struct ese_value value;
    return ese_tagged_separated(id, &value, NULL) && w->gone(w->context, value.lid, value.wide_lid);
}

/* A column whose default would take the place of a value that is left out. */
static bool has_default(const struct ese_record *rec, uint16_t id, bool derived)
{
    for (unsigned i = 0; i < rec->table->columns; i++)
        if (ese_tagged_is_of(rec, id, derived, &rec->table->column[i]))
            return rec->table->column[i].default_value.at != NULL;
    return false;
}

/* The fields of one id: those that stay, or, when none does, a null where there is a default. */
static bool forget_old(struct shorter *w, struct fault *f)
{
    struct bytes rest = w->rec->tagged;
    struct ese_tagged_field field = {0}, last = {0};
    bool dropped = false, kept = false;
    while (rest.size > 0) {
        struct bytes whole = rest;
        if (!ese_tagged_next(&rest, &field, f))
            return false;
        bool same = field.id == last.id && !((field.bits ^ last.bits) & RECORD_OLD_DERIVED);
        if (!same) {
            dropped = kept = false;
            last = field;
        }
        uint8_t flags = bytes_get_u8(field.data, 0);
        bool out = (field.bits & RECORD_OLD_LONG) && !(field.bits & RECORD_OLD_NULL) &&
                   (flags & RECORD_OLD_SEPARATED) && is_gone(w, bytes_from(field.data, 1));
        kept = kept || !out;
        if (!out)
            copy(w, bytes_of(whole.at, whole.size - rest.size));
        dropped = dropped || out;
        uint16_t next = bytes_get_le16(rest, 0);
        if (dropped && !kept && (rest.size == 0 || next != field.id) &&
            has_default(w->rec, field.id, field.bits & RECORD_OLD_DERIVED)) {
            bytes_put_le16(w->to + w->size, field.id);
            bytes_put_le16(w->to + w->size + 2,
                           RECORD_OLD_NULL | RECORD_OLD_LONG | (field.bits & RECORD_OLD_DERIVED));
            w->size += 4;
        }
    }
    return true;
}

/* What becomes of an entry of the offset array. */
enum fate { STAYS, FEWER, NULL_ENTRY, LEFT_OUT };

/* Value i of several, and whether it is separated. */
static bool one_of_many(struct bytes many, unsigned i, unsigned of, struct bytes *data, bool *apart)
{
    uint16_t word = bytes_get_le16(many, (size_t)i * 2);
    size_t start = word & RECORD_VARIABLE_OFFSET, stop = many.size;
    if (i + 1 < of)
        stop = bytes_get_le16(many, ((size_t)i + 1) * 2) & RECORD_VARIABLE_OFFSET;
    *apart = word & RECORD_MULTI_SEPARATED;
    return stop >= start && bytes_cut(many, start, stop - start, data);
}

static unsigned count_of_many(struct bytes many)
{
    return (bytes_get_le16(many, 0) & RECORD_VARIABLE_OFFSET) / 2u;
}

/* How many of several values stay. */
static bool count_staying(const struct shorter *w, struct bytes many, unsigned *staying,
                          struct fault *f)
{
    unsigned of = count_of_many(many);
    *staying = 0;
    for (unsigned i = 0; i < of; i++) {
        struct bytes data;
        bool apart;
        if (!one_of_many(many, i, of, &data, &apart))
            return fault_set(f, FAULT_DAMAGED, "several values that do not fit into %zu bytes",
                             many.size);
        *staying += !(apart && is_gone(w, data));
    }
    return true;
}

static bool fate_of(const struct shorter *w, const struct ese_tagged_entry *entry, enum fate *fate,
                    struct fault *f)
{
    uint8_t header = 0;
    *fate = STAYS;
    if (w->rec->small_pages &&
        (entry->word & RECORD_ENTRY_NULL || !(entry->word & RECORD_ENTRY_HAS_HEADER)))
        return true;
    bytes_u8(entry->data, 0, &header);
    struct bytes data = bytes_from(entry->data, 1);
    unsigned staying = 1;
    if (header & (RECORD_HEADER_NULL | RECORD_HEADER_TWO))
        return true;
    if (header & RECORD_HEADER_MULTI) {
        if (!count_staying(w, data, &staying, f))
            return false;
        if (staying == count_of_many(data))
            return true;
    } else if (!(header & RECORD_HEADER_SEPARATED) || !is_gone(w, data)) {
        return true;
    } else {
        staying = 0;
    }
    *fate = staying > 0                                                                 ? FEWER
            : has_default(w->rec, entry->id, (entry->word & RECORD_ENTRY_DERIVED) != 0) ? NULL_ENTRY
                                                                                        : LEFT_OUT;
    return true;
}

/* Writes the several values that stay; one alone stands as a single value. */
static void put_fewer(struct shorter *w, struct bytes all, unsigned staying)
{
    uint8_t header = 0;
    struct bytes data = {.size = 0};
    bool apart = false;
    bytes_u8(all, 0, &header);
    struct bytes many = bytes_from(all, 1);
    unsigned of = count_of_many(many), put = 0;
    size_t start = w->size + 1;
    if (staying > 1) {
        w->to[w->size] = header;
        w->size = start + 2u * staying;
    }
    for (unsigned i = 0; i < of; i++) {
        one_of_many(many, i, of, &data, &apart);
        if (apart && is_gone(w, data))
            continue;
        if (staying > 1) {
            bytes_put_le16(w->to + start + 2u * put++,
                           (w->size - start) | (apart ? RECORD_MULTI_SEPARATED : 0u));
        } else {
            /* Of several values only the first may be compressed. */
            uint8_t drop = RECORD_HEADER_MULTI | (i > 0 ? RECORD_HEADER_COMPRESSED : 0);
            w->to[w->size++] = (uint8_t)((header & ~drop) | (apart ? RECORD_HEADER_SEPARATED : 0));
        }
        copy(w, data);
    }
}

static bool put_entry(struct shorter *w, const struct ese_tagged_entry *entry, enum fate fate,
                      uint8_t *word, size_t base, struct fault *f)
{
    bool small = w->rec->small_pages;
    uint16_t flags =
        entry->word & (uint16_t) ~(small ? RECORD_ENTRY_OFFSET_SMALL : RECORD_ENTRY_OFFSET_LARGE);
    unsigned staying = 0;
    size_t at = w->size - base;
    if (fate == STAYS) {
        copy(w, entry->data);
    } else if (fate == FEWER) {
        if (!count_staying(w, bytes_from(entry->data, 1), &staying, f))
            return false;
        put_fewer(w, entry->data, staying);
    } else if (small) {
        flags = (uint16_t)((flags & ~RECORD_ENTRY_HAS_HEADER) | RECORD_ENTRY_NULL);
    } else {
        w->to[w->size++] = RECORD_HEADER_NULL | RECORD_HEADER_LONG;
    }
    bytes_put_le16(word, entry->id);
    bytes_put_le16(word + 2, at | flags);
    return true;
}

static bool forget_new(struct shorter *w, struct fault *f)
{
    unsigned count = ese_tagged_entries(w->rec), left = 0;
    size_t base = w->size;
    struct ese_tagged_entry entry = {0};
    enum fate fate;
    for (unsigned i = 0; i < count; i++) {
        if (!ese_tagged_entry_at(w->rec, i, count, &entry, f) || !fate_of(w, &entry, &fate, f))
            return false;
        left += fate != LEFT_OUT;
    }
    uint8_t *word = w->to + base;
    w->size += (size_t)left * RECORD_ENTRY_SIZE;
    for (unsigned i = 0; i < count; i++) {
        if (!ese_tagged_entry_at(w->rec, i, count, &entry, f) || !fate_of(w, &entry, &fate, f))
            return false;
        if (fate == LEFT_OUT)
            continue;
        if (!put_entry(w, &entry, fate, word, base, f))
            return false;
        word += RECORD_ENTRY_SIZE;
    }
    return true;
}

bool ese_record_forget(const struct ese_record *rec, ese_lid_gone_fn gone, void *context,
                       uint8_t *to, size_t room, size_t *size, struct fault *f)
{
    struct shorter w = {.rec = rec, .gone = gone, .context = context, .to = to};
    if (room < rec->whole.size)
        return fault_set(f, FAULT_LIMIT, "no room for a record of %zu bytes", rec->whole.size);
    copy(&w, bytes_of(rec->whole.at, rec->whole.size - rec->tagged.size));
    if (rec->new_format ? !forget_new(&w, f) : !forget_old(&w, f))
        return false;
    *size = w.size;
    return true;
}
