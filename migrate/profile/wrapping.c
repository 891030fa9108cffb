/* Headers and packing: see wrapping.h. */
#include "migrate/profile/wrapping.h"

#include "formats/certs/certs.h"

#include <zlib.h>

enum { FIRST_ROOM = 4096 };

/* Unpacks until the end, or until there is no room left. */
static int inflate_all(z_stream *z, struct buffer *room)
{
    int result = Z_OK;
    while (result == Z_OK && room->size < WRAPPING_UNPACKED_MOST) {
        size_t more = room->size < FIRST_ROOM ? FIRST_ROOM : room->size;
        if (more > WRAPPING_UNPACKED_MOST - room->size)
            more = WRAPPING_UNPACKED_MOST - room->size;
        if (!buffer_reserve(room, more))
            return Z_MEM_ERROR;
        z->next_out = room->at + room->size;
        z->avail_out = (uInt)more;
        result = inflate(z, Z_NO_FLUSH);
        room->size += more - z->avail_out;
    }
    return result;
}

int wrapping_inflate(struct bytes packed, bool gzip, struct buffer *to, size_t *behind)
{
    enum { WINDOW = 15, OR_GZIP = 32 }; /* the largest, and either format */
    z_stream z = {.next_in = (Bytef *)(uintptr_t)packed.at,
                  .avail_in = (uInt)(packed.size > UINT32_MAX ? UINT32_MAX : packed.size)};
    buffer_clear(to);
    int result = inflateInit2(&z, gzip ? WINDOW + OR_GZIP : WINDOW);
    if (result == Z_OK)
        result = inflate_all(&z, to);
    *behind = packed.size - (size_t)(z.next_in - packed.at);
    inflateEnd(&z);
    return result;
}

static bool unpack(struct bytes packed, struct buffer *room, struct bytes *inner, struct fault *f)
{
    size_t behind;
    if (packed.size > UINT32_MAX / 2)
        return fault_set(f, FAULT_LIMIT, "%zu packed bytes, expected less", packed.size);
    int result = wrapping_inflate(packed, false, room, &behind);
    *inner = buffer_bytes(room);
    if (result == Z_MEM_ERROR)
        return fault_no_memory(f, "a packed certificate");
    if (result == Z_OK)
        return fault_set(f, FAULT_LIMIT, "expected at most %d bytes unpacked, found more",
                         WRAPPING_UNPACKED_MOST);
    if (result != Z_STREAM_END)
        return fault_set(f, FAULT_DAMAGED, "expected bytes packed with zlib, found others");
    return behind == 0 ||
           fault_set(f, FAULT_DAMAGED, "expected the end behind the packed bytes, found %zu more",
                     behind);
}

/* Copies the certificates of a list; *others: what else is in it.  False when it cannot be read. */
static bool copy_certificates(struct bytes value, const struct certlist_form *form,
                              struct buffer *room, unsigned *certificates, unsigned *others,
                              struct fault *f)
{
    struct certlist list;
    struct certlist_entry entry;
    if (!certlist_open_as(&list, value, form, f))
        return false;
    while (certlist_next(&list, &entry, f)) {
        bool certificate = entry.type == CERTLIST_CERTIFICATE;
        *certificates += certificate;
        *others += !certificate;
        if (*certificates == 1 && certificate)
            buffer_add(room, entry.encoded);
    }
    bool whole = !list.failed;
    certlist_close(&list);
    if (room->failed)
        return fault_no_memory(f, "a packed certificate");
    return whole;
}

/* The one certificate of a list. */
static bool take_out(struct bytes value, enum wrapping_pack pack, struct buffer *room,
                     struct bytes *inner, struct fault *f)
{
    static const enum certlist_kind kinds[PACKS] = {
        [PACK_PKCS7] = CERTLIST_PKCS7, [PACK_SST] = CERTLIST_SST, [PACK_PEM] = CERTLIST_PEM};
    struct certlist_form form = {.kind = kinds[pack]};
    unsigned certificates = 0, others = 0;
    struct fault why = {.code = FAULT_NONE};
    buffer_clear(room);
    if (!copy_certificates(value, &form, room, &certificates, &others, &why))
        return fault_set(f, why.code == FAULT_NO_MEMORY ? why.code : FAULT_DAMAGED, "%s", why.text);
    if (certificates != 1 || others > 0)
        return fault_set(f, FAULT_DAMAGED,
                         "expected a list (%s) of one certificate, found %u, and %u others",
                         certlist_kind_name(form.kind), certificates, others);
    if (!certlist_is_exact(value, &form, &why))
        return fault_set(f, why.code == FAULT_NO_MEMORY ? why.code : FAULT_DAMAGED,
                         "expected a list (%s) of one certificate, found more around it",
                         certlist_kind_name(form.kind));
    *inner = buffer_bytes(room);
    return true;
}

bool wrapping_take_off(const struct wrapping *w, struct bytes value, struct buffer *room,
                       struct bytes *inner, struct fault *f)
{
    size_t skip = (size_t)w->skip;
    *inner = bytes_of(NULL, 0);
    if (value.size < skip)
        return fault_set(f, FAULT_DAMAGED, "expected a header of %zu bytes, found %zu bytes", skip,
                         value.size);
    if (w->pack == PACK_ZLIB)
        return unpack(bytes_from(value, skip), room, inner, f);
    if (w->pack != PACK_NONE)
        return take_out(bytes_from(value, skip), w->pack, room, inner, f);
    *inner = bytes_from(value, skip);
    return true;
}

/* The level that zlib's header says (RFC 1950, FLEVEL); it changes nothing in what is unpacked. */
static int level_of(struct bytes packed)
{
    static const int levels[] = {1, 4, Z_DEFAULT_COMPRESSION, 9};
    uint8_t flags = 0;
    return bytes_u8(packed, 1, &flags) ? levels[flags >> 6] : Z_DEFAULT_COMPRESSION;
}

static bool pack(struct bytes inner, int level, struct buffer *to, struct fault *f)
{
    uLong most = compressBound((uLong)inner.size);
    uLongf size = most;
    if (inner.size > WRAPPING_UNPACKED_MOST)
        return fault_set(f, FAULT_LIMIT, "expected at most %d bytes to pack, found %zu",
                         WRAPPING_UNPACKED_MOST, inner.size);
    if (!buffer_reserve(to, most) ||
        compress2(to->at + to->size, &size, inner.at, (uLong)inner.size, level) != Z_OK)
        return fault_set(f, FAULT_NO_MEMORY, "out of memory to pack a list");
    to->size += size;
    return true;
}

bool wrapping_put_on(const struct wrapping *w, struct bytes old, struct bytes inner,
                     struct buffer *to, struct fault *f)
{
    size_t skip = (size_t)w->skip;
    struct bytes header;
    if (!bytes_cut(old, 0, skip, &header) || (w->pack != PACK_NONE && w->pack != PACK_ZLIB))
        return fault_set(f, FAULT_UNSUPPORTED, "what stands around a value is only taken off");
    if (!buffer_add(to, header) || (w->pack == PACK_NONE && !buffer_add(to, inner)))
        return fault_no_memory(f, "a list");
    return w->pack == PACK_NONE || pack(inner, level_of(bytes_from(old, skip)), to, f);
}
