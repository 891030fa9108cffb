/*
 * What the parts of a replay share.
 *
 *   pages.c     the pages that change, in a limited number of frames, the others in a file
 *   versions.c  what is needed to undo transactions that are still open
 *   redo.c      one record: which kind it is, and who redoes it
 *   sessions.c  sessions and their transactions
 *   database.c  attaching, detaching, and the size of the database
 *   target.c    the pages that a record is about
 *   rows.c      records that change one row of one page
 *   space.c     records that make trees: their root pages, and their space
 *   macro.c     records that take effect as a whole: keeping them until then
 *   image.c     pages as such records carry them
 *   split.c     splits
 *   merge.c     merges
 *   move.c      pages and roots that move to another place
 *   undo.c      transactions that the logs leave open
 *   replay.c    the order of it all, and writing the result
 */
#ifndef KM_FORMATS_ESE_LOG_PARTS_H
#define KM_FORMATS_ESE_LOG_PARTS_H

#include "formats/ese/layout/page_change.h"
#include "formats/ese/log/replay.h"

enum {
    LOG_LEVELS = 16,
    LOG_SESSIONS = 65536,
    LOG_MACROS_MOST = 64,             /* that are open at a time */
    LOG_MACRO_MOST = 8 * 1024 * 1024, /* bytes of the records of one */
    LOG_LINES_MOST = 4096,
    LOG_PATH_MOST = 12,             /* pages from a root to a leaf */
    ESE_LOG_PAGE_MOST = 0x7fefffff, /* the engine allocates no page beyond it */
    LOG_GROWTH_MOST = 1 << 18,      /* pages that one record may add to the file */
};

/* ---- pages ---- */

struct log_frame {
    struct ese_page_change page;
    uint32_t number;
    bool changed;
    bool sound;    /* its accounting was checked, and is kept right */
    bool again;    /* asked for again since it was last passed over */
    uint64_t used; /* the turn in which it was asked for */
    size_t entry;  /* in the table of pages */
};

struct log_pages;

bool log_pages_open(struct ese_file *file, uint32_t page_size, size_t frames,
                    struct log_pages **pages, struct fault *f);
void log_pages_close(struct log_pages *pages);

/* Begins a turn: frames that were got in the turn before may be given up. */
void log_pages_turn(struct log_pages *pages);

/* The page as it is now.  *frame is NULL when there is none: beyond the file's end, or all zero.
 * Fails for a damaged one and for errors of reading.  The frame stays until the next turn. */
bool log_pages_get(struct log_pages *pages, uint32_t number, struct log_frame **frame,
                   struct fault *f);

/* A frame for a page that is made anew; what was there does not matter. */
bool log_pages_new(struct log_pages *pages, uint32_t number, struct log_frame **frame,
                   struct fault *f);

/* Checks the accounting before a page is changed for the first time. */
bool log_pages_change(struct log_pages *pages, struct log_frame *frame, struct fault *f);

/* Number of pages that were changed. */
uint32_t log_pages_changed(const struct log_pages *pages);

/* Copies the page to `raw` as it is now, where it was changed; *changed tells. */
bool log_pages_copy(struct log_pages *pages, uint32_t number, uint8_t *raw, bool *changed,
                    struct fault *f);

/* Calls `each` for every changed page from number `from` on, in no order. */
bool log_pages_each(struct log_pages *pages, uint32_t from,
                    bool (*each)(void *context, uint32_t number, uint8_t *raw, struct fault *f),
                    void *context, struct fault *f);

/* True when the page was changed. */
bool log_pages_has_changed(const struct log_pages *pages, uint32_t number);

/* ---- versions ---- */

enum log_oper {
    LOG_OPER_INSERT = 1,
    LOG_OPER_REPLACE = 2,
    LOG_OPER_FLAG_DELETE = 3,
    LOG_OPER_DELTA = 4,
    LOG_OPER_DELTA64 = 9,
};

/* One change that an undo has to take back. */
struct log_version {
    uint32_t id;
    uint16_t session;
    uint8_t oper;
    bool live, unique;
    bool whole; /* bookmark and, for a replace, before image are known */
    uint32_t root, object_id;
    size_t key, before; /* in the bytes */
    uint32_t key_size, data_size, before_size;
    int64_t delta;
    uint16_t offset; /* of the delta in the row */
    size_t previous; /* of the session; SIZE_MAX: none */
    size_t chain;    /* of the table; SIZE_MAX: none */
};

struct log_versions {
    struct log_version *entry;
    size_t count, room;
    uint8_t *bytes;
    size_t bytes_used, bytes_room;
    size_t *table; /* heads of chains by session and id */
    size_t buckets;
    uint64_t seed;
};

/* Adds a version of the session whose newest one is *head.  key, data, before are copied.  Fails
 * with FAULT_NO_MEMORY, or FAULT_LIMIT when open transactions take more than is believed. */
bool log_versions_add(struct log_versions *versions, size_t *head,
                      const struct log_version *version, struct bytes key, struct bytes data,
                      struct bytes before, struct fault *f);

/* Fills in what a version lacked. */
bool log_versions_fill(struct log_versions *versions, struct log_version *version, struct bytes key,
                       struct bytes data, struct bytes before, struct fault *f);

/* The live version of a session with this id; NULL: none. */
struct log_version *log_versions_find(struct log_versions *versions, uint16_t session, uint32_t id);

/* Forgets the session's versions from number `from` on; *head becomes its newest one left. */
void log_versions_drop(struct log_versions *versions, size_t *head, size_t from);

/* Forgets one, which stays in its session's row. */
void log_versions_drop_one(struct log_versions *versions, struct log_version *version);

struct bytes log_version_key(const struct log_versions *versions, const struct log_version *v);
struct bytes log_version_before(const struct log_versions *versions, const struct log_version *v);

/* Forgets all: only while no session has any. */
void log_versions_clear(struct log_versions *versions);
void log_versions_close(struct log_versions *versions);

/* ---- the replay ---- */

struct log_session {
    uint16_t number; /* that records name it by */
    uint8_t level;
    bool begun;  /* a first transaction was seen from its beginning */
    size_t head; /* once begun: newest version; SIZE_MAX: none */
    size_t start[LOG_LEVELS];
};

struct log_macro {
    bool open;
    uint16_t session;
    uint64_t dbtime;
    uint8_t *bytes;
    size_t size, room;
};

/* A node on its way from one page to another: its parts lie in a copy of the page it is from. */
struct log_line {
    struct ese_node node;
};

struct ese_replay {
    struct ese_log_need need;
    struct ese_replay_options options;
    struct ese_replay_summary summary;
    struct log_pages *pages;
    uint32_t page_size, last_page, source_last_page;
    uint32_t new_page_flags; /* that every page of this database has */
    uint8_t tag_bits;
    uint8_t database; /* the number that records know it by; 0: it is not attached */
    bool clean;       /* not attached, and consistent at... */
    struct ese_log_position consistent, attached, shut_down;
    uint64_t dbtime; /* the highest seen */
    uint64_t page_dbtime;
    uint32_t page_with_it;
    uint32_t objid_last;
    struct ese_log_position at;  /* of the record in hand */
    int32_t generation;          /* of the log before; 0: none */
    struct log_session *session; /* those that have begun */
    unsigned sessions;
    size_t sessions_room;
    uint32_t *place;               /* of each of LOG_SESSIONS numbers: its place, plus 1; 0: none */
    struct log_session no_session; /* stands for all others; never changed */
    unsigned active;               /* sessions within a transaction */
    struct log_macro macro[LOG_MACROS_MOST];
    unsigned macros;     /* that are open */
    uint32_t version[3]; /* major, update major, update minor that a record gave the database; 0 */
    struct log_versions versions;
    uint32_t *pending; /* pages that records change before anything makes them: target.c */
    size_t pendings, pendings_room;
    uint8_t *scratch, *scratch2; /* a page each */
    uint8_t *row;                /* a row put together */
    struct log_line *line;       /* LOG_LINES_MOST of them, for a split */
    bool damage_in_log;
    uint8_t *header; /* the page of the database's header */
    struct ese_file *file;
};

/* ---- records ---- */

bool log_redo_record(struct ese_replay *r, const struct ese_log_record *record, struct fault *f);

/* True when records name the database in hand by this number now. */
bool log_is_own(const struct ese_replay *r, uint8_t database);

/* Counters go up with records that are not redone, too. */
void log_count_times(struct ese_replay *r, uint64_t dbtime, uint32_t objid);

/* "the record at ... is of a kind that is not replayed": FAULT_UNSUPPORTED. */
bool log_unsupported(const struct ese_replay *r, unsigned type, struct fault *f);

/* "page N does not fit what generation ... says": FAULT_DAMAGED. */
bool log_misfit(const struct ese_replay *r, uint32_t number, const char *what, struct fault *f);

/* What begins and ends transactions and macros: of whichever database.  *done: it was one. */
bool log_redo_transaction(struct ese_replay *r, const struct ese_log_record *record, bool *done,
                          struct fault *f);

/* The engine's beginning and end, and what concerns the database as a whole. */
bool log_redo_database(struct ese_replay *r, const struct ese_log_record *record, struct fault *f);

bool log_redo_row(struct ese_replay *r, const struct ese_log_record *record,
                  const struct ese_log_page *p, struct fault *f);
bool log_redo_create(struct ese_replay *r, const struct ese_log_record *record,
                     const struct ese_log_page *page, struct fault *f);
bool log_redo_convert(struct ese_replay *r, const struct ese_log_record *record,
                      const struct ese_log_page *page, struct fault *f);

/* b: a PageMove that stands alone. */
bool log_redo_move(struct ese_replay *r, struct bytes b, struct fault *f);

/* Puts a space header into a root page's external header: alone there, or before other fields.
 * False when it is not of ESE_SPACE_HEADER_SIZE bytes, or the page has no room. */
bool log_space_put_header(const struct ese_page_change *page, struct bytes header);

/* Another root of owned extents, in a root's space header.  False when there is no header. */
bool log_space_owned_root(const struct ese_page_change *page, uint32_t number);

/* ---- sessions ---- */

/* The session of a number; one that has not begun is like all others that have not. */
struct log_session *log_session_of(struct ese_replay *r, uint16_t number);

/* The engine begins or ends: nothing is under way any more. */
void log_sessions_forget(struct ese_replay *r);

/* ---- macros ---- */

/* The one of a session that is under way; NULL: none. */
struct log_macro *log_macro_find(struct ese_replay *r, uint16_t session, uint64_t dbtime);

/* b: the record MacroBegin. */
bool log_macro_begin(struct ese_replay *r, struct bytes b, struct fault *f);

/* Keeps a record, which is copied. */
bool log_macro_add(struct log_macro *macro, struct bytes record, struct fault *f);

/* b: the record MacroCommit, which redoes what was kept, or MacroAbort. */
bool log_macro_end(struct ese_replay *r, struct bytes b, bool commits, struct fault *f);

bool log_redo_split(struct ese_replay *r, const struct log_macro *macro, struct fault *f);
bool log_redo_merge(struct ese_replay *r, const struct log_macro *macro, struct fault *f);
bool log_redo_root_move(struct ese_replay *r, const struct log_macro *macro, struct fault *f);

/* ---- targets ---- */

/* A page, and whether the change in hand has still to be made to it. */
struct log_target {
    struct log_frame *frame; /* NULL: the page is not there */
    bool needed;
};

/* The page, which is there. */
static inline const struct ese_page_change *log_page_of(const struct log_target *target)
{
    return &target->frame->page;
}

/* Gets page `number` and compares its time with the record's.  Fails when the two do not fit. */
bool log_target_find(struct ese_replay *r, uint32_t number, uint64_t after, uint64_t before,
                     struct log_target *target, struct fault *f);

/* The same, of a page that will be changed: fails for one that is not sound, too. */
bool log_target(struct ese_replay *r, uint32_t number, uint64_t after, uint64_t before,
                struct log_target *target, struct fault *f);

/* A page that the record makes anew. */
bool log_target_new(struct ese_replay *r, uint32_t number, uint64_t after,
                    struct log_target *target, struct fault *f);

/* Marks it as changed at `after`. */
void log_target_done(struct log_target *target, uint64_t after);

/* Makes the target's page an empty one. */
void log_target_init(const struct ese_replay *r, struct log_target *target, uint32_t objid,
                     uint64_t after, uint32_t flags);

/* Takes a page back to what it was before the change in hand.  image: packed without the room in
 * its middle, compressed, both or neither, as `flags` say. */
bool log_take_back(struct ese_replay *r, struct log_target *target, struct bytes image,
                   uint32_t flags, uint64_t before, struct fault *f);

/* ---- nodes ---- */

/* Reads the node at a line.  False when there is none. */
bool log_node(const struct ese_page_change *page, unsigned line, struct ese_node *node);

/* The length of what two keys begin with, when it is worth sharing.  a: as a node has it. */
size_t log_common(const struct ese_node *a, struct bytes key);

/* Puts a node with a whole key in, sharing what it can with the page's prefix. */
bool log_insert(const struct ese_page_change *page, unsigned line, struct bytes key,
                struct bytes data);

/* Puts a node of another page in with `shared` bytes of its key from the page's prefix. */
bool log_put_line(const struct ese_page_change *page, unsigned line, const struct ese_node *from,
                  size_t shared, uint8_t flags);

/* Takes all nodes out, and marks the page as no tree's. */
bool log_empty_page(const struct ese_page_change *page);

/* ---- what an undo needs ---- */

/* Remembers what the record changes, for an undo; see rows.c.  line: of the node, before it is
 * changed; page NULL: the change is not made now, what it was comes with an UndoInfo. */
bool log_remember(struct ese_replay *r, const struct ese_log_page *page, uint8_t oper, uint32_t id,
                  struct bytes key, struct bytes data, const struct bytes *before, struct fault *f);

/* What a row was, written before its page was: for an undo that cannot find it in the page. */
bool log_take_undo_info(struct ese_replay *r, const struct ese_log_record *record,
                        struct ese_log_page *p, struct fault *f);

/* Takes one change back at its line of the page. */
bool log_undo_at(struct ese_replay *r, struct log_version *version,
                 const struct ese_page_change *page, unsigned line, struct fault *f);

/* Takes all back that open transactions have changed. */
bool log_undo_all(struct ese_replay *r, struct fault *f);

#endif
