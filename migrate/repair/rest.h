/*
 * Holding a copy against the store that it was made of: whatever the changes did not touch is bit
 * for bit what it was, and the store is what was judged.
 *
 * The copy is read for its hash as it is verified; this listens.
 */
#ifndef KM_MIGRATE_REST_H
#define KM_MIGRATE_REST_H

#include "migrate/decide/assessment.h"
#include "migrate/repair/changes.h"

#include <signal.h>

struct rest {
    const struct assessment *a;
    const volatile sig_atomic_t *stop;
    struct filehash_how how; /* for the hash of the copy */
    struct filehash source;  /* of what was read of the store */
    uint8_t *changed;        /* a bit for each page, and header, of the store */
    uint64_t pages, done;    /* done: bytes of the store that were read */
    uint8_t *step;
    bool differs;
    uint64_t where; /* the first place that differs */
    int error;      /* errno of what cannot be read of the store */
};

/* Both are borrowed.  stop: reads no more as soon as it is set.  False when memory is short.  Close
 * it in any case. */
bool rest_open(struct rest *rest, const struct assessment *assessment,
               const volatile sig_atomic_t *stop, struct fault *f);
void rest_close(struct rest *rest);

/* What changes in the copy; changes: as they are written. */
void rest_leave_out(struct rest *rest, const struct changes *changes);

/* Once the copy was hashed as rest->how says: is the rest of it what it was, and the store what was
 * judged?  False, with f saying what is not, also when it was stopped. */
bool rest_is_same(struct rest *rest, struct fault *f);

#endif
