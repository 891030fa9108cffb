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
        return fault_no_memory(f, "writing");
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
    if (fileio_write_at(out->descriptor, offset, bytes_of(at, size)))
        return true;
    fault_set(f, FAULT_IO, "write error at byte %" PRIu64 ": %s", offset, strerror(errno));
    return fault_of_output(f);
}

bool build_output_flush(struct build_output *out, struct fault *f)
{
    uint32_t pages = out->pages;
    out->pages = 0;
    return pages == 0 || build_output_bytes(out, ese_page_offset(out->first, out->page_size),
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
    if (fileio_resize(out->descriptor, size))
        return true;
    fault_set(f, FAULT_IO, "the new file cannot be made %" PRIu64 " bytes long: %s", size,
              strerror(errno));
    return fault_of_output(f);
}
