/*
 * The logs that lie in a directory, and whether they are what a database needs.
 *
 * A database that was not shut down cleanly names in its header the generations without which it
 * cannot be recovered.  A set of logs is complete for it when the files of all of them are there,
 * belong to the database's stream of logs (the log signature), follow each other (each names the
 * time its predecessor was made at), and can be read to their ends.
 *
 * Names: three letters, then nothing (the current log), 5 or 8 hexadecimal digits (its generation);
 * .log or .jtx; .chk for the checkpoint; res1, res2 and BASEres... for reserves.  Without case.
 *
 * Source: the published engine, inc/daedef.hxx (DBFILEHDR), ese/_log/logredo.cxx
 * (ErrLGCheckGenMaxRequired), logutil.cxx (names).
 */
#ifndef KM_FORMATS_ESE_LOG_SET_H
#define KM_FORMATS_ESE_LOG_SET_H

#include "formats/ese/log/stream.h"

enum ese_log_name {
    ESE_LOG_NAME_NONE,
    ESE_LOG_NAME_CURRENT,
    ESE_LOG_NAME_NUMBERED,
    ESE_LOG_NAME_RESERVE,
    ESE_LOG_NAME_CHECKPOINT,
    ESE_LOG_NAME_TEMPORARY, /* BASEtmp: made ahead, or left */
};

enum { ESE_LOG_BASE_SIZE = 3 };

/* What a file's name says.  generation: that of a numbered one, 0 otherwise; digits: how many it
 * has. */
enum ese_log_name ese_log_name_read(const char *name, char base[ESE_LOG_BASE_SIZE + 1],
                                    int32_t *generation, unsigned *digits);

struct ese_log_file {
    char *name; /* within the directory */
    enum ese_log_name kind;
    char base[ESE_LOG_BASE_SIZE + 1];
    uint64_t size;
    int32_t named_generation; /* 0: its name has none */
    bool has_header;
    struct ese_log_header *header; /* logs whose header is sound; NULL: none */
    struct fault fault;            /* why it cannot be read, or not to its end */
    /* After ese_log_set_judge(), of those that it needs: */
    bool scanned;
    uint64_t records;
    struct ese_log_end end;
};

struct ese_log_set {
    char *directory;
    struct ese_log_file *file; /* by base, then kind, then generation */
    size_t files;
    char base[ESE_LOG_BASE_SIZE + 1]; /* of the logs that are judged; empty: there are none */
    unsigned digits;                  /* of their numbered names */
    char extension[5];
};

/* Reads the directory and the headers of all logs in it.  Fails with FAULT_IO when the directory
 * cannot be read, FAULT_NO_MEMORY, FAULT_LIMIT for more files than are believed.  A file that
 * cannot be read is no failure: it says so.  Close it in any case. */
bool ese_log_set_open(struct ese_log_set *set, const char *directory, struct fault *f);
void ese_log_set_close(struct ese_log_set *set);

/* What a database's header says of its logs. */
struct ese_log_need {
    uint32_t state;
    bool clean;
    int32_t first, last, committed; /* generations; 0: none */
    struct ese_log_position consistent, attached;
    uint8_t signature[ESE_LOG_SIGNATURE_SIZE];    /* of its logs */
    uint8_t database[ESE_LOG_SIGNATURE_SIZE];     /* its own */
    uint8_t committed_created[ESE_LOG_TIME_SIZE]; /* when the newest log was made; zero: unknown */
    uint32_t page_size;
};

/* header: the page of a database header. */
void ese_log_need_read(struct bytes header, struct ese_log_need *need);

/* Chooses the base whose logs carry the database's log signature, else the first that has logs. */
void ese_log_set_choose(struct ese_log_set *set, const struct ese_log_need *need);

/* The log of a generation, of the chosen base; NULL when there is none. */
struct ese_log_file *ese_log_set_find(const struct ese_log_set *set, int32_t generation);

/* What a file of such a name should be. */
enum ese_log_file_kind ese_log_name_kind(enum ese_log_name kind);

enum ese_log_trouble {
    ESE_LOG_MISSING,         /* a required generation has no file: `name` */
    ESE_LOG_OTHER_SIGNATURE, /* it belongs to another stream of logs */
    ESE_LOG_OTHER_TIME,   /* it does not follow its predecessor, or is not the database's newest */
    ESE_LOG_OTHER_NUMBER, /* its name says another generation than its header, or two files one */
    ESE_LOG_OTHER_PAGES,  /* it is of databases with another page size */
    ESE_LOG_GAP,          /* behind the required ones a generation is missing before another */
    ESE_LOG_UNREADABLE,   /* header, checksum, segment or record */
    ESE_LOG_UNKNOWN_VERSION, /* nobody has published how to read it */
};

/* One thing that is wrong with the set.  text: a whole sentence with expected and found. */
struct ese_log_finding {
    enum ese_log_trouble trouble;
    int32_t generation;
    char name[64];
    char text[256];
};

struct ese_log_verdict {
    bool needed;   /* the database needs logs at all */
    bool complete; /* nothing that a recovery needs is wrong */
    bool replayable_version;
    bool newest_missing; /* none has the name of the newest (edb.log): what was committed behind
                            `last`, if anything, is in no file */
    int32_t first, last; /* the generations that a recovery would read */
    struct ese_log_finding *finding;
    size_t findings;
    size_t room;
};

/* Judges the chosen base's logs for a database, reading those that a recovery needs to their ends.
 * A current log without a sound header counts as the newest generation: what it holds is unknown.
 * Fails only with FAULT_NO_MEMORY.  *verdict is the caller's to close. */
bool ese_log_set_judge(struct ese_log_set *set, const struct ese_log_need *need,
                       struct ese_log_verdict *verdict, struct fault *f);

/* Is nothing wrong with the set but that nobody has published how its version is read? */
bool ese_log_verdict_in_row(const struct ese_log_verdict *verdict);

void ese_log_verdict_close(struct ese_log_verdict *verdict);

#endif
