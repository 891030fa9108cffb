/*
 * Whether results are coloured: --color, else on a terminal that is not dumb and where nobody said
 * NO_COLOR (https://no-color.org: set, and not empty).
 */
#ifndef KM_MIGRATE_COLOR_H
#define KM_MIGRATE_COLOR_H

#include <stdbool.h>

/* when: "auto", "always", "never". */
bool color_wanted(const char *when);

#endif
