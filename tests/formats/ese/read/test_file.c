/* Opening and reading the file: plain, gzip-compressed, cut, and what is no file at all. */
#include "formats/ese/read/file.h"
#include "tests/check_main.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <zlib.h>

static char folder[] = "/tmp/kmmigrate-test-XXXXXX";

static const char *in_folder(const char *name)
{
    return check_path(folder, name);
}

static void write_file(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

/* `size` bytes that can be told from each other, as gzip data; returns its size. */
static size_t write_packed(const char *path, size_t size)
{
    gzFile file = gzopen(path, "wb");
    for (size_t i = 0; i < size; i += 4) {
        uint32_t number = (uint32_t)i;
        gzwrite(file, &number, 4);
    }
    gzclose(file);
    struct stat st;
    ck_assert_int_eq(stat(path, &st), 0);
    return (size_t)st.st_size;
}

static void expect_refusal(const char *path, enum fault_code code, const char *says)
{
    struct ese_file *file = NULL;
    struct fault f = {.code = FAULT_NONE};
    ck_assert_msg(!ese_file_open(path, &file, &f), "%s was opened", path);
    ck_assert_ptr_null(file);
    ck_assert_msg(f.code == code && strstr(f.text, says), "code %d: %s", f.code, f.text);
}

static unsigned open_descriptors(void)
{
    unsigned count = 0;
    for (int fd = 0; fd < 256; fd++)
        count += fcntl(fd, F_GETFD) != -1;
    return count;
}

/* ---- what is opened ---- */

START_TEST(a_plain_file_is_read_where_it_is_asked)
{
    struct ese_file *file;
    struct fault f;
    uint8_t got_bytes[8];
    size_t got;
    write_file(in_folder("plain"), "0123456789", 10);
    ck_assert(ese_file_open(in_folder("plain"), &file, &f));
    ck_assert_uint_eq(ese_file_size(file), 10);
    ck_assert(!ese_file_is_packed(file));
    ck_assert_int_eq(ese_file_stat(file)->st_size, 10);
    ck_assert(ese_file_read(file, 3, got_bytes, 4, &got, &f));
    ck_assert_uint_eq(got, 4);
    ck_assert_mem_eq(got_bytes, "3456", 4);
    ck_assert(ese_file_read(file, 8, got_bytes, 8, &got, &f));
    ck_assert_uint_eq(got, 2);
    ck_assert(ese_file_read(file, 10, got_bytes, 1, &got, &f));
    ck_assert_uint_eq(got, 0);
    ck_assert(ese_file_read(file, 1ull << 40, got_bytes, 1, &got, &f));
    ck_assert_uint_eq(got, 0);
    ese_file_close(file);
}
END_TEST

START_TEST(bytes_in_memory_are_read_like_a_file)
{
    struct ese_file *file;
    struct fault f;
    uint8_t got_bytes[8];
    size_t got;
    ck_assert(ese_file_over(bytes_of("0123456789", 10), &file, &f));
    ck_assert_uint_eq(ese_file_size(file), 10);
    ck_assert(ese_file_read(file, 8, got_bytes, 8, &got, &f));
    ck_assert_uint_eq(got, 2);
    ck_assert_mem_eq(got_bytes, "89", 2);
    ck_assert(ese_file_read(file, UINT64_MAX, got_bytes, 8, &got, &f));
    ck_assert_uint_eq(got, 0);
    ese_file_close(file);
}
END_TEST

START_TEST(a_packed_file_is_read_as_what_it_holds)
{
    struct ese_file *file;
    struct fault f;
    uint32_t number;
    size_t got, packed = write_packed(in_folder("packed.gz"), 1000000);
    unsigned before = open_descriptors();
    ck_assert(ese_file_open(in_folder("packed.gz"), &file, &f));
    ck_assert(ese_file_is_packed(file));
    ck_assert_uint_eq(ese_file_size(file), 1000000);
    ck_assert_uint_eq((size_t)ese_file_stat(file)->st_size, packed);
    ck_assert(ese_file_read(file, 777776, &number, 4, &got, &f));
    ck_assert_uint_eq(number, 777776);
    ese_file_close(file);
    ck_assert_uint_eq(open_descriptors(), before);
}
END_TEST

/* What is unpacked may be larger than memory: it never goes there. */
START_TEST(an_unusable_temporary_folder_is_said)
{
    struct ese_file *file;
    struct fault f = {.code = FAULT_NONE};
    write_packed(in_folder("packed.gz"), 5000);
    setenv("TMPDIR", "/nonexistent", 1);
    bool ok = ese_file_open(in_folder("packed.gz"), &file, &f);
    unsetenv("TMPDIR");
    ck_assert(!ok);
    ck_assert_int_eq(f.code, FAULT_IO);
    ck_assert_msg(strstr(f.text, "/nonexistent") && strstr(f.text, "TMPDIR"), "%s", f.text);
}
END_TEST

START_TEST(a_packed_file_unpacks_up_to_the_limit_and_no_further)
{
    struct ese_file *file;
    struct fault f = {.code = FAULT_NONE};
    write_packed(in_folder("packed.gz"), 1000000);
    unsigned before = open_descriptors();
    ese_file_set_unpacked_most(999999);
    bool beyond = ese_file_open(in_folder("packed.gz"), &file, &f);
    ese_file_set_unpacked_most(1000000);
    bool within = ese_file_open(in_folder("packed.gz"), &file, NULL);
    ese_file_set_unpacked_most(ESE_FILE_UNPACKED_MOST);
    ck_assert(!beyond && within);
    ck_assert_uint_eq(ese_file_size(file), 1000000);
    ese_file_close(file);
    ck_assert_int_eq(f.code, FAULT_LIMIT);
    ck_assert_msg(strstr(f.text, "999999") && strstr(f.text, "--max-unpacked"), "%s", f.text);
    ck_assert_uint_eq(open_descriptors(), before);
}
END_TEST

/* ---- what is refused ---- */

START_TEST(cut_gzip_data_are_refused_wherever_they_are_cut)
{
    size_t size = write_packed(in_folder("packed.gz"), 20000);
    for (size_t cut = 2; cut < size; cut += cut < 32 || cut + 32 > size ? 1 : 97) {
        struct ese_file *file;
        struct fault f = {.code = FAULT_NONE};
        write_packed(in_folder("packed.gz"), 20000);
        ck_assert_int_eq(truncate(in_folder("packed.gz"), (off_t)cut), 0);
        ck_assert_msg(!ese_file_open(in_folder("packed.gz"), &file, &f), "cut at %zu", cut);
        ck_assert_msg(f.code == FAULT_DAMAGED && strstr(f.text, "gzip"), "cut at %zu: %s", cut,
                      f.text);
    }
}
END_TEST

START_TEST(damaged_gzip_data_are_refused)
{
    size_t size = write_packed(in_folder("packed.gz"), 20000);
    int fd = open(in_folder("packed.gz"), O_RDWR);
    ck_assert_int_eq(pwrite(fd, "\xff\xff\xff\xff", 4, (off_t)size / 2), 4);
    close(fd);
    expect_refusal(in_folder("packed.gz"), FAULT_DAMAGED, "cannot be unpacked");
}
END_TEST

START_TEST(a_packed_empty_file_is_called_empty)
{
    write_packed(in_folder("nothing.gz"), 0);
    expect_refusal(in_folder("nothing.gz"), FAULT_NOT_THIS, "found an empty file");
}
END_TEST

START_TEST(an_empty_file_is_called_empty)
{
    write_file(in_folder("empty"), "", 0);
    expect_refusal(in_folder("empty"), FAULT_NOT_THIS,
                   "expected a database file, found an empty file");
}
END_TEST

START_TEST(a_directory_is_called_a_directory)
{
    expect_refusal(folder, FAULT_NOT_THIS, "expected a database file, found a directory");
}
END_TEST

START_TEST(a_pipe_is_refused_and_not_waited_for)
{
    ck_assert_int_eq(mkfifo(in_folder("pipe"), 0600), 0);
    expect_refusal(in_folder("pipe"), FAULT_NOT_THIS, "found a pipe");
}
END_TEST

START_TEST(a_device_is_refused)
{
    expect_refusal("/dev/null", FAULT_NOT_THIS, "found a device");
}
END_TEST

START_TEST(a_socket_is_refused)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", in_folder("socket"));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    expect_refusal(in_folder("socket"), FAULT_IO, "cannot be opened");
    close(fd);
}
END_TEST

START_TEST(a_missing_file_is_called_missing)
{
    expect_refusal(in_folder("missing"), FAULT_MISSING,
                   "No such file or directory; check the name");
    expect_refusal("", FAULT_MISSING, "cannot be opened");
}
END_TEST

START_TEST(refusals_leave_nothing_open)
{
    unsigned before = open_descriptors();
    write_file(in_folder("empty"), "", 0);
    write_file(in_folder("short.gz"), "\x1f\x8b", 2);
    const char *const names[] = {"empty", "short.gz", "missing", "."};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        struct ese_file *file;
        ck_assert(!ese_file_open(in_folder(names[i]), &file, NULL));
    }
    ck_assert_uint_eq(open_descriptors(), before);
}
END_TEST

int main(void)
{
    if (mkdtemp(folder) == NULL)
        return EXIT_FAILURE;
    int status = check_main("file", (const struct check_case[]){
                                        {a_plain_file_is_read_where_it_is_asked, 0},
                                        {bytes_in_memory_are_read_like_a_file, 0},
                                        {a_packed_file_is_read_as_what_it_holds, 0},
                                        {an_unusable_temporary_folder_is_said, 0},
                                        {a_packed_file_unpacks_up_to_the_limit_and_no_further, 0},
                                        {cut_gzip_data_are_refused_wherever_they_are_cut, 0},
                                        {damaged_gzip_data_are_refused, 0},
                                        {a_packed_empty_file_is_called_empty, 0},
                                        {an_empty_file_is_called_empty, 0},
                                        {a_directory_is_called_a_directory, 0},
                                        {a_pipe_is_refused_and_not_waited_for, 0},
                                        {a_device_is_refused, 0},
                                        {a_socket_is_refused, 0},
                                        {a_missing_file_is_called_missing, 0},
                                        {refusals_leave_nothing_open, 0},
                                        {0},
                                    });
    static const char *const left[] = {"plain", "packed.gz", "nothing.gz", "empty",
                                       "pipe",  "socket",    "short.gz"};
    for (size_t i = 0; i < ARRAY_SIZE(left); i++)
        unlink(in_folder(left[i]));
    rmdir(folder);
    return status;
}
