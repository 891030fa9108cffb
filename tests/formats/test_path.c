/* The parts of a path. */
#include "formats/path.h"
#include "tests/check_main.h"

static const struct {
    const char *path, *directory, *last;
} paths[] = {
    {"name", ".", "name"},
    {"./name", ".", "name"},
    {"/name", "/", "name"},
    {"a/name", "a", "name"},
    {"/a/b/name", "/a/b", "name"},
    {"../a.b/name", "../a.b", "name"},
    {"a/", "a", ""},
    {"/", "/", ""},
    {"", ".", ""},
};

START_TEST(parts_are_found)
{
    char directory[PATH_MAX], again[PATH_MAX];
    const char *path = paths[_i].path;
    ck_assert_str_eq(path_last(path), paths[_i].last);
    ck_assert(path_directory(path, directory));
    ck_assert_str_eq(directory, paths[_i].directory);
    snprintf(again, sizeof again, "%.*s%s", path_before_last(path), path, path_last(path));
    ck_assert_str_eq(again, path);
}
END_TEST

static const struct {
    const char *path;
    size_t size;
} ends[] = {{"a", 1}, {"a/", 1}, {"a///", 1}, {"/", 1}, {"//", 1}, {"/a/b//", 4}, {"", 0}};

START_TEST(slashes_at_the_end_go)
{
    ck_assert_uint_eq(path_trimmed(ends[_i].path), ends[_i].size);
}
END_TEST

START_TEST(a_directory_that_is_too_long_is_refused)
{
    char path[PATH_MAX + 8], directory[PATH_MAX];
    memset(path, 'a', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    path[PATH_MAX - 1] = '/';
    ck_assert(path_directory(path, directory));
    ck_assert_uint_eq(strlen(directory), PATH_MAX - 1);
    path[PATH_MAX - 1] = 'a';
    path[PATH_MAX] = '/';
    ck_assert(!path_directory(path, directory));
}
END_TEST

int main(void)
{
    return check_main("path",
                      (const struct check_case[]){{parts_are_found, ARRAY_SIZE(paths)},
                                                  {slashes_at_the_end_go, ARRAY_SIZE(ends)},
                                                  {a_directory_that_is_too_long_is_refused, 0},
                                                  {0}});
}
