/* A store in JSON: see storefacts.h. */
#include "migrate/report/storefacts.h"

#include "migrate/report/repair_salvaged.h"

#include <sys/stat.h>

/* The header's facts; all null where it could not be read. */
static void header_members(struct json *json, const struct ese_header *h)
{
    static const char *const keys[] = {"state", "version", "revision", "page_size", "consistent"};
    int64_t seconds = 0;
    if (h == NULL) {
        for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
            json_put_text(json, keys[i], NULL);
        return;
    }
    bool known = ese_time_seconds(h->consistent, &seconds);
    json_put_text(json, "state", ese_state_name(h->state));
    json_put_hex_number(json, "version", h->version);
    json_put_hex_number(json, "revision", h->revision);
    json_put_unsigned(json, "page_size", h->page_size);
    json_put_time(json, "consistent", known, seconds, h->consistent.utc);
}

static void beside_members(struct json *json, const struct beside *beside)
{
    json_put_array(json, "files_beside");
    for (size_t i = 0; i < beside->files; i++)
        json_string(json, beside->file[i].name);
    json_end_array(json);
    json_put_array(json, "undo_files");
    for (size_t i = 0; i < beside->files; i++) {
        if (beside->file[i].kind != BESIDE_UNDO)
            continue;
        json_map(json);
        json_put_text(json, "name", beside->file[i].name);
        json_put_text(json, "state", beside->file[i].note);
        json_end_map(json);
    }
    json_end_array(json);
}

void store_facts_json(struct json *json, const char *key, const struct store_facts *facts)
{
    const struct stat *st = facts->stat;
    json_put_map(json, key);
    json_put_text(json, "path", facts->path);
    if (st || facts->size)
        json_put_unsigned(json, "size", facts->size ? *facts->size : (uint64_t)st->st_size);
    else
        json_put_text(json, "size", NULL);
    json_put_time(json, "file_time", st != NULL, st ? (int64_t)st->st_mtime : 0, true);
    header_members(json, facts->header);
    if (facts->sha256)
        json_put_hex(json, "sha256", bytes_of(facts->sha256, HASH_SHA256_SIZE));
    else
        json_put_text(json, "sha256", NULL);
    if (facts->beside)
        beside_members(json, facts->beside);
    json_end_map(json);
}

void store_json(struct json *json, const char *key, const struct store *store)
{
    store_facts_json(json, key,
                     &(struct store_facts){.path = store->path,
                                           .stat = ese_file_stat(store->db->file),
                                           .header = &store->db->headers.header});
}

void assess_store_json(struct json *json, const struct assessment *a)
{
    const struct filehash *hash = salvaged_from(a);
    store_facts_json(json, "store",
                     &(struct store_facts){.path = a->store.path,
                                           .stat = ese_file_stat(a->store.db->file),
                                           .header = &a->store.db->headers.header,
                                           .sha256 = hash->digest,
                                           .beside = &a->beside,
                                           .size = &hash->size});
}
