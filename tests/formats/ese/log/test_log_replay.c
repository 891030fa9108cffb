/* Replaying records, one kind at a time: formats/ese/log/replay.h. */
#include "tests/formats/ese/log/writing.h"

#include "formats/hash.h"

#include <time.h>

static void put_rollback(void)
{
    uint8_t r[4] = {ESE_LOG_ROLLBACK, MADE_SESSION, 0, 1};
    log_put(r, sizeof r);
}

static void put_insert(uint32_t page, unsigned line, const char *key, const char *data,
                       uint64_t before, uint64_t after)
{
    uint8_t r[200];
    made_node_record(r, ESE_LOG_INSERT, page, line, before, after, (uint32_t)after, true);
    bytes_put_le16(r + 44, strlen(key));
    bytes_put_le16(r + 46, 0);
    bytes_put_le16(r + 48, strlen(data));
    memcpy(r + 50, key, strlen(key));
    memcpy(r + 50 + strlen(key), data, strlen(data));
    log_put(r, 50 + strlen(key) + strlen(data));
}

static void put_replace(unsigned line, const char *data, uint64_t before, uint64_t after)
{
    uint8_t r[200];
    made_node_record(r, ESE_LOG_REPLACE, MADE_ROOT, line, before, after, (uint32_t)after, true);
    bytes_put_le16(r + 44, strlen(data));
    bytes_put_le16(r + 46, 3);
    bytes_put_le16(r + 48, strlen(data));
    memcpy(r + 50, data, strlen(data));
    log_put(r, 50 + strlen(data));
}

static void put_difference(unsigned line, uint64_t before, uint64_t after)
{
    /* "old" becomes "oXYd": at 1, two bytes in place of one. */
    static const uint8_t difference[] = {0x01, 0x00, 2, 1, 'X', 'Y'};
    uint8_t r[200];
    made_node_record(r, ESE_LOG_REPLACE_DIFFERENCE, MADE_ROOT, line, before, after, (uint32_t)after,
                     true);
    bytes_put_le16(r + 44, sizeof difference);
    bytes_put_le16(r + 46, 3);
    bytes_put_le16(r + 48, 4);
    memcpy(r + 50, difference, sizeof difference);
    log_put(r, 50 + sizeof difference);
}

static void put_plain(enum ese_log_type type, unsigned line, uint64_t before, uint64_t after)
{
    uint8_t r[60];
    made_node_record(r, type, MADE_ROOT, line, before, after, (uint32_t)after, true);
    log_put(r, 44);
}

static void put_undo(unsigned line, const char *key, uint32_t id, uint16_t oper, uint64_t before,
                     uint64_t after)
{
    uint8_t r[200];
    made_node_record(r, ESE_LOG_UNDO, MADE_ROOT, line, before, after, id, true);
    bytes_put_le16(r + 44, strlen(key));
    bytes_put_le16(r + 46, 0);
    bytes_put_le16(r + 48, oper);
    r[50] = 1;
    memcpy(r + 51, key, strlen(key));
    log_put(r, 51 + strlen(key));
}

static void put_undo_info(const char *key, const char *before_image, uint32_t id, uint16_t oper)
{
    uint8_t r[200];
    made_node_record(r, ESE_LOG_UNDO_INFO, MADE_ROOT, 0, 0, 0, id, true);
    bytes_put_le16(r + 44, strlen(key));
    bytes_put_le16(r + 46, 0);
    bytes_put_le16(r + 48, oper);
    bytes_put_le16(r + 54, strlen(before_image));
    memcpy(r + 56, key, strlen(key));
    memcpy(r + 56 + strlen(key), before_image, strlen(before_image));
    log_put(r, 56 + strlen(key) + strlen(before_image));
}

/* The root's nodes as "key=data", deleted ones in brackets. */
static const char *content(void)
{
    static char text[2000];
    struct ese_page page;
    size_t used = 0;
    text[0] = '\0';
    ck_assert_int_eq(
        ese_checksum_verify(bytes_of(made_store_page(&small_store, MADE_ROOT), MADE_PAGE_SIZE),
                            MADE_ROOT)
            .state,
        ESE_CHECKSUM_GOOD);
    ese_page_parse(bytes_of(made_store_page(&small_store, MADE_ROOT), MADE_PAGE_SIZE), MADE_ROOT,
                   &page);
    for (unsigned i = 0; i < ese_page_nodes(&page); i++) {
        struct ese_node node;
        ck_assert(ese_page_node(&page, i, &node, NULL));
        bool deleted = node.flags & ESE_NODE_DELETED;
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s%.*s=%.*s%s", i ? " " : "",
                                 deleted ? "[" : "", (int)node.suffix.size, node.suffix.at,
                                 (int)node.data.size, node.data.at, deleted ? "]" : "");
    }
    return text;
}

static void expect_content(const char *expected)
{
    struct fault f;
    ck_assert_msg(log_replay(&f), "%s", f.text);
    ck_assert_str_eq(content(), expected);
    free(small_store.bytes);
    free(written.log);
}

/* ---- redo ---- */

START_TEST(committed_changes_are_redone)
{
    log_start(8);
    log_put_begin();
    put_insert(MADE_ROOT, 1, "c", "new", 100, 101);
    put_replace(0, "longer than before", 101, 102);
    put_plain(ESE_LOG_FLAG_DELETE, 3, 102, 103);
    put_difference(2, 103, 104);
    log_put_commit();
    expect_content("b=longer than before c=new d=oXYd [f=old]");
    ck_assert_uint_eq(replayed.redone, 4);
    ck_assert_uint_eq(replayed.committed, 1);
}
END_TEST

START_TEST(what_the_page_has_already_is_not_done_again)
{
    log_start(8);
    struct ese_page_change page = made_change(&small_store, MADE_ROOT);
    struct ese_node node = made_node("c", "new");
    ese_page_change_insert(&page, 1, &node);
    ese_page_change_set_time(&page, 101);
    made_seal_page(&small_store, MADE_ROOT);
    log_put_begin();
    put_insert(MADE_ROOT, 1, "c", "new", 100, 101);
    put_plain(ESE_LOG_FLAG_DELETE, 0, 101, 102);
    log_put_commit();
    expect_content("[b=old] c=new d=old f=old");
    ck_assert_uint_eq(replayed.redone, 1);
}
END_TEST

START_TEST(a_delete_takes_the_node_out)
{
    log_start(8);
    log_put_begin();
    put_plain(ESE_LOG_DELETE, 1, 100, 101);
    log_put_commit();
    expect_content("b=old f=old");
}
END_TEST

START_TEST(records_of_other_databases_are_skipped)
{
    uint8_t r[60];
    log_start(8);
    log_put_begin();
    made_node_record(r, ESE_LOG_DELETE, MADE_ROOT, 1, 7, 8, 1, false);
    r[3] = MADE_DATABASE + 1;
    log_put(r, 44);
    log_put_commit();
    expect_content("b=old d=old f=old");
    ck_assert_uint_eq(replayed.other_databases, 1);
}
END_TEST

/* ---- undo ---- */

START_TEST(open_transactions_are_taken_back)
{
    log_start(8);
    log_put_begin();
    put_insert(MADE_ROOT, 1, "c", "new", 100, 101);
    put_replace(0, "other", 101, 102);
    put_plain(ESE_LOG_FLAG_DELETE, 3, 102, 103);
    expect_content("b=old [c=new] d=old f=old");
    ck_assert_uint_eq(replayed.undone, 1);
    ck_assert_uint_eq(replayed.undone_changes, 3);
}
END_TEST

START_TEST(several_changes_of_a_row_are_taken_back_newest_first)
{
    log_start(8);
    log_put_begin();
    put_replace(0, "one", 100, 101);
    put_replace(0, "two and more", 101, 102);
    put_plain(ESE_LOG_FLAG_DELETE, 0, 102, 103);
    expect_content("b=old d=old f=old");
}
END_TEST

START_TEST(a_logged_rollback_is_not_undone_twice)
{
    log_start(8);
    log_put_begin();
    put_replace(0, "one", 100, 101);
    put_undo(0, "b", 101, 2, 101, 102);
    put_rollback();
    expect_content("b=old d=old f=old");
    ck_assert_uint_eq(replayed.undone_changes, 0);
    ck_assert_uint_eq(replayed.rolled_back, 1);
}
END_TEST

START_TEST(an_inner_transaction_is_undone_with_the_outer_one)
{
    uint8_t begin[4] = {ESE_LOG_BEGIN, MADE_SESSION, 0, 0x11};
    uint8_t commit[4] = {ESE_LOG_COMMIT, MADE_SESSION, 0, 1};
    log_start(8);
    log_put_begin();
    log_put(begin, sizeof begin);
    put_replace(0, "one", 100, 101);
    log_put(commit, sizeof commit);
    log_put(begin, sizeof begin);
    put_replace(1, "two", 101, 102);
    put_rollback(); /* the inner one: its undo would have been logged */
    expect_content("b=old d=two f=old");
}
END_TEST

START_TEST(what_a_written_page_had_comes_from_the_logs)
{
    log_start(8);
    struct ese_page_change page = made_change(&small_store, MADE_ROOT);
    ese_page_change_data(&page, 0, bytes_of("changed", 7));
    ese_page_change_set_time(&page, 101);
    made_seal_page(&small_store, MADE_ROOT);
    log_put_begin();
    put_replace(0, "changed", 100, 101);
    put_undo_info("b", "old", 101, 2);
    expect_content("b=old d=old f=old");
}
END_TEST

START_TEST(an_undo_without_what_was_before_is_refused)
{
    log_start(8);
    struct ese_page_change page = made_change(&small_store, MADE_ROOT);
    ese_page_change_data(&page, 0, bytes_of("changed", 7));
    ese_page_change_set_time(&page, 101);
    made_seal_page(&small_store, MADE_ROOT);
    log_put_begin();
    put_replace(0, "changed", 100, 101);
    expect_refusal("what it was before is not in the logs");
}
END_TEST

START_TEST(an_undo_whose_page_is_gone_is_refused)
{
    log_start(8);
    log_put_begin();
    put_replace(0, "one", 100, 101);
    put_plain(ESE_LOG_DELETE, 0, 101, 102);
    expect_refusal("its row is not where it belongs");
}
END_TEST

/* ---- what does not fit ---- */

START_TEST(a_lost_write_is_refused)
{
    log_start(8);
    log_put_begin();
    put_plain(ESE_LOG_DELETE, 1, 105, 106);
    expect_refusal("page 5 does not fit the record at 00000007,0001,0030: a write was lost");
}
END_TEST

START_TEST(a_page_between_two_times_is_refused)
{
    log_start(8);
    log_put_begin();
    put_plain(ESE_LOG_DELETE, 1, 99, 106);
    expect_refusal("it is newer than these logs");
}
END_TEST

START_TEST(a_page_newer_than_the_logs_is_refused)
{
    log_start(8);
    struct ese_page_change page = made_change(&small_store, MADE_ROOT);
    ese_page_change_set_time(&page, 5000);
    made_seal_page(&small_store, MADE_ROOT);
    log_put_begin();
    put_plain(ESE_LOG_DELETE, 1, 100, 101);
    log_put_commit();
    expect_refusal("they are older than the database");
}
END_TEST

START_TEST(a_line_that_is_not_there_is_refused)
{
    log_start(8);
    log_put_begin();
    put_plain(ESE_LOG_DELETE, 3, 100, 101);
    expect_refusal("it has no such line");
}
END_TEST

START_TEST(a_damaged_page_is_refused)
{
    log_start(8);
    for (unsigned i = 0; i < 100; i++)
        made_store_page(&small_store, MADE_ROOT)[300 + i] = (uint8_t)(i * i);
    log_put_begin();
    put_plain(ESE_LOG_DELETE, 1, 100, 101);
    expect_refusal("page 5 of the database has a wrong checksum");
}
END_TEST

START_TEST(a_page_far_behind_the_end_is_refused)
{
    uint8_t r[20] = {ESE_LOG_NEW_PAGE, MADE_SESSION, 0, MADE_DATABASE};
    log_start(8);
    log_put_begin();
    bytes_put_le32(r + 4, 0x7f000000);
    bytes_put_le32(r + 8, MADE_OBJECT);
    bytes_put_le64(r + 12, 101);
    log_put(r, sizeof r);
    expect_refusal("a record makes page 2130706432; the database ends with page 8");
}
END_TEST

START_TEST(a_change_of_a_page_that_nothing_makes_is_refused)
{
    uint8_t r[60];
    log_start(8);
    log_put_begin();
    made_node_record(r, ESE_LOG_DELETE, 7, 0, 100, 101, 1, false);
    memset(made_store_page(&small_store, 7), 0, MADE_PAGE_SIZE);
    log_put(r, 44);
    log_put_commit();
    expect_refusal("page 7 is not in the database");
}
END_TEST

START_TEST(kinds_that_are_not_replayed_are_named)
{
    static const enum ese_log_type types[] = {ESE_LOG_SPLIT_OLD, ESE_LOG_MERGE_OLD,
                                              ESE_LOG_CONVERT_OLD};
    for (unsigned i = 0; i < 3; i++) {
        uint8_t r[128] = {0};
        char expected[64];
        log_start(8);
        log_put_begin();
        made_node_record(r, types[i], MADE_ROOT, 0, 100, 101, 0, false);
        memset(r + 32, 0, sizeof r - 32);
        log_put(r, ese_log_fixed_size(types[i]));
        snprintf(expected, sizeof expected, "not replayed: %s", ese_log_type_name(types[i]));
        expect_refusal(expected);
    }
}
END_TEST

/* ---- the header of the result ---- */

START_TEST(the_result_is_clean_and_knows_no_logs)
{
    struct fault f;
    struct ese_log_need need;
    log_start(8);
    log_put_begin();
    put_plain(ESE_LOG_DELETE, 1, 100, 101);
    log_put_commit();
    ck_assert(log_replay(&f));
    ese_log_need_read(bytes_of(small_store.bytes, MADE_PAGE_SIZE), &need);
    ck_assert(need.clean);
    ck_assert_int_eq(need.first, 0);
    ck_assert_int_eq(need.last, 0);
    for (unsigned i = 0; i < sizeof need.signature; i++)
        ck_assert_uint_eq(need.signature[i], 0);
    ck_assert_mem_eq(small_store.bytes, small_store.bytes + MADE_PAGE_SIZE, MADE_PAGE_SIZE);
    free(small_store.bytes);
    free(written.log);
}
END_TEST

/* ---- size ---- */

enum { LARGE_SEGMENTS = 2046, LARGE_PAGES = 2000, MEGABYTE = 1024 * 1024 };

/* Fills one log with committed changes that go round over all pages; the times go on. */
static void fill_large(uint8_t *log, int32_t generation, uint64_t *time, uint64_t *page_time)
{
    memset(log, 0, made_size(LARGE_SEGMENTS));
    made_header(log, LARGE_SEGMENTS);
    bytes_put_le32(log + 4, (uint32_t)generation);
    made_attach(log);
    for (unsigned s = 1; s <= LARGE_SEGMENTS; s++) {
        uint8_t *segment = log + (size_t)s * ESE_LOG_SEGMENT_SIZE;
        size_t at = ESE_LOG_SEGMENT_HEADER;
        while (at + 8 + 150 + 8 <= ESE_LOG_SEGMENT_SIZE) {
            uint8_t begin[8] = {ESE_LOG_BEGIN0, MADE_SESSION, 0, 0x10};
            uint8_t commit[8] = {ESE_LOG_COMMIT0, MADE_SESSION, 0, 0};
            uint32_t page = 1 + (uint32_t)(*time * 7 % LARGE_PAGES);
            (*time)++;
            memcpy(segment + at, begin, sizeof begin);
            at += sizeof begin;
            made_node_record(segment + at, ESE_LOG_REPLACE, page, 0, page_time[page], *time,
                             (uint32_t)*time, true);
            bytes_put_le16(segment + at + 44, 100);
            bytes_put_le16(segment + at + 46, 100);
            bytes_put_le16(segment + at + 48, 100);
            memset(segment + at + 50, (int)(*time & 0xff), 100);
            page_time[page] = *time;
            at += 150;
            memcpy(segment + at, commit, sizeof commit);
            at += sizeof commit;
        }
        made_seal(log, s, s);
        bytes_put_le32(segment + 12, (uint32_t)generation);
        ese_checksum_set(segment, ESE_LOG_SEGMENT_SIZE, s);
    }
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Memory does not follow the length of the logs: with room for a tenth of the pages the result is
 * the same.  With KM_LONG, 256 MB of logs with the usual room, and what they cost beside their
 * SHA-256. */
START_TEST(long_logs_are_streamed)
{
    bool long_run = getenv("KM_LONG") != NULL;
    unsigned logs = long_run ? 32 : 2;
    uint8_t *log = malloc(made_size(LARGE_SEGMENTS)), digest[HASH_SHA256_SIZE];
    uint64_t time = MADE_TIME, *page_time = malloc((LARGE_PAGES + 1) * sizeof *page_time);
    struct fault f = {.code = FAULT_NONE};
    struct ese_replay_options options = {.memory =
                                             long_run ? 0 : LARGE_PAGES / 10 * MADE_PAGE_SIZE};
    struct ese_file *file;
    struct ese_replay *r;
    struct hash hash;
    double replaying = 0, hashing = 0;
    small_store = made_store(LARGE_PAGES);
    for (uint32_t n = 1; n <= LARGE_PAGES; n++) {
        struct ese_page_change page = made_change(&small_store, n);
        static const char row[] = "----------------------------------------------------------------"
                                  "------------------------------------";
        struct ese_node node = made_node("a", row);
        ese_page_change_insert(&page, 0, &node);
        made_seal_page(&small_store, n);
        page_time[n] = MADE_TIME;
    }
    ck_assert(hash_open(&hash, &f));
    ck_assert(ese_file_over(bytes_of(small_store.bytes, small_store.size), &file, &f));
    ck_assert(ese_replay_open(file, bytes_of(small_store.bytes, MADE_PAGE_SIZE), &options, &r, &f));
    for (unsigned i = 0; i < logs; i++) {
        struct ese_log_stream *stream;
        struct ese_file *log_file;
        fill_large(log, MADE_GENERATION + (int32_t)i, &time, page_time);
        double t0 = seconds();
        ck_assert(ese_file_over(bytes_of(log, made_size(LARGE_SEGMENTS)), &log_file, &f));
        ck_assert_msg(ese_log_stream_open(log_file, &stream, &f), "%s", f.text);
        ck_assert_msg(ese_replay_log(r, stream, &f), "%s", f.text);
        ese_log_stream_close(stream);
        ese_file_close(log_file);
        double t1 = seconds();
        hash_sha256(&hash, bytes_of(log, made_size(LARGE_SEGMENTS)), digest);
        replaying += t1 - t0;
        hashing += seconds() - t1;
    }
    ck_assert_msg(ese_replay_finish(r, &f), "%s", f.text);
    replayed = *ese_replay_summary(r);
    ck_assert_uint_eq(replayed.redone, time - MADE_TIME);
    ck_assert_uint_eq(replayed.pages, LARGE_PAGES);
    int to = memfd_create("replayed", MFD_CLOEXEC);
    ck_assert(ese_replay_write(r, to, &f));
    for (uint32_t n = 1; n <= LARGE_PAGES; n++) {
        uint8_t raw[MADE_PAGE_SIZE];
        ck_assert_int_eq(pread(to, raw, sizeof raw, (off_t)(n + 1) * MADE_PAGE_SIZE), sizeof raw);
        ck_assert_int_eq(ese_checksum_verify(bytes_of(raw, sizeof raw), n).state,
                         ESE_CHECKSUM_GOOD);
        struct ese_page page;
        struct ese_node node;
        ese_page_parse(bytes_of(raw, sizeof raw), n, &page);
        ck_assert_uint_eq(page.dbtime, page_time[n]);
        ck_assert(ese_page_node(&page, 0, &node, &f));
        ck_assert_uint_eq(node.data.at[99], page_time[n] & 0xff);
    }
    printf("%u MB of logs, %llu records: replayed in %.2f s of CPU, their SHA-256 takes %.2f s\n",
           (unsigned)(made_size(LARGE_SEGMENTS) * logs / MEGABYTE),
           (unsigned long long)replayed.records, replaying, hashing);
    close(to);
    ese_replay_close(r);
    ese_file_close(file);
    hash_close(&hash);
    free(page_time);
    free(small_store.bytes);
    free(log);
}
END_TEST

/* ---- logs that lie cost no more than good ones ---- */

/* One record or a few, that a log is full of: the more of them, the smaller they are. */
enum shape {
    SHAPE_GOOD,
    SHAPE_ENGINE_ENDS,  /* a session begins, the engine ends */
    SHAPE_ALL_SESSIONS, /* each begins with another number */
    SHAPE_MACROS,       /* begun and given up */
    SHAPE_NO_PAGES,     /* changes of pages that are not there */
    SHAPE_EMPTY_TREES,  /* of pages that are empty already */
    SHAPE_OPEN_CHANGES, /* rows as they were, for an undo that never comes */
    SHAPE_OTHERS,       /* changes of another database */
    SHAPE_NOTHING,      /* records without content */
    SHAPE_FULL_PAGE,    /* rows that grow and shrink on a page without room */
    SHAPE_WIPES,        /* a page is wiped again and again */
    SHAPES,
};

static size_t put_shape(enum shape shape, uint32_t n, uint64_t *time, uint8_t *to)
{
    static const uint8_t begin[8] = {ESE_LOG_BEGIN0, MADE_SESSION, 0, 0x10};
    uint64_t now = ++*time;
    uint8_t *r = to + sizeof begin;
    memset(to, 0, 300);
    memcpy(to, begin, sizeof begin);
    switch (shape) {
    case SHAPE_ENGINE_ENDS:
        r[0] = ESE_LOG_TERM2;
        return sizeof begin + 26;
    case SHAPE_ALL_SESSIONS:
        bytes_put_le16(to + 1, n & 0xffff);
        return sizeof begin;
    case SHAPE_MACROS:
        for (unsigned i = 0; i < 2; i++, r += 11) {
            r[0] = i ? ESE_LOG_MACRO_ABORT : ESE_LOG_MACRO_BEGIN;
            r[1] = MADE_SESSION;
            bytes_put_le64(r + 3, now);
        }
        return sizeof begin + 22;
    case SHAPE_NO_PAGES:
        made_node_record(r, ESE_LOG_DELETE, 50 + n % 100000, 0, now - 1, now, 0, false);
        return sizeof begin + 44;
    case SHAPE_EMPTY_TREES:
        made_node_record(r, ESE_LOG_EMPTY_TREE, MADE_ROOT, 0, 1, 2, 0, false);
        bytes_put_le16(r + 44, 160);
        for (unsigned i = 0; i < 10; i++)
            bytes_put_le32(r + 46 + 16 * i + 8, 1 + (n + i) % 8);
        return sizeof begin + 46 + 160;
    case SHAPE_OPEN_CHANGES:
        made_node_record(r, ESE_LOG_UNDO_INFO, MADE_ROOT, 0, 0, 0, n, true);
        r[44] = 1;
        r[48] = 2;
        return sizeof begin + 57;
    case SHAPE_OTHERS:
        made_node_record(r, ESE_LOG_DELETE, n, 0, now - 1, now, 0, false);
        r[3] = MADE_DATABASE + 1;
        return sizeof begin + 44;
    case SHAPE_NOTHING:
        to[0] = ESE_LOG_NOP2;
        to[3] = 0;
        to[1] = 0;
        return 5;
    case SHAPE_GOOD:
    case SHAPE_FULL_PAGE:
        made_node_record(r, ESE_LOG_REPLACE, MADE_ROOT, 0, now - 1, now, 0, false);
        r[44] = r[48] = shape == SHAPE_GOOD ? 60 : (uint8_t)(60 + 3 * (n & 1));
        return sizeof begin + 50 + r[44];
    case SHAPE_WIPES:
        made_node_record(r, ESE_LOG_SCRUB, MADE_ROOT, 0, now - 1, now, 0, false);
        r[48] = 3;
        r[52] = 3;
        return sizeof begin + 57;
    case SHAPES:
        break;
    }
    return 0;
}

/* Processor time for each megabyte of a log. */
static double cost_of(enum shape shape, uint8_t *log)
{
    uint64_t time = MADE_TIME;
    uint32_t n = 0;
    memset(log, 0, made_size(LARGE_SEGMENTS));
    made_header(log, LARGE_SEGMENTS);
    made_attach(log);
    for (unsigned s = 1; s <= LARGE_SEGMENTS; s++) {
        uint8_t record[400], *segment = log + (size_t)s * ESE_LOG_SEGMENT_SIZE;
        size_t at = ESE_LOG_SEGMENT_HEADER, size = 0;
        for (; (size = put_shape(shape, n, &time, record)) <= ESE_LOG_SEGMENT_SIZE - at; n++) {
            memcpy(segment + at, record, size);
            at += size;
        }
        time--;
        made_seal(log, s, s);
    }
    small_store = made_store(8);
    struct ese_page_change page = made_change(&small_store, MADE_ROOT);
    struct ese_node node = made_node("g", "");
    static const uint8_t much[3870];
    node.data = bytes_of(much, sizeof much);
    if (shape == SHAPE_FULL_PAGE)
        ck_assert(ese_page_change_insert(&page, 3, &node));
    made_seal_page(&small_store, MADE_ROOT);
    struct ese_file *file, *log_file;
    struct ese_replay *r;
    struct ese_log_stream *stream;
    struct fault f = {.code = FAULT_NONE};
    struct ese_replay_options options = {.memory = 1 << 20};
    double start = seconds();
    ck_assert(ese_file_over(bytes_of(small_store.bytes, small_store.size), &file, &f));
    ck_assert(ese_replay_open(file, bytes_of(small_store.bytes, MADE_PAGE_SIZE), &options, &r, &f));
    ck_assert(ese_file_over(bytes_of(log, made_size(LARGE_SEGMENTS)), &log_file, &f));
    ck_assert_msg(ese_log_stream_open(log_file, &stream, &f), "%s", f.text);
    bool ok = ese_replay_log(r, stream, &f);
    ck_assert_msg(ok, "shape %d: %s", (int)shape, f.text);
    ck_assert_uint_gt(ese_replay_summary(r)->records, LARGE_SEGMENTS);
    ese_log_stream_close(stream);
    ese_file_close(log_file);
    ese_replay_close(r);
    ese_file_close(file);
    free(small_store.bytes);
    return (seconds() - start) / ((double)made_size(LARGE_SEGMENTS) / MEGABYTE);
}

START_TEST(logs_that_lie_cost_no_more_than_good_ones)
{
    uint8_t *log = malloc(made_size(LARGE_SEGMENTS));
    double good = cost_of(SHAPE_GOOD, log);
    for (int shape = SHAPE_GOOD + 1; shape < SHAPES; shape++) {
        double cost = cost_of((enum shape)shape, log);
        printf("shape %d: %.2f ms a megabyte, %.1f times a good log\n", shape, 1000 * cost,
               cost / good);
        ck_assert_msg(cost < 20 * good, "shape %d costs %.1f times a good log", shape, cost / good);
    }
    free(log);
}
END_TEST

int main(void)
{
    return check_main("log_replay", (const struct check_case[]){
                                        {committed_changes_are_redone, 0},
                                        {what_the_page_has_already_is_not_done_again, 0},
                                        {a_delete_takes_the_node_out, 0},
                                        {records_of_other_databases_are_skipped, 0},
                                        {open_transactions_are_taken_back, 0},
                                        {several_changes_of_a_row_are_taken_back_newest_first, 0},
                                        {a_logged_rollback_is_not_undone_twice, 0},
                                        {an_inner_transaction_is_undone_with_the_outer_one, 0},
                                        {what_a_written_page_had_comes_from_the_logs, 0},
                                        {an_undo_without_what_was_before_is_refused, 0},
                                        {an_undo_whose_page_is_gone_is_refused, 0},
                                        {a_lost_write_is_refused, 0},
                                        {a_page_between_two_times_is_refused, 0},
                                        {a_page_newer_than_the_logs_is_refused, 0},
                                        {a_line_that_is_not_there_is_refused, 0},
                                        {a_damaged_page_is_refused, 0},
                                        {a_page_far_behind_the_end_is_refused, 0},
                                        {a_change_of_a_page_that_nothing_makes_is_refused, 0},
                                        {kinds_that_are_not_replayed_are_named, 0},
                                        {the_result_is_clean_and_knows_no_logs, 0},
                                        {long_logs_are_streamed, 0},
                                        {logs_that_lie_cost_no_more_than_good_ones, 0},
                                        {0},
                                    });
}
