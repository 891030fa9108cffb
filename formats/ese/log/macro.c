/*
 * Changes that take effect as a whole: see log/parts.h.
 *
 * Between a MacroBegin and its MacroCommit stand records that are redone together or not at all:
 * they are kept until then.  A session can have several under way, told by their times.
 *
 * Source: the published engine, ese/_log/logredo.cxx (ErrLGIStoreLogRec,
 * ErrLGRIRedoMacroOperation).
 */
#include "formats/ese/log/parts.h"

#include "formats/array.h"

struct log_macro *log_macro_find(struct ese_replay *r, uint16_t session, uint64_t dbtime)
{
    for (unsigned i = 0; i < LOG_MACROS_MOST; i++)
        if (r->macro[i].open && r->macro[i].session == session && r->macro[i].dbtime == dbtime)
            return &r->macro[i];
    return NULL;
}

bool log_macro_begin(struct ese_replay *r, struct bytes b, struct fault *f)
{
    uint16_t session = bytes_get_le16(b, 1);
    uint64_t dbtime = bytes_get_le64(b, 3);
    if (log_macro_find(r, session, dbtime))
        return true;
    for (unsigned i = 0; i < LOG_MACROS_MOST; i++) {
        struct log_macro *m = &r->macro[i];
        if (m->open)
            continue;
        m->open = true;
        m->session = session;
        m->dbtime = dbtime;
        m->size = 0;
        r->macros++;
        return true;
    }
    return fault_set(f, FAULT_LIMIT, "more than %u splits, merges and moves are under way at once",
                     LOG_MACROS_MOST);
}

bool log_macro_add(struct log_macro *m, struct bytes b, struct fault *f)
{
    if (b.size > LOG_MACRO_MOST - m->size)
        return fault_set(f, FAULT_LIMIT, "a split, merge or move takes more than %u bytes",
                         LOG_MACRO_MOST);
    if (!array_reserve(&m->bytes, &m->room, m->size + b.size, sizeof *m->bytes))
        return fault_no_memory(f, "a split, merge or move");
    memcpy(m->bytes + m->size, b.at, b.size);
    m->size += b.size;
    return true;
}

/* All of a macro's records, which have been kept. */
static bool redo(struct ese_replay *r, const struct log_macro *m, struct fault *f)
{
    if (m->size == 0)
        return true;
    switch (m->bytes[0]) {
    case ESE_LOG_SPLIT:
        return log_redo_split(r, m, f);
    case ESE_LOG_MERGE:
        return log_redo_merge(r, m, f);
    case ESE_LOG_ROOT_PAGE_MOVE:
        return log_redo_root_move(r, m, f);
    default:
        return log_unsupported(r, m->bytes[0], f);
    }
}

bool log_macro_end(struct ese_replay *r, struct bytes b, bool commits, struct fault *f)
{
    struct log_macro *m = log_macro_find(r, bytes_get_le16(b, 1), bytes_get_le64(b, 3));
    if (m == NULL)
        return true;
    m->open = false;
    r->macros--;
    if (!commits || !log_session_of(r, m->session)->begun)
        return true;
    return redo(r, m, f);
}
