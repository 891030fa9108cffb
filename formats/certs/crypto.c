/* The start of GnuTLS: see crypto.h. */
#include "formats/certs/crypto.h"

#include "formats/memory.h"

#include <stdlib.h>
#include <string.h>

#include <gnutls/gnutls.h>

/* A function that GnuTLS asks before it starts by itself. */
GNUTLS_SKIP_GLOBAL_INIT

/* What GnuTLS cannot allocate it may report as something else: its allocations are noted as ours
 * are (memory.h). */
static void share_allocator(void)
{
    gnutls_malloc = malloc;
    gnutls_calloc = calloc;
    gnutls_realloc = realloc;
}

bool crypto_start(struct fault *f)
{
    static const char variable[] = "GNUTLS_SYSTEM_PRIORITY_FILE";
    static bool started;
    if (started)
        return true;
    const char *before = getenv(variable);
    char *kept = before != NULL ? strdup(before) : NULL;
    if ((before != NULL && kept == NULL) || setenv(variable, "/dev/null", 1) != 0) {
        free(kept);
        return fault_set(f, FAULT_NO_MEMORY, "no memory to start GnuTLS");
    }
    share_allocator();
    memory_watch_begin();
    int rc = gnutls_global_init();
    bool was_short = memory_watch_end() || memory_ran_short();
    if (kept != NULL)
        setenv(variable, kept, 1);
    else
        unsetenv(variable);
    free(kept);
    if (rc < 0 && was_short)
        return fault_set(f, FAULT_NO_MEMORY, "out of memory to start GnuTLS");
    if (rc < 0)
        return fault_set(f, FAULT_UNSUPPORTED, "GnuTLS does not start: %s", gnutls_strerror(rc));
    started = true;
    return true;
}
