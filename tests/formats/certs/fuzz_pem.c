/* PEM: a block that decodes is, written and read again, the same. */
#include "formats/certs/pem.h"
#include "tests/formats/certs/fuzz.h"

static void write_and_read(struct bytes der)
{
    struct buffer text = {0}, back = {0};
    struct pem_block block;
    must(pem_write(&text, "CERTIFICATE", der));
    struct pem_reader r = pem_open(buffer_bytes(&text));
    must(pem_next(&r, &block, NULL) && pem_is(&block, "CERTIFICATE"));
    must(pem_decode(&block, &back, NULL));
    must(bytes_equal(buffer_bytes(&back), der));
    must(!pem_next(&r, &block, NULL) && !r.failed);
    buffer_free(&text);
    buffer_free(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in = bytes_of(data, size);
    struct pem_reader r = pem_open(in);
    struct pem_block block;
    struct buffer out = {0};
    size_t end = 0;
    write_and_read(in);
    while (pem_next(&r, &block, NULL)) {
        must(block.offset >= end);
        end = block.offset + block.whole.size;
        touch(block.label);
        touch(block.body);
        touch(block.whole);
        buffer_clear(&out);
        if (pem_decode(&block, &out, NULL))
            write_and_read(buffer_bytes(&out));
    }
    must(pem_detect(in) || end == 0);
    buffer_free(&out);
    return 0;
}
