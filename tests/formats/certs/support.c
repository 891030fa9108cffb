/* What the tests of formats certs share: see support.h. */
#include "tests/formats/certs/support.h"

void add_hex(struct buffer *out, const char *hex)
{
    unsigned half = 0, digits = 0;
    for (; *hex != '\0'; hex++) {
        const char *all = "0123456789abcdef", *digit = strchr(all, *hex | 0x20);
        if (digit == NULL || *digit == '\0')
            continue;
        half = half << 4 | (unsigned)(digit - all);
        if (++digits % 2 == 0)
            buffer_add_u8(out, (uint8_t)half);
    }
    ck_assert_uint_eq(digits % 2, 0);
}

struct buffer from_hex(const char *hex)
{
    struct buffer out = {0};
    add_hex(&out, hex);
    return out;
}

const char *to_hex(struct bytes b, char *text)
{
    text[0] = '\0';
    for (size_t i = 0; i < b.size; i++)
        snprintf(text + 2 * i, 3, "%02x", b.at[i]);
    return text;
}

void assert_same(struct bytes found, struct bytes expected)
{
    ck_assert_uint_eq(found.size, expected.size);
    if (found.size > 0)
        ck_assert_mem_eq(found.at, expected.at, found.size);
}

struct bytes text_bytes(const char *text)
{
    return bytes_of(text, strlen(text));
}

struct buffer read_file(const char *folder, const char *name)
{
    char path[2048], part[4096];
    struct buffer out = {0};
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "cannot open %s", path);
    for (size_t n; (n = fread(part, 1, sizeof part, file)) > 0;)
        buffer_add(&out, bytes_of(part, n));
    fclose(file);
    return out;
}

void write_file(const char *folder, const char *name, struct bytes b)
{
    char path[2048];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    ck_assert_msg(file != NULL, "cannot create %s", path);
    ck_assert_uint_eq(fwrite(b.at, 1, b.size, file), b.size);
    ck_assert_int_eq(fclose(file), 0);
}

void run(const char *format, ...)
{
    char command[4096];
    va_list args;
    va_start(args, format);
    vsnprintf(command, sizeof command, format, args);
    va_end(args);
    ck_assert_msg(system(command) == 0, "this failed: %s", command);
}

bool make_vectors(char *folder, size_t size)
{
    char command[4096];
    const char *base = getenv("TMPDIR");
    snprintf(folder, size, "%s/kmcertsXXXXXX", base != NULL ? base : "/tmp");
    if (mkdtemp(folder) != NULL) {
        snprintf(command, sizeof command,
                 "sh '%s/tests/formats/certs/vectors.sh' '%s' >'%s/log' 2>&1", KM_SOURCE_DIR,
                 folder, folder);
        if (system(command) == 0)
            return true;
    }
    fprintf(stderr, "the test certificates could not be made: see %s/log\n", folder);
    return false;
}

int remove_vectors(const char *folder, int status)
{
    char command[1024];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command) == 0 ? status : EXIT_FAILURE;
}

/* Appends the item as BER that is as far from DER as it gets without a schema: indefinite lengths
 * for what is constructed, lengths of four octets for what is not. */
static void add_as_ber(struct buffer *out, struct der *d)
{
    struct der_item item;
    while (der_next(d, &item)) {
        buffer_add_u8(out, item.id);
        if ((item.id & DER_CONSTRUCTED) != 0) {
            struct der inside = der_into(d, &item);
            buffer_add_u8(out, 0x80);
            add_as_ber(out, &inside);
            buffer_add_u8(out, 0);
            buffer_add_u8(out, 0);
            continue;
        }
        size_t size = item.contents.size;
        uint8_t length[5] = {0x84, (uint8_t)(size >> 24), (uint8_t)(size >> 16),
                             (uint8_t)(size >> 8), (uint8_t)size};
        buffer_add(out, bytes_of(length, sizeof length));
        buffer_add(out, item.contents);
    }
}

struct buffer as_ber(struct bytes b)
{
    struct buffer out = {0};
    struct der d = der_of(b, DER_ONLY);
    add_as_ber(&out, &d);
    ck_assert(!d.failed);
    return out;
}
