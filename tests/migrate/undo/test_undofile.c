/*
 * Undo files: what was written is read, and of records whose checksums are right what they say is
 * held against what a repair writes.  Records are made here by hand.
 */
#include "migrate/undo/undo.h"
#include "formats/buffer.h"
#include "tests/check_main.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

/* ---- records by hand ---- */

static struct buffer file, content;
static const char hash[HASH_SHA256_SIZE] = "0123456789abcdef0123456789abcde";

static void begin_file(void)
{
    buffer_clear(&file);
    buffer_clear(&content);
    buffer_add(&file, bytes_of("KMUNDO\r\n\1\0\0\0", 12));
}

static void add64(uint64_t value)
{
    buffer_add_le32(&content, (uint32_t)value);
    buffer_add_le32(&content, (uint32_t)(value >> 32));
}

static void add_name(const char *name, size_t size)
{
    buffer_add_le32(&content, (uint32_t)size);
    buffer_add(&content, bytes_of(name, size));
}

static void end_record(const char kind[5])
{
    size_t at = file.size;
    buffer_add_text(&file, kind);
    buffer_add_le32(&file, (uint32_t)content.size);
    uLong crc = crc32(0, file.at + at, 8);
    buffer_add_le32(&file,
                    (uint32_t)(content.size ? crc32(crc, content.at, (uInt)content.size) : crc));
    buffer_add(&file, buffer_bytes(&content));
    buffer_clear(&content);
}

struct told {
    uint64_t size;
    uint32_t flags;
    const char *plan, *backup;
    size_t backup_size;
    const char *set_aside;
};

static void add_identity(const struct told *t)
{
    add64(t->size);
    buffer_add(&content, bytes_of(hash, sizeof hash));
    add64(938692800);
    buffer_add_le32(&content, t->flags);
    add_name(t->plan, strlen(t->plan));
    add_name(t->backup, t->backup_size);
    add_name(t->set_aside, strlen(t->set_aside));
    add_name("", 0);
    buffer_add(&content, bytes_of(hash, sizeof hash));
}

static const struct told plain = {
    .size = 100000, .plan = "12ab", .backup = "", .set_aside = "aside"};

static void add_piece(uint64_t offset, uint32_t says, uint32_t size)
{
    static uint8_t bytes[2 * UNDOFILE_PIECE_MOST], packed[4096];
    uLongf room = sizeof packed;
    ck_assert_int_eq(compress(packed, &room, bytes, size), Z_OK);
    add64(offset);
    buffer_add_le32(&content, says);
    buffer_add(&content, bytes_of(packed, room));
    end_record("PIEC");
}

static void add_end(uint32_t moves, uint32_t pieces)
{
    buffer_add_le32(&content, moves);
    buffer_add_le32(&content, pieces);
    end_record("END!");
}

static void add_finished(size_t more)
{
    add64(5000);
    buffer_add(&content, bytes_of(hash, sizeof hash));
    if (more > 1)
        content.size--;
    else if (more == 1)
        buffer_add_u8(&content, 0);
    end_record("DONE");
}

/* The file is read; NULL: it is refused, with `says` in the fault. */
static struct undofile *read_file(enum fault_code code, const char *says)
{
    struct undofile *u = NULL;
    struct fault f = {.code = FAULT_NONE};
    int fd = memfd_create("undo", MFD_CLOEXEC);
    ck_assert(fd >= 0 && write(fd, file.at, file.size) == (ssize_t)file.size);
    bool read = undofile_open_descriptor(fd, &u, &f);
    ck_assert_msg(read == (says == NULL), "%s: %s", says ? says : "to be read", f.text);
    ck_assert_int_eq(f.code, read ? FAULT_NONE : code);
    ck_assert_msg(read || strstr(f.text, says), "%s, not %s", f.text, says);
    return read ? u : NULL;
}

static void must_be(bool good, const char *says)
{
    undofile_close(read_file(FAULT_DAMAGED, good ? NULL : says));
}

/* ---- cases ---- */

START_TEST(starts)
{
    begin_file();
    add_identity(&plain);
    end_record("IIDN");
    add_end(0, 0);
    must_be(true, NULL);
    file.at[8] = 2;
    must_be(true, NULL);
    file.at[8] = 3;
    undofile_close(read_file(FAULT_UNSUPPORTED, "of version 3"));
    file.at[8] = 0;
    undofile_close(read_file(FAULT_UNSUPPORTED, "of version 0"));
    file.at[8] = 1;
    file.at[0] = 'k';
    must_be(false, "no undo file begins so");
    file.size = 11;
    must_be(false, "it ends early");
    struct undofile *u;
    struct fault f;
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert(!undofile_open_descriptor(ends[0], &u, &f) && f.code == FAULT_NOT_THIS);
    close(ends[1]);
}
END_TEST

static char long_name[NAME_MAX + 2];

START_TEST(identities)
{
    memset(long_name, 'n', sizeof long_name - 1);
    const struct {
        struct told told;
        bool good;
    } cases[] = {
        {{100000, 1, "", "backup", 6, ""}, true},
        {{100000, 2, "", "backup", 6, ""}, false}, /* a flag that nobody knows */
        {{INT64_MAX, 0, "", "", 0, ""}, true},
        {{(uint64_t)INT64_MAX + 1, 0, "", "", 0, ""}, false},
        {{1, 0, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "", 0, ""},
         true},
        {{1, 0, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0", "", 0, ""},
         false},
        {{1, 0, "12AB", "", 0, ""}, false},
        {{1, 0, "", "a/b", 3, ""}, false},
        {{1, 0, "", "a\0b", 3, ""}, false},
        {{1, 0, "", ".", 1, ""}, false},
        {{1, 0, "", "..", 2, ""}, false},
        {{1, 0, "", "...", 3, ""}, true},
        {{1, 0, "", ".b", 2, ""}, true},
        {{1, 0, "", long_name, NAME_MAX, ""}, true},
        {{1, 0, "", long_name, NAME_MAX + 1, ""}, false},
        {{1, 0, "", "", 0, "/aside"}, false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        for (unsigned more = 0; more < 3; more++) { /* as it is, with one byte more, one fewer */
            begin_file();
            add_identity(&cases[i].told);
            if (more == 1)
                buffer_add_u8(&content, 0);
            content.size -= more == 2;
            end_record("IIDN");
            add_end(0, 0);
            must_be(cases[i].good && more == 0, "it does not say which store it is of");
        }
    begin_file();
    add_identity(&plain);
    end_record("MOVE");
    must_be(false, "it does not say which store it is of");
}
END_TEST

START_TEST(moves)
{
    static const struct {
        const char *name;
        size_t size;
        bool good;
    } names[] = {{"edb.log", 7, true}, {"", 0, false}, {"a/b", 3, false}, {"..", 2, false}};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        for (int state = 0; state < 4; state++) {
            struct told told = plain;
            told.set_aside = state == 1 ? "" : "aside";
            begin_file();
            add_identity(&told);
            end_record("IIDN");
            if (state == 2)
                add_piece(0, 10, 10);
            add_name(names[i].name, names[i].size);
            if (state == 3)
                buffer_add_u8(&content, 0);
            end_record("MOVE");
            add_end(1, state == 2);
            must_be(names[i].good && state == 0, "a file that was set aside");
        }
}
END_TEST

/* What a file that was set aside was then: version 1 has none of it, version 2 all or nothing. */
START_TEST(moves_of_both_versions)
{
    static const struct {
        uint8_t version;
        unsigned more; /* bytes behind the name */
        bool good;
    } cases[] = {{1, 0, true},   {1, 40, false}, {2, 0, true},  {2, 40, true},
                 {2, 39, false}, {2, 41, false}, {2, 8, false}, {2, 1, false}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        begin_file();
        file.at[8] = cases[i].version;
        add_identity(&(struct told){100000, 0, "", "", 0, "aside"});
        end_record("IIDN");
        add_name("edb.log", 7);
        for (unsigned n = 0; n < cases[i].more; n++)
            buffer_add_u8(&content, n == 0 ? 5 : n < 8 ? 0 : 7);
        end_record("MOVE");
        add_end(1, 0);
        struct undofile *u =
            read_file(FAULT_DAMAGED, cases[i].good ? NULL : "a file that was set aside");
        if (u == NULL)
            continue;
        ck_assert(u->move[0].is_known == (cases[i].more > 0) &&
                  strcmp(u->move[0].name, "edb.log") == 0);
        ck_assert(!u->move[0].is_known ||
                  (u->move[0].size == 5 && u->move[0].sha256[HASH_SHA256_SIZE - 1] == 7));
        undofile_close(u);
    }
}
END_TEST

static void begin_body(void)
{
    begin_file();
    add_identity(&plain);
    end_record("IIDN");
}

START_TEST(pieces)
{
    static const struct {
        uint64_t offset;
        uint32_t says, size;
        bool good;
    } cases[] = {
        {0, 1, 1, true},
        {0, 0, 0, false},
        {0, 10, 9, false},
        {0, 10, 11, false},
        {0, UNDOFILE_PIECE_MOST, UNDOFILE_PIECE_MOST, true},
        {0, UNDOFILE_PIECE_MOST + 1, UNDOFILE_PIECE_MOST + 1, false},
        {100000 - 10, 10, 10, true},
        {100000 - 10, 11, 11, false},
        {100000, 1, 1, false},
        {100001, 1, 1, false},
        {UINT64_MAX, 1, 1, false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        begin_body();
        add_piece(cases[i].offset, cases[i].says, cases[i].size);
        add_end(0, 1);
        must_be(cases[i].good, "a page");
    }
    begin_body();
    add64(0);
    buffer_add_le32(&content, 4);
    buffer_add_text(&content, "none");
    end_record("PIEC");
    add_end(0, 1);
    must_be(false, "a page");
}
END_TEST

START_TEST(ends)
{
    begin_body();
    add_piece(300, 100, 100);
    add_piece(200, 100, 100); /* they touch */
    add_end(0, 2);
    struct undofile *u = read_file(FAULT_NONE, NULL);
    ck_assert_uint_eq(u->pieces, 2);
    ck_assert_uint_eq(u->piece[0].offset, 200);
    ck_assert_int_eq(u->state, UNDOFILE_PREPARED);
    ck_assert(undofile_is_pending(u));
    undofile_close(u);
    begin_body();
    add_piece(300, 100, 100);
    add_piece(200, 101, 101);
    add_end(0, 2);
    must_be(false, "two pages overlap");
    for (unsigned i = 0; i < 4; i++) {
        begin_body();
        add_piece(300, 100, 100);
        buffer_add_le32(&content, i == 1);
        buffer_add_le32(&content, i == 2 ? 2 : 1);
        if (i == 3)
            buffer_add_u8(&content, 0);
        end_record("END!");
        must_be(i == 0, "records are missing");
    }
    begin_body();
    end_record("NONE");
    must_be(false, "a record of an unknown kind");
    begin_body();
    must_be(false, "it ends early");
    begin_body();
    file.at[file.size - 1] ^= 1;
    must_be(false, "checksum is wrong");
}
END_TEST

/* What became of the repair: each is F finished, f and g one that is longer or shorter, U undoing,
 * u with something in it, N none of them, t torn. */
static const struct {
    const char *records;
    bool good;
    enum undofile_state state;
    bool torn;
} ways[] = {
    {"", true, UNDOFILE_PREPARED, false},    {"F", true, UNDOFILE_FINISHED, false},
    {"f", false, UNDOFILE_PREPARED, false},  {"g", false, UNDOFILE_PREPARED, false},
    {"U", true, UNDOFILE_UNDOING, false},    {"u", false, UNDOFILE_PREPARED, false},
    {"FU", true, UNDOFILE_UNDOING, false},   {"UU", true, UNDOFILE_UNDOING, false},
    {"FF", false, UNDOFILE_PREPARED, false}, {"UF", false, UNDOFILE_PREPARED, false},
    {"N", false, UNDOFILE_PREPARED, false},  {"Ft", true, UNDOFILE_FINISHED, true},
    {"t", true, UNDOFILE_PREPARED, true},    {"FUt", true, UNDOFILE_UNDOING, true},
};

START_TEST(states)
{
    begin_body();
    add_end(0, 0);
    for (const char *at = ways[_i].records; *at; at++)
        switch (*at) {
        case 'F':
            add_finished(0);
            break;
        case 'f':
            add_finished(1);
            break;
        case 'g':
            add_finished(2);
            break;
        case 'u':
            buffer_add_u8(&content, 0);
            end_record("UNDO");
            break;
        default:
            end_record(*at == 'N' ? "NONE" : "UNDO");
            file.size -= *at == 't';
        }
    struct undofile *u =
        read_file(FAULT_DAMAGED, ways[_i].good ? NULL : "a record that cannot stand there");
    if (u == NULL)
        return;
    ck_assert_int_eq(u->state, ways[_i].state);
    ck_assert_int_eq(u->torn, ways[_i].torn);
    ck_assert_int_eq(undofile_is_pending(u), u->torn || u->state != UNDOFILE_FINISHED);
    if (ways[_i].records[0] == 'F')
        ck_assert(u->result_size == 5000 && memcmp(u->result_sha256, hash, sizeof hash) == 0);
    struct fault f;
    struct undofile *again;
    ck_assert(undofile_set_state(u, UNDOFILE_UNDOING, &f));
    ck_assert(undofile_open_descriptor(dup(u->descriptor), &again, &f));
    ck_assert(again->state == UNDOFILE_UNDOING && !again->torn);
    undofile_close(again);
    undofile_close(u);
}
END_TEST

/* ---- putting back ---- */

/* A page in the undo file is another by now than when all of it was checked. */
START_TEST(a_page_that_cannot_be_unpacked_any_more)
{
    static uint8_t zeros[100000];
    struct fault f = {.code = FAULT_NONE};
    int store = memfd_create("store", MFD_CLOEXEC);
    ck_assert(store >= 0 && write(store, zeros, sizeof zeros) == (ssize_t)sizeof zeros);
    begin_body();
    add_piece(4096, 4096, 4096);
    add_end(0, 1);
    struct undofile *u = read_file(FAULT_NONE, NULL);
    ck_assert(!undo_possible("store.edb", store, u, &f));
    ck_assert_int_eq(f.code, FAULT_LIMIT); /* of another store */
    ck_assert_int_eq(pwrite(u->descriptor, "none", 4, (off_t)u->piece[0].at), 4);
    ck_assert(!undo_possible("store.edb", store, u, &f));
    ck_assert_int_eq(f.code, FAULT_DAMAGED);
    ck_assert_int_eq(ftruncate(store, 99999), 0);
    ck_assert(!undo_possible("store.edb", store, u, &f));
    ck_assert_ptr_nonnull(strstr(f.text, "the store has 99999 bytes"));
    undofile_close(u);
    close(store);
}
END_TEST

int main(void)
{
    int status = check_main("undofile", (const struct check_case[]){
                                            {starts, 0},
                                            {identities, 0},
                                            {moves, 0},
                                            {moves_of_both_versions, 0},
                                            {pieces, 0},
                                            {ends, 0},
                                            {states, ARRAY_SIZE(ways)},
                                            {a_page_that_cannot_be_unpacked_any_more, 0},
                                            {0},
                                        });
    buffer_free(&file);
    buffer_free(&content);
    return status;
}
