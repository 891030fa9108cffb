/* Growing arrays: see array.h. */
#include "formats/array.h"

#include <stdint.h>
#include <stdlib.h>

enum { ROOM_FIRST = 8 };

bool array_reserve(void **array, size_t *room, size_t wanted, size_t size)
{
    if (wanted <= *room)
        return true;
    size_t more = *room ? *room * 2 : ROOM_FIRST;
    if (more < wanted)
        more = wanted;
    void *grown = more > SIZE_MAX / size ? NULL : realloc(*array, more * size);
    if (grown == NULL)
        return false;
    *array = grown;
    *room = more;
    return true;
}

int array_by_u64(const void *x, const void *y)
{
    uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;
    return (a > b) - (a < b);
}
