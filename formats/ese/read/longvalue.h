/*
 * Long values: what does not fit into a record, in a tree of its own beside the table's.
 *
 * Under a value's id (LID, 4 or 8 bytes, big-endian) stands its root: a reference count and the
 * size. Under id + offset (4 bytes, big-endian) stand its chunks.  All chunks but the last have one
 * size; a stored chunk shorter than its share is compressed.
 *
 * Source: the published engine, inc/lv.hxx (LVROOT, LVKEY32, LVKEY64), ese/lv.cxx.
 */
#ifndef KM_FORMATS_ESE_LONGVALUE_H
#define KM_FORMATS_ESE_LONGVALUE_H

#include "formats/buffer.h"
#include "formats/ese/read/catalog.h"
#include "formats/ese/read/cursor.h"
#include "formats/ese/layout/record.h"

/* What an entry of a long-value tree is. */
struct ese_lv_key {
    uint64_t lid;
    bool wide;       /* the id has 64 bits */
    bool root;       /* the value's root; otherwise a chunk */
    uint32_t offset; /* chunk: of its first byte in the value */
};

struct ese_lv_root {
    uint32_t references, size; /* size in bytes, decompressed */
    uint8_t flags;
};

enum ese_lv_root_flag { ESE_LV_ENCRYPTED = 0x1 };

/* Instead of a count of references: the engine had begun to delete the value. */
#define ESE_LV_PARTLY_DELETED UINT32_MAX

/* Takes a key of a long-value tree apart; false when its length is none that exists. */
bool ese_lv_key_read(struct bytes key, struct ese_lv_key *out);

/* Writes the key of a root, or of the chunk at `offset`, to `to`; returns its size in bytes. */
size_t ese_lv_key_write(const struct ese_lv_key *key, uint8_t to[12]);

/* Takes a root's data apart; false when there are not 8 or 9 bytes. */
bool ese_lv_root_read(struct bytes data, struct ese_lv_root *out);

/* Size of all chunks but the last, in bytes, for a table that stores none in the catalog. */
uint32_t ese_lv_chunk_size(const struct ese_table *table, uint32_t page_size);

/*
 * How many bytes a compressed value, or a chunk that is shorter than its share, was made of.
 * revision: the database's.  room: of ESE_DECOMPRESSED_MAX bytes, for them.
 *
 * Fails with FAULT_DAMAGED or FAULT_MISSING when they are not to be had, or when a database of that
 * revision has nothing compressed; with FAULT_UNSUPPORTED when nobody here can tell.
 */
bool ese_unpacked_size(uint32_t revision, struct bytes stored, uint8_t *room, size_t *size,
                       struct fault *f);

/* Can `value`, of kind COMPRESSED, be unpacked, as far as can be told?  Fails as above, but for
 * FAULT_UNSUPPORTED. */
bool ese_value_unpacks(uint32_t revision, const struct ese_value *value, uint8_t *room,
                       struct fault *f);

/* Has a chunk of the long value the bytes of its share, as far as can be told? */
bool ese_lv_fills_share(uint32_t revision, const struct ese_lv_root *root, struct bytes chunk,
                        uint32_t share, uint8_t *room);

/* Are its chunks encrypted, and their sizes say nothing? */
bool ese_lv_is_encrypted(uint32_t revision, const struct ese_lv_root *root);

/* A long value being read from front to back. */
struct ese_lv {
    struct ese_cursor cursor;
    struct ese_lv_key key;
    struct ese_lv_root root;
    uint32_t chunk, at;  /* full chunk size; how many bytes have been given or passed over */
    struct bytes stored; /* the last chunk as it is stored */
    uint8_t room[ESE_PAGE_SIZE_MAX];
};

/* Opens the value that `value` (kind SEPARATED) of a row of `table` refers to.  Fails when the
 * table has no long-value tree or the value's root is not there.  Close it in any case. */
bool ese_lv_open(struct ese_lv *lv, struct ese_pages *pages, const struct ese_table *table,
                 const struct ese_value *value, struct fault *f);
void ese_lv_close(struct ese_lv *lv);

/* Gives the next run of bytes, decompressed, valid until the next call; an empty run at the end.
 * Fails when a chunk is missing or of a wrong size.  Also fails when a chunk cannot be
 * decompressed: then the next call goes on behind it, and lv->stored has its raw bytes. */
bool ese_lv_next(struct ese_lv *lv, struct bytes *run, struct fault *f);

/* The bytes of a value of any kind, in `room`, which is emptied, where they are not in one piece:
 * none of a null.  Of one in a tree of its own, which lv is for, no more than `most` and what comes
 * with them, and *cut says whether there are more; cut NULL: one of more is refused.  Fails with
 * the faults of reading, FAULT_UNSUPPORTED for what is encrypted, FAULT_LIMIT, FAULT_NO_MEMORY. */
bool ese_value_bytes(struct ese_lv *lv, struct ese_pages *pages, const struct ese_table *table,
                     const struct ese_value *value, size_t most, struct buffer *room,
                     struct bytes *out, bool *cut, struct fault *f);

#endif
