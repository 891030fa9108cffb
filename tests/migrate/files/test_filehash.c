/*
 * Hashing a file: the same sums whether it is read on a thread or its bytes are given, and a mark
 * that tells bytes which were read later from those that were read first.
 */
#include "migrate/files/filehash.h"
#include "formats/fileio.h"
#include "tests/check_main.h"

#include <gnutls/crypto.h>
#include <unistd.h>

enum { SIZE = 3 * FILEIO_STEP + 4321 };

static uint8_t content[SIZE];

static int file_of_content(void)
{
    for (size_t i = 0; i < SIZE; i++)
        content[i] = (uint8_t)(i * 167 >> i % 5);
    int file = fileio_temporary();
    ck_assert(file >= 0 && fileio_write(file, bytes_of(content, SIZE)));
    return file;
}

static struct filehash hash_of(int file, const struct filehash_how *how)
{
    struct filehash h;
    struct fault f = {.code = FAULT_NONE};
    ck_assert_msg(filehash_start_open(&h, file, how, &f) && filehash_finish(&h, &f), "%s", f.text);
    ck_assert_uint_eq(h.size, SIZE);
    return h;
}

/* As by the hash of the whole in one call. */
START_TEST(the_digest_is_sha256)
{
    uint8_t digest[HASH_SHA256_SIZE];
    const struct filehash_how marked = {.mark = true};
    int file = file_of_content();
    struct filehash plain = hash_of(file, NULL), both = hash_of(file, &marked);
    ck_assert_int_eq(gnutls_hash_fast(GNUTLS_DIG_SHA256, content, SIZE, digest), 0);
    ck_assert_mem_eq(plain.digest, digest, sizeof digest);
    ck_assert_mem_eq(both.digest, digest, sizeof digest);
    ck_assert(!plain.marked && both.marked);
    close(file);
}
END_TEST

static bool is_same_with(const struct filehash *first, size_t size)
{
    struct filehash again;
    struct fault f = {.code = FAULT_NONE};
    const struct filehash_how like = {.like = first};
    ck_assert_msg(filehash_start_given(&again, &like, &f), "%s", f.text);
    for (size_t at = 0; at < size; at += FILEIO_STEP)
        filehash_add(&again,
                     bytes_of(content + at, size - at < FILEIO_STEP ? size - at : FILEIO_STEP));
    ck_assert(filehash_finish(&again, &f));
    return filehash_is_same(first, &again);
}

/* With a mark, and by SHA-256 where there is none. */
START_TEST(other_bytes_are_told_from_it)
{
    const struct filehash_how how = {.mark = _i == 0};
    int file = file_of_content();
    struct filehash first = hash_of(file, &how);
    const struct filehash_how like = {.like = &first};
    struct filehash again = hash_of(file, &like);
    ck_assert(filehash_is_same(&first, &again));
    ck_assert(is_same_with(&first, SIZE));
    for (size_t at = 0; at < SIZE; at += at < 40 || at + 40 > SIZE ? 1 : 1117) {
        content[at] ^= (uint8_t)(1 << at % 8);
        ck_assert_msg(!is_same_with(&first, SIZE), "byte %zu", at);
        content[at] ^= (uint8_t)(1 << at % 8);
    }
    ck_assert(!is_same_with(&first, SIZE - 1));
    content[SIZE - 1] = 0; /* as which a missing byte counts in GHASH */
    ck_assert(pwrite(file, content, SIZE, 0) == SIZE);
    first = hash_of(file, &how);
    ck_assert(is_same_with(&first, SIZE));
    ck_assert(!is_same_with(&first, SIZE - 1));
    close(file);
}
END_TEST

/* Nobody can choose bytes by a mark, for the next run has another key. */
START_TEST(each_run_has_its_key)
{
    const struct filehash_how how = {.mark = true};
    int file = file_of_content();
    struct filehash first = hash_of(file, &how), second = hash_of(file, &how);
    ck_assert_mem_ne(first.key, second.key, sizeof first.key);
    ck_assert_mem_ne(first.mark, second.mark, sizeof first.mark);
    close(file);
}
END_TEST

struct heard {
    uint64_t next;
    bool wrong;
};

static void hear(void *context, uint64_t at, struct bytes step)
{
    struct heard *h = context;
    h->wrong = h->wrong || at != h->next || at % FILEIO_STEP != 0 || step.size > FILEIO_STEP ||
               memcmp(step.at, content + at, step.size) != 0;
    h->next = at + step.size;
}

START_TEST(all_of_it_is_heard)
{
    struct heard heard = {.next = 0};
    const struct filehash_how how = {.hears = hear, .context = &heard};
    int file = file_of_content();
    hash_of(file, &how);
    ck_assert_uint_eq(heard.next, SIZE);
    ck_assert(!heard.wrong);
    close(file);
}
END_TEST

int main(void)
{
    return check_main("filehash", (const struct check_case[]){
                                      {the_digest_is_sha256, 0},
                                      {other_bytes_are_told_from_it, 2},
                                      {each_run_has_its_key, 0},
                                      {all_of_it_is_heard, 0},
                                      {0},
                                  });
}
