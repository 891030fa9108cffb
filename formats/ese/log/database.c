/*
 * Records of a database as a whole: when it is attached and detached, how large it is.  See
 * log/parts.h.
 *
 * Records name a database by a number that each attaching gives it anew; which number is this
 * database's is told by its signature.
 *
 * Source: the published engine, ese/_log/logredo.cxx (ErrLGRIRedoAttachDb, ErrLGRIRedoDetachDb,
 * ErrLGRIRedoExtendDB, ErrLGRIRedoShrinkDB, ErrLGRIRedoSetDbVersion, and where it meets Term).
 */
#include "formats/ese/log/parts.h"

static bool is_signed(const struct ese_replay *r, struct bytes b, size_t at)
{
    struct bytes signature;
    return bytes_cut(b, at, ESE_LOG_SIGNATURE_SIZE, &signature) &&
           memcmp(signature.at, r->need.database, ESE_LOG_SIGNATURE_SIZE) == 0;
}

static bool attach(struct ese_replay *r, struct bytes b, struct fault *f)
{
    struct ese_log_position consistent = ese_log_position_read(b, 8);
    if (!is_signed(r, b, 16))
        return true;
    if (!r->clean) { /* dirty: what its header says of when it was attached decides */
        r->database = b.at[3];
        return true;
    }
    int order = ese_log_position_compare(consistent, r->consistent);
    if (order < 0)
        return true; /* it has been attached again since */
    if (order > 0)
        return fault_set(f, FAULT_DAMAGED,
                         "generation %d attaches a later state of the database: it was consistent "
                         "at %08X,%04X,%04X, this file at %08X,%04X,%04X",
                         r->at.generation, (unsigned)consistent.generation, consistent.sector,
                         consistent.byte, (unsigned)r->consistent.generation, r->consistent.sector,
                         r->consistent.byte);
    r->database = b.at[3];
    r->clean = false;
    r->attached = r->at;
    r->summary.changed = true;
    return true;
}

static void detach(struct ese_replay *r, struct ese_log_position consistent)
{
    if (r->database == 0 || ese_log_position_compare(r->at, r->attached) <= 0)
        return;
    r->database = 0;
    r->clean = true;
    r->consistent = consistent;
}

static void extend(struct ese_replay *r, uint32_t last)
{
    if (last > r->last_page && last - r->last_page <= LOG_GROWTH_MOST)
        r->last_page = last;
}

bool log_is_own(const struct ese_replay *r, uint8_t database)
{
    return r->database != 0 && database == r->database;
}

/* When the engine began and ended. */
static bool redo_engine(struct ese_replay *r, const struct ese_log_record *record)
{
    switch (record->type) {
    case ESE_LOG_INIT:
    case ESE_LOG_INIT2:
    case ESE_LOG_RECOVERY_QUIT_KEEP:
        log_sessions_forget(r);
        return true;
    case ESE_LOG_SHUT_DOWN:
        r->shut_down = r->at;
        return true;
    case ESE_LOG_TERM:
    case ESE_LOG_TERM2:
    case ESE_LOG_RECOVERY_QUIT:
    case ESE_LOG_RECOVERY_QUIT2:
        log_sessions_forget(r);
        detach(r, r->shut_down);
        return true;
    default:
        return false;
    }
}

/* Another size or format, of a database that is attached. */
static void redo_own(struct ese_replay *r, const struct ese_log_record *record)
{
    struct bytes b = record->bytes;
    switch (record->type) {
    case ESE_LOG_SHRINK_DB:
    case ESE_LOG_SHRINK_DB2:
    case ESE_LOG_SHRINK_DB3:
        if (bytes_get_le32(b, 2) > 0 && bytes_get_le32(b, 2) < r->last_page)
            r->last_page = bytes_get_le32(b, 2);
        if (record->type == ESE_LOG_SHRINK_DB3)
            log_count_times(r, bytes_get_le64(b, 10), 0);
        return;
    case ESE_LOG_SET_DB_VERSION:
        r->version[0] = bytes_get_le32(b, 2);
        r->version[1] = bytes_get_le32(b, 6);
        r->version[2] = bytes_get_le32(b, 10);
        return;
    default:
        return;
    }
}

bool log_redo_database(struct ese_replay *r, const struct ese_log_record *record, struct fault *f)
{
    struct bytes b = record->bytes;
    if (redo_engine(r, record))
        return true;
    switch (record->type) {
    case ESE_LOG_CREATE_DB:
        if (is_signed(r, b, 12) && !r->clean)
            r->database = b.at[3];
        return true;
    case ESE_LOG_ATTACH_DB:
        return attach(r, b, f);
    case ESE_LOG_DETACH_DB:
        if (log_is_own(r, b.at[3]))
            detach(r, r->at);
        return true;
    case ESE_LOG_EXTEND_DB:
        if (b.size >= 10 && log_is_own(r, b.at[5]))
            extend(r, bytes_get_le32(b, 6));
        return true;
    case ESE_LOG_SHRINK_DB:
    case ESE_LOG_SHRINK_DB2:
    case ESE_LOG_SHRINK_DB3:
    case ESE_LOG_SET_DB_VERSION:
        if (log_is_own(r, b.at[1]) && ese_log_position_compare(r->at, r->attached) > 0)
            redo_own(r, record);
        return true;
    default: /* says nothing about pages; or TrimDB, of pages that nothing uses: whether they are
              * zero does not matter */
        return true;
    }
}
