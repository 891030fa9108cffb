/*
 * The headers of transaction log files and of the checkpoint file.
 *
 * A log file's first 4096 bytes say which generation it is, which stream of logs it belongs to (the
 * log signature), when it and its predecessor were made, and which databases were attached when it
 * was begun.  A checkpoint file holds one page twice: from which log position on a replay has to
 * start.
 *
 * Layouts are known from version 7 on.  Of the logs of ESE97 (Exchange 5.5) only what every version
 * has in common is read: nothing is published about the rest.
 *
 * Source: the published engine, dev/ese/src/inc/log.hxx (LGFILEHDR, CHECKPOINT, ATTACHINFO).
 */
#ifndef KM_FORMATS_ESE_LOG_HEADER_H
#define KM_FORMATS_ESE_LOG_HEADER_H

#include "formats/ese/log/record.h"
#include "formats/ese/read/file.h"
#include "formats/fault.h"

enum {
    ESE_LOG_HEADER_SIZE = 4096,
    ESE_LOG_SEGMENT_SIZE = 4096, /* of version 8; of those before, sectors are no larger */
    ESE_LOG_SIGNATURE_SIZE = 28,
    ESE_LOG_TIME_SIZE = 8,
    ESE_LOG_ATTACH_SIZE = 2048,
    ESE_LOG_PATH_MOST = 260,      /* bytes of a path in the header */
    ESE_LOG_ATTACHMENTS_MOST = 8, /* more databases than an engine attaches at a time */
    ESE_LOG_NAME_MOST = 512,      /* bytes of UTF-8 that a database's path may take */
};

enum ese_log_framing {
    ESE_LOG_ESE97,    /* version 6 and older: not published */
    ESE_LOG_SECTORS,  /* version 7: one stream over sectors, checksum records in it */
    ESE_LOG_SEGMENTS, /* version 8: segments of 4 KiB with a checksum each */
};

/* A database that was attached. */
struct ese_log_attachment {
    uint8_t database; /* the number that records name it by */
    uint64_t dbtime;
    uint32_t objid_last;
    struct ese_log_position attached, consistent;
    uint8_t signature[ESE_LOG_SIGNATURE_SIZE];
    char name[ESE_LOG_NAME_MOST]; /* its path, UTF-8 */
};

struct ese_log_attachments {
    struct ese_log_attachment entry[ESE_LOG_ATTACHMENTS_MOST];
    unsigned count;
    bool whole; /* the list was read to its end; otherwise entries are missing */
};

struct ese_log_header {
    enum ese_log_framing framing;
    uint32_t major, minor, update_major, update_minor;
    int32_t generation;
    uint32_t sector_size, header_sectors, file_sectors, page_size;
    uint8_t created[ESE_LOG_TIME_SIZE]; /* LOGTIMEs as they are stored: equal only byte for byte */
    uint8_t previous_created[ESE_LOG_TIME_SIZE];
    uint8_t signature[ESE_LOG_SIGNATURE_SIZE];
    char system_path[ESE_LOG_PATH_MOST + 1], log_path[ESE_LOG_PATH_MOST + 1];
    struct ese_log_position checkpoint; /* when the file was begun */
    struct ese_log_attachments attached;
    uint32_t checksum, checksum_expected;
    bool checksum_good;
};

struct ese_log_checkpoint {
    struct ese_log_position position;
    uint8_t signature[ESE_LOG_SIGNATURE_SIZE];
    char system_path[ESE_LOG_PATH_MOST + 1], log_path[ESE_LOG_PATH_MOST + 1];
    bool has_attached;
    struct ese_log_attachments attached;
    bool from_shadow; /* the first copy is damaged */
};

enum ese_log_file_kind { ESE_LOG_NEITHER, ESE_LOG_FILE, ESE_LOG_CHECKPOINT_FILE };

/* What such a file is called: "transaction log", "checkpoint file". */
const char *ese_log_file_words(enum ese_log_file_kind kind);

/* What a file is, by the first 4096 bytes of it: by their file type field and, for logs of ESE97,
 * which have none, never.  Says nothing about whether it is sound. */
enum ese_log_file_kind ese_log_kind(struct bytes start);

/*
 * Cuts the first bytes of a log file into fields.  b: at least ESE_LOG_HEADER_SIZE bytes.  A wrong
 * checksum is no failure: the header says so, and its fields are what they are.
 *
 * Fails with FAULT_DAMAGED when b is too short, FAULT_NOT_THIS when the version is none that
 * exists.
 */
bool ese_log_header_parse(struct bytes b, struct ese_log_header *header, struct fault *f);

/* The same from a file. */
bool ese_log_header_read(struct ese_file *file, struct ese_log_header *header, struct fault *f);

/* What the file at `path` is.  ESE_LOG_NEITHER also for what cannot be opened. */
enum ese_log_file_kind ese_log_kind_of(const char *path);

/* Can its fields be believed?  False with FAULT_DAMAGED when its checksum is wrong (that of ESE97
 * is not known), or when it names sizes or a generation that no log has. */
bool ese_log_header_is_sound(const struct ese_log_header *header, struct fault *f);

/* Reads a checkpoint file: the first copy, or where that is damaged the second.  Fails with
 * FAULT_DAMAGED when both are, FAULT_NOT_THIS when it is none. */
bool ese_log_checkpoint_read(struct ese_file *file, struct ese_log_checkpoint *checkpoint,
                             struct fault *f);

/* Is it a day and a time of day? */
bool ese_log_time_is_date(const uint8_t time[ESE_LOG_TIME_SIZE]);

/* A LOGTIME as ISO 8601 with milliseconds, "Z" behind it where the time says that it is UTC;
 * "never" where all is zero.  Returns text. */
const char *ese_log_time_text(const uint8_t time[ESE_LOG_TIME_SIZE], char text[40]);

/* "8.4000.5.16" in `text`, which is returned. */
const char *ese_log_version(const struct ese_log_header *header, char text[48]);

#endif
