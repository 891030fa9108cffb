/* Colour or not: see color.h. */
#include "migrate/console/color.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool color_wanted(const char *when)
{
    const char *never = getenv("NO_COLOR"), *terminal = getenv("TERM");
    if (strcmp(when, "auto") != 0)
        return strcmp(when, "always") == 0;
    return (never == NULL || never[0] == '\0') &&
           (terminal == NULL || strcmp(terminal, "dumb") != 0) && isatty(STDOUT_FILENO);
}
