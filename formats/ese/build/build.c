/* The database as a whole: see build.h. */
#include "formats/ese/build/parts.h"

#include "formats/ese/build/revision2.h"
#include "formats/ese/layout/checksum.h"

#include <string.h>

enum {
    CATALOG_PAGES = 20,      /* first pages of MSysObjects, as every engine gives it */
    CATALOG_INDEX_PAGES = 3, /* of its indexes: root and space trees */
    LEAST_PAGES = 254,
};

static bool check_options(const struct ese_build_options *o, struct fault *f)
{
    if (!ese_page_size_valid(o->page_size))
        return fault_set(f, FAULT_UNSUPPORTED, "a page size of %u bytes does not exist",
                         o->page_size);
    if (o->revision != ESE_REVISION_ESE97 && o->revision < ESE_REVISION_ESE98)
        return fault_set(f, FAULT_UNSUPPORTED,
                         "format revision 0x%x is not written: expected 0x2, or 0x9 to 0x%x",
                         o->revision, ESE_REVISION_PUBLISHED);
    if (o->revision > ESE_REVISION_PUBLISHED && !o->any_revision)
        return fault_set(
            f, FAULT_UNSUPPORTED,
            "format revision 0x%x is newer than the last published one, 0x%x: what is written "
            "in it cannot be vouched for",
            o->revision, ESE_REVISION_PUBLISHED);
    if (!ese_page_size_small(o->page_size) && o->revision < ESE_REVISION_LARGE_PAGES)
        return fault_set(f, FAULT_UNSUPPORTED,
                         "pages of %u bytes do not exist before format revision 0x%x", o->page_size,
                         ESE_REVISION_LARGE_PAGES);
    if (o->source_header.at != NULL && o->source_header.size < ESE_HEADER_SIZE)
        return fault_set(f, FAULT_UNSUPPORTED, "a source header of %zu bytes",
                         o->source_header.size);
    return true;
}

static void set_defaults(struct ese_build *b)
{
    struct ese_build_options *o = &b->options;
    static const struct ese_time never;
    if (memcmp(&o->time, &never, sizeof never) == 0)
        o->time = (struct ese_time){.day = 1, .month = 6, .year = 98};
    if (o->signature == 0)
        o->signature = 1;
    if (o->dbtime == 0)
        o->dbtime = 1;
    if (o->least_pages == 0)
        o->least_pages = o->revision < ESE_REVISION_ESE98 ? ESE97_LEAST_PAGES : LEAST_PAGES;
    b->dbtime = o->dbtime;
    b->format.new_format = o->revision >= ESE_REVISION_ESE98;
    b->format.small_pages = ese_page_size_small(o->page_size);
    b->page_flags = (b->format.new_format ? ESE_PAGE_NEW_RECORD_FORMAT : 0u) |
                    (o->revision >= ESE_REVISION_ECC ? ESE_PAGE_NEW_CHECKSUM : 0u);
    b->split_buffer =
        o->revision >= ESE_REVISION_SPLIT_BUFFER ? ESE_SPLIT_BUFFER_SIZE : ESE97_SPLIT_BUFFER_SIZE;
    if (o->source_header.at != NULL) {
        struct ese_header h;
        memcpy(b->source_header, o->source_header.at, ESE_HEADER_SIZE);
        b->has_source = true;
        ese_header_parse(o->source_header, &h);
        b->shadow_off = h.flags & ESE_HEADER_SHADOW_CATALOG_OFF;
        o->source_header.at = NULL;
    }
    b->objid_last = ESE_OBJID_CATALOG_ROOT_INDEX;
}

/* The trees that stand at the same pages in every database. */
static bool begin_spaces(struct ese_build *b, struct fault *f)
{
    uint32_t shadow = build_shadow_pages(b);
    uint32_t fixed = ESE_PGNO_CATALOG_SHADOW + shadow - 1;
    if (!build_space_fixed(&b->root, b, NULL, ESE_PGNO_ROOT, fixed, f) ||
        !build_space_fixed(&b->catalog_space, b, &b->root, ESE_PGNO_CATALOG, CATALOG_PAGES, f) ||
        !build_space_fixed(&b->name_space, b, &b->catalog_space, ESE_PGNO_CATALOG_NAME_INDEX,
                           CATALOG_INDEX_PAGES, f) ||
        !build_space_fixed(&b->root_index_space, b, &b->catalog_space, ESE_PGNO_CATALOG_ROOT_INDEX,
                           CATALOG_INDEX_PAGES, f) ||
        !build_space_fixed(&b->shadow_space, b, &b->root, ESE_PGNO_CATALOG_SHADOW, shadow, f))
        return false;
    /* What these have of their parents is free there no more. */
    enum { AFTER_INDEXES = ESE_PGNO_CATALOG_ROOT_INDEX + CATALOG_INDEX_PAGES };
    b->root.free.count = 0;
    b->catalog_space.free.at[0] =
        (struct build_extent){AFTER_INDEXES, ESE_PGNO_CATALOG + CATALOG_PAGES - AFTER_INDEXES};
    return true;
}

bool ese_build_start(const struct ese_build_options *options, struct ese_build **build,
                     struct fault *f)
{
    if (!check_options(options, f))
        return false;
    struct ese_build *b = calloc(1, sizeof *b);
    if (b == NULL)
        return fault_no_memory(f, NULL);
    b->options = *options;
    set_defaults(b);
    if (!build_output_open(&b->out, options->descriptor, options->page_size, f) ||
        !begin_spaces(b, f)) {
        ese_build_abandon(b);
        return false;
    }
    *build = b;
    return true;
}

void ese_build_abandon(struct ese_build *b)
{
    if (b == NULL)
        return;
    for (size_t i = 0; i < b->tables; i++)
        build_table_free(b->table[i]);
    free(b->table);
    build_catalog_close(&b->catalog);
    build_space_close(&b->shadow_space);
    build_space_close(&b->root_index_space);
    build_space_close(&b->name_space);
    build_space_close(&b->catalog_space);
    build_space_close(&b->root);
    build_output_close(&b->out);
    free(b);
}

uint32_t build_objid_next(struct ese_build *b)
{
    return ++b->objid_last;
}

void ese_build_objid_least(struct ese_build *b, uint32_t objid)
{
    if (b->objid_last < objid)
        b->objid_last = objid;
}

bool ese_build_raw_system_rows(struct ese_build *b, const struct ese_build_node *row, unsigned rows,
                               struct fault *f)
{
    b->catalog.system_rows = true;
    return build_catalog_raw(b, row, rows, f);
}

bool build_write_page(struct ese_build *b, uint32_t number, uint8_t *raw, struct fault *f)
{
    ese_checksum_set(raw, b->options.page_size, number);
    return build_output_page(&b->out, number, raw, f);
}

/* The root page of the database: a tree without nodes, whose space is all of the file. */
static bool write_root(struct ese_build *b, struct fault *f)
{
    struct build_page root;
    uint8_t header[BUILD_SPACE_HEADER_SIZE];
    if (!build_page_open(&root, b->options.page_size, f))
        return false;
    build_page_reset(&root, true, sizeof header);
    bool ok = build_space_end(&b->root, ESE_OBJID_ROOT, 0, true, header, f);
    if (ok) {
        memcpy(root.raw + root.header, header, sizeof header);
        build_page_finish(&root, &(struct ese_page){
                                     .dbtime = b->dbtime++,
                                     .objid = ESE_OBJID_ROOT,
                                     .flags = b->page_flags | ESE_PAGE_ROOT | ESE_PAGE_LEAF,
                                     .number = ESE_PGNO_ROOT,
                                 });
        ok = build_write_page(b, ESE_PGNO_ROOT, root.raw, f);
    }
    build_page_close(&root);
    return ok;
}

bool ese_build_finish(struct ese_build *b, struct ese_build_summary *summary, struct fault *f)
{
    bool ok =
        !b->broken || fault_set(f, FAULT_UNSUPPORTED, "a table of the database could not be built");
    for (size_t i = 0; i < b->tables && ok; i++)
        if (build_table_is_open(b->table[i]))
            ok = fault_set(f, FAULT_UNSUPPORTED,
                           "a table is still open when its database is finished");
    ok = ok && build_catalog_write(b, f) && write_root(b, f) && build_output_flush(&b->out, f);
    uint32_t pages = build_pages_of(&b->root.owned);
    ok = ok && build_output_size(&b->out, ((uint64_t)pages + 2) * b->options.page_size, f) &&
         build_header_write(b, f);
    if (ok && summary) {
        *summary = b->summary;
        summary->pages = pages;
        summary->used_pages = pages - build_pages_of(&b->root.free);
        summary->objid_last = b->objid_last;
    }
    ese_build_abandon(b);
    return ok;
}
