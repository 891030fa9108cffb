/* The inputs of the fuzz target of the whole way (fuzz_way.c): see way.h. */
#include "tests/migrate/way.h"

static const uint8_t way_magic[4] = {'W', 'A', 'Y', 1}, way_deflated[4] = {'W', 'A', 'Y', 2};

void way_free(struct way *way)
{
    if (way)
        free(way->store);
    free(way);
}

static bool way_read_head(struct way *way, struct bytes input, struct bytes *rest)
{
    uint32_t pages;
    if (input.size < WAY_HEAD || memcmp(input.at, way_magic, sizeof way_magic) != 0)
        return false;
    way->flags = input.at[4];
    way->page_size = word(input.at + 6) & 0xffff;
    size_t arguments = word(input.at + 8) & 0xffff;
    way->other_size = word(input.at + 12);
    pages = word(input.at + 16);
    if (!ese_page_size_valid(way->page_size) || pages > WAY_STORE_MOST / way->page_size ||
        arguments > WAY_ARGUMENTS_MOST || way->other_size > WAY_OTHER_MOST ||
        input.size - WAY_HEAD < arguments + way->other_size)
        return false;
    way->size = (size_t)pages * way->page_size;
    memcpy(way->arguments, input.at + WAY_HEAD, arguments);
    memcpy(way->other, input.at + WAY_HEAD + arguments, way->other_size);
    *rest = bytes_from(input, WAY_HEAD + arguments + way->other_size);
    return true;
}

static struct way *way_read(struct bytes input)
{
    struct way *way = calloc(1, sizeof *way);
    struct bytes rest;
    expect(way != NULL);
    if (!way_read_head(way, input, &rest)) {
        free(way);
        return NULL;
    }
    way->store = calloc(1, way->size ? way->size : 1);
    expect(way->store != NULL);
    for (size_t at = 0; rest.size - at >= 4 + way->page_size; at += 4 + way->page_size) {
        uint32_t page = word(rest.at + at);
        if (page < way->size / way->page_size)
            memcpy(way->store + (size_t)page * way->page_size, rest.at + at + 4, way->page_size);
    }
    return way;
}

struct way *way_unpack(struct bytes input)
{
    uLongf size = WAY_STORE_MOST;
    if (input.size < sizeof way_deflated ||
        memcmp(input.at, way_deflated, sizeof way_deflated) != 0)
        return way_read(input);
    uint8_t *inflated = malloc(size);
    expect(inflated != NULL);
    bool good = uncompress(inflated, &size, input.at + sizeof way_deflated,
                           input.size - sizeof way_deflated) == Z_OK;
    struct way *way = good ? way_read(bytes_of(inflated, size)) : NULL;
    free(inflated);
    return way;
}

bool way_is_zero(const uint8_t *page, size_t size)
{
    return page[0] == 0 && memcmp(page, page + 1, size - 1) == 0;
}

size_t way_pack(const struct way *way, uint8_t *to, size_t room)
{
    size_t arguments = strlen(way->arguments), size = WAY_HEAD + arguments + way->other_size;
    if (size > room)
        return 0;
    memset(to, 0, WAY_HEAD);
    memcpy(to, way_magic, sizeof way_magic);
    to[4] = way->flags;
    bytes_put_le16(to + 6, (uint16_t)way->page_size);
    bytes_put_le16(to + 8, (uint16_t)arguments);
    bytes_put_le32(to + 12, (uint32_t)way->other_size);
    bytes_put_le32(to + 16, (uint32_t)(way->size / way->page_size));
    memcpy(to + WAY_HEAD, way->arguments, arguments);
    memcpy(to + WAY_HEAD + arguments, way->other, way->other_size);
    for (size_t at = 0; at < way->size; at += way->page_size) {
        if (way_is_zero(way->store + at, way->page_size))
            continue;
        if (room - size < 4 + way->page_size)
            return 0;
        bytes_put_le32(to + size, (uint32_t)(at / way->page_size));
        memcpy(to + size + 4, way->store + at, way->page_size);
        size += 4 + way->page_size;
    }
    return size;
}
