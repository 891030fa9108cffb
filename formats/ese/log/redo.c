/*
 * Redo, record by record: which kind it is, whether it is this database's, and who redoes it.  See
 * log/parts.h.
 */
#include "formats/ese/log/parts.h"

void log_count_times(struct ese_replay *r, uint64_t dbtime, uint32_t objid)
{
    if (dbtime > r->dbtime && dbtime <= INT64_MAX)
        r->dbtime = dbtime;
    if (objid > r->objid_last && objid < 0x7fffffff)
        r->objid_last = objid;
}

static uint32_t object_of(const struct ese_log_record *record, const struct ese_log_page *p)
{
    switch (record->type) {
    case ESE_LOG_CREATE_MULTIPLE:
    case ESE_LOG_CREATE_SINGLE:
    case ESE_LOG_CONVERT:
        return bytes_get_le32(record->bytes, 32);
    case ESE_LOG_SPLIT:
        return bytes_get_le32(record->bytes, 64);
    case ESE_LOG_MERGE:
        return bytes_get_le32(record->bytes, 72);
    case ESE_LOG_PAGE_MOVE:
        return bytes_get_le32(record->bytes, 76);
    default:
        return p->object_id;
    }
}

/* Splits, merges and conversions as engines once logged them.  The published engine has
 * nothing left that writes them, and refuses them itself (logredo.cxx, ErrLGRIRedoOperation:
 * JET_errBadLogVersion). */
static bool is_obsolete(enum ese_log_type type)
{
    return type == ESE_LOG_SPLIT_OLD || type == ESE_LOG_MERGE_OLD || type == ESE_LOG_CONVERT_OLD;
}

static bool redo_page_record(struct ese_replay *r, const struct ese_log_record *record,
                             struct ese_log_page *p, struct fault *f)
{
    struct log_session *s = log_session_of(r, p->session);
    struct log_macro *m = r->macros ? log_macro_find(r, p->session, p->after) : NULL;
    if (!log_is_own(r, p->database)) {
        r->summary.other_databases++;
        return true;
    }
    r->summary.changes++;
    log_count_times(r, p->after, object_of(record, p));
    if (!s->begun || ese_log_position_compare(r->at, r->attached) <= 0)
        return true;
    if (is_obsolete(record->type))
        return log_unsupported(r, record->type, f);
    if (record->type == ESE_LOG_UNDO_INFO)
        return log_take_undo_info(r, record, p, f);
    if (m)
        return log_macro_add(m, record->bytes, f);
    if (record->type == ESE_LOG_CREATE_MULTIPLE || record->type == ESE_LOG_CREATE_SINGLE)
        return log_redo_create(r, record, p, f);
    if (record->type == ESE_LOG_CONVERT)
        return log_redo_convert(r, record, p, f);
    if (record->type == ESE_LOG_PAGE_MOVE)
        return log_redo_move(r, record->bytes, f);
    return log_redo_row(r, record, p, f);
}

static bool redo_new_page(struct ese_replay *r, struct bytes b, struct fault *f)
{
    struct log_target t;
    uint64_t after = bytes_get_le64(b, 12);
    if (!log_is_own(r, b.at[3])) {
        r->summary.other_databases++;
        return true;
    }
    r->summary.changes++;
    log_count_times(r, after, bytes_get_le32(b, 8));
    if (!log_session_of(r, bytes_get_le16(b, 1))->begun ||
        ese_log_position_compare(r->at, r->attached) <= 0)
        return true;
    if (!log_target_new(r, bytes_get_le32(b, 4), after, &t, f))
        return false;
    if (t.needed) {
        log_target_init(r, &t, bytes_get_le32(b, 8), after, ESE_PAGE_PRE_INIT);
        r->summary.redone++;
    }
    return true;
}

/* The first record of a macro that moves a root; it names no page itself. */
static bool keep_root_move(struct ese_replay *r, struct bytes b, struct fault *f)
{
    uint64_t after = bytes_get_le64(b, 1);
    uint16_t session = bytes_get_le16(b, 14);
    if (!log_is_own(r, b.at[9])) {
        r->summary.other_databases++;
        return true;
    }
    r->summary.changes++;
    log_count_times(r, after, bytes_get_le32(b, 10));
    if (!log_session_of(r, session)->begun || ese_log_position_compare(r->at, r->attached) <= 0)
        return true;
    struct log_macro *macro = log_macro_find(r, session, after);
    if (macro == NULL)
        return fault_set(f, FAULT_DAMAGED, "a root moves outside of a macro, at %08X,%04X,%04X",
                         (unsigned)r->at.generation, r->at.sector, r->at.byte);
    return log_macro_add(macro, b, f);
}

bool log_redo_record(struct ese_replay *r, const struct ese_log_record *record, struct fault *f)
{
    struct ese_log_page page;
    bool done;
    log_pages_turn(r->pages);
    r->at = record->at;
    r->summary.records++;
    if (ese_log_page_read(record, &page))
        return redo_page_record(r, record, &page, f);
    if (record->type == ESE_LOG_NEW_PAGE)
        return redo_new_page(r, record->bytes, f);
    if (record->type == ESE_LOG_ROOT_PAGE_MOVE)
        return keep_root_move(r, record->bytes, f);
    return log_redo_transaction(r, record, &done, f) && (done || log_redo_database(r, record, f));
}
