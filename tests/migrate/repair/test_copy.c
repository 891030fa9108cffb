/*
 * A repaired copy is the store but for what changes: a byte that is written wrongly anywhere is
 * noticed, or does not stay.
 */
#include "migrate/repair/copy.h"
#include "migrate/repair/rest.h"
#include "tests/migrate/judged.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>

static const char description[] =
    "[store]\nseed = copy\nmode = V3\nissuing-ca = issuing\n"
    "[certificate issuing]\nsubject = CN=Issuing\n[certificate other]\nsubject = CN=Other\n"
    "[entry 1]\ncertificate = issuing\nrole = issuing\n[entry 2]\ncertificate = issuing\n"
    "[entry 3]\ncertificate = other\n[user 1]\nname = x\n";

enum { PAGE = 4096, NOWHERE = INT64_MAX };

/* The byte of the file that is written wrongly, once. */
static int64_t spoilt = NOWHERE;

/* In front of the C library's. */
ssize_t pwrite(int descriptor, const void *data, size_t size, off_t at)
{
    static uint8_t room[1 << 20];
    if (spoilt >= at && spoilt - at < (int64_t)size && size <= sizeof room) {
        memcpy(room, data, size);
        room[spoilt - at] ^= 1;
        spoilt = NOWHERE;
        data = room;
    }
    return syscall(SYS_pwrite64, descriptor, data, size, at);
}

static bool write_copy(const struct assessment *a, int copy, int64_t wrong, struct fault *f)
{
    static const volatile sig_atomic_t never;
    *f = (struct fault){.code = FAULT_NONE};
    ck_assert_int_eq(ftruncate(copy, 0), 0);
    struct rest rest;
    struct filehash hash;
    spoilt = wrong;
    bool ok = rest_open(&rest, a, &never, f) && rewrite_database(a, copy, &never, &rest, f) &&
              filehash_start_open(&hash, copy, &rest.how, f) && filehash_finish(&hash, f) &&
              rest_is_same(&rest, f);
    rest_close(&rest);
    return ok;
}

static uint8_t *bytes_in(int copy, size_t *size)
{
    *size = (size_t)lseek(copy, 0, SEEK_END);
    uint8_t *at = malloc(*size);
    ck_assert_int_eq(pread(copy, at, *size, 0), (ssize_t)*size);
    return at;
}

START_TEST(a_byte_that_is_wrong_is_noticed_or_does_not_stay)
{
    struct assessment a;
    struct fault f;
    size_t size, now;
    unsigned noticed = 0, gone = 0;
    judged(description, NULL, &a);
    int copy = memfd_create("copy", MFD_CLOEXEC);
    ck_assert_msg(write_copy(&a, copy, NOWHERE, &f), "%s", f.text);
    uint8_t *right = bytes_in(copy, &size);
    for (size_t page = 0; page < size; page += PAGE) {
        if (write_copy(&a, copy, (int64_t)page + 700, &f)) {
            uint8_t *found = bytes_in(copy, &now);
            ck_assert_uint_eq(now, size);
            ck_assert_msg(memcmp(found, right, size) == 0, "page at %zu", page);
            free(found);
            gone++;
        } else {
            ck_assert_msg(strstr(f.text, "where nothing was changed") != NULL, "%s", f.text);
            noticed++;
        }
        ck_assert_int_eq(spoilt, NOWHERE);
    }
    ck_assert_uint_gt(gone, 2); /* the headers, and what the repair changes */
    ck_assert_uint_gt(noticed, gone);
    free(right);
    close(copy);
    assess_close(&a);
}
END_TEST

int main(void)
{
    return judged_main("copy", (const struct check_case[]){
                                   {a_byte_that_is_wrong_is_noticed_or_does_not_stay, 0},
                                   {0},
                               });
}
