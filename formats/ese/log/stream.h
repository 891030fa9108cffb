/*
 * The records of one log file, in their order.
 *
 * Version 8 writes segments of 4 KiB, each with a checksum that its own number seeds.  The segment
 * written last stands twice while the file is being written: its second copy lies behind it and is
 * seeded with the number before its own place.  Records never go over a segment's end: a long one
 * is cut into fragments.  Zeros fill what is left of a segment.
 *
 * Where the log ends: at the first segment that is not of this generation and place (never written,
 * a second copy, or left from an older log).  A damaged segment whose second copy is sound is read
 * from that: such an end is what a power failure leaves.  A damaged one without a copy, and a sound
 * one behind the end, are damage.
 *
 * Version 7 writes one stream of records over sectors of 512 to 4096 bytes, with a record of
 * checksums for every flush.  It is read for listings: the sums are not verified, and no genuine
 * one has been seen.
 *
 * Memory is one run of segments and one record; nothing is allocated for a record.  Cost is linear
 * in the file, whatever is in it.
 *
 * Source: the published engine, dev/ese/src/inc/_logstream.hxx (LGSEGHDR), ese/_log/logread.cxx
 * (ErrLGCheckReadLastLogRecordFF, ErrLGIGetRecordAtPbNext).
 */
#ifndef KM_FORMATS_ESE_LOG_STREAM_H
#define KM_FORMATS_ESE_LOG_STREAM_H

#include "formats/ese/log/header.h"

enum {
    ESE_LOG_SEGMENT_HEADER = 40,
};

enum ese_log_step {
    ESE_LOG_STEP_RECORD,
    ESE_LOG_STEP_END,   /* the log is read, and nothing speaks against its end */
    ESE_LOG_STEP_FAULT, /* damage, an error of reading, no memory: nothing follows */
};

struct ese_log_stream;

/*
 * Prepares the records of `file`, which is borrowed and must outlive the stream.
 *
 * Fails as ese_log_header_read() does; with FAULT_UNSUPPORTED for a version whose records are not
 * read; with FAULT_DAMAGED when the header's checksum or its sizes are wrong.
 */
bool ese_log_stream_open(struct ese_file *file, struct ese_log_stream **stream, struct fault *f);
void ese_log_stream_close(struct ese_log_stream *stream);

/* The header of the file, as long as the stream is open. */
const struct ese_log_header *ese_log_stream_header(const struct ese_log_stream *stream);

/* Gives the next record, which is valid until the next call. */
enum ese_log_step ese_log_stream_next(struct ese_log_stream *stream, struct ese_log_record *record,
                                      struct fault *f);

/* What the end looked like; known after ESE_LOG_STEP_END or ESE_LOG_STEP_FAULT. */
struct ese_log_end {
    uint32_t segments;          /* how many segments were read */
    uint32_t from_copies;       /* how many of them from their second copy */
    uint32_t corrected;         /* how many had one wrong bit, which was put right */
    bool torn_record;           /* the last record is not all there */
    struct ese_log_position at; /* where the next record would be */
};

const struct ese_log_end *ese_log_stream_end(const struct ese_log_stream *stream);

#endif
