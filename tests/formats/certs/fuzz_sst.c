/* Serialized stores: the entries and the tail, written again, are the input byte for byte. */
#include "formats/certs/sst.h"
#include "tests/formats/certs/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in = bytes_of(data, size);
    struct sst_reader r;
    struct sst_entry entry;
    struct sst_property property;
    struct buffer out = {0};
    if (!sst_open(in, &r, NULL))
        return 0;
    sst_write_header(&out);
    while (sst_next(&r, &entry, NULL)) {
        size_t at = 0, properties = 0;
        while (sst_property_next(entry.properties, &at, &property)) {
            sst_write_element(&out, property.id, property.encoding, property.data);
            properties += property.whole.size;
        }
        must(properties == entry.properties.size);
        must(sst_write_element(&out, entry.id, entry.encoding, entry.data));
        touch(entry.whole);
    }
    must(r.ended != r.failed);
    if (r.ended) {
        buffer_add(&out, r.tail);
        must(bytes_equal(buffer_bytes(&out), in));
    }
    buffer_free(&out);
    return 0;
}
