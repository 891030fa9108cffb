/*
 * A store in JSON: the one shape that it has in what every command prints.
 */
#ifndef KM_MIGRATE_STOREFACTS_H
#define KM_MIGRATE_STOREFACTS_H

#include "formats/ese/read/header.h"
#include "migrate/console/json.h"
#include "migrate/decide/assessment.h"

struct stat;

/* What is known of it; NULL: not known, or not looked for. */
struct store_facts {
    const char *path;
    const struct stat *stat;
    const struct ese_header *header;
    const uint8_t *sha256; /* HASH_SHA256_SIZE bytes */
    const struct beside *beside;
    const uint64_t *size; /* where the stat is not that of the file at `path` */
};

/* The member `key`, an object. */
void store_facts_json(struct json *json, const char *key, const struct store_facts *facts);

/* The same of an open store. */
void store_json(struct json *json, const char *key, const struct store *store);

/* The same of one that was judged, as the member "store". */
void assess_store_json(struct json *json, const struct assessment *assessment);

#endif
