/* Names as they may be shown: see shown.h. */
#include "migrate/judge/shown.h"

const char *shown_name(const struct model *m, const char *name, char text[SHOWN_NAME])
{
    const struct profile *p = m->profile;
    const struct ese_table *table =
        p->list[0].table ? ese_catalog_find(m->store->db->catalog, p->list[0].table) : NULL;
    const struct ese_column *column =
        table && p->list[0].name ? ese_table_column(table, p->list[0].name) : NULL;
    if (column == NULL || name == NULL || !store_column_is_secret(m->store, table, column))
        return name;
    uint8_t digest[HASH_SHA256_SIZE];
    char hex[2 * HASH_SHA256_SIZE + 1];
    struct hash hash = m->hash;
    hash_sha256_add(&hash, bytes_of(name, strlen(name)));
    hash_sha256_end(&hash, digest);
    snprintf(text, SHOWN_NAME, "[%zu bytes, SHA-256 %s]", strlen(name),
             bytes_hex(bytes_of(digest, sizeof digest), hex, sizeof hex));
    return text;
}
