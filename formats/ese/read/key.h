/*
 * Index keys: the bytes under which a row stands in an index, computed from its columns.
 *
 * Each column of an index becomes one segment: a byte that says null, empty or value, then the
 * value in a form whose memcmp order is the column's order.  Segments follow each other; a
 * descending one has all bits flipped; the whole is cut at the index's longest key.  A row has one
 * key in an index, or none (nulls, conditions), or, over multi-valued columns, several.
 *
 * Text of code page 1200 becomes Windows sort keys, which are not computable here.
 *
 * Source: the published engine, ese/fldnorm.cxx (segments, null rules), ese/_osu/normu.cxx (text of
 * single-byte code pages), inc/rec.hxx (KeySequence: the order of several values), ese/recupd.cxx.
 */
#ifndef KM_FORMATS_ESE_KEY_H
#define KM_FORMATS_ESE_KEY_H

#include "formats/ese/read/catalog.h"
#include "formats/ese/layout/compress.h"
#include "formats/ese/read/longvalue.h"
#include "formats/ese/layout/record.h"

enum ese_key_result {
    ESE_KEY_OK,
    ESE_KEY_NONE,           /* the row has no (further) entry in the index */
    ESE_KEY_NOT_COMPUTABLE, /* Unicode text, tuples, encrypted values, defaults made by callbacks */
    ESE_KEY_FAULT, /* the row cannot be read, or cannot stand in such an index; f says why */
};

/* A key that is being put together. */
struct ese_key {
    size_t size, most;                    /* bytes so far; longest key of the index */
    unsigned segments;                    /* how many were added */
    bool all_null, first_null, some_null; /* of the segments added */
    bool truncated;                       /* not everything fitted into `most` */
    bool opaque; /* Unicode text was passed over: nulls and number of keys hold, the bytes do not */
    uint8_t bytes[ESE_KEY_MOST];
};

/* Longest key of an index, in bytes: 255 unless the catalog says otherwise. */
size_t ese_index_key_most(const struct ese_index *index);

/* Empties the key, for an index. */
void ese_key_start(struct ese_key *key, const struct ese_index *index);

/* Appends the segment for one value of `column`.  value: its bytes, decompressed; of a long value
 * the first ese_index_key_most() are enough; ignored when null.  Returns OK, NOT_COMPUTABLE (value
 * is not empty text of code page 1200), or FAULT when the value has not the size of its type, or
 * does not fit and the index allows no truncation. */
enum ese_key_result ese_key_add(struct ese_key *key, const struct ese_column *column,
                                const struct ese_key_segment *segment,
                                const struct ese_index *index, bool null, struct bytes value,
                                struct fault *f);

/* The key so far. */
static inline struct bytes ese_key_bytes(const struct ese_key *key)
{
    return bytes_of(key->bytes, key->size);
}

/* True when keys of this index can be computed for every row, whatever it holds: no Unicode text,
 * no tuples, and no column that is missing, encrypted or defaulted by a callback. */
bool ese_index_computable(const struct ese_table *table, const struct ese_index *index);

/* Room for values that are not in one piece in the record.  About 110 KB; any number of iterators
 * of one thread may share one. */
struct ese_key_scratch {
    struct ese_lv lv;
    uint8_t room[ESE_DECOMPRESSED_MAX];
};

/* All keys that one row has in one index, one after the other. */
struct ese_keys {
    struct ese_key key; /* the current one */

    /* Set after ese_keys_open(): pass over Unicode text instead of giving up (see ese_key.opaque).
     */
    bool count_only;

    /* Private. */
    struct ese_key_scratch *scratch;
    struct ese_pages *pages;
    const struct ese_table *table;
    const struct ese_index *index;
    const struct ese_record *record;
    const struct ese_column *column[ESE_KEY_SEGMENTS_MOST], *condition[ESE_KEY_SEGMENTS_MOST];
    bool several[ESE_KEY_SEGMENTS_MOST];   /* this segment's further values make further keys */
    int last_several;                      /* -1: none does */
    unsigned which[ESE_KEY_SEGMENTS_MOST]; /* the value of each segment that is next, from 1 */
    bool started, done;
    bool fixed; /* made of fixed columns alone, without conditions: one key a row */
    struct ese_values values[ESE_KEY_SEGMENTS_MOST];
};

/* Prepares keys of `index` of `table`; all arguments are borrowed.  scratch and pages may be NULL
 * when no row has compressed or separated values in an indexed column (else: NOT_COMPUTABLE).  The
 * same *keys serves any number of rows.  False when a column of the index is not in the catalog. */
bool ese_keys_open(struct ese_keys *keys, struct ese_key_scratch *scratch, struct ese_pages *pages,
                   const struct ese_table *table, const struct ese_index *index, struct fault *f);

/* Starts over with a row, which is borrowed until its last key was got. */
void ese_keys_of(struct ese_keys *keys, const struct ese_record *record);

/* Computes the row's next key into keys->key.  NONE at the end.  Two keys of a row may be equal;
 * the index has one entry for them.  A primary index has exactly one key for each row, nulls or
 * not. */
enum ese_key_result ese_keys_next(struct ese_keys *keys, struct fault *f);

#endif
