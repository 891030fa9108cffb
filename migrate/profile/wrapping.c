/* Headers and packing: see wrapping.h. */
#include "migrate/profile/wrapping.h"

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

static bool unpack(struct bytes packed, struct buffer *room, struct bytes *inner, struct fault *f)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)packed.at, .avail_in = (uInt)packed.size};
    buffer_clear(room);
    if (packed.size > UINT32_MAX / 2)
        return fault_set(f, FAULT_LIMIT, "%zu packed bytes, expected less", packed.size);
    int result = inflateInit(&z);
    if (result == Z_OK)
        result = inflate_all(&z, room);
    size_t behind = z.avail_in;
    inflateEnd(&z);
    *inner = buffer_bytes(room);
    if (result == Z_MEM_ERROR)
        return fault_set(f, FAULT_NO_MEMORY, "out of memory for a packed certificate");
    if (result == Z_OK)
        return fault_set(f, FAULT_LIMIT, "expected at most %d bytes unpacked, found more",
                         WRAPPING_UNPACKED_MOST);
    if (result != Z_STREAM_END)
        return fault_set(f, FAULT_DAMAGED, "expected bytes packed with zlib, found others");
    return behind == 0 ||
           fault_set(f, FAULT_DAMAGED, "expected the end behind the packed bytes, found %zu more",
                     behind);
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
    *inner = bytes_from(value, skip);
    return true;
}
