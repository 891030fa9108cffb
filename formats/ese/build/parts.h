/*
 * What the files of build/ share: of a database that is built, page by page.  salvage/ lends from
 * it, too; nothing else includes this.
 *
 *   build/output.c   pages and bytes into the file
 *   build/page.c     one page being filled
 *   build/tree.c     one B+-tree being filled from the bottom up
 *   build/space.c    which pages a tree owns, and its space trees
 *   build/sort.c     sorting more entries than fit into memory
 *   build/schema.c   copying and completing a schema
 *   build/catalog.c  the catalog's rows and trees
 *   build/header.c   the header
 *   build/table.c    one table, begun and ended; build/table_row.c adds its rows, long values and
 *                    index entries
 *   build/build.c    the database
 *
 * What those of them share that compact a database is in build/compact_parts.h.
 */
#ifndef KM_FORMATS_ESE_BUILD_PARTS_H
#define KM_FORMATS_ESE_BUILD_PARTS_H

#include "formats/array.h"
#include "formats/buffer.h"
#include "formats/ese/build/build.h"
#include "formats/ese/layout/record_write.h"

#include <stdlib.h>

/* ---- output ---- */

/* Writes go through one run of neighbouring pages. */
struct build_output {
    int descriptor;
    uint32_t page_size;
    uint8_t *run;
    uint32_t first, pages, most; /* of the run: number of its first page, how many, room for */
};

bool build_output_open(struct build_output *out, int descriptor, uint32_t page_size,
                       struct fault *f);
void build_output_close(struct build_output *out);
/* Takes a finished page.  It reaches the file when the run ends. */
bool build_output_page(struct build_output *out, uint32_t number, const uint8_t *raw,
                       struct fault *f);
bool build_output_flush(struct build_output *out, struct fault *f);
bool build_output_bytes(struct build_output *out, uint64_t offset, const uint8_t *at, size_t size,
                        struct fault *f);
bool build_output_size(struct build_output *out, uint64_t size, struct fault *f);

/* ---- one page ---- */

enum { BUILD_PREFIX_LEAST = 3 }; /* shorter common prefixes save nothing, and one of 1 is illegal */
enum { BUILD_KEY_SHOWN = 32 };   /* bytes of a key that a message shows */

/* A page being filled: data grow up from the header, tags down from the end, as on disk. */
struct build_page {
    uint8_t *raw;
    uint32_t size;
    uint32_t header; /* size of the page header */
    bool compress;   /* keys may share a prefix: never on roots */
    uint32_t tags, used;
    uint32_t prefix_at, prefix_size; /* in the data area; size 0: none yet */
    uint32_t last_at;                /* where the last node starts in the data area */
    struct buffer last_key;
    uint32_t last_data;
};

/* raw of page_size bytes is allocated by the page. */
bool build_page_open(struct build_page *p, uint32_t page_size, struct fault *f);
void build_page_close(struct build_page *p);
/* Empties the page; external: bytes kept for tag 0 (roots only; then keys share no prefix). */
void build_page_reset(struct build_page *p, bool root, uint32_t external);
/* Adds a node behind the last.  *fits false, page unchanged: there is no room for it. */
bool build_page_add(struct build_page *p, struct bytes key, struct bytes data, bool *fits,
                    struct fault *f);
/* Number of nodes. */
static inline uint32_t build_page_nodes(const struct build_page *p)
{
    return p->tags - 1;
}

/* Fills in the header, as ese_page_write_header() does, but not the checksum. */
void build_page_finish(struct build_page *p, const struct ese_page *header);

/* ---- space ---- */

struct build_extent {
    uint32_t first, pages;
};

struct build_extents {
    struct build_extent *at;
    size_t count, room;
};

/* The pages of one tree.  What it gives to child trees is owned, and neither free nor its own. */
struct build_space {
    struct ese_build *build;
    struct build_space *parent; /* NULL: the database's root */
    uint32_t root;              /* number of the tree's root page */
    uint32_t
        owned_root; /* root of the owned-extent tree, its successor's of the other; 0: none yet */
    uint32_t fixed_pages;             /* first pages of a tree at fixed pages; 0: it has none */
    bool keep;                        /* fixed first extents: what is unused stays the tree's */
    struct build_extents owned, free; /* ascending */
};

/* Begins the space of a tree: one page from the parent, its root. */
bool build_space_begin(struct build_space *s, struct ese_build *build, struct build_space *parent,
                       struct fault *f);
/* Begins the space of a tree that the format puts at fixed pages: `pages` from `root` on, its space
 * trees behind the root. */
bool build_space_fixed(struct build_space *s, struct ese_build *build, struct build_space *parent,
                       uint32_t root, uint32_t pages, struct fault *f);
void build_space_close(struct build_space *s);
/* Takes one page. */
bool build_space_page(struct build_space *s, uint32_t *number, struct fault *f);
/* Ends it: gives unused pages back to the parent, writes the space trees where the tree needs them,
 * and the 16 bytes of the space header.  objid, page_flags: of the tree. */
bool build_space_end(struct build_space *s, uint32_t objid, uint32_t page_flags, bool unique,
                     uint8_t header[16], struct fault *f);

enum { BUILD_SPACE_HEADER_SIZE = 16 };

/* What a tree and its parent had at one time. */
struct build_space_state {
    struct build_extents owned, free, parent_owned, parent_free;
};

/* to: zero, or filled before. */
bool build_space_remember(const struct build_space *s, struct build_space_state *to,
                          struct fault *f);
/* Goes back to it: pages taken since, by the tree or by children of it, are empty in the file.
 * Nothing else may have taken any from its parent. */
bool build_space_go_back(struct build_space *s, const struct build_space_state *to,
                         struct fault *f);
void build_space_forget(struct build_space_state *state);
/* As it was begun, when its parent goes back. */
void build_space_restart(struct build_space *s);

/* ---- one tree ---- */

struct build_level {
    struct build_page page;
    uint32_t number, prev; /* of the page being filled, 0: not known yet; of the one before it */
    bool opened;
};

struct build_tree {
    struct ese_build *build;
    struct build_space space;
    const struct build_extents *fixed_pages; /* instead of space: of a space tree */
    size_t fixed_used;
    uint32_t objid, flags; /* enum ese_page_flag, of all pages of the tree */
    bool unique;           /* no two nodes have one key; else key and data together are the order */
    bool allow_same;       /* a unique tree with equal keys: damage, on purpose */
    uint32_t root_external; /* size of the root's external header */
    uint8_t external[BUILD_SPACE_HEADER_SIZE + 65];
    struct build_level level[ESE_DEPTH_MOST];
    struct buffer last_key, last_data; /* of the node added last */
    uint64_t nodes;
};

/* Begins a tree whose space is begun already (or, a space tree, has none).  *t is zero or was
 * closed. */
bool build_tree_begin(struct build_tree *t, struct ese_build *build, uint32_t objid, uint32_t flags,
                      bool unique, struct fault *f);
/* Adds a node behind the last.  Fails with FAULT_DAMAGED when it is not greater; same_key (may be
 * NULL) tells whether that is because a unique tree has the key already. */
bool build_tree_add(struct build_tree *t, struct bytes key, struct bytes data, bool *same_key,
                    struct fault *f);
/* Ends it: writes all pages, the root with its space header last. */
bool build_tree_end(struct build_tree *t, struct fault *f);
void build_tree_close(struct build_tree *t);

/* How many pages there are in them. */
uint32_t build_pages_of(const struct build_extents *list);

/* Writes a space tree: extents in ascending order under root page `root`, further pages from
 * `pages`. */
bool build_space_tree(struct ese_build *build, const struct build_extents *extents, uint32_t root,
                      const struct build_extents *pages, uint32_t objid, uint32_t flags,
                      struct fault *f);

/* How many pages besides the root a space tree of so many extents needs. */
uint32_t build_space_tree_pages(uint32_t page_size, size_t extents);

/* ---- sorting ---- */

struct build_sort;
bool build_sort_open(struct build_sort **sort, struct fault *f);
void build_sort_close(struct build_sort *sort);
bool build_sort_add(struct build_sort *sort, struct bytes key, struct bytes data, struct fault *f);
/* After the last add: the entries in the order of key, then data.  *more false at the end.  key and
 * data are valid until the next call. */
bool build_sort_next(struct build_sort *sort, struct bytes *key, struct bytes *data, bool *more,
                     struct fault *f);

/* Once more from the first entry on. */
bool build_sort_rewind(struct build_sort *sort, struct fault *f);

enum { BUILD_RECORD_ROOM = 64 * 1024 }; /* for a record that may be too long */

/* ---- schema ---- */

/* Copies `schema` with its strings to *to, completed: see ese_build_table_begin(). */
struct build_schema {
    struct ese_table table;
    void **owned; /* what has to be freed */
    size_t owned_count, owned_room;
};
bool build_schema_copy(struct build_schema *to, const struct ese_table *schema,
                       const struct ese_table *parent, uint32_t revision, struct fault *f);
void build_schema_close(struct build_schema *s);

/* ---- the catalog ---- */

struct build_catalog_row {
    struct buffer key, record;
};

struct build_catalog {
    struct build_catalog_row *row;
    size_t rows, room;
    bool system_rows; /* rows of MSysObjects and its shadow were given */
};

/* Rows of a table whose objids and roots are known. */
bool build_catalog_table(struct ese_build *build, const struct ese_table *table, struct fault *f);
bool build_catalog_raw(struct ese_build *build, const struct ese_build_node *row, unsigned rows,
                       struct fault *f);
/* The indexes of the catalog itself, the primary one first; its shadow has that alone. */
enum { BUILD_OWN_INDEXES = 3 };
const struct ese_index *build_own_index(unsigned i);
/* A catalog row's key: table, kind, id. */
void build_catalog_key(uint32_t table, uint32_t type, uint32_t id, uint8_t key[13]);
/* Makes the row that says which tree has a table's long values.  *to: zero, or used before. */
bool build_catalog_long_value(const struct ese_record_format *format, uint32_t table,
                              uint32_t objid, uint32_t root, struct build_catalog_row *to,
                              struct fault *f);
/* Puts a page number into a carried row of kind `type` and id `id` of table `objid`. */
bool build_catalog_patch(struct ese_build *build, uint32_t objid, uint32_t type, uint32_t id,
                         uint32_t root, struct fault *f);
/* Writes MSysObjects, its two indexes and MSysObjectsShadow. */
bool build_catalog_write(struct ese_build *build, struct fault *f);
void build_catalog_close(struct build_catalog *catalog);
uint32_t build_shadow_pages(const struct ese_build *build);

/* ---- the database ---- */

struct ese_build {
    struct ese_build_options options;
    struct ese_record_format format;
    uint32_t page_flags;   /* that every page of this revision has */
    uint32_t split_buffer; /* size of the external header of space tree roots */
    bool shadow_off;
    bool broken; /* something failed: what was built is not whole */
    struct build_output out;
    struct build_space root, catalog_space, name_space, root_index_space, shadow_space;
    struct build_catalog catalog;
    uint64_t dbtime;
    uint32_t objid_last;
    uint8_t source_header[ESE_HEADER_SIZE];
    bool has_source;
    struct ese_build_table **table; /* all tables begun; ended ones keep their schema */
    size_t tables, table_room;
    struct ese_build_summary summary;
};

/* Gives a page its checksum and writes it. */
bool build_write_page(struct ese_build *build, uint32_t number, uint8_t *raw, struct fault *f);
void build_table_free(struct ese_build_table *table);
bool build_table_is_open(const struct ese_build_table *table);
bool build_header_write(struct ese_build *build, struct fault *f);
uint32_t build_objid_next(struct ese_build *build);

#endif
