/* Growing arrays: see array.h. */
#include "formats/array.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM_FIRST = 8 };

bool array_reserve(void *array, size_t *room, size_t wanted, size_t size)
{
    void *at; /* copied as bytes: it is a pointer of the caller's type */
    if (wanted <= *room)
        return true;
    size_t more = *room ? *room * 2 : ROOM_FIRST;
    if (more < wanted)
        more = wanted;
    memcpy(&at, array, sizeof at);
    at = more > SIZE_MAX / size ? NULL : realloc(at, more * size);
    if (at == NULL)
        return false;
    memcpy(array, &at, sizeof at);
    *room = more;
    return true;
}

void *array_next(void *array, size_t count, size_t *room, size_t size)
{
    char *at;
    if (!array_reserve(array, room, count + 1, size))
        return NULL;
    memcpy(&at, array, sizeof at);
    return at + count * size;
}

size_t array_first_u32(const void *array, size_t count, size_t size, size_t at, uint32_t number)
{
    struct halving h = {.high = count};
    while (halving_next(&h)) {
        uint32_t there;
        memcpy(&there, (const char *)array + h.middle * size + at, sizeof there);
        halving_go(&h, there < number);
    }
    return h.low;
}

int array_by_u64(const void *x, const void *y)
{
    uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;
    return (a > b) - (a < b);
}
