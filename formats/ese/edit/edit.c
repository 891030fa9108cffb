/* Changing a database in place: see edit/edit.h; edit/parts.h says which file does what. */
#include "formats/ese/edit/parts.h"

#include "formats/fileio.h"
#include "formats/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { HEADERS = 2, MEMORY_OF_COPY = 32 * 1024 * 1024 };

/* ---- opening and closing ---- */

static bool may_change(const struct ese_db *db, const struct ese_inplace_options *options,
                       struct fault *f)
{
    const struct ese_header *h = &db->headers.header;
    if (h->state != ESE_STATE_CLEAN_SHUTDOWN)
        return fault_set(
            f, FAULT_DAMAGED,
            "the database was not shut down cleanly (%s): its logs hold changes that it lacks",
            ese_state_name(h->state));
    if (h->revision > ESE_REVISION_PUBLISHED && !options->any_revision)
        return fault_set(f, FAULT_UNSUPPORTED,
                         "format revision 0x%x is newer than the published ones (0x%x)",
                         h->revision, ESE_REVISION_PUBLISHED);
    if (h->revision != ESE_REVISION_ESE97 && h->revision < ESE_REVISION_ESE98)
        return fault_set(f, FAULT_UNSUPPORTED,
                         "format revision 0x%x is not written: only 0x%x, and 0x%x and later",
                         h->revision, ESE_REVISION_ESE97, ESE_REVISION_ESE98);
    if (db->catalog_is_shadow)
        return fault_set(f, FAULT_DAMAGED, "the catalog is damaged: only its shadow can be read");
    return true;
}

bool ese_inplace_open(struct ese_db *db, const struct ese_inplace_options *options,
                      struct ese_inplace **out, struct fault *f)
{
    static const struct ese_inplace_options none;
    if (options == NULL)
        options = &none;
    if (!may_change(db, options, f))
        return false;
    struct ese_inplace *ip = calloc(1, sizeof *ip);
    if (ip == NULL)
        return inplace_no_memory(f);
    ip->db = db;
    ip->options = *options;
    ip->page_size = db->headers.header.page_size;
    ip->last = ese_pages_last(db->pages);
    ip->pages_most = (options->memory_most ? options->memory_most
                      : options->copy      ? (size_t)MEMORY_OF_COPY
                                           : (size_t)ESE_INPLACE_MEMORY_MOST) /
                     ip->page_size;
    ip->summary.old_size = ip->summary.size = ese_file_size(db->file);
    ip->header = calloc(1, ip->page_size);
    ip->before = calloc(1, ip->page_size);
    ip->spare = calloc(1, ip->page_size);
    ip->record = malloc(ESE_PAGE_SIZE_MAX);
    ip->made = malloc(sizeof *ip->made);
    if (!inplace_store_open(ip) || ip->header == NULL || ip->before == NULL || ip->spare == NULL ||
        ip->record == NULL || ip->made == NULL) {
        ese_inplace_close(ip);
        return inplace_no_memory(f);
    }
    *out = ip;
    return true;
}

void ese_inplace_close(struct ese_inplace *ip)
{
    if (ip == NULL)
        return;
    inplace_store_close(ip);
    inplace_entries_clear(&ip->added);
    inplace_entries_clear(&ip->orphans);
    free(ip->freed);
    free(ip->sorted);
    free(ip->header);
    free(ip->before);
    free(ip->spare);
    free(ip->record);
    free(ip->made);
    free(ip->spot_room);
    free(ip);
    memory_give_back();
}

const struct ese_inplace_summary *ese_inplace_summary(const struct ese_inplace *ip)
{
    return &ip->summary;
}

/* ---- calls ---- */

bool inplace_ready(struct ese_inplace *ip, const struct ese_table *table, struct fault *f)
{
    if (ip->failed || ip->finished)
        return fault_set(f, FAULT_LIMIT, "no more changes can be made after a %s",
                         ip->failed ? "failure" : "finish");
    ip->failed = ese_objid_is_catalog(table->objid);
    return !ip->failed ||
           fault_set(f, FAULT_UNSUPPORTED, "table %s is the catalog, which is not changed in place",
                     table->name);
}

bool inplace_done(struct ese_inplace *ip, bool ok, struct fault *f)
{
    ok = ok && inplace_entries_flush(ip, f) && inplace_make_room(ip, f);
    ip->failed |= !ok;
    return ok;
}

bool ese_inplace_drop_row(struct ese_inplace *ip, const struct ese_table *table, struct bytes key,
                          unsigned twin, struct fault *f)
{
    struct inplace_row row;
    if (!inplace_ready(ip, table, f))
        return false;
    bool ok = inplace_row_open(&row, ip, table, key, twin, f) && inplace_row_drop(&row, f);
    inplace_row_close(&row);
    return inplace_done(ip, ok, f);
}

bool ese_inplace_change_row(struct ese_inplace *ip, const struct ese_table *table, struct bytes key,
                            unsigned twin, const struct ese_change *change, unsigned changes,
                            struct fault *f)
{
    struct inplace_row row;
    if (!inplace_ready(ip, table, f))
        return false;
    bool ok = inplace_row_open(&row, ip, table, key, twin, f) &&
              inplace_row_change(&row, change, changes, f);
    inplace_row_close(&row);
    return inplace_done(ip, ok, f);
}

bool ese_inplace_add_row(struct ese_inplace *ip, const struct ese_table *table,
                         const struct ese_change *change, unsigned changes, struct fault *f)
{
    return inplace_ready(ip, table, f) &&
           inplace_done(ip, inplace_add(ip, table, change, changes, f), f);
}

bool ese_inplace_drop_entry(struct ese_inplace *ip, const struct ese_table *table,
                            const struct ese_index *index, struct bytes key, struct bytes row,
                            struct fault *f)
{
    const struct inplace_entry entry = {table, index, key, row};
    return inplace_ready(ip, table, f) && inplace_done(ip, inplace_drop_entry(ip, &entry, f), f);
}

/* ---- the end ---- */

static bool read_before(struct ese_inplace *ip, uint64_t offset, struct bytes *before,
                        struct fault *f)
{
    size_t got = 0;
    if (!ese_file_read(ip->db->file, offset, ip->before, ip->page_size, &got, f))
        return false;
    *before = bytes_of(ip->before, got);
    return true;
}

static bool finish(struct ese_inplace *ip, struct fault *f)
{
    if (!inplace_give_back(ip, f) || !inplace_list_pages(ip, f))
        return false;
    ip->summary.pages = inplace_count_changed(ip);
    if (ip->summary.pages == 0)
        return true;
    if (!inplace_last_time(ip, f))
        return false;
    for (size_t i = 0; i < ip->listed; i++)
        inplace_seal(ip, ip->sorted[i]);
    inplace_make_header(ip, ip->header);
    return true;
}

bool ese_inplace_finish(struct ese_inplace *ip, struct fault *f)
{
    if (ip->failed || ip->finished)
        return fault_set(f, FAULT_LIMIT, "the changes cannot be finished after a %s",
                         ip->failed ? "failure" : "finish");
    ip->finished = finish(ip, f);
    ip->failed = !ip->finished;
    return ip->finished;
}

/* ---- listing and writing ---- */

unsigned ese_inplace_pieces(const struct ese_inplace *ip)
{
    return ip->finished && ip->summary.pages > 0 ? (unsigned)ip->listed + HEADERS : 0;
}

/* Where piece i stands, and what will be there. */
static struct bytes new_bytes(const struct ese_inplace *ip, unsigned i, uint64_t *offset)
{
    if (i < ip->listed) {
        *offset = ese_page_offset(ip->sorted[i]->page.number, ip->page_size);
        return ip->sorted[i]->page.raw;
    }
    *offset = (uint64_t)(i - ip->listed) * ip->page_size;
    return bytes_of(ip->header, ip->page_size);
}

bool ese_inplace_piece(struct ese_inplace *ip, unsigned i, struct ese_inplace_piece *piece,
                       struct fault *f)
{
    if (i >= ese_inplace_pieces(ip))
        return fault_set(f, FAULT_MISSING, "there is no piece %u of what changes", i);
    piece->after = new_bytes(ip, i, &piece->offset);
    return read_before(ip, piece->offset, &piece->before, f);
}

bool ese_inplace_write(struct ese_inplace *ip, const struct ese_inplace_writer *writer,
                       struct fault *f)
{
    unsigned pieces = ese_inplace_pieces(ip);
    if (!ip->finished)
        return fault_set(f, FAULT_LIMIT, "changes are written after they are finished");
    if (pieces > 0 && ip->summary.size > ip->summary.old_size && writer->resize &&
        !writer->resize(writer->context, ip->summary.size, f))
        return false;
    for (unsigned i = 0; i < pieces; i++) {
        uint64_t offset;
        struct bytes data = new_bytes(ip, i, &offset);
        if (!writer->write(writer->context, offset, data, f))
            return false;
    }
    return true;
}

static bool resize_descriptor(void *context, uint64_t size, struct fault *f)
{
    const int *descriptor = context;
    if (fileio_resize(*descriptor, size))
        return true;
    fault_set(f, FAULT_IO, "the file cannot be made longer: %s", strerror(errno));
    return fault_of_output(f);
}

bool ese_inplace_write_at(int descriptor, uint64_t offset, struct bytes data, struct fault *f)
{
    if (fileio_write_at(descriptor, offset, data))
        return true;
    fault_set(f, FAULT_IO, "write error at byte %llu: %s", (unsigned long long)offset,
              strerror(errno));
    return fault_of_output(f);
}

static bool write_descriptor(void *context, uint64_t offset, struct bytes data, struct fault *f)
{
    const int *descriptor = context;
    return ese_inplace_write_at(*descriptor, offset, data, f);
}

bool ese_inplace_write_to(struct ese_inplace *ip, int descriptor, struct fault *f)
{
    const struct ese_inplace_writer writer = {&descriptor, resize_descriptor, write_descriptor};
    return ese_inplace_write(ip, &writer, f);
}

uint32_t ese_inplace_page_size(const struct ese_inplace *ip)
{
    return ip->page_size;
}

bool ese_inplace_is_changed(const struct ese_inplace *ip, uint32_t page)
{
    return ip->finished && inplace_is_changed(ip, page);
}
