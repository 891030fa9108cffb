/*
 * Fuzz target: a whole replay.  The input is a list of records of any kind for a small database;
 * who they belong to, their pages and their times are put right more often than not, so that they
 * reach the pages.  Whatever they do, the result is refused or has sound pages.
 */
#include "tests/formats/ese/log/replaying.h"

#include <sys/mman.h>
#include <unistd.h>

enum { SEGMENTS = 8, PAGES = 12, RECORD_ROOM = 2048, PAYLOAD_MOST = 300 };

static void expect(bool condition)
{
    if (!condition)
        abort();
}

struct input {
    const uint8_t *at;
    size_t left;
};

static uint8_t next(struct input *in)
{
    if (in->left == 0)
        return 0;
    in->left--;
    return *in->at++;
}

struct maker {
    uint8_t *log;
    unsigned segment;
    size_t at;
    uint64_t time[PAGES + 4], now, macro; /* macro: the time of the one that is open; 0: none */
};

static bool put(struct maker *m, const uint8_t *record, size_t size)
{
    if (m->at + size > ESE_LOG_SEGMENT_SIZE) {
        m->segment++;
        m->at = ESE_LOG_SEGMENT_HEADER;
    }
    if (m->segment > SEGMENTS || size > ESE_LOG_SEGMENT_SIZE - ESE_LOG_SEGMENT_HEADER)
        return false;
    memcpy(m->log + (size_t)m->segment * ESE_LOG_SEGMENT_SIZE + m->at, record, size);
    m->at += size;
    return true;
}

static const uint8_t kinds[] = {
    ESE_LOG_INSERT,       ESE_LOG_INSERT,      ESE_LOG_FLAG_INSERT,
    ESE_LOG_REPLACE,      ESE_LOG_FLAG_DELETE, ESE_LOG_REPLACE_DIFFERENCE,
    ESE_LOG_DELETE,       ESE_LOG_UNDO_INFO,   ESE_LOG_DELTA,
    ESE_LOG_UNDO,         ESE_LOG_EMPTY_TREE,  ESE_LOG_SET_EXTERNAL_HEADER,
    ESE_LOG_SPLIT,        ESE_LOG_SPLIT,       ESE_LOG_MERGE,
    ESE_LOG_CONVERT,      ESE_LOG_NEW_PAGE,    ESE_LOG_CREATE_MULTIPLE,
    ESE_LOG_DELTA64,      ESE_LOG_BEGIN0,      ESE_LOG_CREATE_SINGLE,
    ESE_LOG_COMMIT0,      ESE_LOG_BEGIN,       ESE_LOG_COMMIT,
    ESE_LOG_ROLLBACK,     ESE_LOG_MACRO_BEGIN, ESE_LOG_MACRO_COMMIT,
    ESE_LOG_MACRO_COMMIT, ESE_LOG_EXTEND_DB,   ESE_LOG_FLAG_INSERT_REPLACE,
    ESE_LOG_SHRINK_DB,    ESE_LOG_ATTACH_DB,   ESE_LOG_DETACH_DB,
    ESE_LOG_PAGE_MOVE,    ESE_LOG_PAGE_MOVE,   ESE_LOG_ROOT_PAGE_MOVE,
    ESE_LOG_SCRUB,        ESE_LOG_SPLIT_OLD,   ESE_LOG_SHRINK_DB3,
};

/* Sizes that a record's own fields name: small ones, so that several records fit. */
static void tame_lengths(uint8_t *r)
{
    static const uint8_t at[] = {44, 46, 48, 54};
    if (r[0] == ESE_LOG_SPLIT) {
        r[97] = r[99] = r[101] = 0;
        r[107] = r[108] = r[109] = 0;
        r[68] %= 4;
        r[69] %= 5;
        r[71] = r[73] = r[75] = 0;
        r[70] %= 8;
        r[72] %= 8;
        r[74] %= 8;
        if (r[92] & 1)
            memset(r + 92, 0xff, 4);
        if (r[88] & 1)
            memset(r + 88, 0xff, 4);
        for (unsigned i = 0; i < 12; i += 4)
            r[i == 0 ? 32 : i == 4 ? 36 : 48] %= PAGES + 3;
        memset(r + 33, 0, 3);
        memset(r + 37, 0, 3);
    } else if (r[0] == ESE_LOG_MERGE) {
        r[87] = r[83] = r[93] = r[94] = r[95] = 0;
        r[85] %= 8;
        r[32] %= PAGES + 3;
        r[44] %= PAGES + 3;
        memset(r + 33, 0, 3);
        memset(r + 45, 0, 3);
    }
    if (r[0] == ESE_LOG_SCRUB) {
        r[49] = r[50] = r[51] = r[53] = 0;
        r[48] %= 8;
        r[44] &= 1;
    }
    for (unsigned i = 0; i < sizeof at; i++)
        if (ese_log_fixed_size(r[0]) >= (size_t)at[i] + 2 && r[0] != ESE_LOG_SPLIT &&
            r[0] != ESE_LOG_MERGE && r[0] >= ESE_LOG_INSERT && r[0] <= ESE_LOG_EMPTY_TREE)
            r[at[i] + 1] = 0;
    if (r[0] == ESE_LOG_DELTA64)
        r[45] = r[47] = 0;
}

/* Where a page moves to, its neighbours and parent. */
static void tame_move(uint8_t *r)
{
    for (unsigned at = 32; at < 48; at += 4) {
        r[at] %= PAGES + 3;
        memset(r + at + 1, 0, 3);
    }
    bytes_put_le32(r + 76, MADE_OBJECT);
    bytes_put_le32(r + 80, r[80] % 4);
    bytes_put_le32(r + 84, r[84] & 7);
    bytes_put_le32(r + 88, ESE_PAGE_HEADER_SMALL + r[88] % 64 / 16 * 8);
    bytes_put_le32(r + 92, (1 + r[92] % 16 / 8) * ESE_TAG_SIZE);
}

/* The image of a page that moves: an empty leaf's header, but for a byte or two. */
static void put_image(uint8_t *r, struct input *in)
{
    uint8_t spare[MADE_PAGE_SIZE], raw[MADE_PAGE_SIZE];
    struct ese_page_change page = {
        .raw = raw, .spare = spare, .size = MADE_PAGE_SIZE, .number = r[4]};
    size_t head = r[88], tail = r[92];
    uint8_t wrong = next(in);
    ese_page_change_init(&page, MADE_OBJECT, MADE_TIME, ESE_PAGE_LEAF | ESE_PAGE_NEW_CHECKSUM);
    memcpy(r + 96, raw, head);
    memcpy(r + 96 + head, raw + sizeof raw - tail, tail);
    if (wrong < head + tail)
        r[96 + wrong] = next(in);
}

/* Time fields of the pages beside the record's own. */
static void set_time(struct maker *m, uint8_t *r, unsigned number_at, unsigned time_at)
{
    if (r[number_at] < PAGES + 4)
        bytes_put_le64(r + time_at, m->time[r[number_at]]);
}

static void set_page(struct maker *m, uint8_t *r, struct input *in)
{
    uint8_t how = next(in), page = (uint8_t)(next(in) % (PAGES + 3));
    bytes_put_le16(r + 1, MADE_SESSION + (how & 1));
    r[3] = MADE_DATABASE;
    bytes_put_le32(r + 4, page);
    m->now++;
    uint64_t after = m->macro ? m->macro : m->now;
    bytes_put_le64(r + 8, after);
    bytes_put_le64(r + 16, m->time[page]);
    if (how & 0x80)
        return; /* as the input has its times beside */
    if (r[0] == ESE_LOG_SPLIT) {
        set_time(m, r, 36, 40);
        m->time[r[32]] = m->time[r[36]] = after;
    } else if (r[0] == ESE_LOG_MERGE) {
        set_time(m, r, 32, 36);
        set_time(m, r, 44, 48);
        m->time[r[32]] = m->time[r[44]] = after;
    } else if (r[0] == ESE_LOG_PAGE_MOVE) {
        set_time(m, r, 36, 48);
        set_time(m, r, 40, 56);
        set_time(m, r, 44, 64);
        for (unsigned at = 32; at < 48; at += 4)
            m->time[r[at]] = after;
    }
    if (r[0] != ESE_LOG_UNDO_INFO &&
        (!m->macro || r[0] == ESE_LOG_SPLIT || r[0] == ESE_LOG_MERGE || r[0] == ESE_LOG_PAGE_MOVE))
        m->time[page] = after;
}

static bool make_record(struct maker *m, struct input *in)
{
    uint8_t r[RECORD_ROOM] = {0};
    uint64_t size = 0;
    r[0] = kinds[next(in) % sizeof kinds];
    size_t fixed = ese_log_fixed_size(r[0]);
    for (size_t i = 1; i < fixed; i++)
        r[i] = i < 28 ? 0 : next(in);
    struct ese_log_record record = {.type = r[0], .bytes = bytes_of(r, sizeof r)};
    struct ese_log_page page;
    if (ese_log_page_read(&record, &page)) {
        tame_lengths(r);
        if (r[0] == ESE_LOG_PAGE_MOVE)
            tame_move(r);
        set_page(m, r, in);
    } else if (r[0] == ESE_LOG_MACRO_BEGIN || r[0] == ESE_LOG_MACRO_COMMIT) {
        if (r[0] == ESE_LOG_MACRO_BEGIN)
            m->macro = ++m->now;
        bytes_put_le16(r + 1, MADE_SESSION);
        bytes_put_le64(r + 3, m->macro);
        if (r[0] == ESE_LOG_MACRO_COMMIT)
            m->macro = 0;
    } else if (r[0] == ESE_LOG_NEW_PAGE) {
        bytes_put_le16(r + 1, MADE_SESSION);
        r[3] = MADE_DATABASE;
        bytes_put_le32(r + 4, 1 + next(in) % (PAGES + 2));
        bytes_put_le32(r + 8, MADE_OBJECT);
        bytes_put_le64(r + 12, ++m->now);
        m->time[r[4]] = m->now;
    } else if (r[0] == ESE_LOG_ROOT_PAGE_MOVE) {
        bytes_put_le64(r + 1, m->macro);
        r[9] = MADE_DATABASE;
        bytes_put_le32(r + 10, MADE_OBJECT);
        bytes_put_le16(r + 14, MADE_SESSION);
    } else if (r[0] == ESE_LOG_EXTEND_DB) {
        bytes_put_le32(r + 1, 5);
        r[5] = MADE_DATABASE;
        bytes_put_le32(r + 6, PAGES + next(in) % 4);
    } else {
        for (size_t i = 1; i < fixed && i < 8; i++)
            r[i] = next(in);
        r[1] = (uint8_t)(MADE_SESSION + (r[1] & 1));
        r[2] = 0;
        if (r[0] == ESE_LOG_BEGIN0 || r[0] == ESE_LOG_BEGIN)
            r[3] &= 0x11;
        if (r[0] == ESE_LOG_ATTACH_DB || r[0] == ESE_LOG_DETACH_DB) {
            r[3] &= 1;
            r[5] = r[73] = 0;
        }
    }
    if (!ese_log_record_size(bytes_of(r, sizeof r), &size) || size > sizeof r ||
        size - fixed > PAYLOAD_MOST)
        return true;
    for (size_t i = fixed; i < size; i++)
        r[i] = next(in);
    if (r[0] == ESE_LOG_PAGE_MOVE)
        put_image(r, in);
    return put(m, r, (size_t)size);
}

static void check_result(int file, uint32_t last)
{
    for (uint32_t n = 1; n <= last; n++) {
        static uint8_t raw[MADE_PAGE_SIZE], spare[MADE_PAGE_SIZE];
        struct fault f;
        expect(pread(file, raw, sizeof raw, (off_t)(n + 1) * MADE_PAGE_SIZE) == sizeof raw);
        enum ese_checksum_state state = ese_checksum_verify(bytes_of(raw, sizeof raw), n).state;
        struct ese_page_change page = {.raw = raw, .spare = spare, .size = sizeof raw, .number = n};
        if (state == ESE_CHECKSUM_ZERO)
            continue;
        expect(state == ESE_CHECKSUM_GOOD);
        uint16_t tags = 0;
        bytes_le16(bytes_of(raw, sizeof raw), ESE_PAGE_TAG_COUNT_AT, &tags);
        if (tags != 0)
            expect(ese_page_change_sound(&page, &f));
    }
}

static void replay(struct made_store *store, struct maker *m)
{
    struct ese_file *file, *log;
    struct ese_log_stream *stream;
    struct ese_replay *r;
    struct ese_replay_options options = {.memory = 1};
    struct fault f = {.code = FAULT_NONE};
    for (unsigned i = 1; i <= m->segment && i <= SEGMENTS; i++)
        made_seal(m->log, i, i);
    expect(ese_file_over(bytes_of(store->bytes, store->size), &file, &f));
    expect(ese_file_over(bytes_of(m->log, made_size(SEGMENTS)), &log, &f));
    expect(ese_log_stream_open(log, &stream, &f));
    expect(ese_replay_open(file, bytes_of(store->bytes, MADE_PAGE_SIZE), &options, &r, &f));
    if (ese_replay_log(r, stream, &f) && ese_replay_finish(r, &f)) {
        int to = memfd_create("replayed", MFD_CLOEXEC);
        expect(ese_replay_write(r, to, &f));
        expect(ese_replay_summary(r)->last_page <= PAGES + (1u << 19));
        check_result(to, ese_replay_summary(r)->last_page);
        close(to);
    } else {
        expect(f.code != FAULT_NONE && f.text[0] != '\0');
    }
    ese_replay_close(r);
    ese_log_stream_close(stream);
    ese_file_close(log);
    ese_file_close(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    struct made_store store = made_store(PAGES);
    struct maker m = {.log = calloc(1, made_size(SEGMENTS)),
                      .segment = 1,
                      .at = ESE_LOG_SEGMENT_HEADER,
                      .now = MADE_TIME};
    static const uint8_t begin[8] = {ESE_LOG_BEGIN0, MADE_SESSION, 0, 0x10};
    expect(m.log != NULL);
    for (unsigned i = 0; i <= PAGES; i++)
        m.time[i] = MADE_TIME;
    made_header(m.log, SEGMENTS);
    made_attach(m.log);
    put(&m, begin, sizeof begin);
    while (in.left > 0 && make_record(&m, &in))
        continue;
    replay(&store, &m);
    free(store.bytes);
    free(m.log);
    return 0;
}
