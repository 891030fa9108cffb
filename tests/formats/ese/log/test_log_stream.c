/* Segments, pieces of records, second copies, and ends of logs: formats/ese/log/stream.h. */
#include "tests/check_main.h"
#include "tests/formats/ese/log/making.h"

enum { SEGMENTS = 4, NOP2_HEADER = 5, PAYLOAD = ESE_LOG_SEGMENT_SIZE - ESE_LOG_SEGMENT_HEADER };

static uint8_t *log_bytes;

static uint8_t *payload(unsigned segment)
{
    return log_bytes + (size_t)segment * ESE_LOG_SEGMENT_SIZE + ESE_LOG_SEGMENT_HEADER;
}

/* A NOP2 record of `size` bytes in all at `to`. */
static void put_nop2(uint8_t *to, uint32_t size)
{
    to[0] = ESE_LOG_NOP2;
    bytes_put_le32(to + 1, size - NOP2_HEADER);
    memset(to + NOP2_HEADER, 'x', size - NOP2_HEADER);
}

/* Every segment full of one record each, all sealed but those from `first_empty` on. */
static void make_log(unsigned first_empty)
{
    log_bytes = calloc(1, made_size(SEGMENTS));
    ck_assert_ptr_nonnull(log_bytes);
    made_header(log_bytes, SEGMENTS);
    for (unsigned i = 1; i < first_empty; i++) {
        put_nop2(payload(i), PAYLOAD);
        made_seal(log_bytes, i, i);
    }
}

/* Other bytes in the middle of a segment, as a write that was cut off leaves them. */
static void tear(uint8_t *at)
{
    for (unsigned i = 2000; i < 3000; i++)
        at[i] = (uint8_t)(i * i >> 3);
}

struct outcome {
    unsigned records;
    enum ese_log_step last;
    struct ese_log_end end;
    struct fault f;
    size_t size; /* of the last record */
};

static struct outcome read_log(void)
{
    struct outcome o = {.f.code = FAULT_NONE};
    struct ese_file *file;
    struct ese_log_stream *stream;
    struct ese_log_record record;
    ck_assert(ese_file_over(bytes_of(log_bytes, made_size(SEGMENTS)), &file, &o.f));
    ck_assert_msg(ese_log_stream_open(file, &stream, &o.f), "%s", o.f.text);
    while ((o.last = ese_log_stream_next(stream, &record, &o.f)) == ESE_LOG_STEP_RECORD) {
        o.records++;
        o.size = record.bytes.size;
    }
    o.end = *ese_log_stream_end(stream);
    ese_log_stream_close(stream);
    ese_file_close(file);
    free(log_bytes);
    return o;
}

START_TEST(a_full_log_ends_at_its_last_place)
{
    make_log(SEGMENTS + 1);
    struct outcome o = read_log();
    ck_assert_int_eq(o.last, ESE_LOG_STEP_END);
    ck_assert_uint_eq(o.records, SEGMENTS);
    ck_assert_uint_eq(o.end.segments, SEGMENTS);
}
END_TEST

START_TEST(zeros_and_a_second_copy_end_a_log)
{
    make_log(3);
    memcpy(payload(3), payload(2), PAYLOAD);
    made_seal(log_bytes, 3, 2); /* the copy of segment 2 */
    struct outcome o = read_log();
    ck_assert_int_eq(o.last, ESE_LOG_STEP_END);
    ck_assert_uint_eq(o.records, 2);
    ck_assert_uint_eq(o.end.from_copies, 0);
}
END_TEST

START_TEST(a_torn_segment_is_read_from_its_copy)
{
    make_log(3);
    memcpy(payload(3), payload(2), PAYLOAD);
    made_seal(log_bytes, 3, 2);
    tear(payload(2));
    struct outcome o = read_log();
    ck_assert_int_eq(o.last, ESE_LOG_STEP_END);
    ck_assert_uint_eq(o.records, 2);
    ck_assert_uint_eq(o.end.from_copies, 1);
}
END_TEST

START_TEST(a_torn_segment_without_a_copy_is_damage)
{
    make_log(SEGMENTS + 1);
    tear(payload(2));
    struct outcome o = read_log();
    ck_assert_int_eq(o.last, ESE_LOG_STEP_FAULT);
    ck_assert_int_eq(o.f.code, FAULT_DAMAGED);
    ck_assert_uint_eq(o.records, 1);
}
END_TEST

START_TEST(one_wrong_bit_is_put_right)
{
    make_log(SEGMENTS + 1);
    payload(2)[100] ^= 4;
    struct outcome o = read_log();
    ck_assert_int_eq(o.last, ESE_LOG_STEP_END);
    ck_assert_uint_eq(o.records, SEGMENTS);
    ck_assert_uint_eq(o.end.corrected, 1);
}
END_TEST

START_TEST(a_segment_behind_the_end_is_damage)
{
    make_log(SEGMENTS + 1);
    memset(log_bytes + 2 * (size_t)ESE_LOG_SEGMENT_SIZE, 0, ESE_LOG_SEGMENT_SIZE);
    struct outcome o = read_log();
    ck_assert_int_eq(o.last, ESE_LOG_STEP_FAULT);
    ck_assert_int_eq(o.f.code, FAULT_DAMAGED);
}
END_TEST

/* A record of three pieces, over two segments' ends. */
static void make_pieces(void)
{
    static uint8_t whole[2 * PAYLOAD + 100];
    make_log(1);
    put_nop2(whole, sizeof whole);
    uint8_t *to = payload(1);
    size_t first = PAYLOAD - 7, second = PAYLOAD - 3, third = sizeof whole - first - second;
    to[0] = ESE_LOG_FRAGMENT_BEGIN;
    bytes_put_le32(to + 1, sizeof whole);
    bytes_put_le16(to + 5, first);
    memcpy(to + 7, whole, first);
    to = payload(2);
    to[0] = ESE_LOG_FRAGMENT;
    bytes_put_le16(to + 1, second);
    memcpy(to + 3, whole + first, second);
    to = payload(3);
    to[0] = ESE_LOG_FRAGMENT;
    bytes_put_le16(to + 1, third);
    memcpy(to + 3, whole + first + second, third);
}

START_TEST(pieces_make_one_record)
{
    make_pieces();
    for (unsigned i = 1; i <= 3; i++)
        made_seal(log_bytes, i, i);
    struct outcome o = read_log();
    ck_assert_int_eq(o.last, ESE_LOG_STEP_END);
    ck_assert_uint_eq(o.records, 1);
    ck_assert_uint_eq(o.size, 2 * PAYLOAD + 100);
    ck_assert(!o.end.torn_record);
}
END_TEST

START_TEST(missing_pieces_are_a_torn_end)
{
    make_pieces();
    for (unsigned i = 1; i <= 2; i++)
        made_seal(log_bytes, i, i);
    memset(log_bytes + 3 * (size_t)ESE_LOG_SEGMENT_SIZE, 0, ESE_LOG_SEGMENT_SIZE);
    struct outcome o = read_log();
    ck_assert_int_eq(o.last, ESE_LOG_STEP_END);
    ck_assert_uint_eq(o.records, 0);
    ck_assert(o.end.torn_record);
}
END_TEST

START_TEST(a_recovery_may_follow_a_torn_record)
{
    make_pieces();
    uint8_t *to = payload(3);
    memset(to, 0, PAYLOAD);
    to[0] = ESE_LOG_RECOVERY_UNDO2;
    for (unsigned i = 1; i <= 3; i++)
        made_seal(log_bytes, i, i);
    struct outcome o = read_log();
    ck_assert_int_eq(o.last, ESE_LOG_STEP_END);
    ck_assert_uint_eq(o.records, 1);
    ck_assert_uint_eq(o.size, 9);
}
END_TEST

/* Whatever a record's first 60 bytes say, one after the other: no more than an error. */
START_TEST(lengths_that_lie)
{
    for (unsigned type = 0; type < 256; type++) {
        make_log(1);
        memset(payload(1), 0xff, 60);
        payload(1)[0] = (uint8_t)type;
        made_seal(log_bytes, 1, 1);
        struct outcome o = read_log();
        ck_assert_msg(o.f.code == FAULT_NONE || o.f.code == FAULT_DAMAGED ||
                          o.f.code == FAULT_LIMIT,
                      "type %u: %s", type, o.f.text);
    }
}
END_TEST

START_TEST(every_type_has_a_size_or_is_none)
{
    uint8_t zeros[ESE_LOG_SEGMENT_SIZE] = {0};
    for (unsigned type = 0; type < 256; type++) {
        uint64_t size = 0;
        zeros[0] = (uint8_t)type;
        bool known = ese_log_record_size(bytes_of(zeros, sizeof zeros), &size);
        ck_assert_int_eq(known, ese_log_fixed_size(type) != 0);
        if (known)
            ck_assert_uint_eq(size, ese_log_fixed_size(type));
        ck_assert_int_eq(known, strcmp(ese_log_type_name(type), "?") != 0);
    }
}
END_TEST

/* ---- version 7 ---- */

/* Two flushes over sectors of 512 bytes: a record that lies over a sector's end, and one that is
 * left from before behind the last flush. */
START_TEST(a_stream_over_sectors_ends_with_its_last_flush)
{
    make_log(1);
    bytes_put_le16(log_bytes + 8, 512);
    bytes_put_le16(log_bytes + 10, 8);
    bytes_put_le16(log_bytes + 12, 8 * (SEGMENTS + 2));
    bytes_put_le32(log_bytes + 32, 7);
    bytes_put_le32(log_bytes + 36, 3704);
    ese_checksum_set_header(log_bytes, ESE_LOG_SEGMENT_SIZE);
    uint8_t *to = log_bytes + ESE_LOG_SEGMENT_SIZE;
    to[0] = ESE_LOG_CHECKSUM;
    bytes_put_le32(to + 9, 1000 + 5); /* the next one lies behind two records and five zeros */
    put_nop2(to + 22, 600);
    put_nop2(to + 622, 400);
    to += 22 + 1005;
    to[0] = ESE_LOG_CHECKSUM;
    bytes_put_le32(to + 5, 50);
    put_nop2(to + 22, 50);
    put_nop2(to + 72, 99);
    struct outcome o = read_log();
    ck_assert_msg(o.last == ESE_LOG_STEP_END, "%s", o.f.text);
    ck_assert_uint_eq(o.records, 5);
    ck_assert_uint_eq(o.size, 50);
    ck_assert_uint_eq(o.end.at.sector, 10);
}
END_TEST

int main(void)
{
    return check_main("log_stream", (const struct check_case[]){
                                        {a_full_log_ends_at_its_last_place, 0},
                                        {zeros_and_a_second_copy_end_a_log, 0},
                                        {a_torn_segment_is_read_from_its_copy, 0},
                                        {a_torn_segment_without_a_copy_is_damage, 0},
                                        {one_wrong_bit_is_put_right, 0},
                                        {a_segment_behind_the_end_is_damage, 0},
                                        {pieces_make_one_record, 0},
                                        {missing_pieces_are_a_torn_end, 0},
                                        {a_recovery_may_follow_a_torn_record, 0},
                                        {lengths_that_lie, 0},
                                        {every_type_has_a_size_or_is_none, 0},
                                        {a_stream_over_sectors_ends_with_its_last_flush, 0},
                                        {0},
                                    });
}
