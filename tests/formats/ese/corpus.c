/* Real databases for tests: see corpus.h. */
#include "tests/formats/ese/corpus.h"

const char *const corpus_files[CORPUS_FILES] = {
    "engine/churn-32768.edb.gz",
    "engine/churn-4096.edb.gz",
    "engine/churn-8192.edb.gz",
    "engine/clean-v3-revision2.edb.gz",
    "engine/imported-twice.edb.gz",
    "engine/imported-twice-revision2.edb.gz",
    "engine/types-16384.edb.gz",
    "engine/interrupted-switch-revision2.edb.gz",
    "engine/types-32768.edb.gz",
    "engine/types-4096.edb.gz",
    "ese-revision2/Catalog1.edb.gz",
    "ese-revision2/basic.edb.gz",
    "ese-revision2/default.edb.gz",
    "ese/Catalog1.edb.gz",
    "ese/Current.mdb.gz",
    "ese/SRUDB.dat.gz",
    "ese/basic.edb.gz",
    "ese/binary.edb.gz",
    "ese/decompress_test.edb.gz",
    "ese/default.edb.gz",
    "ese/multi.edb.gz",
    "ese/qmgr.db.gz",
    "ese/text.edb.gz",
    "upgraded/clean-v3.edb.gz",
};

const char *corpus_folder(void)
{
    const char *folder = getenv("KM_CORPUS");
    return folder ? folder : KM_SOURCE_DIR "/../shared/corpus";
}

bool corpus_is_there(void)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", corpus_folder(), corpus_files[0]);
    return access(path, R_OK) == 0;
}

/* ---- a copy in memory ---- */

struct image image_load(const char *name)
{
    char path[1024];
    struct ese_file *file;
    struct fault f;
    size_t got = 0;
    snprintf(path, sizeof path, "%s/%s", corpus_folder(), name);
    ck_assert_msg(ese_file_open(path, &file, &f), "%s: %s", path, f.text);
    struct image image = {.size = (size_t)ese_file_size(file)};
    image.bytes = malloc(image.size);
    ck_assert(image.bytes && ese_file_read(file, 0, image.bytes, image.size, &got, &f));
    ck_assert_uint_eq(got, image.size);
    ese_file_close(file);
    struct ese_header header;
    ese_header_parse(bytes_of(image.bytes, image.size), &header);
    image.page_size = header.page_size;
    image.last = (uint32_t)(image.size / header.page_size) - 2;
    return image;
}

void image_free(struct image *image)
{
    free(image->bytes);
    image->bytes = NULL;
}

bool image_open(const struct image *image, struct ese_db **db, struct fault *f)
{
    struct ese_file *file;
    return ese_file_over(bytes_of(image->bytes, image->size), &file, f) &&
           ese_db_open_file(file, NULL, NULL, db, f);
}

uint8_t *image_page(const struct image *image, long number)
{
    return image->bytes + (size_t)(number + 1) * image->page_size;
}

void image_seal(const struct image *image, uint32_t number)
{
    ese_checksum_set(image_page(image, number), image->page_size, number);
}

uint32_t image_u32(const uint8_t *at)
{
    uint32_t value = 0;
    bytes_le32(bytes_of(at, 4), 0, &value);
    return value;
}

uint32_t image_u16(const uint8_t *at)
{
    uint16_t value = 0;
    bytes_le16(bytes_of(at, 2), 0, &value);
    return value;
}

/* ---- nodes of small pages (up to 8 KiB) ---- */

uint8_t *image_tag(const struct image *image, uint32_t page, unsigned tag)
{
    return image_page(image, page) + image->page_size - IMAGE_TAG_SIZE * (tag + 1u);
}

uint32_t image_tag_size(const struct image *image, uint32_t page, unsigned tag)
{
    return image_u16(image_tag(image, page, tag)) & IMAGE_TAG_MASK;
}

uint8_t *image_node(const struct image *image, uint32_t page, unsigned tag)
{
    uint32_t offset = image_u16(image_tag(image, page, tag) + 2) & IMAGE_TAG_MASK;
    return image_page(image, page) + IMAGE_SMALL_HEADER + offset;
}

void image_resize_tag(const struct image *image, uint32_t page, unsigned tag, int by)
{
    uint8_t *at = image_tag(image, page, tag),
            *free_at = image_page(image, page) + ESE_PAGE_FREE_AT;
    bytes_put_le16(at, (uint32_t)((int)image_u16(at) + by));
    bytes_put_le16(free_at, (uint32_t)((int)image_u16(free_at) - by));
}

void image_remove_node(const struct image *image, uint32_t page, unsigned tag)
{
    uint8_t *header = image_page(image, page);
    uint32_t word = image_u16(header + ESE_PAGE_TAG_COUNT_AT), count = word & 0xfff;
    uint32_t freed = image_tag_size(image, page, tag) + IMAGE_TAG_SIZE;
    for (unsigned i = tag; i + 1 < count; i++)
        memcpy(image_tag(image, page, i), image_tag(image, page, i + 1), IMAGE_TAG_SIZE);
    memset(image_tag(image, page, count - 1), 0, IMAGE_TAG_SIZE);
    bytes_put_le16(header + ESE_PAGE_TAG_COUNT_AT, word - 1);
    bytes_put_le16(header + ESE_PAGE_FREE_AT, image_u16(header + ESE_PAGE_FREE_AT) + freed);
}
