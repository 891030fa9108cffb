/* The command line: see invocation.h. */
#include "migrate/console/invocation.h"

#include <stddef.h>

static char **noted;
static int noted_count;

void invocation_note(int count, char **arguments)
{
    noted = arguments;
    noted_count = count;
}

char *const *invocation_arguments(int *count)
{
    *count = noted ? noted_count - 1 : 0;
    return noted ? noted + 1 : NULL;
}
