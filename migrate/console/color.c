/* Colour or not: see color.h. */
#include "migrate/console/color.h"

#include "migrate/console/output.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *when = "auto";

void color_choose(const char *chosen)
{
    when = chosen;
}

bool color_wanted(void)
{
    const char *never = getenv("NO_COLOR"), *terminal = getenv("TERM");
    if (output_is_captured())
        return false;
    if (strcmp(when, "auto") != 0)
        return strcmp(when, "always") == 0;
    return (never == NULL || never[0] == '\0') &&
           (terminal == NULL || strcmp(terminal, "dumb") != 0) && isatty(STDOUT_FILENO);
}
