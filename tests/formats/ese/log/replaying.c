/* A small dirty database in memory: see replaying.h. */
#include "tests/formats/ese/log/replaying.h"

uint8_t *made_store_page(const struct made_store *s, uint32_t number)
{
    return s->bytes + (size_t)(number + 1) * MADE_PAGE_SIZE;
}

struct ese_page_change made_change(const struct made_store *s, uint32_t number)
{
    static uint8_t spare[MADE_PAGE_SIZE];
    return (struct ese_page_change){.raw = made_store_page(s, number),
                                    .spare = spare,
                                    .size = MADE_PAGE_SIZE,
                                    .number = number};
}

void made_seal_page(const struct made_store *s, uint32_t number)
{
    ese_checksum_set(made_store_page(s, number), MADE_PAGE_SIZE, number);
}

struct ese_node made_node(const char *key, const char *data)
{
    return (struct ese_node){.prefix = bytes_of(key, 0),
                             .suffix = bytes_of(key, strlen(key)),
                             .data = bytes_of(data, strlen(data))};
}

struct made_store made_store(uint32_t last)
{
    struct made_store s = {.size = (size_t)(last + 2) * MADE_PAGE_SIZE, .last = last};
    s.bytes = calloc(1, s.size);
    for (uint32_t n = 1; n <= last; n++) {
        struct ese_page_change page = made_change(&s, n);
        ese_page_change_init(&page, MADE_OBJECT, MADE_TIME,
                             ESE_PAGE_LEAF | ESE_PAGE_NEW_RECORD_FORMAT | ESE_PAGE_NEW_CHECKSUM |
                                 (n == MADE_ROOT ? ESE_PAGE_ROOT : 0));
        static const char *const keys[] = {"b", "d", "f"};
        for (unsigned i = 0; n == MADE_ROOT && i < 3; i++) {
            struct ese_node node = made_node(keys[i], "old");
            ese_page_change_insert(&page, i, &node);
        }
        made_seal_page(&s, n);
    }
    for (unsigned copy = 0; copy < 2; copy++) {
        uint8_t *h = s.bytes + (size_t)copy * MADE_PAGE_SIZE;
        bytes_put_le32(h + ESE_HEADER_MAGIC_AT, ESE_MAGIC);
        bytes_put_le32(h + ESE_HEADER_VERSION_AT, ESE_VERSION);
        bytes_put_le64(h + ESE_HEADER_DBTIME_AT, MADE_TIME);
        bytes_put_le32(h + ESE_HEADER_SIGNATURE_AT, 0x12345678);
        bytes_put_le32(h + ESE_HEADER_STATE_AT, ESE_STATE_DIRTY_SHUTDOWN);
        bytes_put_le32(h + ESE_HEADER_REVISION_AT, 0x14);
        bytes_put_le32(h + ESE_HEADER_PAGE_SIZE_AT, MADE_PAGE_SIZE);
        bytes_put_le32(h + ESE_HEADER_GENERATIONS_AT, MADE_GENERATION);
        bytes_put_le32(h + ESE_HEADER_GENERATIONS_AT + 4, MADE_GENERATION);
        bytes_put_le32(h + ESE_HEADER_OBJID_LAST_AT, MADE_OBJECT);
        bytes_put_le32(h + ESE_HEADER_FILE_TYPE_AT, 1);
        ese_checksum_set_header(h, MADE_PAGE_SIZE);
    }
    return s;
}

void made_attach(uint8_t *log)
{
    uint8_t *a = log + 671;
    a[0] = MADE_DATABASE;
    bytes_put_le32(a + 36, 0x12345678);
    ese_checksum_set_header(log, ESE_LOG_SEGMENT_SIZE);
}

void made_node_record(uint8_t *to, enum ese_log_type type, uint32_t page, unsigned line,
                      uint64_t before, uint64_t after, uint32_t id, bool versioned)
{
    memset(to, 0, 60);
    to[0] = (uint8_t)type;
    bytes_put_le16(to + 1, MADE_SESSION);
    to[3] = MADE_DATABASE;
    bytes_put_le32(to + 4, page);
    bytes_put_le64(to + 8, after);
    bytes_put_le64(to + 16, before);
    to[28] = 1;
    bytes_put_le16(to + 29, line);
    to[31] = (uint8_t)(ESE_LOG_UNIQUE | (versioned ? ESE_LOG_VERSIONED : 0));
    bytes_put_le32(to + 32, id);
    bytes_put_le32(to + 36, MADE_ROOT);
    bytes_put_le32(to + 40, MADE_OBJECT);
}
