/*
 * Index entries that no row explains, by the row's key: of a row that is lost, or of another
 * version of one.
 */
#include "formats/ese/salvage/parts.h"

#include <string.h>

enum { STRAY_HEADER = 13 }; /* before the entry's key: index, time, page */

bool salvage_stray_add(struct salvage_table *t, unsigned index, const struct salvage_version *v,
                       struct bytes key, struct bytes bookmark, struct fault *f)
{
    uint8_t data[STRAY_HEADER + ESE_KEY_ROOM];
    if (key.size > ESE_KEY_ROOM)
        return true;
    data[0] = (uint8_t)index;
    bytes_put_be32(data + 1, ~v->dbtime >> 32); /* so that the newest comes first */
    bytes_put_be32(data + 5, ~v->dbtime & UINT32_MAX);
    bytes_put_le32(data + 9, v->page);
    if (key.size > 0)
        memcpy(data + STRAY_HEADER, key.at, key.size);
    return build_sort_add(t->stray, bookmark, bytes_of(data, STRAY_HEADER + key.size), f);
}

static bool read_stray(struct salvage_strays *x, struct fault *f)
{
    struct bytes key, data;
    bool more;
    if (x->pending || x->done)
        return true;
    if (!build_sort_next(x->t->stray, &key, &data, &more, f))
        return false;
    x->done = !more;
    x->pending = more;
    return !more || (buffer_set(&x->next_bookmark, key, f) && buffer_set(&x->next, data, f));
}

static bool take_stray(struct salvage_strays *x, struct fault *f)
{
    size_t before = x->room;
    if (!array_reserve(&x->at, &x->room, x->count + 1, sizeof *x->at))
        return fault_no_memory(f, "index entries");
    if (x->room > before)
        memset(x->at + before, 0, (x->room - before) * sizeof *x->at);
    struct salvage_stray *s = &x->at[x->count];
    struct bytes data = buffer_bytes(&x->next);
    bytes_u8(data, 0, &s->index);
    uint32_t high = 0, low = 0;
    bytes_be32(data, 1, &high);
    bytes_be32(data, 5, &low);
    bytes_le32(data, 9, &s->page);
    s->dbtime = ~((uint64_t)high << 32 | low);
    x->pending = false;
    x->count++;
    return buffer_set(&s->key, bytes_from(data, STRAY_HEADER), f);
}

bool salvage_strays_next(struct salvage_strays *x, struct bytes most, bool *found, struct fault *f)
{
    x->count = 0;
    *found = false;
    if (!read_stray(x, f))
        return false;
    if (!x->pending || (most.at && bytes_compare(buffer_bytes(&x->next_bookmark), most) > 0))
        return true;
    *found = true;
    if (!buffer_set(&x->bookmark, buffer_bytes(&x->next_bookmark), f))
        return false;
    do {
        if (!take_stray(x, f) || !read_stray(x, f))
            return false;
    } while (x->pending &&
             bytes_equal(buffer_bytes(&x->next_bookmark), buffer_bytes(&x->bookmark)));
    return true;
}

void salvage_strays_close(struct salvage_strays *x)
{
    for (size_t i = 0; i < x->room; i++)
        buffer_free(&x->at[i].key);
    free(x->at);
    buffer_free(&x->bookmark);
    buffer_free(&x->next_bookmark);
    buffer_free(&x->next);
}

/* An entry of a sound tree that is newer than the leaf, for a row that the leaf should have: the
 * leaf is not what was written last. */
static void see_stray(struct salvage_table *t, const struct salvage_stray *stray,
                      const struct salvage_page *owner)
{
    const struct ese_keys *keys = t->keys[stray->index];
    if (owner)
        t->s->page[owner - t->s->page].marked = true;
    if (owner && owner->trust <= SALVAGE_MOVED && keys && !keys->count_only &&
        !t->uncomputed[stray->index] && stray->dbtime > owner->dbtime)
        t->s->page[owner - t->s->page].stale = true;
}

bool salvage_strays_evidence(struct salvage_table *t, struct fault *f)
{
    struct salvage_strays x = {.t = t};
    bool found = true;
    if (!t->looked)
        return true;
    bool ok = salvage_walk_rewind(&t->rows, f);
    while (ok && (ok = salvage_strays_next(&x, (struct bytes){.at = NULL}, &found, f)) && found) {
        const struct salvage_page *owner =
            salvage_owner(&t->rows.leaves, buffer_bytes(&x.bookmark));
        for (size_t i = 0; i < x.count; i++)
            see_stray(t, &x.at[i], owner);
    }
    salvage_strays_close(&x);
    return ok && build_sort_rewind(t->stray, f);
}
