/*
 * Fuzz target: any bytes as a profile file.  They are refused with a fault that says something, or
 * read; what was read is written, and reading that gives the same text again.
 */
#include "migrate/profile/profile.h"
#include "migrate/profile/read.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void expect(bool condition)
{
    if (!condition)
        abort();
}

/* Reads bytes through a file that is in memory only. */
static bool read_bytes(const void *bytes, size_t size, struct profile *profile, struct fault *f)
{
    char path[64];
    int file = memfd_create("profile", MFD_CLOEXEC);
    expect(file >= 0 && write(file, bytes, size) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    bool ok = profile_read(path, profile, f);
    close(file);
    return ok;
}

static char *write_text(const struct profile *profile, size_t *size)
{
    char *text = NULL;
    FILE *to = open_memstream(&text, size);
    expect(to != NULL);
    profile_write(profile, to);
    expect(fclose(to) == 0);
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct profile profile, again;
    struct fault f = {.code = FAULT_NONE};
    if (!read_bytes(data, size, &profile, &f)) {
        expect(f.code != FAULT_NONE && f.text[0] != '\0' && profile.name == NULL);
        return 0;
    }
    size_t text_size, again_size;
    char *text = write_text(&profile, &text_size);
    profile_close(&profile);
    expect(read_bytes(text, text_size, &again, &f));
    char *text_again = write_text(&again, &again_size);
    expect(text_size == again_size && memcmp(text, text_again, text_size) == 0);
    free(text_again);
    profile_close(&again);
    free(text);
    return 0;
}
