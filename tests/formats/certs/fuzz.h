/* What the fuzz targets of formats/certs share: a claim that must hold, and looking at every byte.
 */
#ifndef KM_TESTS_CERTS_FUZZ_H
#define KM_TESTS_CERTS_FUZZ_H

#include "formats/bytes.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void must(bool holds)
{
    if (!holds)
        abort();
}

/* Reads all of b, so that a run that leaves the input is seen. */
static inline void touch(struct bytes b)
{
    static volatile uint8_t sink;
    uint8_t sum = 0;
    for (size_t i = 0; i < b.size; i++)
        sum = (uint8_t)(sum + b.at[i]);
    sink = sum;
    (void)sink;
}

#endif
