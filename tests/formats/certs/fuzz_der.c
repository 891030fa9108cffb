/* The TLV walk: what der_normalise makes of an input stays as it is, and strict DER is not changed.
 */
#include "formats/certs/der.h"
#include "tests/formats/certs/fuzz.h"

static void walk(struct der d)
{
    struct der_item item;
    char text[64];
    while (der_next(&d, &item)) {
        touch(item.whole);
        must(bytes_equal(item.contents, bytes_of(item.whole.at + item.header, item.contents.size)));
        if (item.id == DER_OID)
            der_oid_text(item.contents, text, sizeof text);
        if ((item.id & DER_CONSTRUCTED) != 0)
            walk(der_into(&d, &item));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in = bytes_of(data, size);
    struct buffer once = {0}, twice = {0};
    walk(der_of(in, DER_ONLY));
    walk(der_of(in, DER_OR_BER));
    bool strict = der_is_strict(in);
    bool good = der_normalise(in, &once, NULL);
    must(good || !strict);
    if (strict)
        must(bytes_equal(in, buffer_bytes(&once)));
    if (good) {
        must(der_normalise(buffer_bytes(&once), &twice, NULL));
        must(bytes_equal(buffer_bytes(&once), buffer_bytes(&twice)));
    }
    buffer_free(&once);
    buffer_free(&twice);
    return 0;
}
