/* The page cache: pages stay while they are held, go when they are not, and are judged when read.
 */
#include "formats/ese/read/pages.h"
#include "tests/check_main.h"
#include "tests/formats/ese/making.h"

#include <fcntl.h>
#include <unistd.h>

enum { SIZE = 32768, FRAMES = 8 * 1024 * 1024 / SIZE, LAST = FRAMES + 50 };

/* More pages than the cache has room for; each carries its number as its object id. */
static struct made many_pages(void)
{
    struct made m = make_database(SIZE, 2, LAST); /* the old checksum is quickly made */
    for (uint32_t page = 1; page <= LAST; page++) {
        make_page(&m, page, page, ESE_PAGE_LEAF);
        make_sum(&m, page);
    }
    return m;
}

struct opened {
    struct made made;
    struct ese_file *file;
    struct ese_pages *pages;
};

static struct opened open_pages(struct made made)
{
    struct opened o = {.made = made};
    ck_assert(ese_file_over(made_bytes(&o.made), &o.file, NULL));
    ck_assert(ese_pages_open(o.file, made.page_size, &o.pages, NULL));
    return o;
}

static void close_pages(struct opened *o)
{
    ese_pages_close(o->pages);
    ese_file_close(o->file);
    made_free(&o->made);
}

static const struct ese_page *get(struct opened *o, uint32_t number)
{
    const struct ese_page *page = NULL;
    struct fault f = {.code = FAULT_NONE};
    ck_assert_msg(ese_pages_get_sound(o->pages, number, &page, &f), "%s", f.text);
    ck_assert_uint_eq(page->number, number);
    ck_assert_uint_eq(page->objid, number);
    return page;
}

static void refuse(struct opened *o, uint32_t number, enum fault_code code, const char *says)
{
    const struct ese_page *page;
    struct fault f = {.code = FAULT_NONE};
    ck_assert_msg(!ese_pages_get_sound(o->pages, number, &page, &f), "page %u was given", number);
    ck_assert_msg(f.code == code && strstr(f.text, says), "%s", f.text);
}

START_TEST(every_page_is_had_in_any_order)
{
    struct opened o = open_pages(many_pages());
    ck_assert_uint_eq(ese_pages_last(o.pages), LAST);
    ck_assert_uint_eq(ese_pages_size(o.pages), SIZE);
    for (uint32_t step = 1; step < LAST; step += 61)
        for (uint32_t i = 0, n = 0; i < LAST; i++, n = (n + step) % LAST)
            ese_pages_put(o.pages, get(&o, n + 1));
    close_pages(&o);
}
END_TEST

START_TEST(a_held_page_stays_where_it_is)
{
    struct opened o = open_pages(many_pages());
    const struct ese_page *held = get(&o, 7), *again = get(&o, 7);
    const uint8_t *raw = held->raw.at;
    ck_assert_ptr_eq(held, again);
    ese_pages_put(o.pages, again);
    for (uint32_t round = 0; round < 3; round++)
        for (uint32_t page = 1; page <= LAST; page++)
            ese_pages_put(o.pages, get(&o, page));
    ck_assert_uint_eq(held->objid, 7);
    ck_assert_ptr_eq(held->raw.at, raw);
    ck_assert_ptr_eq(get(&o, 7), held);
    close_pages(&o);
}
END_TEST

/* Whether page n + 1 comes with page n, which is even, is seen by changing it in between. */
START_TEST(a_page_got_alone_brings_no_neighbour)
{
    struct opened o = open_pages(many_pages());
    const struct ese_page *page;
    enum { EVEN = 20, OTHER = 7777 };
    for (unsigned alone = 0; alone < 2; alone++) {
        uint32_t number = EVEN + 2 * alone;
        ck_assert((alone ? ese_pages_get_alone : ese_pages_get)(o.pages, number, &page, NULL));
        ck_assert_uint_eq(page->objid, number);
        ese_pages_put(o.pages, page);
        make_page(&o.made, number + 1, OTHER, ESE_PAGE_LEAF);
        make_sum(&o.made, number + 1);
        ck_assert(ese_pages_get(o.pages, number + 1, &page, NULL));
        ck_assert_uint_eq(page->objid, alone ? OTHER : number + 1);
        ese_pages_put(o.pages, page);
    }
    close_pages(&o);
}
END_TEST

START_TEST(a_cache_full_of_held_pages_says_so)
{
    struct opened o = open_pages(many_pages());
    const struct ese_page *held = NULL;
    for (uint32_t page = 1; page <= FRAMES; page++)
        held = get(&o, page);
    refuse(&o, LAST, FAULT_LIMIT, "the page cache is full of pages in use");
    ck_assert_ptr_eq(get(&o, FRAMES), held); /* those that are there can be had */
    ese_pages_put(o.pages, held);
    ese_pages_put(o.pages, held);
    ese_pages_put(o.pages, get(&o, LAST));
    close_pages(&o);
}
END_TEST

START_TEST(pages_that_are_not_there_are_refused)
{
    struct opened o = open_pages(many_pages());
    refuse(&o, 0, FAULT_DAMAGED, "page 0 is not in the file");
    refuse(&o, LAST + 1, FAULT_DAMAGED, "is not in the file: its last page is ");
    refuse(&o, UINT32_MAX, FAULT_DAMAGED, "page 4294967295 is not in the file");
    close_pages(&o);
}
END_TEST

START_TEST(a_file_of_headers_has_no_pages)
{
    for (size_t size = 0; size <= 2 * 4096 + 4095; size += 4095) {
        struct made m = make_database(4096, 2, 3);
        m.size = size;
        struct opened o = open_pages(m);
        ck_assert_uint_eq(ese_pages_last(o.pages), 0);
        refuse(&o, 1, FAULT_DAMAGED, "page 1 is not in the file: its last page is 0");
        close_pages(&o);
    }
}
END_TEST

START_TEST(a_bad_page_is_given_only_to_those_who_ask_for_any)
{
    struct opened o = open_pages(many_pages());
    const struct ese_page *page;
    made_page(&o.made, 9)[2000] ^= 0xff;
    memset(made_page(&o.made, 10), 0, SIZE);
    memcpy(made_page(&o.made, 11), made_page(&o.made, 12), SIZE);
    refuse(&o, 9, FAULT_DAMAGED, "page 9 has a wrong checksum: stored 0x");
    refuse(&o, 10, FAULT_DAMAGED, "page 10 was never written");
    refuse(&o, 11, FAULT_DAMAGED, "page 11 carries the number of another page: 12");
    static const enum ese_checksum_state states[] = {ESE_CHECKSUM_BAD, ESE_CHECKSUM_ZERO,
                                                     ESE_CHECKSUM_NUMBER};
    for (uint32_t i = 0; i < ARRAY_SIZE(states); i++) {
        ck_assert(ese_pages_get(o.pages, 9 + i, &page, NULL));
        ck_assert_int_eq(page->checksum.state, states[i]);
        ese_pages_put(o.pages, page);
    }
    close_pages(&o);
}
END_TEST

START_TEST(a_file_that_shrinks_is_said_to)
{
    char path[] = "/tmp/kmmigrate-test-XXXXXX";
    int fd = mkstemp(path);
    struct opened o = {.made = make_database(SIZE, 2, 8)};
    struct fault f = {.code = FAULT_NONE};
    ck_assert_int_eq(write(fd, o.made.bytes, o.made.size), (ssize_t)o.made.size);
    ck_assert_msg(ese_file_open(path, &o.file, &f), "%s", f.text);
    ck_assert(ese_pages_open(o.file, SIZE, &o.pages, &f));
    ck_assert_int_eq(ftruncate(fd, 4 * SIZE), 0);
    refuse(&o, 7, FAULT_IO, "page 7: the file became shorter while it was read");
    refuse(&o, 2, FAULT_DAMAGED, "page 2 was never written"); /* what is left can be read */
    close(fd);
    unlink(path);
    close_pages(&o);
}
END_TEST

int main(void)
{
    return check_main("pages", (const struct check_case[]){
                                   {every_page_is_had_in_any_order, 0},
                                   {a_held_page_stays_where_it_is, 0},
                                   {a_page_got_alone_brings_no_neighbour, 0},
                                   {a_cache_full_of_held_pages_says_so, 0},
                                   {pages_that_are_not_there_are_refused, 0},
                                   {a_file_of_headers_has_no_pages, 0},
                                   {a_bad_page_is_given_only_to_those_who_ask_for_any, 0},
                                   {a_file_that_shrinks_is_said_to, 0},
                                   {0},
                               });
}
