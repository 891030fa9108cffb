/* A log for the small database: see writing.h. */
#include "tests/formats/ese/log/writing.h"

enum { SEGMENTS = 6 };

/* ---- a log, record after record ---- */

struct writer written;

struct made_store small_store;

struct ese_replay_summary replayed;

void log_start(uint32_t pages)
{
    small_store = made_store(pages);
    written = (struct writer){
        .log = calloc(1, made_size(SEGMENTS)), .segment = 1, .at = ESE_LOG_SEGMENT_HEADER};
    made_header(written.log, SEGMENTS);
    made_attach(written.log);
}

void log_put(const uint8_t *record, size_t size)
{
    if (written.at + size > ESE_LOG_SEGMENT_SIZE) {
        written.segment++;
        written.at = ESE_LOG_SEGMENT_HEADER;
    }
    ck_assert_uint_le(written.segment, SEGMENTS);
    memcpy(written.log + (size_t)written.segment * ESE_LOG_SEGMENT_SIZE + written.at, record, size);
    written.at += size;
}

void log_put_in_pieces(const uint8_t *record, size_t size)
{
    uint8_t piece[ESE_LOG_SEGMENT_SIZE] = {ESE_LOG_FRAGMENT_BEGIN};
    size_t first = ESE_LOG_SEGMENT_SIZE - ESE_LOG_SEGMENT_HEADER - 7;
    if (written.at > ESE_LOG_SEGMENT_HEADER) {
        written.segment++;
        written.at = ESE_LOG_SEGMENT_HEADER;
    }
    bytes_put_le32(piece + 1, (uint32_t)size);
    bytes_put_le16(piece + 5, first);
    memcpy(piece + 7, record, first);
    log_put(piece, 7 + first);
    piece[0] = ESE_LOG_FRAGMENT;
    bytes_put_le16(piece + 1, size - first);
    memcpy(piece + 3, record + first, size - first);
    log_put(piece, 3 + size - first);
}

void log_put_begin(void)
{
    uint8_t r[8] = {ESE_LOG_BEGIN0, MADE_SESSION, 0, 0x10};
    log_put(r, sizeof r);
}

void log_put_commit(void)
{
    uint8_t r[8] = {ESE_LOG_COMMIT0, MADE_SESSION, 0, 0};
    log_put(r, sizeof r);
}

/* ---- the replay ---- */

bool log_replay(struct fault *f)
{
    struct ese_file *file, *log;
    struct ese_log_stream *stream;
    struct ese_replay *r;
    struct ese_replay_options options = {.memory = 1 << 20};
    *f = (struct fault){.code = FAULT_NONE};
    for (unsigned i = 1; i <= written.segment; i++)
        made_seal(written.log, i, i);
    ck_assert(ese_file_over(bytes_of(small_store.bytes, small_store.size), &file, f));
    ck_assert(ese_file_over(bytes_of(written.log, made_size(SEGMENTS)), &log, f));
    ck_assert_msg(ese_log_stream_open(log, &stream, f), "%s", f->text);
    ck_assert(ese_replay_open(file, bytes_of(small_store.bytes, MADE_PAGE_SIZE), &options, &r, f));
    bool ok = ese_replay_log(r, stream, f) && ese_replay_finish(r, f);
    replayed = *ese_replay_summary(r);
    int to = memfd_create("replayed", MFD_CLOEXEC);
    if (ok) {
        ck_assert_msg(ese_replay_write(r, to, f), "%s", f->text);
        small_store.size = (size_t)(replayed.last_page + 2) * MADE_PAGE_SIZE;
        small_store.bytes = realloc(small_store.bytes, small_store.size);
        ck_assert_int_eq(pread(to, small_store.bytes, small_store.size, 0),
                         (ssize_t)small_store.size);
    }
    close(to);
    ese_replay_close(r);
    ese_log_stream_close(stream);
    ese_file_close(log);
    ese_file_close(file);
    return ok;
}

void expect_refusal(const char *part)
{
    struct fault f;
    ck_assert_msg(!log_replay(&f), "was not refused");
    ck_assert_msg(strstr(f.text, part) != NULL, "expected ...%s..., found %s", part, f.text);
    free(small_store.bytes);
    free(written.log);
}
