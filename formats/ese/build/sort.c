/*
 * Sorting more entries than fit into memory.
 *
 * Entries are gathered in a buffer; when it is full they are sorted and written as a run to an
 * unnamed temporary file.  At the end the runs are merged; when there are too many to merge at
 * once, groups of them are merged into longer runs first.  Entries that all fit into the buffer
 * never touch a file.
 */
#include "formats/ese/build/parts.h"

#include "formats/descriptor.h"
#include "formats/fileio.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

enum {
    BUFFER_BYTES = 4 * 1024 * 1024, /* entries and their table, before a run is written */
    MERGE_MOST = 32,                /* runs merged at once */
    READER_BYTES = 128 * 1024,      /* must hold the longest entry */
    ENTRY_HEADER = 8,               /* sizes of key and data */
};

struct run {
    uint64_t at, size; /* in the temporary file */
};

/* Reads one run forward. */
struct run_reader {
    uint64_t at, left; /* of the run, what was not read yet */
    uint8_t *buffer;
    size_t start, end; /* what of the buffer is filled and not taken */
    struct bytes key, data;
    uint64_t begin; /* as place.key */
    bool done;
};

/* Where an entry is, and how it begins, so that most comparisons need no more. */
struct place {
    uint64_t key;  /* its first 7 bytes, then its size, or 8 when it is longer than those */
    uint64_t data; /* its first 8 bytes */
    size_t at;
};

struct build_sort {
    uint8_t *buffer;
    size_t used;         /* entries, from the front */
    struct place *entry; /* their places */
    size_t entries, entry_room;
    size_t digit[16][256]; /* of sort_beginnings() */
    bool sorted;
    size_t next; /* of the entries in memory */
    int descriptor;
    uint64_t file_size;
    struct run *run;
    size_t runs, run_room;
    struct run_reader *reader;
    unsigned readers;
    unsigned heap[MERGE_MOST];
    unsigned heap_size;
    bool merging, started;
};

bool build_sort_open(struct build_sort **out, struct fault *f)
{
    struct build_sort *s = calloc(1, sizeof *s);
    if (s == NULL)
        return fault_no_memory(f, "sorting");
    s->descriptor = -1;
    *out = s;
    return true;
}

static void close_readers(struct build_sort *s)
{
    for (unsigned i = 0; i < s->readers; i++)
        free(s->reader[i].buffer);
    free(s->reader);
    s->reader = NULL;
    s->readers = 0;
}

void build_sort_close(struct build_sort *s)
{
    if (s == NULL)
        return;
    close_readers(s);
    descriptor_close(s->descriptor);
    free(s->buffer);
    free(s->entry);
    free(s->run);
    free(s);
}

/* ---- the order ---- */

static struct bytes part(const uint8_t *at, bool data)
{
    struct bytes header = bytes_of(at, ENTRY_HEADER);
    uint32_t key_size = bytes_get_le32(header, 0), data_size = bytes_get_le32(header, 4);
    return data ? bytes_of(at + ENTRY_HEADER + key_size, data_size)
                : bytes_of(at + ENTRY_HEADER, key_size);
}

static int compare(struct bytes key_a, struct bytes data_a, struct bytes key_b, struct bytes data_b)
{
    int order = bytes_compare(key_a, key_b);
    return order ? order : bytes_compare(data_a, data_b);
}

enum { KEY_BYTES = 7 };

/* The first 8 bytes as a number; what is missing counts as 0. */
static uint64_t first_bytes(struct bytes b)
{
    uint8_t room[8] = {0};
    if (b.size > 0)
        memcpy(room, b.at, b.size < sizeof room ? b.size : sizeof room);
    return bytes_number_be(bytes_of(room, sizeof room));
}

static uint64_t begin_of(struct bytes key)
{
    uint64_t size = key.size <= KEY_BYTES ? key.size : KEY_BYTES + 1;
    return (first_bytes(key) & ~(uint64_t)0xff) | size;
}

static struct place place_of(struct bytes key, struct bytes data, size_t at)
{
    return (struct place){.key = begin_of(key), .data = first_bytes(data), .at = at};
}

static int compare_entries(const void *a, const void *b, void *context)
{
    const struct place *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    /* Short keys are equal then, and their data decide. */
    if ((x->key & 0xff) <= KEY_BYTES && x->data != y->data)
        return x->data < y->data ? -1 : 1;
    const uint8_t *buffer = context;
    return compare(part(buffer + x->at, false), part(buffer + x->at, true),
                   part(buffer + y->at, false), part(buffer + y->at, true));
}

/* ---- runs ---- */

static bool file_write(struct build_sort *s, const uint8_t *at, size_t size, struct fault *f)
{
    if (s->descriptor < 0)
        s->descriptor = fileio_temporary();
    if (s->descriptor < 0)
        return fault_set(f, FAULT_IO, "no temporary file in TMPDIR for sorting index entries: %s",
                         strerror(errno));
    if (!fileio_write_at(s->descriptor, s->file_size, bytes_of(at, size)))
        return fault_set(f, FAULT_IO, "write error in TMPDIR while sorting index entries: %s",
                         strerror(errno));
    s->file_size += size;
    return true;
}

static bool new_run(struct build_sort *s, struct fault *f)
{
    if (!array_reserve(&s->run, &s->run_room, s->runs + 1, sizeof *s->run))
        return fault_no_memory(f, "sorting");
    s->run[s->runs++] = (struct run){.at = s->file_size};
    return true;
}

/* Collects what is written into blocks. */
struct run_writer {
    uint8_t *block;
    size_t used;
};

static bool put_entry(struct build_sort *s, struct run_writer *w, struct bytes key,
                      struct bytes data, struct fault *f)
{
    size_t size = ENTRY_HEADER + key.size + data.size;
    if (w->used + size > READER_BYTES) {
        if (!file_write(s, w->block, w->used, f))
            return false;
        w->used = 0;
    }
    uint8_t *to = w->block + w->used;
    bytes_put_le32(to, key.size);
    bytes_put_le32(to + 4, data.size);
    if (key.size > 0)
        memcpy(to + ENTRY_HEADER, key.at, key.size);
    if (data.size > 0)
        memcpy(to + ENTRY_HEADER + key.size, data.at, data.size);
    w->used += size;
    return true;
}

static bool end_run(struct build_sort *s, struct run_writer *w, struct fault *f)
{
    bool ok = file_write(s, w->block, w->used, f);
    struct run *run = &s->run[s->runs - 1];
    run->size = s->file_size - run->at;
    w->used = 0;
    return ok;
}

enum { DIGITS = 16, DIGIT_VALUES = 256 };

/* The least digit is the last byte of the data. */
static unsigned digit(const struct place *p, unsigned i)
{
    return (unsigned)((i < 8 ? p->data >> 8 * i : p->key >> 8 * (i - 8)) & 0xff);
}

/* Sorts by how entries begin, digit by digit; digits that are the same in all cost nothing. */
static void sort_beginnings(struct build_sort *s, struct place *other)
{
    size_t(*count)[DIGIT_VALUES] = s->digit;
    memset(count, 0, DIGITS * sizeof *count);
    for (size_t i = 0; i < s->entries; i++)
        for (unsigned d = 0; d < DIGITS; d++)
            count[d][digit(&s->entry[i], d)]++;
    struct place *from = s->entry, *to = other;
    for (unsigned d = 0; d < DIGITS; d++) {
        if (count[d][digit(from, d)] == s->entries)
            continue;
        size_t before = 0;
        for (unsigned v = 0; v < DIGIT_VALUES; v++) {
            size_t here = count[d][v];
            count[d][v] = before;
            before += here;
        }
        for (size_t i = 0; i < s->entries; i++)
            to[count[d][digit(&from[i], d)]++] = from[i];
        struct place *swap = from;
        from = to;
        to = swap;
    }
    if (from != s->entry)
        memcpy(s->entry, from, s->entries * sizeof *from);
}

/* Do two entries begin alike, so that more of them has to be looked at? */
static bool alike(const struct place *a, const struct place *b)
{
    return a->key == b->key && ((a->key & 0xff) > KEY_BYTES || a->data == b->data);
}

static void sort_memory(struct build_sort *s)
{
    struct place *other = s->entries > 1 ? malloc(s->entries * sizeof *other) : NULL;
    size_t first = 0;
    if (other == NULL) {
        if (s->entries > 1)
            qsort_r(s->entry, s->entries, sizeof *s->entry, compare_entries, s->buffer);
        return;
    }
    sort_beginnings(s, other);
    free(other);
    for (size_t i = 1; i <= s->entries; i++) {
        if (i < s->entries && alike(&s->entry[first], &s->entry[i]))
            continue;
        if (i - first > 1)
            qsort_r(s->entry + first, i - first, sizeof *s->entry, compare_entries, s->buffer);
        first = i;
    }
}

static bool write_run(struct build_sort *s, struct fault *f)
{
    struct run_writer w = {.block = malloc(READER_BYTES)};
    if (w.block == NULL)
        return fault_no_memory(f, "sorting");
    sort_memory(s);
    bool ok = new_run(s, f);
    for (size_t i = 0; ok && i < s->entries; i++) {
        const uint8_t *at = s->buffer + s->entry[i].at;
        ok = put_entry(s, &w, part(at, false), part(at, true), f);
    }
    ok = ok && end_run(s, &w, f);
    free(w.block);
    s->entries = s->used = 0;
    return ok;
}

bool build_sort_add(struct build_sort *s, struct bytes key, struct bytes data, struct fault *f)
{
    size_t size = ENTRY_HEADER + key.size + data.size;
    if (size > READER_BYTES)
        return fault_set(f, FAULT_LIMIT, "an index entry of %zu bytes", size);
    if (s->buffer == NULL && (s->buffer = malloc(BUFFER_BYTES)) == NULL)
        return fault_no_memory(f, "sorting");
    if (s->used + size + (s->entries + 1) * sizeof *s->entry > BUFFER_BYTES && !write_run(s, f))
        return false;
    if (!array_reserve(&s->entry, &s->entry_room, s->entries + 1, sizeof *s->entry))
        return fault_no_memory(f, "sorting");
    s->entry[s->entries++] = place_of(key, data, s->used);
    struct run_writer w = {.block = s->buffer + s->used};
    s->used += size;
    return put_entry(s, &w, key, data, f);
}

/* ---- merging ---- */

/* Takes the reader's next entry into its key and data. */
static bool advance(struct build_sort *s, struct run_reader *r, struct fault *f)
{
    size_t have = r->end - r->start, needs = ENTRY_HEADER;
    for (int tries = 0; tries < 2; tries++) {
        if (have >= ENTRY_HEADER) {
            const uint8_t *at = r->buffer + r->start;
            r->key = part(at, false);
            r->data = part(at, true);
            needs = ENTRY_HEADER + r->key.size + r->data.size;
        }
        if (have >= needs) {
            r->start += needs;
            r->begin = begin_of(r->key);
            return true;
        }
        if (r->left == 0)
            break;
        memmove(r->buffer, r->buffer + r->start, have);
        r->start = 0;
        r->end = have;
        size_t want = READER_BYTES - r->end;
        if (want > r->left)
            want = (size_t)r->left;
        if (fileio_read_at(s->descriptor, r->at, r->buffer + r->end, want) < want)
            return fault_set(f, FAULT_IO, "read error in TMPDIR while sorting index entries: %s",
                             fileio_why_short("the file is too short"));
        r->at += want;
        r->end += want;
        r->left -= want;
        have = r->end;
    }
    r->done = true;
    return have == 0 || fault_set(f, FAULT_IO, "the temporary file in TMPDIR was changed");
}

static bool heap_less(const struct build_sort *s, unsigned a, unsigned b)
{
    const struct run_reader *x = &s->reader[a], *y = &s->reader[b];
    if (x->begin != y->begin)
        return x->begin < y->begin;
    return compare(x->key, x->data, y->key, y->data) < 0;
}

static void sift_down(struct build_sort *s, unsigned i)
{
    for (;;) {
        unsigned least = i;
        for (unsigned child = 2 * i + 1; child <= 2 * i + 2 && child < s->heap_size; child++)
            if (heap_less(s, s->heap[child], s->heap[least]))
                least = child;
        if (least == i)
            return;
        unsigned swap = s->heap[i];
        s->heap[i] = s->heap[least];
        s->heap[least] = swap;
        i = least;
    }
}

static bool open_merge(struct build_sort *s, unsigned runs, struct fault *f)
{
    s->reader = calloc(runs, sizeof *s->reader);
    if (s->reader == NULL)
        return fault_no_memory(f, "sorting");
    s->readers = runs;
    s->heap_size = 0;
    for (unsigned i = 0; i < runs; i++) {
        struct run_reader *r = &s->reader[i];
        r->at = s->run[i].at;
        r->left = s->run[i].size;
        r->buffer = malloc(READER_BYTES);
        if (r->buffer == NULL)
            return fault_no_memory(f, "sorting");
        if (!advance(s, r, f))
            return false;
        if (!r->done)
            s->heap[s->heap_size++] = i;
    }
    for (unsigned i = s->heap_size; i-- > 0;)
        sift_down(s, i);
    s->started = false;
    return true;
}

static bool merge_next(struct build_sort *s, struct bytes *key, struct bytes *data, bool *more,
                       struct fault *f)
{
    if (s->started && s->heap_size > 0) {
        struct run_reader *r = &s->reader[s->heap[0]];
        if (!advance(s, r, f))
            return false;
        if (r->done)
            s->heap[0] = s->heap[--s->heap_size];
        sift_down(s, 0);
    }
    s->started = true;
    *more = s->heap_size > 0;
    if (*more) {
        *key = s->reader[s->heap[0]].key;
        *data = s->reader[s->heap[0]].data;
    }
    return true;
}

/* Merges the first runs into one longer run behind the others. */
static bool merge_some(struct build_sort *s, struct fault *f)
{
    struct run_writer w = {.block = malloc(READER_BYTES)};
    if (w.block == NULL)
        return fault_no_memory(f, "sorting");
    struct bytes key, data;
    bool more = true;
    bool ok = open_merge(s, MERGE_MOST, f) && new_run(s, f);
    while (ok && (ok = merge_next(s, &key, &data, &more, f)) && more)
        ok = put_entry(s, &w, key, data, f);
    ok = ok && end_run(s, &w, f);
    free(w.block);
    close_readers(s);
    if (ok) {
        s->runs -= MERGE_MOST;
        memmove(s->run, s->run + MERGE_MOST, s->runs * sizeof *s->run);
    }
    return ok;
}

static bool finish(struct build_sort *s, struct fault *f)
{
    s->sorted = true;
    if (s->runs == 0) {
        sort_memory(s);
        return true;
    }
    if (s->entries > 0 && !write_run(s, f))
        return false;
    free(s->buffer);
    free(s->entry);
    s->buffer = NULL;
    s->entry = NULL;
    s->entry_room = 0;
    s->merging = true;
    while (s->runs > MERGE_MOST)
        if (!merge_some(s, f))
            return false;
    return open_merge(s, (unsigned)s->runs, f);
}

bool build_sort_rewind(struct build_sort *s, struct fault *f)
{
    s->next = 0;
    if (!s->merging)
        return true;
    close_readers(s);
    return open_merge(s, (unsigned)s->runs, f);
}

bool build_sort_next(struct build_sort *s, struct bytes *key, struct bytes *data, bool *more,
                     struct fault *f)
{
    if (!s->sorted && !finish(s, f))
        return false;
    if (s->merging)
        return merge_next(s, key, data, more, f);
    *more = s->next < s->entries;
    if (*more) {
        const uint8_t *at = s->buffer + s->entry[s->next++].at;
        *key = part(at, false);
        *data = part(at, true);
    }
    return true;
}
