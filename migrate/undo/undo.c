/* Putting a store back: see undo.h. */
#include "migrate/undo/undo.h"

#include "migrate/console/words.h"
#include "formats/fileio.h"
#include "formats/fault.h"
#include "migrate/console/progress.h"
#include "migrate/undo/aside.h"
#include "migrate/undo/names.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { QUARANTINE_HEAD = 1024 };

static bool io(struct fault *f, const char *what)
{
    return fault_set(f, FAULT_IO, "the store cannot be %s: %s", what, strerror(errno));
}

static bool size_of(int descriptor, uint64_t *size, struct fault *f)
{
    struct stat st;
    if (fstat(descriptor, &st) != 0)
        return io(f, "examined");
    *size = (uint64_t)st.st_size;
    return true;
}

/* ---- SHA-256, as it is and as it would be ---- */

struct hashing {
    int descriptor;
    struct undofile *undo; /* NULL: as it is */
    size_t next;           /* first piece that may still matter */
    struct hash hash;
    uint8_t *step, *piece;
};

static bool read_step(const struct hashing *h, uint64_t at, size_t size, struct fault *f)
{
    if (fileio_read_at(h->descriptor, at, h->step, size) == size)
        return true;
    return errno ? io(f, "read")
                 : fault_set(f, FAULT_IO, "the store became shorter while it was read");
}

/* Lays the old bytes over what was read. */
static bool overlay(struct hashing *h, uint64_t at, size_t size, struct fault *f)
{
    for (size_t i = h->next; i < h->undo->pieces && h->undo->piece[i].offset < at + size; i++) {
        const struct undofile_piece *p = &h->undo->piece[i];
        uint64_t from = p->offset > at ? p->offset : at;
        uint64_t end = p->offset + p->size < at + size ? p->offset + p->size : at + size;
        if (!undofile_piece(h->undo, i, h->piece, f))
            return false;
        if (from < end)
            memcpy(h->step + (from - at), h->piece + (from - p->offset), (size_t)(end - from));
        if (p->offset + p->size <= at + size)
            h->next = i + 1;
    }
    return true;
}

static bool run(struct hashing *h, uint64_t size, uint8_t sha256[HASH_SHA256_SIZE], struct fault *f)
{
    for (uint64_t at = 0; at < size;) {
        size_t part = size - at < FILEIO_STEP ? (size_t)(size - at) : FILEIO_STEP;
        if (!read_step(h, at, part, f) || (h->undo && !overlay(h, at, part, f)))
            return false;
        hash_sha256_add(&h->hash, bytes_of(h->step, part));
        at += part;
        progress_add(part);
    }
    hash_sha256_end(&h->hash, sha256);
    return true;
}

static bool hash_as(int descriptor, struct undofile *undo, uint64_t size,
                    uint8_t sha256[HASH_SHA256_SIZE], struct fault *f)
{
    struct hashing h = {.descriptor = descriptor, .undo = undo};
    if (!hash_open(&h.hash, f))
        return false;
    h.step = malloc(FILEIO_STEP);
    h.piece = malloc(UNDOFILE_PIECE_MOST);
    bool ok = h.step && h.piece;
    if (!ok)
        fault_no_memory(f, "hashing the store");
    progress_open("reading the store", size);
    ok = ok && run(&h, size, sha256, f);
    progress_close();
    free(h.step);
    free(h.piece);
    hash_close(&h.hash);
    return ok;
}

bool undo_hash_file(int descriptor, uint64_t *size, uint8_t sha256[HASH_SHA256_SIZE],
                    struct fault *f)
{
    return size_of(descriptor, size, f) && hash_as(descriptor, NULL, *size, sha256, f);
}

/* ---- may it be done? ---- */

bool undo_is_result(const struct undofile *u, uint64_t size, const uint8_t sha256[HASH_SHA256_SIZE])
{
    return !undofile_is_pending(u) && size == u->result_size &&
           memcmp(sha256, u->result_sha256, HASH_SHA256_SIZE) == 0;
}

/* A finished repair: the store must be exactly what it left. */
static bool is_result(int store, const struct undofile *u, struct fault *f)
{
    uint8_t sha256[HASH_SHA256_SIZE] = {0};
    uint64_t size;
    if (!undo_hash_file(store, &size, sha256, f))
        return false;
    if (undo_is_result(u, size, sha256))
        return true;
    return fault_set(f, FAULT_LIMIT,
                     "the store has changed since it was repaired (SHA-256 %02x%02x%02x%02x..., "
                     "expected %02x%02x%02x%02x...)",
                     sha256[0], sha256[1], sha256[2], sha256[3], u->result_sha256[0],
                     u->result_sha256[1], u->result_sha256[2], u->result_sha256[3]);
}

static bool would_be_original(int store, struct undofile *u, struct fault *f)
{
    uint8_t sha256[HASH_SHA256_SIZE];
    uint64_t size = 0;
    if (!size_of(store, &size, f))
        return false;
    if (size < u->identity.size)
        return fault_set(f, FAULT_LIMIT,
                         "the store has %" PRIu64 " bytes, the undo file is of one of %" PRIu64,
                         size, u->identity.size);
    if (!hash_as(store, u, u->identity.size, sha256, f))
        return false;
    return memcmp(sha256, u->identity.sha256, sizeof sha256) == 0 ||
           fault_set(f, FAULT_LIMIT,
                     "the undo file is of another store, or the store has changed since");
}

bool undo_possible(const char *path, int store, struct undofile *u, struct fault *f)
{
    if (!undofile_is_pending(u) && !is_result(store, u, f))
        return false;
    return would_be_original(store, u, f) && names_are_own(u, path, f) &&
           aside_can_go_back(path, u, f);
}

/* ---- doing it ---- */

static bool write_pieces(int store, struct undofile *u, struct fault *f)
{
    uint8_t *room = malloc(UNDOFILE_PIECE_MOST);
    bool ok = room != NULL || fault_no_memory(f, "putting the store back");
    for (size_t i = 0; ok && i < u->pieces; i++)
        ok = undofile_piece(u, i, room, f) &&
             (fileio_write_at(store, u->piece[i].offset, bytes_of(room, u->piece[i].size)) ||
              io(f, "written"));
    free(room);
    return ok;
}

static bool set_size_and_sync(int store, uint64_t size, struct fault *f)
{
    if (!fileio_resize(store, size))
        return io(f, "given its old length");
    return fileio_sync(store) || io(f, "synced");
}

static bool is_original(int store, const struct undofile *u, struct fault *f)
{
    uint8_t sha256[HASH_SHA256_SIZE];
    uint64_t size;
    if (!undo_hash_file(store, &size, sha256, f))
        return false;
    return (size == u->identity.size && memcmp(sha256, u->identity.sha256, sizeof sha256) == 0) ||
           fault_set(f, FAULT_LIMIT, "what was put back does not read back as the original");
}

/* ---- what goes afterwards ---- */

/* Removes the open file `fd` under its name, unless that is another's by now. */
static bool remove_open(const char *path, int fd)
{
    struct stat mine, there;
    return fstat(fd, &mine) == 0 && lstat(path, &there) == 0 && fileio_is_same(&mine, &there) &&
           unlink(path) == 0;
}

/* Does the quarantine file say that it was taken out of the store that was put back?  Then all that
 * it holds is in that store. */
static bool is_of_original(int fd, const struct undofile_identity *id)
{
    char head[QUARANTINE_HEAD + 1], line[2 * HASH_SHA256_SIZE + 32];
    head[fileio_read_at(fd, 0, head, QUARANTINE_HEAD)] = '\0';
    snprintf(line, sizeof line, "\nStore SHA-256: %s\n",
             hash_words(bytes_of(id->sha256, sizeof id->sha256)));
    return strstr(head, line) != NULL;
}

/* One that was changed is somebody's, and stays; so does one of another store, whatever the undo
 * file says. */
static bool drop_quarantine(const char *path, const struct undofile *u, struct fault *f)
{
    const struct undofile_identity *id = &u->identity;
    char place[PATH_MAX];
    uint8_t sha256[HASH_SHA256_SIZE];
    uint64_t size;
    if (!names_place(path, id->beside_directory, id->quarantine, place, f))
        return false;
    int fd = place[0] ? open(place, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY) : -1;
    if (fd < 0)
        return true;
    bool removed = undo_hash_file(fd, &size, sha256, NULL) &&
                   memcmp(sha256, id->quarantine_sha256, sizeof sha256) == 0 &&
                   is_of_original(fd, id) && remove_open(place, fd);
    close(fd);
    if (!removed && !memory_sufficed(f)) /* it is not known whether it is the one */
        return false;
    return !removed || aside_sync_directory_of(place, f);
}

static bool drop_undo_file(const char *undo_path, const struct undofile *u, struct fault *f)
{
    errno = EEXIST;
    if (!remove_open(undo_path, u->descriptor))
        return fault_set(f, FAULT_IO, "the undo file cannot be removed: %s", strerror(errno));
    return aside_sync_directory_of(undo_path, f);
}

bool undo_put_back(const char *path, int store, struct undofile *u, const char *undo_path,
                   struct fault *f)
{
    /* From the first byte on the store is not the result any more: that has to be known before. */
    if (!undofile_is_pending(u) && !undofile_set_state(u, UNDOFILE_UNDOING, f))
        return false;
    return write_pieces(store, u, f) && set_size_and_sync(store, u->identity.size, f) &&
           is_original(store, u, f) && aside_move_back(path, u, f) && drop_quarantine(path, u, f) &&
           drop_undo_file(undo_path, u, f);
}

/* ---- what is said of them ---- */

static const char *note_of(const char *path)
{
    struct undofile *u = NULL;
    if (!undofile_open(path, false, &u, NULL))
        return "cannot be read";
    const char *note = undofile_is_pending(u) ? "not finished" : "finished";
    undofile_close(u);
    return note;
}

void undo_note_files(struct beside *b)
{
    char path[PATH_MAX];
    for (size_t i = 0; i < b->files; i++)
        if (b->file[i].kind == BESIDE_UNDO &&
            snprintf(path, sizeof path, "%s/%s", b->directory, b->file[i].name) < PATH_MAX)
            b->file[i].note = note_of(path);
}
