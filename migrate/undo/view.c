/* The store as it was: see undo/view.h. */
#include "migrate/undo/view.h"

#include "formats/array.h"
#include "formats/ese/layout/checksum.h"

#include <stdlib.h>

struct undo_view {
    struct ese_db *db;
    struct ese_page *page; /* ascending by number */
    uint8_t *bytes;
    size_t pages;
};

static bool old_page(void *context, uint32_t number, const struct ese_page **page, struct fault *f)
{
    (void)f;
    const struct undo_view *v = context;
    size_t low = array_first_u32(v->page, v->pages, sizeof *v->page,
                                 offsetof(struct ese_page, number), number);
    *page = low < v->pages && v->page[low].number == number ? &v->page[low] : NULL;
    return true;
}

/* Pieces that are whole pages; those of the header, which the database has read, are passed over.
 */
static bool read_pages(struct undo_view *v, struct undofile *undo, uint32_t size, struct fault *f)
{
    uint8_t *room = malloc(UNDOFILE_PIECE_MOST);
    bool ok = room != NULL || fault_set(f, FAULT_NO_MEMORY, "out of memory while verifying");
    for (size_t i = 0; ok && i < undo->pieces; i++) {
        const struct undofile_piece *p = &undo->piece[i];
        if (p->size != size || p->offset % size != 0 || p->offset < 2 * (uint64_t)size)
            continue;
        uint32_t number = (uint32_t)(p->offset / size - 1);
        uint8_t *to = v->bytes + v->pages * size;
        ok = undofile_piece(undo, i, room, f);
        if (!ok)
            break;
        memcpy(to, room, size);
        struct ese_page *page = &v->page[v->pages++];
        struct ese_checksum_verdict verdict = ese_checksum_verify(bytes_of(to, size), number);
        ese_page_parse(bytes_of(to, size), number, page);
        page->checksum = verdict;
    }
    free(room);
    return ok;
}

bool undo_view_open(struct undofile *undo, struct ese_db *db, struct undo_view **view,
                    struct fault *f)
{
    uint32_t size = ese_pages_size(db->pages);
    struct undo_view *v = calloc(1, sizeof *v);
    bool ok = v != NULL;
    if (ok) {
        v->db = db;
        v->page = calloc(undo->pieces + 1, sizeof *v->page);
        v->bytes = calloc(undo->pieces + 1, size);
        ok = v->page && v->bytes;
    }
    if (!ok)
        fault_set(f, FAULT_NO_MEMORY, "out of memory while verifying");
    if (!ok || !read_pages(v, undo, size, f)) {
        undo_view_close(v);
        return false;
    }
    ese_pages_overlay(db->pages, old_page, v, 0);
    *view = v;
    return true;
}

void undo_view_close(struct undo_view *v)
{
    if (v == NULL)
        return;
    ese_pages_overlay(v->db->pages, NULL, NULL, 0);
    free(v->page);
    free(v->bytes);
    free(v);
}
