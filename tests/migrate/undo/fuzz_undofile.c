/*
 * Fuzz target: any bytes as an undo file.  They are refused with a fault that says something, or
 * read; what was read keeps its promises, its pieces unpack, and a state that is set is read again.
 *
 * A checksum in every record keeps mutations from the code behind it, so the bytes are tried twice:
 * as they are, and as records (kind, size, content) whose checksums are put right.
 */
#include "migrate/undo/file.h"
#include "tests/migrate/undo/mend.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static void expect(bool condition)
{
    if (!condition)
        abort();
}

static int file_of(const uint8_t *bytes, size_t size)
{
    int file = memfd_create("undo", MFD_CLOEXEC);
    expect(file >= 0 && (size == 0 || write(file, bytes, size) == (ssize_t)size));
    return file;
}

static void expect_promises(struct undofile *u)
{
    static uint8_t room[UNDOFILE_PIECE_MOST];
    struct fault f;
    uint64_t end = 0;
    for (size_t i = 0; i < u->pieces; i++) {
        const struct undofile_piece *p = &u->piece[i];
        expect(p->size > 0 && p->size <= sizeof room && p->offset >= end);
        end = p->offset + p->size;
        expect(end <= u->identity.size && undofile_piece(u, i, room, &f));
    }
    for (size_t i = 0; i < u->moves; i++)
        expect(u->move[i].name[0] != '\0' && strchr(u->move[i].name, '/') == NULL &&
               strcmp(u->move[i].name, "..") != 0);
    expect(strchr(u->identity.set_aside, '/') == NULL && strcmp(u->identity.set_aside, "..") != 0);
    expect(strchr(u->identity.quarantine, '/') == NULL);
}

/* Undo may begin from every state. */
static void set_state(struct undofile *u)
{
    struct undofile *again;
    struct fault f;
    expect(undofile_set_state(u, UNDOFILE_UNDOING, &f) && undofile_is_pending(u));
    expect(undofile_open_descriptor(dup(u->descriptor), &again, &f));
    expect(again->state == UNDOFILE_UNDOING && !again->torn && again->pieces == u->pieces);
    undofile_close(again);
}

static void try_bytes(const uint8_t *bytes, size_t size)
{
    struct undofile *u;
    struct fault f = {.code = FAULT_NONE};
    if (!undofile_open_descriptor(file_of(bytes, size), &u, &f)) {
        expect(f.code != FAULT_NONE && f.text[0] != '\0');
        return;
    }
    expect_promises(u);
    set_state(u);
    undofile_close(u);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_bytes(data, size);
    if (size < UNDOFILE_HEAD)
        return 0;
    uint8_t *copy = malloc(size);
    expect(copy != NULL);
    memcpy(copy, data, size);
    undofile_mend(copy, size);
    try_bytes(copy, size);
    free(copy);
    return 0;
}
