/* The order of a replay, and its result: see log/replay.h. */
#include "formats/ese/log/parts.h"

#include "formats/ese/edit/header.h"
#include "formats/fileio.h"

#include <errno.h>
#include <stdlib.h>

enum {
    MEMORY_DEFAULT = 192 * 1024 * 1024,
    STOP_LOOK_EVERY = 4096, /* records */
    DBTIME_SPARE = 100,     /* times above every page's: what an engine hands out next */
};

/* What every page of this database has, by its first one. */
static bool read_root(struct ese_replay *r, struct fault *f)
{
    uint32_t flags = 0;
    size_t got = 0;
    uint8_t *raw = r->scratch;
    if (!ese_file_read(r->file, 2 * (uint64_t)r->page_size, raw, r->page_size, &got, f))
        return false;
    if (got == r->page_size) {
        bytes_le32(bytes_of(raw, got), ESE_PAGE_FLAGS_AT, &flags);
        r->tag_bits = raw[ESE_PAGE_TAG_COUNT_AT + 1] & 0xf0;
    }
    r->new_page_flags = (flags & ESE_PAGE_NEW_CHECKSUM) | ESE_PAGE_NEW_RECORD_FORMAT;
    return true;
}

static bool allocate(struct ese_replay *r, struct fault *f)
{
    size_t memory = r->options.memory ? r->options.memory : MEMORY_DEFAULT;
    r->place = calloc(LOG_SESSIONS, sizeof *r->place);
    r->scratch = malloc(r->page_size);
    r->scratch2 = malloc(r->page_size);
    r->row = malloc(r->page_size);
    r->line = malloc(LOG_LINES_MOST * sizeof *r->line);
    r->header = malloc(r->page_size);
    if (!r->place || !r->scratch || !r->scratch2 || !r->row || !r->line || !r->header)
        return fault_no_memory(f, "a replay");
    return log_pages_open(r->file, r->page_size, memory / r->page_size, &r->pages, f);
}

bool ese_replay_open(struct ese_file *file, struct bytes header,
                     const struct ese_replay_options *options, struct ese_replay **out,
                     struct fault *f)
{
    struct ese_replay *r = calloc(1, sizeof *r);
    struct ese_header h;
    *out = r;
    if (r == NULL)
        return fault_no_memory(f, "a replay");
    ese_header_parse(header, &h);
    r->file = file;
    r->options = *options;
    ese_log_need_read(header, &r->need);
    r->page_size = r->need.page_size;
    if (!ese_page_size_valid(r->page_size) || header.size < r->page_size)
        return fault_set(f, FAULT_DAMAGED, "the header names an impossible page size");
    if (!allocate(r, f))
        return false;
    memcpy(r->header, header.at, r->page_size);
    uint64_t pages = ese_file_size(file) / r->page_size;
    r->source_last_page = pages > 2 ? (uint32_t)(pages - 2) : 0;
    r->last_page = r->source_last_page;
    r->clean = r->need.clean;
    r->consistent = r->need.consistent;
    r->attached = r->need.attached;
    r->dbtime = h.dbtime;
    r->objid_last = h.objid_last;
    r->summary.changed = !r->clean;
    return read_root(r, f);
}

void ese_replay_close(struct ese_replay *r)
{
    if (r == NULL)
        return;
    log_pages_close(r->pages);
    log_versions_close(&r->versions);
    for (unsigned i = 0; i < LOG_MACROS_MOST; i++)
        free(r->macro[i].bytes);
    free(r->session);
    free(r->place);
    free(r->pending);
    free(r->scratch);
    free(r->scratch2);
    free(r->row);
    free(r->line);
    free(r->header);
    free(r);
}

/* Before the first log: the databases that were attached when it was begun. */
static void attach_from_header(struct ese_replay *r, const struct ese_log_header *h)
{
    for (unsigned i = 0; !r->clean && i < h->attached.count; i++) {
        const struct ese_log_attachment *a = &h->attached.entry[i];
        if (memcmp(a->signature, r->need.database, sizeof a->signature) == 0)
            r->database = a->database;
    }
}

bool ese_replay_log(struct ese_replay *r, struct ese_log_stream *stream, struct fault *f)
{
    const struct ese_log_header *h = ese_log_stream_header(stream);
    struct ese_log_record record;
    enum ese_log_step step;
    r->damage_in_log = false;
    if (h->framing != ESE_LOG_SEGMENTS)
        return fault_set(f, FAULT_UNSUPPORTED, "logs of version %u are not replayed", h->major);
    if (r->generation == 0) {
        attach_from_header(r, h);
        r->summary.first = h->generation;
    } else if (h->generation != r->generation + 1) {
        return fault_set(f, FAULT_DAMAGED, "expected generation %d, found %d", r->generation + 1,
                         h->generation);
    }
    r->generation = h->generation;
    r->summary.last = h->generation;
    while ((step = ese_log_stream_next(stream, &record, f)) == ESE_LOG_STEP_RECORD) {
        if (!log_redo_record(r, &record, f))
            return false;
        if (r->options.stop && r->summary.records % STOP_LOOK_EVERY == 0 && *r->options.stop) {
            r->summary.interrupted = true;
            return fault_set(f, FAULT_LIMIT, "cancelled");
        }
    }
    r->summary.end = ese_log_stream_end(stream)->at;
    r->damage_in_log = step == ESE_LOG_STEP_FAULT;
    return step == ESE_LOG_STEP_END;
}

bool ese_replay_damage_in_log(const struct ese_replay *r)
{
    return r->damage_in_log;
}

bool ese_replay_finish(struct ese_replay *r, struct fault *f)
{
    for (size_t i = 0; i < r->pendings; i++)
        if (r->pending[i] <= r->last_page && !log_pages_has_changed(r->pages, r->pending[i]))
            return fault_set(f, FAULT_DAMAGED,
                             "page %u is not in the database, and the logs change it without "
                             "making it: a write of it was lost",
                             r->pending[i]);
    if (r->page_dbtime > r->dbtime)
        return fault_set(f, FAULT_DAMAGED,
                         "page %u has time 0x%llx, the logs end at 0x%llx: they are older than the "
                         "database",
                         r->page_with_it, (unsigned long long)r->page_dbtime,
                         (unsigned long long)r->dbtime);
    if (!log_undo_all(r, f))
        return false;
    r->summary.pages = log_pages_changed(r->pages);
    r->summary.last_page = r->last_page;
    r->summary.dbtime = r->dbtime;
    return true;
}

const struct ese_replay_summary *ese_replay_summary(const struct ese_replay *r)
{
    return &r->summary;
}

/* ---- writing ---- */

struct writing {
    struct ese_replay *r;
    int to;
};

static bool write_at(int to, struct bytes data, uint64_t at, struct fault *f)
{
    if (fileio_write_at(to, at, data))
        return true;
    fault_set(f, FAULT_IO, "cannot be written: %s", strerror(errno));
    return fault_of_output(f);
}

/* A page of the source that stays: only what a running engine left in it goes. */
static void settle(struct ese_replay *r, uint8_t *raw, uint32_t number)
{
    struct ese_page_change page = {
        .raw = raw, .spare = r->scratch, .size = r->page_size, .number = number};
    if (ese_page_change_get_flags(&page) == 0 ||
        ese_checksum_verify(bytes_of(raw, r->page_size), number).state != ESE_CHECKSUM_GOOD)
        return;
    if (ese_page_change_sound(&page, NULL) && ese_page_change_settle(&page))
        ese_checksum_set(raw, r->page_size, number);
}

/* A page that the logs have changed. */
static void finish_page(struct ese_replay *r, uint8_t *raw, uint32_t number)
{
    struct ese_page_change page = {
        .raw = raw, .spare = r->scratch, .size = r->page_size, .number = number};
    if (!(ese_page_change_get_flags(&page) & ESE_PAGE_PRE_INIT))
        ese_page_change_settle(&page);
    ese_checksum_set(raw, r->page_size, number);
}

/* The source's pages, and in their places those that were changed: each is written once. */
static bool copy_source(struct ese_replay *r, uint32_t last, int to, struct fault *f)
{
    uint8_t *step = malloc(FILEIO_STEP);
    bool ok = step != NULL || fault_no_memory(f, "a replay");
    uint32_t per_step = FILEIO_STEP / r->page_size;
    for (uint32_t n = 1; ok && n <= last; n += per_step) {
        size_t got = 0;
        uint32_t count = last - n + 1 < per_step ? last - n + 1 : per_step;
        uint64_t at = ese_page_offset(n, r->page_size);
        ok = ese_file_read(r->file, at, step, (size_t)count * r->page_size, &got, f);
        for (uint32_t i = 0; ok && i < got / r->page_size; i++) {
            bool changed = false;
            uint8_t *raw = step + (size_t)i * r->page_size;
            ok = log_pages_copy(r->pages, n + i, raw, &changed, f);
            if (ok && changed)
                finish_page(r, raw, n + i);
            else if (ok)
                settle(r, raw, n + i);
        }
        ok = ok && write_at(to, bytes_of(step, got), at, f);
        if (ok && r->options.stop && *r->options.stop) {
            r->summary.interrupted = true;
            ok = fault_set(f, FAULT_LIMIT, "cancelled");
        }
    }
    free(step);
    return ok;
}

static bool write_page(void *context, uint32_t number, uint8_t *raw, struct fault *f)
{
    struct writing *w = context;
    struct ese_replay *r = w->r;
    if (number > r->last_page)
        return true; /* the file was cut since */
    finish_page(r, raw, number);
    return write_at(w->to, bytes_of(raw, r->page_size), ese_page_offset(number, r->page_size), f);
}

static bool write_header(struct ese_replay *r, int to, struct fault *f)
{
    uint8_t *h = r->header;
    bytes_put_le32(h + ESE_HEADER_STATE_AT, ESE_STATE_CLEAN_SHUTDOWN);
    bytes_put_le64(h + ESE_HEADER_DBTIME_AT, r->dbtime + DBTIME_SPARE);
    bytes_put_le32(h + ESE_HEADER_OBJID_LAST_AT, r->objid_last);
    if (r->version[0] != 0) {
        bytes_put_le32(h + ESE_HEADER_VERSION_AT, r->version[0]);
        bytes_put_le32(h + ESE_HEADER_REVISION_AT, r->version[1]);
        bytes_put_le32(h + ESE_HEADER_UPDATE_MINOR_AT, r->version[2]);
    }
    ese_header_forget_logs(h);
    ese_checksum_set_header(h, r->page_size);
    struct bytes page = bytes_of(h, r->page_size);
    return write_at(to, page, 0, f) && write_at(to, page, r->page_size, f);
}

bool ese_replay_write(struct ese_replay *r, int to, struct fault *f)
{
    struct writing w = {.r = r, .to = to};
    if (!fileio_resize(to, ((uint64_t)r->last_page + 2) * r->page_size)) {
        fault_set(f, FAULT_IO, "the copy cannot get its size: %s", strerror(errno));
        return fault_of_output(f);
    }
    uint32_t last = r->source_last_page < r->last_page ? r->source_last_page : r->last_page;
    return copy_source(r, last, to, f) && log_pages_each(r->pages, last + 1, write_page, &w, f) &&
           write_header(r, to, f);
}
