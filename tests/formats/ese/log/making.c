/* Log files put together in memory: see making.h. */
#include "tests/formats/ese/log/making.h"

size_t made_size(unsigned segments)
{
    return ((size_t)segments + 2) * ESE_LOG_SEGMENT_SIZE;
}

void made_seal(uint8_t *log, unsigned number, unsigned seed)
{
    uint8_t *s = log + (size_t)number * ESE_LOG_SEGMENT_SIZE;
    memset(s, 0, ESE_LOG_SEGMENT_HEADER);
    bytes_put_le16(s + 10, seed);
    bytes_put_le32(s + 12, MADE_GENERATION);
    bytes_put_le32(s + ESE_PAGE_FLAGS_AT, ESE_PAGE_NEW_CHECKSUM);
    ese_checksum_set(s, ESE_LOG_SEGMENT_SIZE, seed);
}

void made_header(uint8_t *log, unsigned segments)
{
    memset(log, 0, ESE_LOG_SEGMENT_SIZE);
    bytes_put_le32(log + 4, MADE_GENERATION);
    bytes_put_le16(log + 8, ESE_LOG_SEGMENT_SIZE);
    bytes_put_le16(log + 10, 1);
    bytes_put_le16(log + 12, segments + 2);
    bytes_put_le32(log + 32, 8);
    bytes_put_le32(log + 36, 4000);
    bytes_put_le32(log + 40, 4);
    bytes_put_le32(log + 667, 3);
    ese_checksum_set_header(log, ESE_LOG_SEGMENT_SIZE);
}
