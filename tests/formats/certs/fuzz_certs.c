/* Lists of any kind.  With nothing dropped the bytes stay; with every second entry dropped the
 * others are what is read again; a new list of each kind holds what was put into it. */
#include "formats/certs/certs.h"
#include "tests/formats/certs/fuzz.h"

static bool keep_all(void *context, const struct certlist_entry *entry, struct bytes *more)
{
    (void)context;
    (void)more;
    touch(entry->encoded);
    touch(entry->properties);
    return true;
}

static bool keep_even(void *context, const struct certlist_entry *entry, struct bytes *more)
{
    (void)context;
    (void)more;
    return entry->index % 2 == 0;
}

static void check_every_second(struct bytes in, struct bytes out)
{
    struct certlist all, kept;
    struct certlist_entry entry, other;
    must(certlist_open(&all, in, NULL));
    if (!certlist_open(&kept, out, NULL)) {
        /* DER of nothing is no list; PEM without its only block neither. */
        must(all.kind == CERTLIST_PEM || all.kind == CERTLIST_DER);
        certlist_close(&all);
        return;
    }
    while (certlist_next(&all, &entry, NULL)) {
        if (entry.index % 2 != 0)
            continue;
        must(certlist_next(&kept, &other, NULL));
        must(bytes_equal(entry.encoded, other.encoded));
        must(bytes_equal(entry.properties, other.properties));
    }
    must(!certlist_next(&kept, &other, NULL) && !kept.failed);
    certlist_close(&all);
    certlist_close(&kept);
}

static void write_new(struct bytes in, enum certlist_kind kind)
{
    struct certlist list, back;
    struct certlist_entry entry;
    struct certlist_writer w;
    struct buffer out = {0};
    size_t count = 0, found = 0;
    must(certlist_open(&list, in, NULL));
    certlist_write_begin(&w, kind, &out);
    while (certlist_next(&list, &entry, NULL))
        count += certlist_write(&w, &entry);
    must(certlist_write_end(&w));
    if (count > 0 && kind != CERTLIST_DER) {
        must(certlist_open(&back, buffer_bytes(&out), NULL));
        must(back.kind == kind);
        while (certlist_next(&back, &entry, NULL))
            found++;
        /* A PKCS#7 behind a certificate's label is read as one when it stands in PEM. */
        must(found == count || kind == CERTLIST_PEM);
        certlist_close(&back);
    }
    certlist_close(&list);
    buffer_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in = bytes_of(data, size);
    struct buffer out = {0};
    struct certlist list;
    if (!certlist_open(&list, in, NULL))
        return 0;
    certlist_close(&list);
    if (certlist_rewrite(in, NULL, keep_all, NULL, NULL, &out, NULL)) {
        must(bytes_equal(buffer_bytes(&out), in));
        buffer_clear(&out);
        if (certlist_rewrite(in, NULL, keep_even, NULL, NULL, &out, NULL))
            check_every_second(in, buffer_bytes(&out));
    }
    for (int kind = CERTLIST_DER; kind <= CERTLIST_SST; kind++)
        write_new(in, (enum certlist_kind)kind);
    buffer_free(&out);
    return 0;
}
