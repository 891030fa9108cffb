/* What the fuzz targets of formats certs share: see fuzz.h. */
#include "tests/formats/certs/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

void must(bool holds)
{
    if (!holds)
        abort();
}

void touch(struct bytes b)
{
    static volatile uint8_t sink;
    uint8_t sum = 0;
    for (size_t i = 0; i < b.size; i++)
        sum = (uint8_t)(sum + b.at[i]);
    sink = sum;
    (void)sink;
}
