/*
 * Whether results are coloured: --color, else on a terminal that is not dumb and where nobody said
 * NO_COLOR (https://no-color.org: set, and not empty).
 */
#ifndef KM_MIGRATE_COLOR_H
#define KM_MIGRATE_COLOR_H

#include <stdbool.h>

/* when: "auto" (as it is until something else is chosen), "always", "never"; static. */
void color_choose(const char *when);

/* Never while output is captured (output.h). */
bool color_wanted(void);

#endif
