/* The undo file: see undo/file.h. */
#include "migrate/undo/file.h"

#include "formats/array.h"
#include "formats/buffer.h"
#include "formats/descriptor.h"
#include "formats/fileio.h"
#include "formats/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

static const char magic[8] = {'K', 'M', 'U', 'N', 'D', 'O', '\r', '\n'};

enum {
    START = sizeof magic + 4,
    RECORD_HEAD = 12,
    PIECE_HEAD = 12, /* offset, size */
    CONTENT_MOST = PIECE_HEAD + UNDOFILE_PIECE_MOST + 1024,
    FLAG_BESIDE_DIRECTORY = 1,
    FLUSH_AT = 256 * 1024,
};

enum record_kind {
    RECORD_IDENTITY = 0x4e444949,
    RECORD_MOVE = 0x45564f4d,
    RECORD_PIECE = 0x43454950,
    RECORD_END = 0x21444e45,
    RECORD_FINISHED = 0x454e4f44,
    RECORD_UNDOING = 0x4f444e55,
};

static bool io(struct fault *f, const char *what)
{
    return fault_set(f, FAULT_IO, "the undo file cannot be %s: %s", what, strerror(errno));
}

/* ---- records, as bytes ---- */

static void add_le64(struct buffer *to, uint64_t value)
{
    buffer_add_le32(to, (uint32_t)value);
    buffer_add_le32(to, (uint32_t)(value >> 32));
}

static void add_name(struct buffer *to, const char *name)
{
    buffer_add_le32(to, (uint32_t)strlen(name));
    buffer_add_text(to, name);
}

static uint32_t checksum_of(uint32_t kind, struct bytes content)
{
    uint8_t head[8];
    bytes_put_le32(head, kind);
    bytes_put_le32(head + 4, content.size);
    uLong crc = crc32(0, head, sizeof head);
    return (uint32_t)(content.size ? crc32(crc, content.at, (uInt)content.size) : crc);
}

static bool add_record(struct buffer *to, uint32_t kind, struct bytes content)
{
    buffer_add_le32(to, kind);
    buffer_add_le32(to, (uint32_t)content.size);
    buffer_add_le32(to, checksum_of(kind, content));
    return buffer_add(to, content);
}

/* ---- writing ---- */

struct undofile_writer {
    struct outfile *out;
    struct buffer waiting, content;
    uint8_t *packed;
    uint32_t moves, pieces;
};

static bool write_all(int descriptor, struct bytes b, uint64_t at, struct fault *f)
{
    return fileio_write_at(descriptor, at, b) || io(f, "written");
}

static bool flush(struct undofile_writer *w, struct fault *f)
{
    struct bytes b = buffer_bytes(&w->waiting);
    int descriptor = outfile_descriptor(w->out);
    off_t at = lseek(descriptor, 0, SEEK_END);
    bool ok = at >= 0 ? write_all(descriptor, b, (uint64_t)at, f) : io(f, "written");
    buffer_clear(&w->waiting);
    return ok;
}

static bool put_record(struct undofile_writer *w, uint32_t kind, struct fault *f)
{
    bool ok = !w->content.failed && add_record(&w->waiting, kind, buffer_bytes(&w->content));
    buffer_clear(&w->content);
    if (!ok)
        return fault_no_memory(f, "the undo file");
    return w->waiting.size < FLUSH_AT || flush(w, f);
}

static bool put_identity(struct undofile_writer *w, const struct undofile_identity *id,
                         struct fault *f)
{
    struct buffer *to = &w->content;
    add_le64(to, id->size);
    buffer_add(to, bytes_of(id->sha256, sizeof id->sha256));
    add_le64(to, id->time);
    buffer_add_le32(to, id->beside_directory ? FLAG_BESIDE_DIRECTORY : 0);
    add_name(to, id->plan);
    add_name(to, id->backup);
    add_name(to, id->set_aside);
    add_name(to, id->quarantine);
    buffer_add(to, bytes_of(id->quarantine_sha256, sizeof id->quarantine_sha256));
    return put_record(w, RECORD_IDENTITY, f);
}

bool undofile_begin(const char *path, int like, const struct undofile_identity *identity,
                    struct undofile_writer **writer, struct fault *f)
{
    struct undofile_writer *w = *writer = calloc(1, sizeof *w);
    if (w == NULL)
        return fault_no_memory(f, "the undo file");
    w->packed = malloc(compressBound(UNDOFILE_PIECE_MOST));
    if (w->packed == NULL)
        return fault_no_memory(f, "the undo file");
    if (!outfile_create(path, like, false, &w->out, f))
        return fault_context(f, "the undo file");
    buffer_add(&w->waiting, bytes_of(magic, sizeof magic));
    buffer_add_le32(&w->waiting, UNDOFILE_VERSION);
    return put_identity(w, identity, f);
}

bool undofile_add_move(struct undofile_writer *w, const struct undofile_move *move, struct fault *f)
{
    if (w->moves == UNDOFILE_MOVES_MOST)
        return fault_set(f, FAULT_LIMIT, "more than %d files lie beside the store",
                         UNDOFILE_MOVES_MOST);
    w->moves++;
    add_name(&w->content, move->name);
    if (move->is_known) {
        add_le64(&w->content, move->size);
        buffer_add(&w->content, bytes_of(move->sha256, sizeof move->sha256));
    }
    return put_record(w, RECORD_MOVE, f);
}

bool undofile_add_piece(struct undofile_writer *w, uint64_t offset, struct bytes before,
                        struct fault *f)
{
    if (before.size == 0)
        return true;
    uLongf packed = compressBound(UNDOFILE_PIECE_MOST);
    if (before.size > UNDOFILE_PIECE_MOST ||
        compress2(w->packed, &packed, before.at, (uLong)before.size, Z_BEST_SPEED) != Z_OK)
        return fault_set(f, FAULT_NO_MEMORY, "out of memory to compress a page for the undo file");
    w->pieces++;
    add_le64(&w->content, offset);
    buffer_add_le32(&w->content, (uint32_t)before.size);
    buffer_add(&w->content, bytes_of(w->packed, packed));
    return put_record(w, RECORD_PIECE, f);
}

bool undofile_commit(struct undofile_writer *w, struct fault *f)
{
    buffer_add_le32(&w->content, w->moves);
    buffer_add_le32(&w->content, w->pieces);
    if (!put_record(w, RECORD_END, f) || !flush(w, f))
        return false;
    return outfile_commit(w->out, f) || fault_context(f, "the undo file");
}

void undofile_discard(struct undofile_writer *w, bool keep)
{
    if (w == NULL)
        return;
    if (w->out && !keep)
        outfile_remove(w->out);
    outfile_discard(w->out);
    buffer_free(&w->waiting);
    buffer_free(&w->content);
    free(w->packed);
    free(w);
}

/* ---- reading ---- */

struct record {
    uint32_t kind;
    struct bytes content; /* in undo->packed */
};

static bool damaged(struct fault *f, uint64_t at, const char *what)
{
    return fault_set(f, FAULT_DAMAGED, "the undo file is damaged: %s at byte %" PRIu64, what, at);
}

static bool read_exactly(int descriptor, uint64_t at, uint8_t *to, size_t size, struct fault *f)
{
    size_t got = fileio_read_at(descriptor, at, to, size);
    if (got == size)
        return true;
    return errno ? io(f, "read") : damaged(f, at + got, "it ends early");
}

/* Reads the record at undo->end and moves behind it. */
static bool next_record(struct undofile *u, struct record *r, struct fault *f)
{
    uint8_t head[RECORD_HEAD];
    if (!read_exactly(u->descriptor, u->end, head, sizeof head, f))
        return false;
    struct reader fields = reader_of(bytes_of(head, sizeof head));
    r->kind = reader_le32(&fields);
    uint32_t size = reader_le32(&fields), checksum = reader_le32(&fields);
    if (size > CONTENT_MOST)
        return damaged(f, u->end, "a record is too long");
    if (!read_exactly(u->descriptor, u->end + RECORD_HEAD, u->packed, size, f))
        return false;
    r->content = bytes_of(u->packed, size);
    if (checksum != checksum_of(r->kind, r->content))
        return damaged(f, u->end, "a record's checksum is wrong");
    u->end += RECORD_HEAD + size;
    return true;
}

/* A name that cannot lead anywhere else; an empty one only where it may be. */
static bool is_plain(struct bytes b, bool may_be_empty)
{
    if (b.size == 0)
        return may_be_empty;
    if (b.size > NAME_MAX || memchr(b.at, '/', b.size) || memchr(b.at, '\0', b.size))
        return false;
    return !(b.at[0] == '.' && (b.size == 1 || (b.size == 2 && b.at[1] == '.')));
}

static bool take_name(struct reader *r, char name[NAME_MAX + 1])
{
    struct bytes b = reader_take(r, reader_le32(r));
    if (r->failed || !is_plain(b, true))
        return false;
    if (b.size > 0)
        memcpy(name, b.at, b.size);
    name[b.size] = '\0';
    return true;
}

static bool take_plan(struct reader *r, char plan[UNDOFILE_PLAN_SIZE + 1])
{
    struct bytes b = reader_take(r, reader_le32(r));
    if (r->failed || b.size > UNDOFILE_PLAN_SIZE)
        return false;
    for (size_t i = 0; i < b.size; i++)
        if (!memchr("0123456789abcdef", b.at[i], 16))
            return false;
    if (b.size > 0)
        memcpy(plan, b.at, b.size);
    plan[b.size] = '\0';
    return true;
}

static void take_hash(struct reader *r, uint8_t sha256[HASH_SHA256_SIZE])
{
    struct bytes b = reader_take(r, HASH_SHA256_SIZE);
    if (!r->failed)
        memcpy(sha256, b.at, HASH_SHA256_SIZE);
}

static bool read_identity(struct undofile *u, struct fault *f)
{
    struct undofile_identity *id = &u->identity;
    struct record record;
    uint64_t at = u->end;
    if (!next_record(u, &record, f))
        return false;
    struct reader r = reader_of(record.content);
    id->size = reader_le64(&r);
    take_hash(&r, id->sha256);
    id->time = reader_le64(&r);
    uint32_t flags = reader_le32(&r);
    id->beside_directory = flags & FLAG_BESIDE_DIRECTORY;
    bool ok = take_plan(&r, id->plan) && take_name(&r, id->backup) &&
              take_name(&r, id->set_aside) && take_name(&r, id->quarantine);
    take_hash(&r, id->quarantine_sha256);
    if (record.kind == RECORD_IDENTITY && ok && !r.failed && reader_left(&r) == 0 &&
        flags <= FLAG_BESIDE_DIRECTORY && id->size <= INT64_MAX)
        return true;
    return damaged(f, at, "it does not say which store it is of");
}

static bool read_move(struct undofile *u, const struct record *record, uint64_t at, struct fault *f)
{
    struct reader r = reader_of(record->content);
    struct bytes name = reader_take(&r, reader_le32(&r));
    struct undofile_move m = {.is_known = u->version > 1 && reader_left(&r) > 0};
    if (m.is_known) {
        m.size = reader_le64(&r);
        take_hash(&r, m.sha256);
    }
    if (r.failed || reader_left(&r) > 0 || !is_plain(name, false) || u->pieces > 0 ||
        u->moves == UNDOFILE_MOVES_MOST || u->identity.set_aside[0] == '\0')
        return damaged(f, at, "a file that was set aside");
    if (!array_reserve(&u->move, &u->move_room, u->moves + 1, sizeof *u->move))
        return fault_no_memory(f, "the undo file");
    m.name = strndup((const char *)name.at, name.size);
    if (m.name == NULL)
        return fault_no_memory(f, "the undo file");
    u->move[u->moves++] = m;
    return true;
}

/* at: of the record in the file. */
static bool unpack(struct bytes packed, uint8_t *to, size_t size, uint64_t at, struct fault *f)
{
    uLongf got = (uLongf)size;
    int rc = uncompress(to, &got, packed.at, (uLong)packed.size);
    if (rc == Z_MEM_ERROR)
        return fault_set(f, FAULT_NO_MEMORY, "out of memory to unpack the undo file");
    return (rc == Z_OK && got == size) || damaged(f, at, "a page");
}

static bool read_piece(struct undofile *u, const struct record *record, uint64_t at, uint8_t *room,
                       struct fault *f)
{
    struct reader r = reader_of(record->content);
    struct undofile_piece p = {.at = at + RECORD_HEAD + PIECE_HEAD};
    p.offset = reader_le64(&r);
    p.size = reader_le32(&r);
    p.packed = (uint32_t)reader_left(&r);
    struct bytes packed = reader_take(&r, p.packed);
    if (r.failed || p.size == 0 || p.size > UNDOFILE_PIECE_MOST || p.offset > u->identity.size ||
        p.size > u->identity.size - p.offset)
        return damaged(f, at, "a page");
    if (!unpack(packed, room, p.size, at, f))
        return false;
    if (!array_reserve(&u->piece, &u->piece_room, u->pieces + 1, sizeof *u->piece))
        return fault_no_memory(f, "the undo file");
    u->piece[u->pieces++] = p;
    return true;
}

static int by_offset(const void *a, const void *b)
{
    const struct undofile_piece *x = a, *y = b;
    return (x->offset > y->offset) - (x->offset < y->offset);
}

static bool read_end(struct undofile *u, const struct record *record, uint64_t at, struct fault *f)
{
    struct reader r = reader_of(record->content);
    uint32_t moves = reader_le32(&r);
    uint32_t pieces = reader_le32(&r);
    if (r.failed || reader_left(&r) > 0 || moves != u->moves || pieces != u->pieces)
        return damaged(f, at, "records are missing");
    if (u->pieces > 0)
        qsort(u->piece, u->pieces, sizeof *u->piece, by_offset);
    for (size_t i = 1; i < u->pieces; i++)
        if (u->piece[i].offset < u->piece[i - 1].offset + u->piece[i - 1].size)
            return damaged(f, u->piece[i].at, "two pages overlap");
    return true;
}

static bool read_body(struct undofile *u, struct fault *f)
{
    uint8_t *room = malloc(UNDOFILE_PIECE_MOST);
    struct record record = {.kind = 0};
    bool ok = room != NULL || fault_no_memory(f, "the undo file");
    while (ok && record.kind != RECORD_END) {
        uint64_t at = u->end;
        if (!next_record(u, &record, f))
            ok = false;
        else if (record.kind == RECORD_MOVE)
            ok = read_move(u, &record, at, f);
        else if (record.kind == RECORD_PIECE)
            ok = read_piece(u, &record, at, room, f);
        else if (record.kind == RECORD_END)
            ok = read_end(u, &record, at, f);
        else
            ok = damaged(f, at, "a record of an unknown kind");
    }
    free(room);
    return ok;
}

/* What became of the repair.  A record that is cut or wrong here was being written when all ended.
 */
static bool read_states(struct undofile *u, uint64_t size, struct fault *f)
{
    struct record record;
    while (u->end < size) {
        uint64_t at = u->end;
        struct fault why = {.code = FAULT_NONE};
        if (!next_record(u, &record, &why)) {
            if (why.code != FAULT_DAMAGED) {
                *f = why;
                return false;
            }
            u->torn = true;
            return true;
        }
        struct reader r = reader_of(record.content);
        bool finished = record.kind == RECORD_FINISHED && u->state == UNDOFILE_PREPARED;
        if (finished) {
            u->result_size = reader_le64(&r);
            take_hash(&r, u->result_sha256);
        }
        if ((!finished && record.kind != RECORD_UNDOING) || r.failed || reader_left(&r) > 0)
            return damaged(f, at, "a record that cannot stand there");
        u->state = finished ? UNDOFILE_FINISHED : UNDOFILE_UNDOING;
    }
    return true;
}

static bool read_start(struct undofile *u, uint64_t size, struct fault *f)
{
    uint8_t start[START];
    if (size < START)
        return damaged(f, size, "it ends early");
    if (!read_exactly(u->descriptor, 0, start, sizeof start, f))
        return false;
    if (memcmp(start, magic, sizeof magic) != 0)
        return damaged(f, 0, "no undo file begins so");
    u->version = bytes_get_le32(bytes_of(start, sizeof start), sizeof magic);
    if (u->version == 0 || u->version > UNDOFILE_VERSION)
        return fault_set(f, FAULT_UNSUPPORTED,
                         "the undo file is of version %" PRIu32
                         ", expected 1 to %d: use the kmmigrate that wrote it",
                         u->version, UNDOFILE_VERSION);
    u->end = START;
    return true;
}

bool undofile_open_descriptor(int descriptor, struct undofile **undo, struct fault *f)
{
    struct stat st;
    struct undofile *u = calloc(1, sizeof *u);
    if (u == NULL) {
        close(descriptor);
        return fault_no_memory(f, "the undo file");
    }
    u->descriptor = descriptor;
    u->packed = malloc(CONTENT_MOST);
    bool ok = u->packed != NULL || fault_no_memory(f, "the undo file");
    if (ok && fstat(descriptor, &st) != 0)
        ok = io(f, "examined");
    if (ok && !S_ISREG(st.st_mode))
        ok = fault_set(f, FAULT_NOT_THIS, "the undo file is no regular file");
    uint64_t size = ok ? (uint64_t)st.st_size : 0;
    ok = ok && read_start(u, size, f) && read_identity(u, f) && read_body(u, f) &&
         read_states(u, size, f);
    if (!ok) {
        undofile_close(u);
        return false;
    }
    *undo = u;
    return true;
}

bool undofile_open(const char *path, bool writable, struct undofile **undo, struct fault *f)
{
    int access_mode = writable ? O_RDWR : O_RDONLY, descriptor;
    do
        descriptor = descriptor_above_standard(
            open(path, access_mode | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW));
    while (descriptor < 0 && errno == EINTR);
    if (descriptor < 0)
        return io(f, "opened");
    return undofile_open_descriptor(descriptor, undo, f);
}

void undofile_close(struct undofile *u)
{
    if (u == NULL)
        return;
    for (size_t i = 0; i < u->moves; i++)
        free(u->move[i].name);
    free(u->move);
    free(u->piece);
    free(u->packed);
    close(u->descriptor);
    free(u);
}

bool undofile_piece(struct undofile *u, size_t i, uint8_t *to, struct fault *f)
{
    const struct undofile_piece *p = &u->piece[i];
    if (!read_exactly(u->descriptor, p->at, u->packed, p->packed, f))
        return false;
    return unpack(bytes_of(u->packed, p->packed), to, p->size, p->at, f);
}

static bool sync_file(int descriptor, struct fault *f)
{
    return fileio_sync(descriptor) || io(f, "synced");
}

/* What a disk took down wrongly must be known before anything relies on it. */
static bool reads_back(struct undofile *u, struct bytes record, struct fault *f)
{
    return read_exactly(u->descriptor, u->end, u->packed, record.size, f) &&
           (memcmp(u->packed, record.at, record.size) == 0 ||
            damaged(f, u->end, "its state does not read back"));
}

bool undofile_set_state(struct undofile *u, enum undofile_state state, struct fault *f)
{
    struct buffer content = {0}, record = {0};
    if (state == UNDOFILE_FINISHED) {
        add_le64(&content, u->result_size);
        buffer_add(&content, bytes_of(u->result_sha256, sizeof u->result_sha256));
    }
    bool ok = add_record(&record, state == UNDOFILE_FINISHED ? RECORD_FINISHED : RECORD_UNDOING,
                         buffer_bytes(&content)) &&
              !content.failed;
    if (!ok)
        fault_no_memory(f, "the undo file");
    if (ok && u->torn && !fileio_resize(u->descriptor, u->end))
        ok = io(f, "written");
    if (ok)
        u->torn = true; /* until all of it is there */
    ok = ok && write_all(u->descriptor, buffer_bytes(&record), u->end, f) &&
         sync_file(u->descriptor, f) && reads_back(u, buffer_bytes(&record), f);
    if (ok) {
        u->torn = false;
        u->end += record.size;
        u->state = state;
    }
    buffer_free(&content);
    buffer_free(&record);
    return ok;
}
