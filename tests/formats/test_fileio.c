/*
 * Whole runs of bytes through system calls that do half of what they are asked for.
 *
 * This program's own pread(), pwrite() and the others stand before the C library's: they are
 * interrupted, and give and take a part only, as a seed says.
 */
#include "formats/fileio.h"
#include "tests/check_main.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct {
    uint64_t state; /* 0: the calls do as they are asked */
    bool takes_nothing;
} calls;

static unsigned next_random(unsigned below)
{
    calls.state = calls.state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(calls.state >> 33) % below;
}

/* How much of `size` bytes the next call is to move; 0: a signal comes first. */
static size_t share_of(size_t size)
{
    if (calls.state == 0 || size == 0)
        return size;
    size_t share = next_random(4) == 0 ? 0 : 1 + next_random((unsigned)size);
    if (share == 0)
        errno = EINTR;
    return share;
}

ssize_t read(int fd, void *to, size_t size)
{
    size_t share = share_of(size);
    return share == 0 && size > 0 ? -1 : syscall(SYS_read, fd, to, share);
}

ssize_t pread64(int fd, void *to, size_t size, off64_t at)
{
    size_t share = share_of(size);
    return share == 0 && size > 0 ? -1 : syscall(SYS_pread64, fd, to, share, at);
}

ssize_t write(int fd, const void *from, size_t size)
{
    size_t share = share_of(size);
    return share == 0 && size > 0 ? -1 : syscall(SYS_write, fd, from, share);
}

ssize_t pwrite64(int fd, const void *from, size_t size, off64_t at)
{
    if (calls.takes_nothing)
        return 0;
    size_t share = share_of(size);
    return share == 0 && size > 0 ? -1 : syscall(SYS_pwrite64, fd, from, share, at);
}

int fsync(int fd)
{
    return share_of(3) == 0 ? -1 : (int)syscall(SYS_fsync, fd);
}

int ftruncate64(int fd, off64_t size)
{
    return share_of(3) == 0 ? -1 : (int)syscall(SYS_ftruncate, fd, size);
}

enum { SIZE = 1000, GAP = 77 };

static void fill(uint8_t *to, size_t size)
{
    for (size_t i = 0; i < size; i++)
        to[i] = (uint8_t)next_random(256);
}

START_TEST(nothing_is_lost_on_the_way)
{
    uint8_t data[SIZE], back[SIZE + GAP];
    calls.state = 0x9e3779b97f4a7c15u * (unsigned)(_i + 1);
    fill(data, SIZE);
    int fd = fileio_temporary();
    ck_assert_int_gt(fd, STDERR_FILENO);
    ck_assert(fileio_write_at(fd, GAP, bytes_of(data, SIZE)));
    ck_assert(fileio_write(fd, bytes_of(data, GAP)));
    ck_assert(fileio_sync(fd));
    ck_assert_uint_eq(fileio_read_at(fd, GAP, back, SIZE), SIZE);
    ck_assert_mem_eq(back, data, SIZE);
    ck_assert_uint_eq(fileio_read(fd, back, SIZE), SIZE); /* behind what write() wrote */
    ck_assert_mem_eq(back, data, SIZE);
    ck_assert_uint_eq(fileio_read_at(fd, 0, back, GAP), GAP);
    ck_assert_mem_eq(back, data, GAP);
    calls.state = 0;
    close(fd);
}
END_TEST

START_TEST(the_end_of_a_file_is_no_error)
{
    uint8_t back[SIZE];
    calls.state = (unsigned)_i + 1;
    int fd = fileio_temporary();
    ck_assert(fileio_resize(fd, GAP));
    ck_assert_uint_eq(fileio_read_at(fd, 7, back, SIZE), GAP - 7);
    ck_assert_int_eq(errno, 0);
    ck_assert_str_eq(fileio_why_short("it ends"), "it ends");
    ck_assert_uint_eq(fileio_read_at(fd, GAP, back, SIZE), 0);
    ck_assert_int_eq(errno, 0);
    ck_assert_uint_eq(fileio_read(fd, back, SIZE), GAP);
    ck_assert_int_eq(errno, 0);
    calls.state = 0;
    close(fd);
}
END_TEST

START_TEST(an_error_is_one)
{
    uint8_t byte = 0;
    ck_assert_uint_eq(fileio_read_at(-1, 0, &byte, 1), 0);
    ck_assert_int_eq(errno, EBADF);
    ck_assert_str_eq(fileio_why_short("it ends"), strerror(EBADF));
    ck_assert(!fileio_write_at(-1, 0, bytes_of(&byte, 1)));
    ck_assert_int_eq(errno, EBADF);
    ck_assert(!fileio_resize(-1, 0));
    ck_assert(!fileio_sync(-1));
    ck_assert(!fileio_sync_directory(-1));
    int fd = open("/dev/null", O_WRONLY | O_CLOEXEC); /* a file that cannot be synced */
    ck_assert(!fileio_sync(fd));
    ck_assert_int_eq(errno, EINVAL);
    ck_assert(fileio_sync_directory(fd));
    close(fd);
}
END_TEST

/* Neither waits for ever, nor is it taken for written. */
START_TEST(a_write_that_takes_nothing_is_a_full_disk)
{
    uint8_t byte = 0;
    int fd = fileio_temporary();
    calls.takes_nothing = true;
    bool ok = fileio_write_at(fd, 0, bytes_of(&byte, 1));
    calls.takes_nothing = false;
    ck_assert(!ok);
    ck_assert_int_eq(errno, ENOSPC);
    close(fd);
}
END_TEST

int main(void)
{
    return check_main("fileio",
                      (const struct check_case[]){{nothing_is_lost_on_the_way, 50},
                                                  {the_end_of_a_file_is_no_error, 50},
                                                  {an_error_is_one, 0},
                                                  {a_write_that_takes_nothing_is_a_full_disk, 0},
                                                  {0}});
}
