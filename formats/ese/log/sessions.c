/*
 * Sessions and their transactions: see log/parts.h.
 *
 * Only what a session does after a transaction's beginning was seen is redone: what it did before
 * is in the pages already, or the database would need older logs.
 *
 * Source: the published engine, ese/_log/logredo.cxx (ErrLGRIRedoOperation: Begin, Commit,
 * Rollback, Refresh, Init, Term).
 */
#include "formats/ese/log/parts.h"

#include "formats/array.h"

struct log_session *log_session_of(struct ese_replay *r, uint16_t number)
{
    return r->place[number] ? &r->session[r->place[number] - 1] : &r->no_session;
}

static bool new_session(struct ese_replay *r, uint16_t number, struct log_session **session,
                        struct fault *f)
{
    if (!array_reserve(&r->session, &r->sessions_room, r->sessions + 1, sizeof *r->session))
        return fault_no_memory(f, "sessions");
    r->session[r->sessions] =
        (struct log_session){.number = number, .begun = true, .head = SIZE_MAX};
    *session = &r->session[r->sessions];
    r->sessions++;
    r->place[number] = r->sessions;
    return true;
}

static bool begin(struct ese_replay *r, struct bytes b, struct fault *f)
{
    struct log_session *s = log_session_of(r, bytes_get_le16(b, 1));
    unsigned from = b.at[3] & 15u, levels = b.at[3] >> 4;
    if (!s->begun && from != 0)
        return true;
    if (!s->begun && !new_session(r, bytes_get_le16(b, 1), &s, f))
        return false;
    while (s->level < from + levels && s->level + 1 < LOG_LEVELS) {
        r->active += s->level == 0;
        s->start[s->level] = r->versions.count;
        s->level++;
    }
    return true;
}

static void end_levels(struct ese_replay *r, struct log_session *s, unsigned to, bool commits)
{
    while (s->level > to) {
        s->level--;
        if (s->level == 0 || !commits)
            log_versions_drop(&r->versions, &s->head, s->level == 0 ? 0 : s->start[s->level]);
    }
    if (to > 0)
        return;
    r->summary.committed += commits;
    r->summary.rolled_back += !commits;
    r->active--;
    if (r->active == 0)
        log_versions_clear(&r->versions);
}

/* A transaction that only reads goes on as a new one. */
static void refresh(struct ese_replay *r, struct bytes b)
{
    struct log_session *s = log_session_of(r, bytes_get_le16(b, 1));
    if (!s->begun || s->level > 0)
        return;
    r->active++;
    s->level = 1;
    s->start[0] = r->versions.count;
}

static void commit(struct ese_replay *r, struct bytes b)
{
    struct log_session *s = log_session_of(r, bytes_get_le16(b, 1));
    if (s->begun && s->level > b.at[3])
        end_levels(r, s, b.at[3], true);
}

static void roll_back(struct ese_replay *r, struct bytes b)
{
    struct log_session *s = log_session_of(r, bytes_get_le16(b, 1));
    if (s->begun && s->level > 0)
        end_levels(r, s, s->level > b.at[3] ? (unsigned)(s->level - b.at[3]) : 0u, false);
}

void log_sessions_forget(struct ese_replay *r)
{
    for (unsigned i = 0; i < r->sessions; i++) {
        log_versions_drop(&r->versions, &r->session[i].head, 0);
        r->place[r->session[i].number] = 0;
    }
    r->sessions = 0;
    r->active = 0;
    log_versions_clear(&r->versions);
    for (unsigned i = 0; i < LOG_MACROS_MOST; i++)
        r->macro[i].open = false;
    r->macros = 0;
}

bool log_redo_transaction(struct ese_replay *r, const struct ese_log_record *record, bool *done,
                          struct fault *f)
{
    struct bytes b = record->bytes;
    *done = true;
    switch (record->type) {
    case ESE_LOG_BEGIN:
    case ESE_LOG_BEGIN0:
        return begin(r, b, f);
    case ESE_LOG_REFRESH:
        refresh(r, b);
        return true;
    case ESE_LOG_COMMIT:
    case ESE_LOG_COMMIT0:
        commit(r, b);
        return true;
    case ESE_LOG_ROLLBACK:
        roll_back(r, b);
        return true;
    case ESE_LOG_MACRO_BEGIN:
        return log_macro_begin(r, b, f);
    case ESE_LOG_MACRO_COMMIT:
    case ESE_LOG_MACRO_ABORT:
        return log_macro_end(r, b, record->type == ESE_LOG_MACRO_COMMIT, f);
    default:
        *done = false;
        return true;
    }
}
