/*
 * What a model keeps for as long as it is there: its certificates, each once, and bytes of rows.
 */
#ifndef KM_MIGRATE_MODEL_MEMORY_H
#define KM_MIGRATE_MODEL_MEMORY_H

#include "formats/arena.h"
#include "formats/pool.h"
#include "migrate/judge/model.h"

/* While rows that refer to the list are read: how many name each entry.  There may be a hundred for
 * each, in any order: counted in the entries themselves, every one would have to be fetched anew.
 */
struct reference_counts {
    uint64_t *of; /* by the profile's reference, then by entry */
    int64_t first;
    bool in_step; /* keys count up from `first`, by one: then the key tells which entry it is */
};

/* What only files of this folder need of the model's memory. */
struct model_memory {
    struct arena arena;
    struct pool pool;                /* what many rows may have in common */
    struct buffer value, more, text; /* of the row being read */
    uint32_t *by_hash;               /* certificate numbers + 1, hashed by SHA-256; 0: free */
    uint32_t slots;
    int32_t *user; /* the keys of all users, ascending */
    unsigned users;
    size_t user_room;
    bool has_users, users_mixed; /* mixed: they did not come in that order */
    struct reference_counts counts;
};

/* Sets f to a lack of memory.  Returns false. */
bool model_no_memory(struct fault *f);

/* A copy that lives as long as the model, with a zero byte behind it; NULL: memory is short. */
const void *model_keep(struct model *model, struct bytes b);

/* A text column's value in UTF-8, with a zero byte behind it; NULL when memory is short. */
char *model_utf8_text(struct model *model, const struct ese_column *column, struct bytes b);

/* The number in model->certificate of the certificate with these bytes, which is added when it is
 * new.  False when memory is short. */
bool model_intern(struct model *model, struct bytes der, unsigned *number, struct fault *f);

#endif
