/* The two headers: which of them is used, what is refused and in which words; times. */
#include "formats/ese/read/header.h"
#include "tests/check_main.h"
#include "tests/formats/ese/making.h"

enum { HEADER = -1, SHADOW = 0 };

static uint8_t *at(struct made *m, long which, size_t offset)
{
    return made_page(m, which) + offset;
}

/* Reads the headers of the database, cut to `size` bytes. */
static bool read_headers(const struct made *m, size_t size, struct ese_headers *hs, struct fault *f)
{
    struct ese_file *file;
    *f = (struct fault){.code = FAULT_NONE};
    ck_assert(ese_file_over(bytes_of(m->bytes, size), &file, f));
    bool ok = ese_headers_read(file, hs, f);
    ese_file_close(file);
    return ok;
}

/* ---- which header is used ---- */

static void nothing(struct made *m)
{
    (void)m;
}

static void flip_header(struct made *m)
{
    *at(m, HEADER, 200) ^= 4;
}

static void flip_shadow(struct made *m)
{
    *at(m, SHADOW, 200) ^= 4;
}

static void flip_both(struct made *m)
{
    flip_header(m);
    flip_shadow(m);
}

static void wipe_header(struct made *m)
{
    memset(at(m, HEADER, 0), 0, m->page_size);
}

static void wipe_shadow(struct made *m)
{
    memset(at(m, SHADOW, 0), 0, m->page_size);
}

static void wipe_both(struct made *m)
{
    wipe_header(m);
    wipe_shadow(m);
}

static void wipe_header_flip_shadow(struct made *m)
{
    wipe_header(m);
    flip_shadow(m);
}

static void shadow_is_older(struct made *m)
{
    make_u32(at(m, SHADOW, ESE_HEADER_DBTIME_AT), 99);
    make_header_sums(m);
}

static void header_names_5000(struct made *m)
{
    make_u32(at(m, HEADER, ESE_HEADER_PAGE_SIZE_AT), 5000);
    make_header_sums(m);
}

static void header_names_double(struct made *m)
{
    make_u32(at(m, HEADER, ESE_HEADER_PAGE_SIZE_AT), m->page_size * 2);
    make_header_sums(m);
}

/* The sum over half of a header is right, too, as the rest is zero: only the shadow's place tells.
 */
static void header_names_half(struct made *m)
{
    make_u32(at(m, HEADER, ESE_HEADER_PAGE_SIZE_AT), m->page_size / 2);
    make_header_sums(m);
}

static void both_name_5000(struct made *m)
{
    make_u32(at(m, SHADOW, ESE_HEADER_PAGE_SIZE_AT), 5000);
    header_names_5000(m);
}

static void both_name_64k(struct made *m)
{
    make_u32(at(m, HEADER, ESE_HEADER_PAGE_SIZE_AT), 65536);
    make_u32(at(m, SHADOW, ESE_HEADER_PAGE_SIZE_AT), 65536);
    make_header_sums(m);
}

static const struct pair {
    const char *what;
    void (*damage)(struct made *m);
    bool usable;
    enum ese_header_state primary, shadow;
    bool equal;
    const char *says; /* when not usable */
} pairs[] = {
    {"both good", nothing, true, ESE_HEADER_GOOD, ESE_HEADER_GOOD, true, NULL},
    {"header flipped", flip_header, true, ESE_HEADER_BAD_CHECKSUM, ESE_HEADER_GOOD, false, NULL},
    {"shadow flipped", flip_shadow, true, ESE_HEADER_GOOD, ESE_HEADER_BAD_CHECKSUM, false, NULL},
    {"header wiped", wipe_header, true, ESE_HEADER_NOT_ESE, ESE_HEADER_GOOD, false, NULL},
    {"shadow wiped", wipe_shadow, true, ESE_HEADER_GOOD, ESE_HEADER_NOT_ESE, false, NULL},
    {"they differ", shadow_is_older, true, ESE_HEADER_GOOD, ESE_HEADER_GOOD, false, NULL},
    {"the header names a size that does not exist", header_names_5000, true,
     ESE_HEADER_BAD_PAGE_SIZE, ESE_HEADER_GOOD, false, NULL},
    {"the header names twice its size", header_names_double, true, ESE_HEADER_BAD_CHECKSUM,
     ESE_HEADER_GOOD, false, NULL},
    {"the header names half its size", header_names_half, true, ESE_HEADER_BAD_PAGE_SIZE,
     ESE_HEADER_GOOD, false, NULL},
    {"both flipped", flip_both, false, ESE_HEADER_BAD_CHECKSUM, ESE_HEADER_BAD_CHECKSUM, false,
     "neither header can be used: the header has a wrong checksum, the shadow header has a "
     "wrong checksum; restore"},
    {"both wiped", wipe_both, false, ESE_HEADER_NOT_ESE, ESE_HEADER_NOT_ESE, false,
     "not an ESE database: expected 0x89abcdef at byte 4 of the header, found 0x00000000"},
    {"header wiped, shadow flipped", wipe_header_flip_shadow, false, ESE_HEADER_NOT_ESE,
     ESE_HEADER_BAD_CHECKSUM, false, "the header lacks the ESE magic number, the shadow"},
    {"both name a size that does not exist", both_name_5000, false, ESE_HEADER_BAD_PAGE_SIZE,
     ESE_HEADER_BAD_PAGE_SIZE, false, "page size that cannot be"},
    {"both name 64 KiB", both_name_64k, false, ESE_HEADER_BAD_PAGE_SIZE, ESE_HEADER_BAD_PAGE_SIZE,
     false, "page size that cannot be"},
};

START_TEST(the_good_header_is_used)
{
    const struct pair *p = &pairs[_i];
    for (uint32_t size = ESE_PAGE_SIZE_MIN; size <= ESE_PAGE_SIZE_MAX; size *= 2) {
        struct made m = make_database(size, 0x14, 3);
        struct ese_headers hs;
        struct fault f;
        p->damage(&m);
        bool ok = read_headers(&m, m.size, &hs, &f);
        ck_assert_msg(ok == p->usable, "%s, %u: %s", p->what, size, f.text);
        if (ok) {
            enum ese_header_state primary = p->primary;
            if (p->damage == header_names_double && size == ESE_PAGE_SIZE_MAX)
                primary = ESE_HEADER_BAD_PAGE_SIZE; /* twice as large does not exist */
            ck_assert_msg(hs.primary == primary && hs.shadow == p->shadow, "%s, %u: %d %d", p->what,
                          size, hs.primary, hs.shadow);
            ck_assert_int_eq(hs.equal, p->equal);
            ck_assert_uint_eq(hs.header.page_size, size);
            ck_assert_uint_eq(hs.header.dbtime, 100);
            ck_assert_uint_eq(hs.header.objid_last, 50);
        } else {
            ck_assert_msg(size != 4096 || strstr(f.text, p->says), "%s: %s", p->what, f.text);
            ck_assert_int_ne(f.code, FAULT_NONE);
        }
        made_free(&m);
    }
}
END_TEST

START_TEST(page_size_zero_is_4096)
{
    struct made m = make_database(4096, 2, 3);
    struct ese_headers hs;
    struct fault f;
    make_u32(at(&m, HEADER, ESE_HEADER_PAGE_SIZE_AT), 0);
    make_u32(at(&m, SHADOW, ESE_HEADER_PAGE_SIZE_AT), 0);
    make_header_sums(&m);
    ck_assert_msg(read_headers(&m, m.size, &hs, &f), "%s", f.text);
    ck_assert_uint_eq(hs.header.page_size, 4096);
    ck_assert_int_eq(hs.primary, ESE_HEADER_GOOD);
    ck_assert(hs.equal);
    made_free(&m);
}
END_TEST

/* ---- files that are cut ---- */

static const struct cut {
    size_t size;
    bool usable;
    enum fault_code code;
    const char *says;
} cuts[] = {
    {0, false, FAULT_NOT_THIS, "found 0"},
    {1, false, FAULT_NOT_THIS, "found 1"},
    {7, false, FAULT_NOT_THIS, "expected at least a header of 2048 bytes, found 7"},
    {8, false, FAULT_DAMAGED, "the header is cut short by the end of the file"},
    {747, false, FAULT_DAMAGED, "cut short"},
    {748, false, FAULT_DAMAGED, "cut short"},
    {4095, false, FAULT_DAMAGED, "the header is cut short by the end of the file, the shadow"},
    {4096, true, FAULT_NONE, NULL},
    {4100, true, FAULT_NONE, NULL},
    {8191, true, FAULT_NONE, NULL},
    {8192, true, FAULT_NONE, NULL},
};

START_TEST(a_cut_header_is_called_cut)
{
    struct made m = make_database(4096, 0x14, 3);
    struct ese_headers hs;
    struct fault f;
    bool ok = read_headers(&m, cuts[_i].size, &hs, &f);
    ck_assert_msg(ok == cuts[_i].usable, "%zu: %s", cuts[_i].size, f.text);
    ck_assert_int_eq(f.code, cuts[_i].code);
    if (!ok)
        ck_assert_msg(strstr(f.text, cuts[_i].says), "%zu: %s", cuts[_i].size, f.text);
    else
        ck_assert_int_eq(hs.shadow, cuts[_i].size < 8192 ? ESE_HEADER_UNREADABLE : ESE_HEADER_GOOD);
    made_free(&m);
}
END_TEST

START_TEST(other_files_are_called_no_database)
{
    static const char *const others[] = {"hello", "#!/bin/sh\necho no database\n",
                                         "PK\3\4 and so on"};
    static uint8_t long_text[3000];
    memset(long_text, 'x', sizeof long_text);
    for (size_t i = 0; i <= ARRAY_SIZE(others); i++) {
        struct bytes b = i < ARRAY_SIZE(others) ? bytes_of(others[i], strlen(others[i]))
                                                : bytes_of(long_text, sizeof long_text);
        struct made m = {.bytes = (uint8_t *)(uintptr_t)b.at, .size = b.size};
        struct ese_headers hs;
        struct fault f;
        ck_assert(!read_headers(&m, m.size, &hs, &f));
        bool named = i == 2; /* what it is is known: nothing is to be salvaged in it */
        ck_assert_msg(f.code == (named ? FAULT_UNSUPPORTED : FAULT_NOT_THIS) &&
                          strstr(f.text, "not an ESE database"),
                      "%s", f.text);
    }
}
END_TEST

/* ---- formats that cannot be read ---- */

static const struct foreign {
    size_t offset;
    uint32_t value;
    bool accepted;
    enum fault_code code;
    const char *says;
} foreign[] = {
    {ESE_HEADER_VERSION_AT, 0x620, true, FAULT_NONE, NULL},
    {ESE_HEADER_VERSION_AT, 0x500, false, FAULT_UNSUPPORTED,
     "database format 0x500 is older than ESE97: expected 0x620"},
    {ESE_HEADER_VERSION_AT, 0x61f, false, FAULT_UNSUPPORTED, "0x61f"},
    {ESE_HEADER_VERSION_AT, 0x623, false, FAULT_UNSUPPORTED, "version 0x623: expected 0x620"},
    {ESE_HEADER_VERSION_AT, 0, false, FAULT_UNSUPPORTED, "0x0"},
    {ESE_HEADER_REVISION_AT, 0, true, FAULT_NONE, NULL},
    {ESE_HEADER_REVISION_AT, 0x12c, true, FAULT_NONE, NULL},
    {ESE_HEADER_REVISION_AT, 0xffff, true, FAULT_NONE, NULL},
    {ESE_HEADER_FILE_TYPE_AT, 0, true, FAULT_NONE, NULL},
    {ESE_HEADER_FILE_TYPE_AT, 1, true, FAULT_NONE, NULL},
    {ESE_HEADER_FILE_TYPE_AT, 5, true, FAULT_NONE, NULL},
    {ESE_HEADER_FILE_TYPE_AT, 2, false, FAULT_UNSUPPORTED, "expected file type 1, found 2"},
    {ESE_HEADER_FILE_TYPE_AT, 3, false, FAULT_UNSUPPORTED, "expected file type 1, found 3"},
    {ESE_HEADER_STATE_AT, 2, true, FAULT_NONE, NULL},
    {ESE_HEADER_STATE_AT, 77, true, FAULT_NONE, NULL},
};

START_TEST(what_cannot_be_read_is_refused_by_name)
{
    const struct foreign *x = &foreign[_i];
    struct made m = make_database(4096, 0x14, 3);
    struct ese_headers hs;
    struct fault f;
    make_u32(at(&m, HEADER, x->offset), x->value);
    make_u32(at(&m, SHADOW, x->offset), x->value);
    make_header_sums(&m);
    ck_assert_msg(read_headers(&m, m.size, &hs, &f) == x->accepted, "%s", f.text);
    ck_assert_int_eq(f.code, x->code);
    if (!x->accepted)
        ck_assert_msg(strstr(f.text, x->says), "%s", f.text);
    made_free(&m);
}
END_TEST

START_TEST(fields_come_from_their_places)
{
    struct made m = make_database(4096, 0x14, 3);
    struct ese_headers hs;
    struct fault f;
    uint8_t *h = at(&m, HEADER, 0);
    for (size_t i = 240; i < 667; i++)
        h[i] = (uint8_t)i;
    make_u32(h + ESE_HEADER_SIGNATURE_AT, 0xdeadbeef);
    memcpy(h + ESE_HEADER_SIGNATURE_AT + 4, "\x01\x02\x03\x04\x05\x62", 6);
    memcpy(h + ESE_HEADER_CONSISTENT_AT, "\x11\x22\x33\x44\x55\x66\x77\x08", 8);
    memcpy(h + ESE_HEADER_DETACH_AT, "\x3b\x3a\x17\x1f\x0c\x63", 6);
    make_u32(h + ESE_HEADER_DBTIME_AT + 4, 1);
    make_u32(h + ESE_HEADER_FLAGS_AT, ESE_HEADER_SHADOW_CATALOG_OFF);
    make_header_sums(&m);
    ck_assert_msg(read_headers(&m, m.size, &hs, &f), "%s", f.text);
    const struct ese_header *x = &hs.header;
    ck_assert_uint_eq(x->signature.random, 0xdeadbeef);
    ck_assert_uint_eq(x->signature.created.second, 1);
    ck_assert_uint_eq(x->signature.created.year, 0x62);
    ck_assert_uint_eq(x->consistent_at.byte, 0x2211);
    ck_assert_uint_eq(x->consistent_at.sector, 0x4433);
    ck_assert_int_eq(x->consistent_at.generation, 0x08776655);
    ck_assert_uint_eq(x->detached.day, 31);
    ck_assert_uint_eq(x->detached.month, 12);
    ck_assert_uint_eq(x->dbtime, 0x100000064);
    ck_assert_uint_eq(x->flags, 1);
    ck_assert_uint_eq(x->repair_count, 0xf3f2f1f0);
    ck_assert_uint_eq(x->repaired.second, 244);
    ck_assert_int_eq(x->generation_min_required, 0x2b2a2928);
    ck_assert_uint_eq(x->create_version, 0x57565554);
    made_free(&m);
}
END_TEST

/* ---- times ---- */

static const struct when {
    struct ese_time time; /* second, minute, hour, day, month, year - 1900, UTC */
    bool is_time;
    int64_t seconds;
} times[] = {
    {{0, 0, 0, 1, 1, 70, false}, true, 0},
    {{0, 0, 0, 1, 1, 100, false}, true, 946684800},
    {{59, 59, 23, 31, 12, 99, false}, true, 946684799},
    {{0, 0, 0, 29, 2, 100, false}, true, 951782400},
    {{0, 0, 0, 1, 3, 100, false}, true, 951868800},
    {{56, 34, 12, 1, 6, 98, false}, true, 896704496},
    {{0, 0, 0, 1, 1, 0, false}, true, -2208988800},
    {{60, 59, 23, 31, 12, 98, false}, true, 915148800}, /* a leap second */
    {{0, 0, 0, 31, 12, 255, false}, true, 5869497600},
    {{0, 0, 0, 0, 0, 0, false}, false, 0},
    {{0, 0, 0, 1, 13, 98, false}, false, 0},
    {{0, 0, 0, 32, 1, 98, false}, false, 0},
    {{0, 0, 24, 1, 1, 98, false}, false, 0},
    {{0, 60, 0, 1, 1, 98, false}, false, 0},
    {{61, 0, 0, 1, 1, 98, false}, false, 0},
    {{255, 255, 255, 255, 255, 255, false}, false, 0},
};

START_TEST(times_become_seconds)
{
    int64_t seconds = 4711;
    ck_assert_int_eq(ese_time_seconds(times[_i].time, &seconds), times[_i].is_time);
    ck_assert_int_eq(seconds, times[_i].is_time ? times[_i].seconds : 4711);
}
END_TEST

/* The seventh byte says whether a time is UTC; of no time it says nothing. */
START_TEST(a_time_says_whether_it_is_utc)
{
    static const uint8_t local[8] = {56, 34, 12, 1, 6, 98, 0, 0},
                         utc[8] = {56, 34, 12, 1, 6, 98, 1, 0}, never[8] = {0, 0, 0, 0, 0, 0, 1, 0};
    ck_assert(!ese_time_read(bytes_of(local, sizeof local), 0).utc);
    ck_assert(ese_time_read(bytes_of(utc, sizeof utc), 0).utc);
    ck_assert(!ese_time_read(bytes_of(never, sizeof never), 0).utc);
}
END_TEST

int main(void)
{
    return check_main("header", (const struct check_case[]){
                                    {the_good_header_is_used, ARRAY_SIZE(pairs)},
                                    {page_size_zero_is_4096, 0},
                                    {a_cut_header_is_called_cut, ARRAY_SIZE(cuts)},
                                    {other_files_are_called_no_database, 0},
                                    {what_cannot_be_read_is_refused_by_name, ARRAY_SIZE(foreign)},
                                    {fields_come_from_their_places, 0},
                                    {times_become_seconds, ARRAY_SIZE(times)},
                                    {a_time_says_whether_it_is_utc, 0},
                                    {0},
                                });
}
