/* Names: the text is UTF-8 without control characters, its length the same at every size. */
#include "formats/certs/name.h"
#include "tests/formats/certs/fuzz.h"

static void check_text(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        must((uint8_t)text[i] >= 0x20 && (uint8_t)text[i] != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct hash h;
    static char text[1 << 16];
    struct bytes in = bytes_of(data, size);
    uint8_t digest[HASH_SHA256_SIZE];
    char little[16];
    if (h.sha256 == NULL)
        must(hash_open(&h, NULL));
    size_t needed = name_text(in, text, sizeof text);
    check_text(text, strlen(text));
    must(needed >= sizeof text || strlen(text) == needed);
    must(name_text(in, little, sizeof little) == needed);
    /* What is cut says so, and is the whole up to there. */
    size_t kept = strlen(little) - (needed >= sizeof little ? 3 : 0);
    must(needed < sizeof little || strcmp(little + kept, "...") == 0);
    must(strncmp(little, text, kept) == 0);
    must(name_text(in, NULL, 0) == needed);
    struct name_walk walk = name_first(in);
    struct name_part part;
    while (name_next(&walk, &part)) {
        touch(part.whole_value);
        name_value(&part, text, sizeof text);
        check_text(text, strlen(text));
    }
    name_find(in, "O", little, sizeof little);
    name_normal_sha256(in, &h, digest);
    return 0;
}
