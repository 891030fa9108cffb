/*
 * What a salvage says of single rows, in files beside the new store:
 *
 *   NEW.salvage.jsonl       a line for each row, long value or page that is doubtful or lost
 *   NEW.quarantine.jsonl    the bytes of what is not in the new store, in hexadecimal
 *   NEW.quarantine.pem      the certificates in them, if there are any
 *
 * and the plan's id, a hash over all of these lines.
 */
#ifndef KM_MIGRATE_SALVAGE_FILES_H
#define KM_MIGRATE_SALVAGE_FILES_H

#include "formats/ese/salvage/salvage.h"
#include "formats/hash.h"
#include "formats/buffer.h"
#include "formats/outfile.h"
#include "migrate/console/json.h"

#include <limits.h>
#include <stdio.h>

struct salvage_files {
    struct hash hash, of_item; /* of the plan, of one item's bytes */
    struct json *json;
    struct buffer line; /* that is being made */
    bool open;
    struct outfile *lines, *quarantine; /* NULL: only the id is wanted */
    FILE *lines_to, *quarantine_to;
    char lines_name[PATH_MAX], quarantine_name[PATH_MAX];
    uint64_t quarantined;
    /* Made with the first certificate.  One that is there is never written over: the next name is
     * NEW.quarantine-2.pem. */
    struct outfile *pem;
    FILE *pem_to;
    char pem_name[PATH_MAX];
    uint64_t certificates;
    const char *target; /* NULL: only the id is wanted */
    int like;
    char id[2 * HASH_SHA256_SIZE + 1];
};

/* target: NEW; NULL: nothing is written.  like, force: as outfile_create().  False with f set; then
 * nothing has to be closed. */
bool salvage_files_open(struct salvage_files *files, const char *target, int like, bool force,
                        struct fault *f);

/* Adds a part of the plan that is no item: the input's hash, options, counts. */
void salvage_files_plan(struct salvage_files *files, const char *text);

/* Of the form that ese_salvage_options wants; context: the struct salvage_files. */
bool salvage_files_item(void *context, const struct ese_salvage_item *item, struct fault *f);

/* Fills in the id. */
void salvage_files_id(struct salvage_files *files);

/* Syncs the files and gives them their names: before the new store gets its own. */
bool salvage_files_commit(struct salvage_files *files, struct fault *f);
/* Takes the files away again, when the new store did not get its name after all. */
void salvage_files_remove(struct salvage_files *files);
/* Are they all without names, so that nothing is left of them when the process ends? */
bool salvage_files_vanish(const struct salvage_files *files);
/* In any case. */
void salvage_files_close(struct salvage_files *files);

#endif
