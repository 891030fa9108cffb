/* Pages and bytes into the file: see build/parts.h. */
#include "formats/ese/build/parts.h"

#include "formats/fileio.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

enum { RUN_BYTES = 512 * 1024 };

bool build_output_open(struct build_output *out, int descriptor, uint32_t page_size,
                       struct fault *f)
{
    *out = (struct build_output){
        .descriptor = descriptor, .page_size = page_size, .most = RUN_BYTES / page_size};
    out->run = malloc(RUN_BYTES);
    if (out->run == NULL)
        return fault_set(f, FAULT_NO_MEMORY, "out of memory for writing");
    return true;
}

void build_output_close(struct build_output *out)
{
    free(out->run);
    out->run = NULL;
}

bool build_output_bytes(struct build_output *out, uint64_t offset, const uint8_t *at, size_t size,
                        struct fault *f)
{
    return fileio_write_at(out->descriptor, offset, bytes_of(at, size)) ||
           fault_set(f, FAULT_IO, "write error at byte %" PRIu64 " of the new file: %s", offset,
                     strerror(errno));
}

bool build_output_flush(struct build_output *out, struct fault *f)
{
    uint32_t pages = out->pages;
    out->pages = 0;
    return pages == 0 || build_output_bytes(out, ((uint64_t)out->first + 1) * out->page_size,
                                            out->run, (size_t)pages * out->page_size, f);
}

bool build_output_page(struct build_output *out, uint32_t number, const uint8_t *raw,
                       struct fault *f)
{
    bool follows = out->pages > 0 && number == out->first + out->pages;
    if ((!follows || out->pages == out->most) && !build_output_flush(out, f))
        return false;
    if (out->pages == 0)
        out->first = number;
    memcpy(out->run + (size_t)out->pages * out->page_size, raw, out->page_size);
    out->pages++;
    return true;
}

bool build_output_size(struct build_output *out, uint64_t size, struct fault *f)
{
    if (!fileio_resize(out->descriptor, size))
        return fault_set(f, FAULT_IO, "the new file cannot be made %" PRIu64 " bytes long: %s",
                         size, strerror(errno));
    return true;
}

/* ---- growing arrays ---- */

bool build_reserve(void **array, size_t *room, size_t wanted, size_t size)
{
    if (wanted <= *room)
        return true;
    size_t more = *room ? *room * 2 : 8;
    if (more < wanted)
        more = wanted;
    void *grown = more > SIZE_MAX / size ? NULL : realloc(*array, more * size);
    if (grown == NULL)
        return false;
    *array = grown;
    *room = more;
    return true;
}

bool build_bytes_set(struct build_bytes *b, struct bytes value, struct fault *f)
{
    b->size = 0;
    return build_bytes_append(b, value, f);
}

bool build_bytes_append(struct build_bytes *b, struct bytes value, struct fault *f)
{
    if (b->size + value.size > b->room || b->at == NULL) {
        void *at = b->at;
        if (!build_reserve(&at, &b->room, b->size + value.size + 1, 1))
            return fault_set(f, FAULT_NO_MEMORY, "out of memory");
        b->at = at;
    }
    if (value.size > 0)
        memcpy(b->at + b->size, value.at, value.size);
    b->size += value.size;
    return true;
}
