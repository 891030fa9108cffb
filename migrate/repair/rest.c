/* What stays of a store in its copy: see rest.h. */
#include "migrate/repair/rest.h"

#include "formats/fileio.h"
#include "migrate/repair/verify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static size_t page_size(const struct rest *r)
{
    return r->a->store.db->headers.header.page_size;
}

static bool is_changed(const struct rest *r, uint64_t at)
{
    uint64_t page = at / page_size(r);
    return page < r->pages && r->changed[page / 8] >> page % 8 & 1;
}

static void note_difference(struct rest *r, uint64_t at, struct bytes copy)
{
    size_t page = page_size(r);
    for (size_t i = 0; i < copy.size && !r->differs; i += page) {
        size_t size = copy.size - i < page ? copy.size - i : page;
        r->differs = memcmp(r->step + i, copy.at + i, size) != 0 && !is_changed(r, at + i);
        r->where = at + i;
    }
}

/* The same bytes of the store. */
static void hear(void *context, uint64_t at, struct bytes copy)
{
    struct rest *r = context;
    uint64_t size = ese_file_size(r->a->store.db->file);
    if (at != r->done || at >= size || r->error || *r->stop)
        return;
    if (copy.size > size - at)
        copy.size = (size_t)(size - at); /* the copy may have grown */
    size_t got = ese_file_read_beside(r->a->store.db->file, at, r->step, copy.size);
    r->error = got < copy.size ? errno : 0;
    copy.size = got;
    r->done += got;
    if (got > 0)
        filehash_add(&r->source, bytes_of(r->step, got));
    if (got > 0 && memcmp(r->step, copy.at, got) != 0)
        note_difference(r, at, copy);
}

bool rest_open(struct rest *r, const struct assessment *a, const volatile sig_atomic_t *stop,
               struct fault *f)
{
    const struct filehash_how like = {.like = &a->hash};
    *r = (struct rest){.a = a, .stop = stop, .how = {.hears = hear, .context = r}};
    r->pages = ese_file_size(a->store.db->file) / page_size(r) + 1;
    r->changed = calloc(r->pages / 8 + 1, 1);
    r->step = malloc(FILEIO_STEP);
    return ((r->changed && r->step) ||
            fault_set(f, FAULT_NO_MEMORY, "out of memory for the copy")) &&
           filehash_start_given(&r->source, &like, f);
}

void rest_close(struct rest *r)
{
    filehash_finish(&r->source, NULL);
    free(r->changed);
    free(r->step);
    r->changed = r->step = NULL;
}

void rest_leave_out(struct rest *r, const struct changes *changes)
{
    for (uint64_t page = 0; page < r->pages; page++)
        if (changes_has(changes, page * page_size(r)))
            r->changed[page / 8] |= (uint8_t)(1 << page % 8);
}

bool rest_is_same(struct rest *r, struct fault *f)
{
    const struct ese_file *file = r->a->store.db->file;
    if (*r->stop)
        return fault_set(f, FAULT_LIMIT, "interrupted");
    if (r->error)
        return fault_set(f, FAULT_IO, "read error at byte %" PRIu64 ": %s", r->done,
                         strerror(r->error));
    if (!filehash_finish(&r->source, f))
        return false;
    if (r->differs)
        return fault_set(f, FAULT_IO,
                         "the copy differs at byte %" PRIu64 ", where nothing was changed",
                         r->where);
    /* The bytes of a compressed file are not those that were copied. */
    if (!verify_is_judged(r->a, ese_file_is_packed(file) ? NULL : &r->source, f))
        return false;
    return r->done == ese_file_size(file) ||
           fault_set(f, FAULT_IO, "the copy cannot be read back: it is too short");
}
