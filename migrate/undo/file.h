/*
 * The undo file of a repair in place: what the store was before, beside it as NAME.kmundo (see
 * names.h; one that is there is never written over).
 *
 * It is complete, on the disk and read back before the first byte of the store is written.  From
 * then on it tells what state the store is in, and holds all that is needed to put it back: the
 * bytes that change as they were (compressed), the old length, which files are set aside and what
 * they are, and SHA-256 and length of the original.
 *
 *     "KMUNDO\r\n", version (4)
 *     records: kind (4), size (4), CRC-32 of kind, size and content (4), content
 *         identity, moves, pieces, end; then what became of it: finished, undoing
 *
 * All numbers are little-endian.  What became of the repair is appended, never overwritten: a
 * record that is cut or wrong there means that the repair, or the undo, is not finished; anywhere
 * else it makes the file unreadable.  Version 1 has no more than names of the files set aside; it
 * is read, and no longer written.
 */
#ifndef KM_MIGRATE_UNDOFILE_H
#define KM_MIGRATE_UNDOFILE_H

#include "formats/bytes.h"
#include "formats/hash.h"

#include <limits.h>

enum {
    UNDOFILE_VERSION = 2,
    UNDOFILE_PIECE_MOST = 32768, /* bytes: the largest page */
    UNDOFILE_MOVES_MOST = 1 << 20,
    UNDOFILE_PLAN_SIZE = 2 * HASH_SHA256_SIZE,
};

enum undofile_state {
    UNDOFILE_PREPARED, /* the store is being written, or the repair was interrupted */
    UNDOFILE_FINISHED, /* the store was written and verified: undo is possible */
    UNDOFILE_UNDOING,  /* it is being put back */
};

/* The store, the plan, and what lies beside the store because of the repair.  Those are plain
 * names, beside the file, or beside its directory when the store was named by that; empty: there is
 * none. */
struct undofile_identity {
    uint64_t size; /* of the original */
    uint8_t sha256[HASH_SHA256_SIZE];
    uint64_t time; /* when the repair began: seconds since 1970 */
    char plan[UNDOFILE_PLAN_SIZE + 1];
    bool beside_directory;
    char backup[NAME_MAX + 1];
    char set_aside[NAME_MAX + 1]; /* folder of the moved files */
    char quarantine[NAME_MAX + 1];
    uint8_t quarantine_sha256[HASH_SHA256_SIZE];
};

/* A file of the store's directory that is moved into the folder set_aside. */
struct undofile_move {
    char *name;
    bool is_known; /* what it was then; false: it could not be read, or the undo file is too old */
    uint64_t size;
    uint8_t sha256[HASH_SHA256_SIZE];
};

/* ---- writing ---- */

struct undofile_writer;

/*
 * Begins the undo file at `path`; like: descriptor of the store, whose owner and rights it gets.
 * One of that name that is there is refused (FAULT_LIMIT).  Moves come before pieces.  All fail
 * with FAULT_IO or FAULT_NO_MEMORY; the writer is then, as after the commit, still to be discarded.
 */
bool undofile_begin(const char *path, int like, const struct undofile_identity *identity,
                    struct undofile_writer **writer, struct fault *f);

bool undofile_add_move(struct undofile_writer *writer, const struct undofile_move *move,
                       struct fault *f);

/* Bytes that will be overwritten, at most UNDOFILE_PIECE_MOST. */
bool undofile_add_piece(struct undofile_writer *writer, uint64_t offset, struct bytes before,
                        struct fault *f);

/* Ends, syncs and names the file, and syncs its directory. */
bool undofile_commit(struct undofile_writer *writer, struct fault *f);

/* Frees the writer, and removes the file unless it was committed and is to be kept.  NULL is
 * allowed. */
void undofile_discard(struct undofile_writer *writer, bool keep);

/* ---- reading ---- */

struct undofile_piece {
    uint64_t offset; /* in the store */
    uint32_t size;
    uint32_t packed; /* bytes in the undo file */
    uint64_t at;     /* in the undo file */
};

struct undofile {
    int descriptor;
    uint32_t version;
    struct undofile_identity identity;
    struct undofile_move *move;
    size_t moves, move_room;
    struct undofile_piece
        *piece; /* by offset; none overlaps another, all lie inside the original */
    size_t pieces, piece_room;
    enum undofile_state state;
    uint64_t result_size; /* of the repaired store; valid unless the state is UNDOFILE_PREPARED */
    uint8_t result_sha256[HASH_SHA256_SIZE];
    uint64_t end; /* behind the last record */
    bool torn; /* something follows that is no record: what became of the repair was being noted */
    uint8_t *packed; /* room for one piece as it lies in the file */
};

/*
 * Opens the undo file at `path` and checks all of it: every record, every piece unpacked once.
 * writable: its state is going to be set.  Fails with FAULT_DAMAGED (f says where),
 * FAULT_UNSUPPORTED (another version), FAULT_NOT_THIS, FAULT_IO, FAULT_NO_MEMORY; nothing is left
 * open then.
 */
bool undofile_open(const char *path, bool writable, struct undofile **undo, struct fault *f);

/* The same over a descriptor, which it then owns, also on failure. */
bool undofile_open_descriptor(int descriptor, struct undofile **undo, struct fault *f);
void undofile_close(struct undofile *undo);

/* Unpacks a piece into `to`, which has room for UNDOFILE_PIECE_MOST bytes. */
bool undofile_piece(struct undofile *undo, size_t i, uint8_t *to, struct fault *f);

/* True when the store is neither the old one nor the new one for certain. */
static inline bool undofile_is_pending(const struct undofile *undo)
{
    return undo->state != UNDOFILE_FINISHED || undo->torn;
}

/* Appends a state, syncs it and reads it back.  UNDOFILE_FINISHED takes SHA-256 and length of the
 * result from undo->result_*. */
bool undofile_set_state(struct undofile *undo, enum undofile_state state, struct fault *f);

#endif
