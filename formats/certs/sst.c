/* The serialized certificate store: see sst.h. */
#include "formats/certs/sst.h"

static const uint8_t header[8] = {0, 0, 0, 0, 'C', 'E', 'R', 'T'};

/* One element at *at, which moves behind it.  The end element counts as one. */
static bool next_element(struct bytes b, size_t *at, struct sst_property *e)
{
    uint32_t length;
    if (!bytes_le32(b, *at, &e->id) || !bytes_le32(b, *at + 4, &e->encoding) ||
        !bytes_le32(b, *at + 8, &length) || !bytes_cut(b, *at + 12, length, &e->data) ||
        !bytes_cut(b, *at, 12 + (size_t)length, &e->whole))
        return false;
    *at += e->whole.size;
    return true;
}

bool sst_detect(struct bytes b)
{
    struct bytes start;
    return bytes_cut(b, 0, sizeof header, &start) &&
           bytes_equal(start, bytes_of(header, sizeof header));
}

bool sst_open(struct bytes b, struct sst_reader *r, struct fault *f)
{
    if (!sst_detect(b))
        return fault_set(f, FAULT_NOT_THIS,
                         "serialized store: expected version 0 and \"CERT\", found other bytes");
    *r = (struct sst_reader){.b = b, .at = sizeof header};
    return true;
}

bool sst_next(struct sst_reader *r, struct sst_entry *entry, struct fault *f)
{
    struct sst_property e;
    size_t start = r->at;
    if (r->ended || r->failed)
        return false;
    for (size_t at = start, here = start; next_element(r->b, &at, &e); here = at) {
        if (e.id == SST_END) {
            r->ended = true;
            r->tail = bytes_from(r->b, start);
            return false;
        }
        if (e.id != SST_CERTIFICATE && e.id != SST_CRL && e.id != SST_CTL)
            continue;
        *entry =
            (struct sst_entry){.id = e.id, .encoding = e.encoding, .data = e.data, .offset = start};
        bytes_cut(r->b, start, here - start, &entry->properties);
        bytes_cut(r->b, start, at - start, &entry->whole);
        r->at = at;
        return true;
    }
    r->failed = true;
    return fault_set(
        f, FAULT_DAMAGED,
        "serialized store: expected an end element after byte %zu, found %zu bytes that "
        "do not reach one",
        start, r->b.size - start);
}

bool sst_property_next(struct bytes properties, size_t *at, struct sst_property *property)
{
    return next_element(properties, at, property);
}

bool sst_write_header(struct buffer *out)
{
    return buffer_add(out, bytes_of(header, sizeof header));
}

bool sst_write_element(struct buffer *out, uint32_t id, uint32_t encoding, struct bytes data)
{
    if (data.size > UINT32_MAX) {
        out->failed = true;
        return false;
    }
    buffer_add_le32(out, id);
    buffer_add_le32(out, encoding);
    buffer_add_le32(out, (uint32_t)data.size);
    return buffer_add(out, data);
}

bool sst_write_end(struct buffer *out)
{
    return sst_write_element(out, SST_END, 0, (struct bytes){0});
}
