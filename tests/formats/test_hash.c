/* The two hashes against the vectors of FIPS 180-2, a context used again and again. */
#include "formats/hash.h"
#include "tests/formats/certs/support.h"

static const struct {
    const char *text, *sha1, *sha256;
} vectors[] = {
    {"", "da39a3ee5e6b4b0d3255bfef95601890afd80709",
     "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", "a9993e364706816aba3e25717850c26c9cd0d89d",
     "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     "84983e441c3bd26ebaae4aa1f95129e5e54670f1",
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
};

START_TEST(vectors_come_out)
{
    struct hash h;
    char text[2 * HASH_SHA256_SIZE + 1];
    uint8_t sha1[HASH_SHA1_SIZE], sha256[HASH_SHA256_SIZE];
    ck_assert(hash_open(&h, NULL));
    for (size_t i = 0; i < 2 * ARRAY_SIZE(vectors); i++) {
        size_t n = i % ARRAY_SIZE(vectors);
        struct bytes b = text_bytes(vectors[n].text);
        hash_sha1(&h, b, sha1);
        ck_assert_str_eq(to_hex(bytes_of(sha1, sizeof sha1), text), vectors[n].sha1);
        hash_sha256(&h, b, sha256);
        ck_assert_str_eq(to_hex(bytes_of(sha256, sizeof sha256), text), vectors[n].sha256);
        for (size_t at = 0; at < b.size; at++)
            hash_sha256_add(&h, bytes_of(vectors[n].text + at, 1));
        hash_sha256_end(&h, sha256);
        ck_assert_str_eq(to_hex(bytes_of(sha256, sizeof sha256), text), vectors[n].sha256);
    }
    hash_close(&h);
}
END_TEST

int main(void)
{
    return check_main("hash", (const struct check_case[]){{vectors_come_out, 0}, {0}});
}
