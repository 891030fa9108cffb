/*
 * What open transactions have changed: see log/parts.h.
 *
 * One growing array of entries and one of bytes, both taken back when no transaction is open.
 */
#include "formats/ese/log/parts.h"

#include "formats/array.h"

#include <stdlib.h>
#include <unistd.h>

enum { BUCKETS = 1024 };

/* An engine keeps its versions in memory as well, a few hundred MB at the most. */
#define BYTES_MOST ((size_t)1 << 28)
#define ENTRIES_MOST ((size_t)1 << 21)

/* ---- the table: chains by session and id ---- */

/* The seed keeps whoever writes the logs from choosing the chains. */
static size_t bucket(const struct log_versions *v, uint16_t session, uint32_t id)
{
    uint64_t x = ((uint64_t)session << 32 | id) ^ v->seed;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return (size_t)(x ^ x >> 31) & (v->buckets - 1);
}

static bool make_table(struct log_versions *v, size_t buckets, struct fault *f)
{
    size_t *table = malloc(buckets * sizeof *table);
    if (table == NULL)
        return fault_no_memory(f, "open transactions");
    if (v->table == NULL && getentropy(&v->seed, sizeof v->seed) != 0)
        v->seed = 1;
    memset(table, 0xff, buckets * sizeof *table);
    free(v->table);
    v->table = table;
    v->buckets = buckets;
    for (size_t i = 0; i < v->count; i++) {
        struct log_version *version = &v->entry[i];
        if (!version->live)
            continue;
        size_t *head = &table[bucket(v, version->session, version->id)];
        version->chain = *head;
        *head = i;
    }
    return true;
}

static bool make_room(struct log_versions *v, size_t bytes, struct fault *f)
{
    if (v->count >= v->buckets && !make_table(v, v->buckets ? 2 * v->buckets : BUCKETS, f))
        return false;
    if (v->count >= ENTRIES_MOST)
        return fault_set(f, FAULT_LIMIT, "open transactions change more than %zu rows",
                         ENTRIES_MOST);
    if (bytes > BYTES_MOST - v->bytes_used)
        return fault_set(f, FAULT_LIMIT, "open transactions change more than %zu bytes",
                         BYTES_MOST);
    return (array_reserve(&v->entry, &v->room, v->count + 1, sizeof *v->entry) &&
            array_reserve(&v->bytes, &v->bytes_room, v->bytes_used + bytes + 1,
                          sizeof *v->bytes)) ||
           fault_no_memory(f, "open transactions");
}

static void append(struct log_versions *v, struct bytes b)
{
    if (b.size > 0)
        memcpy(v->bytes + v->bytes_used, b.at, b.size);
    v->bytes_used += b.size;
}

/* What is dropped has left its chain: only the room has to be taken back. */
void log_versions_clear(struct log_versions *v)
{
    v->count = 0;
    v->bytes_used = 0;
}

bool log_versions_fill(struct log_versions *v, struct log_version *version, struct bytes key,
                       struct bytes data, struct bytes before, struct fault *f)
{
    size_t index = (size_t)(version - v->entry);
    if (!make_room(v, key.size + data.size + before.size, f))
        return false;
    version = &v->entry[index];
    version->key = v->bytes_used;
    version->key_size = (uint32_t)key.size;
    version->data_size = (uint32_t)data.size;
    version->before_size = (uint32_t)before.size;
    append(v, key);
    append(v, data);
    version->before = v->bytes_used;
    append(v, before);
    version->whole = true;
    return true;
}

bool log_versions_add(struct log_versions *v, size_t *head, const struct log_version *version,
                      struct bytes key, struct bytes data, struct bytes before, struct fault *f)
{
    if (!make_room(v, key.size + data.size + before.size, f))
        return false;
    struct log_version *to = &v->entry[v->count];
    size_t place = bucket(v, version->session, version->id);
    *to = *version;
    to->live = true;
    to->previous = *head;
    to->chain = v->table[place];
    v->table[place] = v->count;
    *head = v->count;
    v->count++;
    bool whole = version->whole;
    if (!log_versions_fill(v, to, key, data, before, f))
        return false;
    v->entry[v->count - 1].whole = whole;
    return true;
}

struct log_version *log_versions_find(struct log_versions *v, uint16_t session, uint32_t id)
{
    if (v->table == NULL)
        return NULL;
    for (size_t i = v->table[bucket(v, session, id)]; i != SIZE_MAX; i = v->entry[i].chain)
        if (v->entry[i].live && v->entry[i].id == id && v->entry[i].session == session)
            return &v->entry[i];
    return NULL;
}

void log_versions_drop_one(struct log_versions *v, struct log_version *version)
{
    size_t index = (size_t)(version - v->entry);
    if (!version->live)
        return;
    version->live = false;
    size_t *link = &v->table[bucket(v, version->session, version->id)];
    while (*link != SIZE_MAX && *link != index)
        link = &v->entry[*link].chain;
    if (*link == index)
        *link = version->chain;
}

void log_versions_drop(struct log_versions *v, size_t *head, size_t from)
{
    while (*head != SIZE_MAX && *head >= from) {
        struct log_version *version = &v->entry[*head];
        log_versions_drop_one(v, version);
        *head = version->previous;
    }
}

struct bytes log_version_key(const struct log_versions *v, const struct log_version *version)
{
    return bytes_of(v->bytes + version->key, version->key_size);
}

struct bytes log_version_before(const struct log_versions *v, const struct log_version *version)
{
    return bytes_of(v->bytes + version->before, version->before_size);
}

void log_versions_close(struct log_versions *v)
{
    free(v->entry);
    free(v->bytes);
    free(v->table);
    *v = (struct log_versions){.count = 0};
}
