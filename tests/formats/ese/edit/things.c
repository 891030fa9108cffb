/* A database that tests change in place: see things.h. */
#include "tests/formats/ese/edit/things.h"

#include "formats/ese/build/parts.h"

#include <fcntl.h>
#include <unistd.h>

const struct things_form things_forms[THINGS_FORMS] = {
    {0x2, 4096},   {0x2, 2048},   {0x2, 8192},    {0x9, 4096},    {0xb, 4096},   {0xd, 8192},
    {0x11, 16384}, {0x14, 4096},  {0x14, 2048},   {0x14, 8192},   {0x14, 32768}, {0x6e, 16384},
    {0xc8, 4096},  {0xe6, 32768}, {0x122, 16384}, {0x122, 32768}, {0x122, 8192},
};

/* ---- files ---- */

int temporary_file(char path[32])
{
    snprintf(path, 32, "/tmp/km-inplace-XXXXXX");
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    return fd;
}

struct contents contents_of(const char *path)
{
    struct ese_file *file;
    struct fault f;
    ck_assert_msg(ese_file_open(path, &file, &f), "%s", f.text);
    struct contents c = {.size = (size_t)ese_file_size(file)};
    size_t got;
    c.at = malloc(c.size);
    ck_assert(c.at && ese_file_read(file, 0, c.at, c.size, &got, &f) && got == c.size);
    ese_file_close(file);
    return c;
}

void must_be_untouched(const char *path, const struct contents *before)
{
    struct contents now = contents_of(path);
    ck_assert_uint_eq(now.size, before->size);
    ck_assert_mem_eq(now.at, before->at, now.size);
    free(now.at);
}

/* ---- reading back ---- */

void no_problem(void *context, const struct ese_finding *finding)
{
    if (finding->severity == ESE_PROBLEM || finding->severity == ESE_NOT_JUDGED)
        ck_abort_msg("%s: %s: page %u tag %d: %s", (const char *)context,
                     ese_rule_name(finding->rule), finding->page, finding->tag, finding->text);
}

char *read_back(const char *path, const char *what, ese_finding_fn found)
{
    struct ese_db *db;
    struct fault f = {.code = FAULT_NONE};
    struct ese_check_summary summary;
    struct edited model;
    char *text = NULL;
    size_t size;
    FILE *to = open_memstream(&text, &size);
    ck_assert_msg(ese_db_open(path, NULL, NULL, &db, &f), "%s: %s", what, f.text);
    ck_assert_msg(ese_check(db, found, (void *)(uintptr_t)what, &summary, &f), "%s: %s", what,
                  f.text);
    ck_assert_msg(edited_read(&model, db, &f), "%s: %s", what, f.text);
    edited_print(&model, to);
    edited_free(&model);
    ese_db_close(db);
    fclose(to);
    return text;
}

/* ---- a database to change ---- */

static struct ese_column things_column[] = {
    {.name = "Id", .type = ESE_COL_LONG, .flags = ESE_COLUMN_NOT_NULL},
    {.name = "Value", .type = ESE_COL_LONG},
    {.name = "Name", .type = ESE_COL_TEXT},
    {.name = "Wide", .type = ESE_COL_TEXT, .code_page = ESE_CODEPAGE_UNICODE},
    {.name = "Data", .type = ESE_COL_LONG_BINARY},
};

static struct ese_index things_index[] = {
    {.name = "Primary",
     .flags = ESE_INDEX_PRIMARY | ESE_INDEX_UNIQUE | ESE_INDEX_NO_NULL_SEGMENT,
     .segments = 1,
     .segment = {{.column = 1}}},
    {.name = "ByValue", .flags = ESE_INDEX_UNIQUE, .segments = 1, .segment = {{.column = 2}}},
    {.name = "ByName",
     .flags = ESE_INDEX_ALLOW_ALL_NULLS | ESE_INDEX_ALLOW_FIRST_NULL,
     .segments = 1,
     .segment = {{.column = 128, .descending = true}}},
};

void make_things(const char *path, uint32_t revision, uint32_t page_size, const struct thing *thing,
                 unsigned things, bool duplicates, bool long_values)
{
    struct fault f = {.code = FAULT_NONE};
    static uint8_t data[SHARED_SIZE];
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    struct ese_build_options options = {
        .descriptor = fd, .revision = revision, .page_size = page_size};
    struct ese_table schema = {.name = "Things",
                               .columns = ARRAY_SIZE(things_column),
                               .column = things_column,
                               .indexes = ARRAY_SIZE(things_index),
                               .index = things_index};
    struct ese_build *build;
    struct ese_build_table *t;
    uint64_t shared = 0;
    ck_assert_msg(fd >= 0 && ese_build_start(&options, &build, &f), "%s", f.text);
    ck_assert_msg(ese_build_table_begin(build, &schema, 0, &t, &f), "%s", f.text);
    if (duplicates)
        ese_build_allow_duplicates(t);
    const struct ese_table *s = ese_build_schema(t);
    memset(data, 's', sizeof data);
    if (long_values)
        ck_assert(ese_build_long_value(t, things < 3 ? things : 3, bytes_of(data, SHARED_SIZE),
                                       &shared, &f));
    for (unsigned i = 0; i < things; i++) {
        uint8_t id[4], value[4];
        char name[16];
        bytes_put_le32(id, thing[i].id);
        bytes_put_le32(value, thing[i].value);
        snprintf(name, sizeof name, "thing %u", thing[i].id % 50);
        struct ese_build_value values[] = {
            {.column = ese_table_column(s, "Id"), .data = bytes_of(id, 4)},
            {.column = ese_table_column(s, "Value"), .data = bytes_of(value, 4)},
            {.column = ese_table_column(s, "Name"), .data = bytes_of(name, strlen(name))},
            {.column = ese_table_column(s, "Data"),
             .lid = i < 3 ? shared : 0,
             .data = bytes_of(data, DATA_SIZE)},
        };
        ck_assert_msg(ese_build_row(t, values, long_values && (i < 3 || i % 3 == 0) ? 4 : 3, &f),
                      "%s", f.text);
    }
    ck_assert_msg(ese_build_table_end(t, &f), "%s", f.text);
    ck_assert_msg(ese_build_finish(build, NULL, &f), "%s", f.text);
    close(fd);
}

void open_job(struct job *j)
{
    j->before = contents_of(j->path);
    ck_assert_msg(ese_db_open(j->path, NULL, NULL, &j->db, &j->f), "%s", j->f.text);
    j->table = ese_catalog_find(j->db->catalog, "Things");
    ck_assert_msg(ese_inplace_open(j->db, NULL, &j->ip, &j->f), "%s", j->f.text);
}

void start_with(struct job *j, uint32_t revision, uint32_t page_size, unsigned things,
                bool long_values)
{
    struct thing thing[THINGS];
    *j = (struct job){.f.code = FAULT_NONE};
    close(temporary_file(j->path));
    for (unsigned i = 0; i < things; i++)
        thing[i] = (struct thing){i + 1, 1000 + i};
    make_things(j->path, revision, page_size, thing, things, false, long_values);
    open_job(j);
}

void write_job(struct job *j)
{
    int fd = open(j->path, O_WRONLY | O_CLOEXEC);
    ck_assert_msg(ese_inplace_pieces(j->ip) > 0 || ese_inplace_finish(j->ip, &j->f), "%s",
                  j->f.text);
    ck_assert_msg(ese_inplace_write_to(j->ip, fd, &j->f), "%s", j->f.text);
    close(fd);
    ese_inplace_close(j->ip);
    ese_db_close(j->db);
    free(j->before.at);
    free(read_back(j->path, "what was written", no_problem));
    open_job(j);
}

void end_job(struct job *j)
{
    ese_inplace_close(j->ip);
    ese_db_close(j->db);
    unlink(j->path);
    free(j->before.at);
}

const struct ese_column *thing_column(const struct job *j, const char *name)
{
    return ese_table_column(j->table, name);
}

struct bytes id_key(uint32_t id, uint8_t to[5])
{
    to[0] = 0x7f;
    bytes_put_be32(to + 1, id ^ 0x80000000u);
    return bytes_of(to, 5);
}

bool drop_thing(struct job *j, uint32_t id, unsigned twin)
{
    uint8_t key[5];
    return ese_inplace_drop_row(j->ip, j->table, id_key(id, key), twin, &j->f);
}

bool change_thing(struct job *j, uint32_t id, const char *name, struct bytes data)
{
    uint8_t key[5];
    struct ese_change change = {.column = thing_column(j, name), .data = data};
    return ese_inplace_change_row(j->ip, j->table, id_key(id, key), 0, &change, 1, &j->f);
}

bool add_thing(struct job *j, uint32_t id, uint32_t value, struct bytes data)
{
    uint8_t a[4], b[4];
    bytes_put_le32(a, id);
    bytes_put_le32(b, value);
    struct ese_change change[] = {
        {.column = thing_column(j, "Id"), .data = bytes_of(a, 4)},
        {.column = thing_column(j, "Value"), .data = bytes_of(b, 4)},
        {.column = thing_column(j, "Data"), .data = data, .null = data.size == 0}};
    return ese_inplace_add_row(j->ip, j->table, change, 3, &j->f);
}

long thing_value(struct job *j, uint32_t id, const char *name, uint8_t *to)
{
    struct edited model;
    long size = -1;
    uint8_t key[5];
    bool same;
    ck_assert_msg(edited_read(&model, j->db, &j->f), "%s", j->f.text);
    const struct edited_table *t = &model.table[0];
    size_t at = edited_find(t, id_key(id, key), &same);
    if (same) {
        const struct edited_column *c =
            &t->row[at].column[edited_column_at(j->table, thing_column(j, name))];
        size = c->values ? (long)c->value[0].size : -2;
        if (c->values && to && size > 0)
            memcpy(to, c->value[0].at, c->value[0].size);
    }
    edited_free(&model);
    return size;
}

uint64_t nodes_of(struct job *j, uint32_t root, uint32_t objid)
{
    struct ese_cursor cursor;
    uint64_t count = 0;
    ese_cursor_open(&cursor, j->db->pages, root, objid);
    while (ese_cursor_next(&cursor, &j->f) == ESE_STEP_NODE)
        count++;
    ese_cursor_close(&cursor);
    return count;
}

void must_be_refused(struct job *j, bool done, enum fault_code code)
{
    ck_assert(!done);
    ck_assert_msg(j->f.code == code, "expected fault %d, found %d: %s", code, j->f.code, j->f.text);
    ck_assert(!ese_inplace_finish(j->ip, &j->f)); /* nothing of it can be written */
    ck_assert(!drop_thing(j, 5, 0));
    ck_assert(!ese_inplace_write_to(j->ip, -1, &j->f));
    ck_assert_uint_eq(ese_inplace_pieces(j->ip), 0);
    must_be_untouched(j->path, &j->before);
    end_job(j);
}
