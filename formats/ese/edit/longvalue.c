/*
 * Long values of a database that is changed in place: see edit/parts.h.
 *
 * Source: the published engine, inc/lv.hxx, ese/lv.cxx.
 */
#include "formats/ese/edit/parts.h"

enum {
    ROOT_SIZE = 8,
    LID_SIZE = 4,
    LID_MOST = INT32_MAX, /* the top bit says that an id has 64 bits */
};

static struct inplace_tree tree_of(struct ese_inplace *ip, const struct ese_table *table)
{
    return (struct inplace_tree){.ip = ip,
                                 .root = table->long_value_root,
                                 .objid = table->long_value_objid,
                                 .owner = table->long_value_root,
                                 .unique = true};
}

/* Reads the root of a value.  *found false: there is none. */
static bool read_root(const struct inplace_tree *t, struct bytes key, struct ese_lv_root *root,
                      uint8_t raw[ROOT_SIZE + 1], size_t *raw_size, bool *found, struct fault *f)
{
    struct inplace_spot spot;
    struct inplace_target target = {.key = key};
    bool ok = inplace_find(t, &target, &spot, found, f);
    if (ok && *found) {
        struct bytes data = inplace_at(&spot)->data;
        ok = ese_lv_root_read(data, root) ||
             fault_set(f, FAULT_DAMAGED, "a long value's root of %zu bytes", data.size);
        *raw_size = data.size;
        if (ok)
            memcpy(raw, data.at, data.size);
    }
    inplace_spot_close(&spot);
    return ok;
}

/* Removes root and chunks: everything whose key begins with the id. */
static bool remove_value(const struct inplace_tree *t, struct bytes id, struct fault *f)
{
    for (;;) {
        struct inplace_spot spot;
        uint8_t key_room[12];
        struct bytes key = bytes_of(key_room, 0);
        bool there, found;
        bool ok = inplace_seek(t, id, bytes_of(id.at, 0), &spot, &there, f);
        if (ok && there) {
            struct bytes at = inplace_at(&spot)->key;
            there = at.size >= id.size && at.size <= sizeof key_room &&
                    memcmp(at.at, id.at, id.size) == 0;
            if (there) {
                memcpy(key_room, at.at, at.size);
                key.size = at.size;
            }
        }
        inplace_spot_close(&spot);
        if (!ok || !there)
            return ok;
        struct inplace_target target = {.key = key};
        if (!inplace_remove(t, &target, &found, f))
            return false;
        if (!found)
            return fault_set(f, FAULT_DAMAGED,
                             "a chunk of a long value stands where it cannot be found");
    }
}

static bool count_references(struct ese_inplace *ip, const struct ese_table *table,
                             const struct ese_lv_key *id, bool more, struct fault *f)
{
    struct inplace_tree t = tree_of(ip, table);
    struct ese_lv_root root;
    uint8_t key_room[12], raw[ROOT_SIZE + 1];
    struct bytes key = bytes_of(key_room, ese_lv_key_write(id, key_room));
    struct inplace_target target = {.key = key};
    size_t size = 0;
    bool found;
    if (!read_root(&t, key, &root, raw, &size, &found, f))
        return false;
    if (!found)
        return !more || fault_set(f, FAULT_MISSING, "there is no long value %llu",
                                  (unsigned long long)id->lid);
    if (root.references == ESE_LV_PARTLY_DELETED)
        return !more || fault_set(f, FAULT_DAMAGED, "long value %llu is being deleted",
                                  (unsigned long long)id->lid);
    if (!more && root.references <= 1)
        return remove_value(&t, key, f);
    bytes_put_le32(raw, more ? root.references + 1 : root.references - 1);
    return inplace_replace(&t, &target, bytes_of(raw, size), &found, f);
}

bool inplace_lv_drop(struct ese_inplace *ip, const struct ese_table *table, uint64_t lid, bool wide,
                     struct fault *f)
{
    struct ese_lv_key id = {.lid = lid, .wide = wide, .root = true};
    return table->long_value_root == 0 || count_references(ip, table, &id, false, f);
}

bool inplace_lv_add(struct ese_inplace *ip, const struct ese_table *table, uint64_t lid,
                    struct fault *f)
{
    struct ese_lv_key id = {.lid = lid, .root = true};
    if (table->long_value_root == 0)
        return fault_set(f, FAULT_MISSING, "table %s has no long values", table->name);
    return count_references(ip, table, &id, true, f);
}

/* The id behind the last one of 32 bits. */
static bool next_id(const struct inplace_tree *t, uint32_t *lid, struct fault *f)
{
    static const uint8_t behind_all[1] = {0x80};
    struct arena memory = {NULL};
    struct inplace_node node;
    struct ese_lv_key last = {.lid = 0};
    bool there;
    bool ok = inplace_last_below(t, bytes_of(behind_all, 1), &memory, &node, &there, f);
    if (ok && there && (!ese_lv_key_read(node.key, &last) || last.wide))
        ok = fault_set(f, FAULT_DAMAGED, "a long value's key of %zu bytes", node.key.size);
    if (ok && last.lid >= LID_MOST)
        ok = fault_set(f, FAULT_UNSUPPORTED, "no ids of 32 bits are left for long values");
    *lid = (uint32_t)last.lid + 1;
    arena_free(&memory);
    return ok;
}

bool inplace_lv_new(struct ese_inplace *ip, const struct ese_table *table, struct bytes data,
                    uint32_t *lid, struct fault *f)
{
    struct inplace_tree t = tree_of(ip, table);
    uint32_t chunk = ese_lv_chunk_size(table, ip->page_size);
    uint8_t room[12], root[ROOT_SIZE];
    if (table->long_value_root == 0)
        return fault_set(f, FAULT_UNSUPPORTED,
                         "a value of %zu bytes needs a long-value tree, which table %s lacks",
                         data.size, table->name);
    if (data.size == 0 || data.size > INT32_MAX || chunk == 0)
        return fault_set(f, FAULT_LIMIT, "a long value of %zu bytes", data.size);
    if (!next_id(&t, lid, f))
        return false;
    struct ese_lv_key key = {.lid = *lid, .root = true};
    bytes_put_le32(root, 1);
    bytes_put_le32(root + 4, data.size);
    bool ok = inplace_insert(&t, bytes_of(room, ese_lv_key_write(&key, room)),
                             bytes_of(root, sizeof root), NULL, f);
    key.root = false;
    for (size_t at = 0; ok && at < data.size; at += chunk) {
        struct bytes part = bytes_from(data, at);
        if (part.size > chunk)
            part.size = chunk;
        key.offset = (uint32_t)at;
        ok = inplace_insert(&t, bytes_of(room, ese_lv_key_write(&key, room)), part, NULL, f);
    }
    return ok;
}
