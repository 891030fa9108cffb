/*
 * Discovery: a list in one value behind a header, or packed with zlib, found by trying: see
 * discover/parts.h.
 */
#include "migrate/discover/parts.h"

enum { SKIP_TRIED = 64, LIST_LEAST = 2 };

/* How zlib's streams begin (RFC 1950, 2.2). */
static bool is_packed(struct bytes value)
{
    uint8_t method = 0, flags = 0;
    return bytes_u8(value, 0, &method) && bytes_u8(value, 1, &flags) && (method & 0x0f) == 8 &&
           (method << 8 | flags) % 31 == 0;
}

/* Certificates one behind the other are none: what stands before them may be where each begins. */
static bool is_list(struct bytes value)
{
    enum certlist_kind kind = certlist_detect(value);
    return kind == CERTLIST_SST || kind == CERTLIST_PKCS7;
}

bool discover_may_be_around(struct bytes value)
{
    for (size_t skip = 0; skip <= SKIP_TRIED && skip < value.size; skip++)
        if (is_packed(bytes_from(value, skip)) || (skip > 0 && is_list(bytes_from(value, skip))))
            return true;
    return false;
}

unsigned discover_around(struct discover_run *run, struct bytes value, struct wrapping *around,
                         struct certlist_form *form, enum certlist_kind *kind)
{
    unsigned self_issued;
    for (size_t skip = 0; skip <= SKIP_TRIED && skip < value.size && !run->no_memory; skip++) {
        bool packed = is_packed(bytes_from(value, skip));
        *around = (struct wrapping){(int32_t)skip, packed ? PACK_ZLIB : PACK_NONE};
        if (!packed && (skip == 0 || !is_list(bytes_from(value, skip))))
            continue;
        unsigned count =
            discover_whole_list(discover_unwrap(run, around, value), form, kind, &self_issued);
        if (count >= LIST_LEAST)
            return count;
    }
    *around = (struct wrapping){.skip = 0};
    return 0;
}
