/* Copies of listed certificates in values: found where a search by hand finds them, and nowhere
 * else, whatever the listed ones have in common. */
#include "migrate/judge/second.h"
#include "tests/check_main.h"

enum { SEED = 1, ROUNDS = 300, LISTED = 12, VALUES = 60, PART_MOST = 400, VALUE_MOST = 900 };

/* Octets that begin a SEQUENCE, or go on, so that most of what is made looks like a copy. */
static void fill(uint8_t *to, size_t size)
{
    static const uint8_t octet[] = {0x30, 0x82, 0x80, 0x00, 0x01, 0x41};
    for (size_t i = 0; i < size; i++)
        to[i] = octet[(size_t)rand() % sizeof octet];
}

struct list {
    struct model_certificate certificate[LISTED];
    uint8_t octets[LISTED][PART_MOST];
    struct model model;
};

/* To-be-signed parts of which many begin alike; some are of indefinite length. */
static void make_list(struct list *list)
{
    size_t alike = (size_t)rand() % PART_MOST;
    *list = (struct list){.model.certificate = list->certificate, .model.listed = LISTED};
    for (unsigned i = 0; i < LISTED; i++) {
        size_t size = 132 + (size_t)rand() % (PART_MOST - 132);
        fill(list->octets[i], PART_MOST);
        if (i > 0 && rand() % 4 != 0)
            memcpy(list->octets[i], list->octets[i - 1], alike);
        const uint8_t definite[] = {0x30, 0x82, (uint8_t)((size - 4) >> 8), (uint8_t)(size - 4)};
        if (rand() % 3 != 0)
            memcpy(list->octets[i], definite, sizeof definite);
        else
            memcpy(list->octets[i], (const uint8_t[]){0x30, 0x80}, 2);
        list->certificate[i].parsed = true;
        list->certificate[i].x509.envelope.tbs = bytes_of(list->octets[i], size);
    }
}

static bool stands_at(const struct list *list, unsigned i, struct bytes value, size_t at)
{
    struct bytes part, tbs = list->certificate[i].x509.envelope.tbs;
    return bytes_cut(value, at, tbs.size, &part) && bytes_equal(part, tbs);
}

/* The end of the value cuts off a part whose header tells a size; of long ones the start counts. */
static bool is_cut_at(const struct list *list, unsigned i, struct bytes value, size_t at)
{
    enum { LEAST = 48, COMPARED = 256 };
    struct bytes rest = bytes_from(value, at), tbs = list->certificate[i].x509.envelope.tbs;
    return rest.size >= LEAST && rest.size < tbs.size && rest.at[1] == 0x82 &&
           (rest.at[2] << 8 | rest.at[3]) + 4 > (int)rest.size &&
           memcmp(rest.at, tbs.at, rest.size < COMPARED ? rest.size : COMPARED) == 0;
}

/* The first place at which a listed part stands, or begins; the value's size: none. */
static size_t search(const struct list *list, struct bytes value)
{
    for (size_t at = 0; at < value.size; at++)
        for (unsigned i = 0; i < LISTED; i++)
            if (stands_at(list, i, value, at) || is_cut_at(list, i, value, at))
                return at;
    return value.size;
}

/* A value with a part in it that is whole, or wrong in one octet, or cut. */
static struct bytes make_value(const struct list *list, uint8_t value[VALUE_MOST])
{
    size_t size = (size_t)rand() % VALUE_MOST, at = (size_t)rand() % VALUE_MOST;
    struct bytes part = list->certificate[rand() % LISTED].x509.envelope.tbs;
    fill(value, VALUE_MOST);
    if (part.size > VALUE_MOST - at)
        part.size = VALUE_MOST - at;
    memcpy(value + at, part.at, part.size);
    if (rand() % 2 == 0)
        value[at + (size_t)rand() % part.size] ^= 1;
    return bytes_of(value, size);
}

START_TEST(copies_are_found_where_they_are)
{
    static struct list list;
    static const struct ese_column column = {.name = "Value"};
    uint8_t room[VALUE_MOST];
    unsigned found = 0;
    srand(SEED);
    for (unsigned round = 0; round < ROUNDS; round++) {
        make_list(&list);
        struct second_search *s = second_open(&list.model, NULL);
        ck_assert_ptr_nonnull(s);
        for (unsigned i = 0; i < VALUES; i++) {
            struct second_copies copies = {.item = NULL};
            struct bytes value = make_value(&list, room);
            size_t at = search(&list, value);
            ck_assert(second_look(s, &copies, NULL, &column, i + 1, value));
            ck_assert_uint_eq(copies.count, at < value.size);
            if (copies.count) {
                ck_assert_uint_eq(copies.item[0].values, 1);
                ck_assert_uint_eq(copies.item[0].row, i + 1);
                unsigned certificate = copies.item[0].certificate;
                ck_assert(stands_at(&list, certificate, value, at) ||
                          is_cut_at(&list, certificate, value, at));
            }
            found += copies.count;
            second_copies_close(&copies);
        }
        second_close(s);
    }
    ck_assert_uint_gt(found, ROUNDS);
}
END_TEST

int main(void)
{
    return check_main("second",
                      (const struct check_case[]){{copies_are_found_where_they_are, 0}, {0}});
}
