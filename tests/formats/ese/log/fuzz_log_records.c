/*
 * Fuzz target: any bytes as the segments of a log, with checksums and places put right, so that
 * they reach the records.  The first byte says which segments are left as they are or get the
 * checksum of a second copy.
 */
#include "tests/formats/ese/log/making.h"

enum { SEGMENTS_MOST = 8, PAYLOAD = ESE_LOG_SEGMENT_SIZE - ESE_LOG_SEGMENT_HEADER };

static void expect(bool condition)
{
    if (!condition)
        abort();
}

static void make(uint8_t *log, unsigned segments, uint8_t how, const uint8_t *data, size_t size)
{
    made_header(log, segments);
    for (unsigned i = 1; i <= segments; i++) {
        uint8_t *to = log + (size_t)i * ESE_LOG_SEGMENT_SIZE + ESE_LOG_SEGMENT_HEADER;
        size_t part = size < PAYLOAD ? size : PAYLOAD;
        memcpy(to, data, part);
        data += part;
        size -= part;
        if (!(how >> i & 1))
            made_seal(log, i, i);
        else if (how & 1)
            made_seal(log, i, i - 1);
    }
}

static void read_records(struct ese_log_stream *stream, size_t bytes)
{
    struct ese_log_record record;
    struct ese_log_position last = {0};
    struct fault f = {.code = FAULT_NONE};
    size_t seen = 0;
    enum ese_log_step step;
    while ((step = ese_log_stream_next(stream, &record, &f)) == ESE_LOG_STEP_RECORD) {
        struct ese_log_page page;
        struct bytes rows;
        uint64_t size = 0;
        expect(record.type < ESE_LOG_TYPES && record.bytes.size > 0);
        expect(record.bytes.size >= ese_log_fixed_size(record.type));
        expect(ese_log_record_size(record.bytes, &size) && size == record.bytes.size);
        expect(ese_log_position_compare(last, record.at) <= 0);
        expect(ese_log_row_bytes(&record, &rows) <= record.bytes.size);
        ese_log_page_read(&record, &page);
        last = record.at;
        seen += record.bytes.size;
    }
    expect(seen <= bytes);
    expect(step == ESE_LOG_STEP_END || f.code == FAULT_DAMAGED || f.code == FAULT_LIMIT);
    expect(ese_log_stream_next(stream, &record, &f) == ESE_LOG_STEP_END);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ese_log_stream *stream;
    struct ese_file *file;
    struct fault f = {.code = FAULT_NONE};
    if (size < 2 || size > 1 + (size_t)SEGMENTS_MOST * PAYLOAD)
        return 0;
    unsigned segments = (unsigned)((size - 1 + PAYLOAD - 1) / PAYLOAD);
    uint8_t *log = calloc(1, made_size(segments));
    expect(log != NULL);
    make(log, segments, data[0], data + 1, size - 1);
    if (data[0] == 0x77) { /* the same bytes as one stream over sectors */
        bytes_put_le16(log + 8, 512);
        bytes_put_le32(log + 32, 7);
        ese_checksum_set_header(log, ESE_LOG_SEGMENT_SIZE);
    }
    expect(ese_file_over(bytes_of(log, made_size(segments)), &file, &f));
    expect(ese_log_stream_open(file, &stream, &f));
    read_records(stream, made_size(segments));
    ese_log_stream_close(stream);
    ese_file_close(file);
    free(log);
    return 0;
}
