/*
 * What a repair wrote, for whoever tells about it.
 */
#ifndef KM_MIGRATE_RESULT_H
#define KM_MIGRATE_RESULT_H

#include "formats/hash.h"

#include <stdbool.h>

struct repair_result {
    const char *target;     /* path of the new store, or of the store itself */
    const char *quarantine; /* path of the file with what was taken out; NULL: nothing was */
    const char *set_aside;  /* directory with the logs that were set aside; NULL: none */
    const char *undo;       /* path of the undo file; NULL: none */
    const char *backup;     /* path of the backup; NULL: none */
    bool narrower;          /* what was written may be read by fewer than the input */
    uint8_t sha256[HASH_SHA256_SIZE]; /* of the new store */
};

#endif
