/*
 * Where the hashes of certificates that leave the list stand in the store: whatever names them so
 * would name nothing any more.
 */
#ifndef KM_MIGRATE_LOST_H
#define KM_MIGRATE_LOST_H

#include "migrate/judge/model.h"

/* A column to which the profile gives no meaning, and that holds such hashes. */
struct lost_hit {
    const struct ese_table *table; /* the catalog's, as is the column */
    const struct ese_column *column;
    const struct ese_column *serial; /* identity: of several columns the one with the serial number;
                                        NULL: it is one, or not always the same */
    int32_t entry;                   /* the first that is named */
    uint64_t values;                 /* that name one */
    const char *how; /* the word of --reference that moves each of them: "sha1", "sha1hex"; static;
                        NULL: none does */
    bool identity;   /* they are issuer and serial number of one, and no hash */
};

struct lost_hits {
    struct lost_hit *item; /* the caller frees it */
    unsigned count;
    size_t room;
};

/* Reads all values once and looks in them for the hashes of certificates that are lost (see
 * digests.h), and in each row for the issuer and serial number of those whose identity no entry
 * keeps.  lost: by the model's certificates, the key of the entry that goes; NO_ENTRY: it stays.
 * Fails when memory is short, or when something cannot be read: what was not looked at may name
 * them. */
bool lost_search(const struct model *model, const int64_t *lost, struct lost_hits *hits,
                 struct fault *f);

#endif
