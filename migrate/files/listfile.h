/*
 * A file of certificates: DER, PEM, PKCS#7 or a serialized store, told by its bytes and not by its
 * name.
 */
#ifndef KM_MIGRATE_LISTFILE_H
#define KM_MIGRATE_LISTFILE_H

#include "formats/buffer.h"
#include "formats/certs/certs.h"
#include "formats/fault.h"

#include <sys/stat.h>

struct listfile {
    int descriptor; /* open for reading; the file's own */
    struct stat stat;
    enum certlist_kind kind;
    struct buffer bytes;
};

/* What such a file holds beside certificates. */
struct listfile_rest {
    unsigned crls,
        others;      /* certificate revocation lists; what is neither these nor a certificate */
    unsigned blocks; /* of PEM, that hold neither: keys, requests, ... */
    struct bytes first_label; /* of the first of these */
    bool cut;                 /* PEM: it ends in a line that begins as those around blocks do */
    bool text; /* PEM: a line outside the blocks that is neither empty nor begins with # */
};

/* Opens the file at `path` when it is one.  *file is NULL, and nothing is wrong, when it is none or
 * cannot be opened: whoever reads stores says so.  False with FAULT_IO, FAULT_NO_MEMORY or
 * FAULT_LIMIT (64 MiB). */
bool listfile_open(const char *path, struct listfile **file, struct fault *f);
void listfile_close(struct listfile *file);

/* Looks at all of it, in time linear in its size.  False: FAULT_NO_MEMORY; what is damaged only
 * ends the counting. */
bool listfile_look(const struct listfile *file, struct listfile_rest *rest, struct fault *f);

#endif
