/* Names as they may be shown: see shown.h. */
#include "migrate/judge/shown.h"

#include "migrate/console/words.h"

/* Are the names of entries a secret, in any part of the list? */
static bool is_secret(const struct model *m)
{
    for (unsigned i = 0; i < m->profile->lists; i++) {
        const char *name = m->profile->list[i].name;
        const struct ese_table *table = model_list_table(m, i);
        const struct ese_column *column = ese_table_column(table, name);
        if (column && store_column_is_secret(m->store, table, column))
            return true;
    }
    return false;
}

const char *shown_name(const struct model *m, const char *name, char text[SHOWN_NAME])
{
    if (name == NULL || !is_secret(m))
        return name;
    uint8_t digest[HASH_SHA256_SIZE];
    struct hash hash = m->hash;
    hash_sha256_add(&hash, bytes_of(name, strlen(name)));
    hash_sha256_end(&hash, digest);
    snprintf(text, SHOWN_NAME, "[%zu bytes, SHA-256 %s]", strlen(name),
             hash_words(bytes_of(digest, sizeof digest)));
    return text;
}
