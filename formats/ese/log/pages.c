/*
 * The pages of a replay: see log/parts.h.
 *
 * Each page that was asked for has an entry in a table; an entry knows the page's frame, or where
 * in the unnamed file the changed page lies.  Frames are given up in a circle, those that were
 * asked for again only in the next round, never those of the turn in hand: an operation touches a
 * few dozen pages at the most.
 */
#include "formats/ese/log/parts.h"

#include "formats/descriptor.h"
#include "formats/fileio.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

enum {
    FRAMES_LEAST = 128, /* more than one operation touches */
    TABLE_FIRST = 1024,
    NO_FRAME = -1,
};

/* Times from here on mark a page that a shrinking or a going back left: as good as none.
 * (inc/daedef.hxx: dbtimeRevert, dbtimeShrunk) */
#define TIME_MARK 0xfffffffffffffffcu

struct entry {
    uint32_t number; /* 0: the place is free */
    int32_t frame;
    int64_t stored; /* place in the unnamed file; -1: none */
    bool changed;
};

struct log_pages {
    struct ese_file *file;
    uint32_t page_size;
    struct log_frame *frame;
    size_t frames, used_frames, hand;
    uint8_t *room, *spare;
    struct entry *table;
    size_t places, entries;
    uint32_t changed;
    uint64_t turn;
    int store; /* the unnamed file; -1: not made yet */
    int64_t stored;
};

bool log_pages_open(struct ese_file *file, uint32_t page_size, size_t frames,
                    struct log_pages **out, struct fault *f)
{
    struct log_pages *p = calloc(1, sizeof *p);
    *out = p;
    if (p == NULL)
        return fault_no_memory(f, "pages");
    p->file = file;
    p->page_size = page_size;
    p->frames = frames < FRAMES_LEAST ? FRAMES_LEAST : frames;
    p->store = -1;
    p->places = TABLE_FIRST;
    p->frame = calloc(p->frames, sizeof *p->frame);
    p->room = malloc(p->frames * page_size);
    p->spare = malloc(page_size);
    p->table = calloc(p->places, sizeof *p->table);
    return (p->frame && p->room && p->spare && p->table) || fault_no_memory(f, "pages");
}

void log_pages_close(struct log_pages *p)
{
    if (p == NULL)
        return;
    descriptor_close(p->store);
    free(p->frame);
    free(p->room);
    free(p->spare);
    free(p->table);
    free(p);
}

void log_pages_turn(struct log_pages *p)
{
    p->turn++;
}

/* ---- the table ---- */

static size_t place_of(const struct log_pages *p, uint32_t number)
{
    size_t at = (size_t)(number * 0x9e3779b1u) & (p->places - 1);
    while (p->table[at].number != 0 && p->table[at].number != number)
        at = (at + 1) & (p->places - 1);
    return at;
}

static bool grow(struct log_pages *p, struct fault *f)
{
    struct entry *old = p->table;
    size_t places = p->places;
    struct entry *table = calloc(places * 2, sizeof *table);
    if (table == NULL)
        return fault_no_memory(f, "pages");
    p->table = table;
    p->places = places * 2;
    for (size_t i = 0; i < places; i++) {
        if (old[i].number == 0)
            continue;
        size_t at = place_of(p, old[i].number);
        p->table[at] = old[i];
        if (old[i].frame != NO_FRAME)
            p->frame[old[i].frame].entry = at;
    }
    free(old);
    return true;
}

/* The entry of a page, made if need be. */
static struct entry *entry_of(struct log_pages *p, uint32_t number, struct fault *f)
{
    if (p->entries * 2 >= p->places && !grow(p, f))
        return NULL;
    struct entry *e = &p->table[place_of(p, number)];
    if (e->number == 0) {
        *e = (struct entry){.number = number, .frame = NO_FRAME, .stored = -1};
        p->entries++;
    }
    return e;
}

/* ---- the unnamed file ---- */

/* Where there is no room for a file there may be some in memory. */
static bool make_store(struct log_pages *p, struct fault *f)
{
    if (p->store < 0)
        p->store = fileio_temporary();
    if (p->store < 0)
        p->store = memfd_create("kmmigrate", MFD_CLOEXEC);
    return p->store >= 0 ||
           fault_set(f, FAULT_IO, "no temporary file for changed pages: %s", strerror(errno));
}

static bool store_page(struct log_pages *p, struct entry *e, const uint8_t *raw, struct fault *f)
{
    if (!make_store(p, f))
        return false;
    if (e->stored < 0)
        e->stored = p->stored++;
    return fileio_write_at(p->store, (uint64_t)e->stored * p->page_size,
                           bytes_of(raw, p->page_size)) ||
           fault_set(f, FAULT_IO, "no room for changed pages in TMPDIR: %s", strerror(errno));
}

static bool fetch_stored(struct log_pages *p, const struct entry *e, uint8_t *raw, struct fault *f)
{
    uint64_t at = (uint64_t)e->stored * p->page_size;
    return fileio_read_at(p->store, at, raw, p->page_size) == p->page_size ||
           fault_set(f, FAULT_IO, "a changed page cannot be read back: %s",
                     fileio_why_short("it is not there"));
}

/* ---- frames ---- */

static bool give_up(struct log_pages *p, struct log_frame *frame, struct fault *f)
{
    if (frame->entry == SIZE_MAX) /* nobody's */
        return true;
    struct entry *e = &p->table[frame->entry];
    if (frame->changed && !store_page(p, e, frame->page.raw, f))
        return false;
    e->frame = NO_FRAME;
    return true;
}

static struct log_frame *free_frame(struct log_pages *p, struct fault *f)
{
    if (p->used_frames < p->frames) {
        struct log_frame *fresh = &p->frame[p->used_frames];
        fresh->page = (struct ese_page_change){.raw = p->room + p->used_frames * p->page_size,
                                               .spare = p->spare,
                                               .size = p->page_size};
        p->used_frames++;
        return fresh;
    }
    for (size_t tried = 0; tried < 2 * p->frames; tried++) {
        struct log_frame *frame = &p->frame[p->hand];
        p->hand = (p->hand + 1) % p->frames;
        if (frame->used == p->turn)
            continue;
        if (!frame->again)
            return give_up(p, frame, f) ? frame : NULL;
        frame->again = false;
    }
    fault_set(f, FAULT_LIMIT, "one record changes more pages than %zu", p->frames);
    return NULL;
}

static struct log_frame *put_into_frame(struct log_pages *p, struct entry *e, struct fault *f)
{
    uint32_t number = e->number;
    size_t at = (size_t)(e - p->table);
    struct log_frame *frame = free_frame(p, f);
    if (frame == NULL)
        return NULL;
    frame->page.number = number;
    frame->number = number;
    frame->entry = at;
    frame->changed = false;
    frame->sound = false;
    frame->again = false;
    frame->used = p->turn;
    return frame;
}

/* The page as the database file has it: `there` false for one of zeros, beyond its end, or left. */
static bool read_page(struct log_pages *p, uint32_t number, uint8_t *raw, bool *there,
                      struct fault *f)
{
    size_t got = 0;
    *there = false;
    if (!ese_file_read(p->file, ese_page_offset(number, p->page_size), raw, p->page_size, &got, f))
        return false;
    if (got < p->page_size)
        return true;
    struct ese_checksum_verdict v = ese_checksum_verify(bytes_of(raw, p->page_size), number);
    if (v.state == ESE_CHECKSUM_ZERO)
        return true;
    if (v.state == ESE_CHECKSUM_ONE_BIT)
        raw[v.bit / 8] ^= (uint8_t)(1 << v.bit % 8);
    else if (v.state != ESE_CHECKSUM_GOOD)
        return fault_set(f, FAULT_DAMAGED,
                         "page %u of the database has a wrong checksum, and the logs change it",
                         number);
    *there = bytes_get_le64(bytes_of(raw, p->page_size), ESE_PAGE_DBTIME_AT) < TIME_MARK;
    return true;
}

bool log_pages_get(struct log_pages *p, uint32_t number, struct log_frame **out, struct fault *f)
{
    bool there = true;
    *out = NULL;
    if (number == 0 || number > ESE_LOG_PAGE_MOST)
        return true;
    struct entry *e = entry_of(p, number, f);
    if (e == NULL)
        return false;
    if (e->frame != NO_FRAME) {
        *out = &p->frame[e->frame];
        (*out)->again = true;
        (*out)->used = p->turn;
        return true;
    }
    struct log_frame *frame = put_into_frame(p, e, f);
    if (frame == NULL)
        return false;
    bool ok = e->stored >= 0 ? fetch_stored(p, e, frame->page.raw, f)
                             : read_page(p, number, frame->page.raw, &there, f);
    if (!ok || !there) { /* the frame is nobody's: it is the next to be used again */
        frame->used = 0;
        frame->entry = SIZE_MAX;
        return ok;
    }
    frame->sound = e->stored >= 0; /* what was stored was changed, and is as it was left */
    e->frame = (int32_t)(frame - p->frame);
    *out = frame;
    return true;
}

bool log_pages_new(struct log_pages *p, uint32_t number, struct log_frame **out, struct fault *f)
{
    *out = NULL;
    if (number == 0 || number > ESE_LOG_PAGE_MOST)
        return fault_set(f, FAULT_DAMAGED, "a record makes page %u, which no database has", number);
    struct entry *e = entry_of(p, number, f);
    if (e == NULL)
        return false;
    struct log_frame *frame = e->frame != NO_FRAME ? &p->frame[e->frame] : put_into_frame(p, e, f);
    if (frame == NULL)
        return false;
    frame->used = p->turn;
    frame->sound = true; /* whoever asked makes it so */
    frame->changed = true;
    e->frame = (int32_t)(frame - p->frame);
    p->changed += !e->changed;
    e->changed = true;
    *out = frame;
    return true;
}

bool log_pages_change(struct log_pages *p, struct log_frame *frame, struct fault *f)
{
    struct entry *e = &p->table[frame->entry];
    if (!frame->sound && !ese_page_change_sound(&frame->page, f))
        return false;
    frame->sound = true;
    frame->changed = true;
    p->changed += !e->changed;
    e->changed = true;
    return true;
}

uint32_t log_pages_changed(const struct log_pages *p)
{
    return p->changed;
}

bool log_pages_has_changed(const struct log_pages *p, uint32_t number)
{
    const struct entry *e = &p->table[place_of(p, number)];
    return e->number == number && e->changed;
}

/* Of a page that was changed: as it is now. */
static bool copy_changed(struct log_pages *p, const struct entry *e, uint8_t *raw, struct fault *f)
{
    if (e->frame == NO_FRAME)
        return fetch_stored(p, e, raw, f);
    memcpy(raw, p->frame[e->frame].page.raw, p->page_size);
    return true;
}

bool log_pages_copy(struct log_pages *p, uint32_t number, uint8_t *raw, bool *changed,
                    struct fault *f)
{
    const struct entry *e = &p->table[place_of(p, number)];
    *changed = e->number == number && e->changed;
    return !*changed || copy_changed(p, e, raw, f);
}

bool log_pages_each(struct log_pages *p, uint32_t from,
                    bool (*each)(void *context, uint32_t number, uint8_t *raw, struct fault *f),
                    void *context, struct fault *f)
{
    uint8_t *raw = malloc(p->page_size);
    bool ok = raw != NULL || fault_no_memory(f, "pages");
    for (size_t i = 0; ok && i < p->places; i++) {
        const struct entry *e = &p->table[i];
        if (e->number != 0 && e->changed && e->number >= from)
            ok = copy_changed(p, e, raw, f) && each(context, e->number, raw, f);
    }
    free(raw);
    return ok;
}
