/* What the fuzz targets of formats/certs share: a claim that must hold, and looking at every byte.
 */
#ifndef KM_TESTS_CERTS_FUZZ_H
#define KM_TESTS_CERTS_FUZZ_H

#include "formats/bytes.h"

#include <stdlib.h>

void must(bool holds);

/* Reads all of b, so that a run that leaves the input is seen. */
void touch(struct bytes b);

#endif
