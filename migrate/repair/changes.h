/*
 * What a plan changes in the bytes of a store: the same whether the store itself is written, or a
 * copy of it.
 */
#ifndef KM_MIGRATE_CHANGES_H
#define KM_MIGRATE_CHANGES_H

#include "formats/ese/edit/edit.h"
#include "migrate/decide/assessment.h"

struct changes {
    struct ese_inplace *edit;
    struct ese_inplace_piece header; /* when only a header is written anew: that, else empty */
    uint8_t header_before[ESE_PAGE_SIZE_MAX];
};

/* A copy that is to be changed instead of the store: see struct ese_inplace_options. */
struct changes_copy {
    int descriptor;     /* of a file with the same bytes */
    uint64_t last_time; /* of its pages */
};

/*
 * Works out the changes; nothing is written but into `copy`, which may be NULL.  stop: gives up as
 * soon as it is set.  Until changes_close() the assessment's database reads as it will be.  False,
 * with f saying why, also when the plan comes to nothing.  Close them in any case.
 */
bool changes_make(struct changes *changes, const struct assessment *assessment,
                  const struct changes_copy *copy, const volatile sig_atomic_t *stop,
                  struct fault *f);
void changes_close(struct changes *changes);

/* How many pieces of the file change, and each of them, valid until the next call; of a copy, what
 * is not in it yet. */
unsigned changes_pieces(const struct changes *changes);
bool changes_piece(const struct changes *changes, unsigned i, struct ese_inplace_piece *piece,
                   struct fault *f);

/* Does the page at this offset of the file, or the header, change? */
bool changes_has(const struct changes *changes, uint64_t offset);

/* Writes the pieces, in a safe order; does not sync. */
bool changes_write(const struct changes *changes, int descriptor, struct fault *f);

#endif
