/* Reading the records of a log file: see log/stream.h. */
#include "formats/ese/log/stream.h"

#include "formats/ese/layout/checksum.h"
#include "formats/ese/layout/page.h"

#include <inttypes.h>
#include <stdlib.h>

enum {
    SEGMENT = ESE_LOG_SEGMENT_SIZE,
    SEGMENT_POSITION_AT = 8,
    FIXED_MOST = 1024, /* more than the fixed part of any record */
    CHECKSUM_FORWARDS_AT = 5,
    CHECKSUM_NEXT_AT = 9,
    RUN = 64, /* segments that are read at a time; one of them is the one behind */
    FRAGMENT_BEGIN_SIZE = 7,
    FRAGMENT_SIZE = 3,
};

/* What stands at a segment's place. */
enum place {
    PLACE_SOUND,
    PLACE_COPY_BEHIND, /* damaged, and its second copy is sound */
    PLACE_EMPTY,
    PLACE_DAMAGED,
    PLACE_BEYOND, /* the file ends before it */
};

struct ese_log_stream {
    struct ese_file *file;
    struct ese_log_header header;
    struct ese_log_end end;
    uint32_t segment, last; /* the one that is read; the number that no segment reaches */
    size_t next;            /* in it: what follows the record that was given */
    bool loaded;            /* `current` holds segment number `segment` */
    bool finished;
    struct bytes current;
    uint64_t offset, limit; /* version 7: of the next record, and where the last flush ends */
    uint8_t *run;
    uint32_t run_first, run_count; /* segments in `run` */
    uint8_t *record;               /* put together from fragments */
    size_t record_room;
};

static uint64_t file_end(const struct ese_log_stream *s)
{
    return (uint64_t)s->header.file_sectors * s->header.sector_size;
}

static bool header_is_usable(const struct ese_log_header *h, struct fault *f)
{
    if (h->framing == ESE_LOG_ESE97)
        return fault_set(f, FAULT_UNSUPPORTED, "records of logs of version %u are not published",
                         h->major);
    return ese_log_header_is_sound(h, f);
}

bool ese_log_stream_open(struct ese_file *file, struct ese_log_stream **out, struct fault *f)
{
    struct ese_log_stream *s = calloc(1, sizeof *s);
    *out = NULL;
    if (s == NULL)
        return fault_no_memory(f, NULL);
    s->file = file;
    s->run = malloc((size_t)RUN * SEGMENT);
    if (s->run == NULL) {
        free(s);
        return fault_no_memory(f, NULL);
    }
    if (!ese_log_header_read(file, &s->header, f) || !header_is_usable(&s->header, f)) {
        ese_log_stream_close(s);
        return false;
    }
    s->segment = s->header.header_sectors;
    uint64_t there = ese_file_size(file) / SEGMENT;
    /* The last one's place is never written to: it is kept for a second copy. */
    s->last = s->header.file_sectors > 0 ? s->header.file_sectors - 1 : 0;
    if (there < s->last)
        s->last = (uint32_t)there;
    s->next = ESE_LOG_SEGMENT_HEADER;
    s->offset = (uint64_t)s->header.header_sectors * s->header.sector_size;
    s->limit = file_end(s);
    *out = s;
    return true;
}

void ese_log_stream_close(struct ese_log_stream *s)
{
    if (s == NULL)
        return;
    free(s->run);
    free(s->record);
    free(s);
}

const struct ese_log_header *ese_log_stream_header(const struct ese_log_stream *s)
{
    return &s->header;
}

const struct ese_log_end *ese_log_stream_end(const struct ese_log_stream *s)
{
    return &s->end;
}

/* ---- segments ---- */

/* The bytes at a segment's place; empty when the file ends before or in it. */
static bool fetch(struct ese_log_stream *s, uint32_t number, struct bytes *out, struct fault *f)
{
    *out = bytes_of(s->run, 0);
    if (number < s->run_first || number - s->run_first >= s->run_count) {
        size_t got = 0;
        s->run_count = 0;
        if (!ese_file_read(s->file, (uint64_t)number * SEGMENT, s->run, (size_t)RUN * SEGMENT, &got,
                           f))
            return false;
        s->run_first = number;
        s->run_count = (uint32_t)(got / SEGMENT);
    }
    if (number - s->run_first < s->run_count)
        *out = bytes_of(s->run + (size_t)(number - s->run_first) * SEGMENT, SEGMENT);
    return true;
}

/* True when the bytes' checksum is that of segment `number`; one wrong bit is put right. */
static bool is_sound(struct ese_log_stream *s, struct bytes b, uint32_t number)
{
    if (b.size < SEGMENT)
        return false;
    uint32_t flags = bytes_get_le32(b, ESE_PAGE_FLAGS_AT);
    if (!(flags & ESE_PAGE_NEW_CHECKSUM))
        return false;
    struct ese_checksum_verdict verdict = ese_checksum_verify(b, number);
    if (verdict.state == ESE_CHECKSUM_ONE_BIT) {
        uint8_t *byte = s->run + (b.at - s->run) + verdict.bit / 8;
        *byte ^= (uint8_t)(1 << verdict.bit % 8);
        s->end.corrected++;
        return true;
    }
    return verdict.state == ESE_CHECKSUM_GOOD;
}

static bool is_zero(struct bytes b)
{
    for (size_t i = 0; i < b.size; i++)
        if (b.at[i] != 0)
            return false;
    return true;
}

static int compare_place(const struct ese_log_stream *s, struct bytes b, uint32_t number)
{
    struct ese_log_position here = {.sector = (uint16_t)number, .generation = s->header.generation};
    return ese_log_position_compare(ese_log_position_read(b, SEGMENT_POSITION_AT), here);
}

/* Judges what stands at a segment's place, and gives the bytes to read as that segment. */
static bool judge(struct ese_log_stream *s, uint32_t number, enum place *place, struct bytes *b,
                  struct fault *f)
{
    struct bytes behind;
    if (!fetch(s, number, b, f))
        return false;
    *place = PLACE_BEYOND;
    if (b->size < SEGMENT)
        return true;
    if (is_sound(s, *b, number)) {
        int order = compare_place(s, *b, number);
        *place = order == 0 ? PLACE_SOUND : order < 0 ? PLACE_EMPTY : PLACE_DAMAGED;
        return true;
    }
    *place = PLACE_EMPTY;
    if (is_zero(*b) || (number > s->header.header_sectors && is_sound(s, *b, number - 1)))
        return true;
    *place = PLACE_DAMAGED;
    if (!fetch(s, number + 1, &behind, f))
        return false;
    if (is_sound(s, behind, number) && compare_place(s, behind, number) == 0) {
        *place = PLACE_COPY_BEHIND;
        *b = behind;
    }
    return true;
}

static bool damaged(const struct ese_log_stream *s, uint32_t number, const char *what,
                    struct fault *f)
{
    return fault_set(f, FAULT_DAMAGED, "generation %d, segment %u of %u: %s", s->header.generation,
                     number, s->header.file_sectors, what);
}

/* Behind the end there must be nothing that belongs before it. */
static bool check_behind(struct ese_log_stream *s, uint32_t number, struct fault *f)
{
    for (; number < s->last; number++) {
        enum place place;
        struct bytes b;
        if (!judge(s, number, &place, &b, f))
            return false;
        if (place == PLACE_BEYOND)
            return true;
        if (place != PLACE_EMPTY)
            return damaged(s, number, "expected nothing behind the end of the log, found a segment",
                           f);
    }
    return true;
}

/* A file that was cut may have lost segments. */
static bool is_whole(const struct ese_log_stream *s, struct fault *f)
{
    uint64_t expected = (uint64_t)s->header.file_sectors * SEGMENT;
    return ese_file_size(s->file) >= expected ||
           fault_set(f, FAULT_DAMAGED,
                     "generation %d: the file is cut: expected %" PRIu64 " bytes, found %" PRIu64,
                     s->header.generation, expected, ese_file_size(s->file));
}

/* Makes segment number s->segment the current one. */
static enum ese_log_step load(struct ese_log_stream *s, struct fault *f)
{
    enum place place = PLACE_BEYOND;
    if (s->segment < s->last && !judge(s, s->segment, &place, &s->current, f))
        return ESE_LOG_STEP_FAULT;
    if (place == PLACE_DAMAGED) {
        damaged(s, s->segment, "its checksum or its position is wrong, and no second copy is there",
                f);
        return ESE_LOG_STEP_FAULT;
    }
    if (place == PLACE_EMPTY || place == PLACE_BEYOND)
        return check_behind(s, s->segment, f) && is_whole(s, f) ? ESE_LOG_STEP_END
                                                                : ESE_LOG_STEP_FAULT;
    s->end.segments++;
    s->end.from_copies += place == PLACE_COPY_BEHIND;
    s->loaded = true;
    return ESE_LOG_STEP_RECORD;
}

/* ---- records ---- */

static struct ese_log_position position(const struct ese_log_stream *s, size_t at)
{
    struct ese_log_position p = {.byte = (uint16_t)(at <= ESE_LOG_SEGMENT_HEADER ? 0 : at),
                                 .sector = (uint16_t)s->segment,
                                 .generation = s->header.generation};
    if (at >= SEGMENT)
        p = (struct ese_log_position){.sector = (uint16_t)(s->segment + 1),
                                      .generation = s->header.generation};
    return p;
}

static enum ese_log_step finish(struct ese_log_stream *s, enum ese_log_step step)
{
    s->finished = true;
    return step;
}

static enum ese_log_step bad_record(struct ese_log_stream *s, const char *what, struct fault *f)
{
    fault_set(f, FAULT_DAMAGED, "generation %d, segment %u, byte %zu: %s", s->header.generation,
              s->segment, s->next, what);
    return ESE_LOG_STEP_FAULT;
}

static bool make_room(struct ese_log_stream *s, uint64_t size, struct fault *f)
{
    if (size > ESE_LOG_RECORD_MOST)
        return fault_set(f, FAULT_LIMIT, "a record of %llu bytes; expected at most %u",
                         (unsigned long long)size, ESE_LOG_RECORD_MOST);
    if (s->record == NULL) /* one room for all records: the longest */
        s->record = malloc(ESE_LOG_RECORD_MOST);
    if (s->record == NULL)
        return fault_no_memory(f, "a record");
    s->record_room = (size_t)size;
    return true;
}

/* A piece of a record: `header` bytes before it, its size in two of them at `size_at`. */
static bool take_piece(struct ese_log_stream *s, size_t header, size_t size_at, size_t *have,
                       struct fault *f)
{
    uint16_t size = 0;
    struct bytes piece;
    struct bytes rest = bytes_from(s->current, s->next);
    if (!bytes_le16(rest, size_at, &size) || !bytes_cut(rest, header, size, &piece) ||
        size > s->record_room - *have) {
        bad_record(s, "a piece of a record reaches over the segment's or the record's end", f);
        return false;
    }
    memcpy(s->record + *have, piece.at, piece.size);
    *have += piece.size;
    s->next += header + piece.size;
    return true;
}

/* Records that an engine writes first after it was ended in the middle of another record: what
 * there was of that is void. */
static bool may_follow_torn(const struct ese_log_stream *s, uint8_t type)
{
    if (type == ESE_LOG_FRAGMENT_BEGIN) /* what it begins */
        bytes_u8(s->current, s->next + FRAGMENT_BEGIN_SIZE, &type);
    return s->next == ESE_LOG_SEGMENT_HEADER &&
           (type == ESE_LOG_RECOVERY_UNDO || type == ESE_LOG_RECOVERY_UNDO2 ||
            type == ESE_LOG_UNDO_INFO);
}

/* A record that is whole in this segment. */
static enum ese_log_step take_whole(struct ese_log_stream *s, struct ese_log_record *record,
                                    struct fault *f)
{
    struct bytes rest = bytes_from(s->current, s->next);
    uint64_t size;
    if (!ese_log_record_size(rest, &size))
        return bad_record(s, "expected a record, found a type that does not exist", f);
    if (size > rest.size)
        return bad_record(s, "a record reaches over the segment's end", f);
    record->type = rest.at[0];
    record->bytes = bytes_of(rest.at, (size_t)size);
    s->next += (size_t)size;
    return ESE_LOG_STEP_RECORD;
}

/* A record was begun in pieces: `whole` when all of them are there. */
static enum ese_log_step take_assembled(struct ese_log_stream *s, struct ese_log_record *record,
                                        struct fault *f)
{
    struct bytes all = bytes_of(s->record, s->record_room);
    uint64_t size;
    if (!ese_log_record_size(all, &size) || size != all.size || all.at[0] == ESE_LOG_FRAGMENT ||
        all.at[0] == ESE_LOG_FRAGMENT_BEGIN)
        return bad_record(s, "the pieces of a record do not make one", f);
    record->type = all.at[0];
    record->bytes = all;
    return ESE_LOG_STEP_RECORD;
}

static bool begin_pieces(struct ese_log_stream *s, size_t *have, struct fault *f)
{
    uint32_t total = 0;
    if (!bytes_le32(bytes_from(s->current, s->next), 1, &total) || total == 0) {
        bad_record(s, "a record in pieces without a size", f);
        return false;
    }
    *have = 0;
    return make_room(s, total, f) && take_piece(s, FRAGMENT_BEGIN_SIZE, 5, have, f);
}

/* Goes over what fills a segment up, to the next segment if need be. */
static enum ese_log_step settle(struct ese_log_stream *s, struct fault *f)
{
    for (;;) {
        if (s->loaded) {
            while (s->next < SEGMENT && s->current.at[s->next] == ESE_LOG_NOP)
                s->next++;
            if (s->next < SEGMENT)
                return ESE_LOG_STEP_RECORD;
            s->segment++;
            s->loaded = false;
        }
        enum ese_log_step step = load(s, f);
        if (step != ESE_LOG_STEP_RECORD)
            return step;
        s->next = ESE_LOG_SEGMENT_HEADER;
    }
}

/* ---- version 7 ---- */

/* `size` bytes at the next record, or as many as there are. */
static bool look(struct ese_log_stream *s, size_t size, struct bytes *out, struct fault *f)
{
    uint64_t first = (uint64_t)s->run_first, room = (uint64_t)RUN * SEGMENT;
    if (s->run_count == 0 || s->offset < first || s->offset + size > first + s->run_count) {
        size_t got = 0;
        s->run_count = 0;
        if (!ese_file_read(s->file, s->offset, s->run, (size_t)room, &got, f))
            return false;
        s->run_first = (uint32_t)s->offset;
        s->run_count = (uint32_t)got;
        first = s->offset;
    }
    *out = bytes_from(bytes_of(s->run, s->run_count), (size_t)(s->offset - first));
    return true;
}

/* One stream over all sectors.  Each flush leaves a checksum record that says how far it reaches,
 * and where the next one is: behind the last of them nothing counts.  The sums themselves are not
 * verified. */
static enum ese_log_step next_of_sectors(struct ese_log_stream *s, struct ese_log_record *record,
                                         struct fault *f)
{
    struct bytes b;
    uint64_t size = 0;
    uint32_t next = 0, forwards = 0, sector = s->header.sector_size;
    do {
        if (!look(s, FIXED_MOST, &b, f))
            return ESE_LOG_STEP_FAULT;
        if (b.size == 0 || s->offset >= s->limit)
            return ESE_LOG_STEP_END;
    } while (b.at[0] == ESE_LOG_NOP && ++s->offset);
    record->at = (struct ese_log_position){.byte = (uint16_t)(s->offset % sector),
                                           .sector = (uint16_t)(s->offset / sector),
                                           .generation = s->header.generation};
    s->end.at = record->at;
    if (b.at[0] == ESE_LOG_END)
        return ESE_LOG_STEP_END;
    if (!ese_log_record_size(b, &size) || size > ESE_LOG_RECORD_MOST) {
        fault_set(f, FAULT_DAMAGED, "generation %d, sector %u, byte %u: expected a record",
                  s->header.generation, record->at.sector, record->at.byte);
        return ESE_LOG_STEP_FAULT;
    }
    if (!look(s, (size_t)size, &b, f))
        return ESE_LOG_STEP_FAULT;
    if (b.size < size) {
        s->end.torn_record = true;
        return ESE_LOG_STEP_END;
    }
    record->type = b.at[0];
    record->bytes = bytes_of(b.at, (size_t)size);
    s->offset += size;
    if (record->type == ESE_LOG_CHECKSUM && bytes_le32(b, CHECKSUM_NEXT_AT, &next) &&
        bytes_le32(b, CHECKSUM_FORWARDS_AT, &forwards)) {
        uint64_t flushed =
            s->offset + (next ? (uint64_t)next + ese_log_fixed_size(ESE_LOG_CHECKSUM) : forwards);
        s->limit = flushed < file_end(s) ? flushed : file_end(s);
    }
    return ESE_LOG_STEP_RECORD;
}

enum ese_log_step ese_log_stream_next(struct ese_log_stream *s, struct ese_log_record *record,
                                      struct fault *f)
{
    size_t have = 0;
    bool in_pieces = false;
    if (s->finished)
        return ESE_LOG_STEP_END;
    if (s->header.framing == ESE_LOG_SECTORS) {
        enum ese_log_step got = next_of_sectors(s, record, f);
        return got == ESE_LOG_STEP_RECORD ? got : finish(s, got);
    }
    record->at = position(s, s->next);
    s->end.at = record->at;
    for (;;) {
        enum ese_log_step step = settle(s, f);
        if (step == ESE_LOG_STEP_END)
            s->end.torn_record = in_pieces;
        if (step != ESE_LOG_STEP_RECORD)
            return finish(s, step);
        uint8_t type = s->current.at[s->next];
        if (in_pieces && may_follow_torn(s, type)) {
            in_pieces = false;
            record->at = position(s, s->next);
        }
        if (type == ESE_LOG_FRAGMENT_BEGIN && !in_pieces) {
            if (!begin_pieces(s, &have, f))
                return finish(s, ESE_LOG_STEP_FAULT);
            in_pieces = true;
        } else if (type == ESE_LOG_FRAGMENT && in_pieces) {
            if (!take_piece(s, FRAGMENT_SIZE, 1, &have, f))
                return finish(s, ESE_LOG_STEP_FAULT);
        } else if (in_pieces || type == ESE_LOG_FRAGMENT) {
            return finish(s, bad_record(s, "a piece of a record without the others", f));
        } else {
            step = take_whole(s, record, f);
            return step == ESE_LOG_STEP_RECORD ? step : finish(s, step);
        }
        if (have == s->record_room) {
            step = take_assembled(s, record, f);
            return step == ESE_LOG_STEP_RECORD ? step : finish(s, step);
        }
    }
}
