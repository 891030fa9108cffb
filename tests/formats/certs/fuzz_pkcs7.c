/* PKCS#7: the entries of a list, written into its own frame, are the entries that are read again.
 */
#include "formats/certs/pkcs7.h"
#include "tests/formats/certs/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in = bytes_of(data, size);
    struct pkcs7_reader r, first;
    struct pkcs7_writer w;
    struct pkcs7_entry entry, again;
    struct buffer out = {0};
    if (!pkcs7_open(in, &r, NULL))
        return 0;
    must(pkcs7_detect(in));
    first = r;
    pkcs7_write_begin(&w, &out, &r.frame);
    while (pkcs7_next(&r, &entry, NULL)) {
        touch(entry.whole);
        pkcs7_write(&w, entry.type, entry.whole);
    }
    must(pkcs7_write_end(&w));
    if (!r.failed) {
        must(pkcs7_open(buffer_bytes(&out), &r, NULL));
        must(bytes_equal(r.frame.before, first.frame.before));
        must(bytes_equal(r.frame.after, first.frame.after));
        must(bytes_equal(r.frame.trailing, first.frame.trailing));
        while (pkcs7_next(&first, &entry, NULL)) {
            must(pkcs7_next(&r, &again, NULL));
            must(bytes_equal(entry.whole, again.whole));
        }
        must(!pkcs7_next(&r, &again, NULL) && !r.failed);
    }
    buffer_free(&out);
    return 0;
}
