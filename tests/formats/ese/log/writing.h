/*
 * A log for the small database, record after record, and the replay of it.
 */
#ifndef KM_TESTS_LOG_WRITING_H
#define KM_TESTS_LOG_WRITING_H

#include "tests/check_main.h"
#include "tests/formats/ese/log/replaying.h"

#include <sys/mman.h>
#include <unistd.h>

enum { SEGMENTS = 6 };

/* ---- a log, record after record ---- */

struct writer {
    uint8_t *log;
    unsigned segment;
    size_t at;
};

static struct writer w;
static struct made_store store;
static struct ese_replay_summary summary;

static inline void start(uint32_t pages)
{
    store = made_store(pages);
    w = (struct writer){
        .log = calloc(1, made_size(SEGMENTS)), .segment = 1, .at = ESE_LOG_SEGMENT_HEADER};
    made_header(w.log, SEGMENTS);
    made_attach(w.log);
}

static inline void put(const uint8_t *record, size_t size)
{
    if (w.at + size > ESE_LOG_SEGMENT_SIZE) {
        w.segment++;
        w.at = ESE_LOG_SEGMENT_HEADER;
    }
    ck_assert_uint_le(w.segment, SEGMENTS);
    memcpy(w.log + (size_t)w.segment * ESE_LOG_SEGMENT_SIZE + w.at, record, size);
    w.at += size;
}

/* A record that no segment has room for, in two pieces. */
static inline void put_in_pieces(const uint8_t *record, size_t size)
{
    uint8_t piece[ESE_LOG_SEGMENT_SIZE] = {ESE_LOG_FRAGMENT_BEGIN};
    size_t first = ESE_LOG_SEGMENT_SIZE - ESE_LOG_SEGMENT_HEADER - 7;
    if (w.at > ESE_LOG_SEGMENT_HEADER) {
        w.segment++;
        w.at = ESE_LOG_SEGMENT_HEADER;
    }
    bytes_put_le32(piece + 1, (uint32_t)size);
    bytes_put_le16(piece + 5, first);
    memcpy(piece + 7, record, first);
    put(piece, 7 + first);
    piece[0] = ESE_LOG_FRAGMENT;
    bytes_put_le16(piece + 1, size - first);
    memcpy(piece + 3, record + first, size - first);
    put(piece, 3 + size - first);
}

static inline void put_begin(void)
{
    uint8_t r[8] = {ESE_LOG_BEGIN0, MADE_SESSION, 0, 0x10};
    put(r, sizeof r);
}

static inline void put_commit(void)
{
    uint8_t r[8] = {ESE_LOG_COMMIT0, MADE_SESSION, 0, 0};
    put(r, sizeof r);
}

/* ---- the replay ---- */

/* Replays what was put into the store's bytes.  False: refused, with f. */
static inline bool replay(struct fault *f)
{
    struct ese_file *file, *log;
    struct ese_log_stream *stream;
    struct ese_replay *r;
    struct ese_replay_options options = {.memory = 1 << 20};
    *f = (struct fault){.code = FAULT_NONE};
    for (unsigned i = 1; i <= w.segment; i++)
        made_seal(w.log, i, i);
    ck_assert(ese_file_over(bytes_of(store.bytes, store.size), &file, f));
    ck_assert(ese_file_over(bytes_of(w.log, made_size(SEGMENTS)), &log, f));
    ck_assert_msg(ese_log_stream_open(log, &stream, f), "%s", f->text);
    ck_assert(ese_replay_open(file, bytes_of(store.bytes, MADE_PAGE_SIZE), &options, &r, f));
    bool ok = ese_replay_log(r, stream, f) && ese_replay_finish(r, f);
    summary = *ese_replay_summary(r);
    int to = memfd_create("replayed", MFD_CLOEXEC);
    if (ok) {
        ck_assert_msg(ese_replay_write(r, to, f), "%s", f->text);
        store.size = (size_t)(summary.last_page + 2) * MADE_PAGE_SIZE;
        store.bytes = realloc(store.bytes, store.size);
        ck_assert_int_eq(pread(to, store.bytes, store.size, 0), (ssize_t)store.size);
    }
    close(to);
    ese_replay_close(r);
    ese_log_stream_close(stream);
    ese_file_close(log);
    ese_file_close(file);
    return ok;
}

static inline void expect_refusal(const char *part)
{
    struct fault f;
    ck_assert_msg(!replay(&f), "was not refused");
    ck_assert_msg(strstr(f.text, part) != NULL, "expected ...%s..., found %s", part, f.text);
    free(store.bytes);
    free(w.log);
}

#endif
