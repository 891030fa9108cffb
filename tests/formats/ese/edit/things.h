/*
 * A database with one table, Things, that tests change in place: rows with a number, another one
 * that is unique, a name, and data that may be long.
 *
 * Only tests include this.
 */
#ifndef KM_TESTS_ESE_THINGS_H
#define KM_TESTS_ESE_THINGS_H

#include "formats/ese/check/check.h"
#include "tests/check_main.h"
#include "tests/formats/ese/edit/random_edits.h"

/* Forms of a database, for loops. */
enum { THINGS_FORMS = 17 };

extern const struct things_form {
    uint32_t revision, page_size;
} things_forms[THINGS_FORMS];

/* ---- files ---- */

struct contents {
    uint8_t *at;
    size_t size;
};

/* Makes an empty file, and opens it. */
int temporary_file(char path[32]);

/* All of a file; the caller frees at. */
struct contents contents_of(const char *path);
void must_be_untouched(const char *path, const struct contents *before);

/* For ese_check(): a problem ends the test.  context: what is checked, in words. */
void no_problem(void *context, const struct ese_finding *finding);

/* Checks the file and gives its values; the caller frees them. */
char *read_back(const char *path, const char *what, ese_finding_fn found);

/* ---- the database ---- */

struct thing {
    uint32_t id, value;
};

enum { SHARED_SIZE = 9000, DATA_SIZE = 5000, THINGS = 400 };

/* Builds table Things: names are short, every third row has data of its own, the first three share
 * one long value. */
void make_things(const char *path, uint32_t revision, uint32_t page_size, const struct thing *thing,
                 unsigned things, bool duplicates, bool long_values);

/* A database open for changes. */
struct job {
    char path[32];
    struct contents before;
    struct ese_db *db;
    const struct ese_table *table;
    struct ese_inplace *ip;
    struct fault f;
};

/* Opens the file at path. */
void open_job(struct job *j);

/* A new file with rows 1 to `things`, THINGS at most, their values from 1000 on, open. */
void start_with(struct job *j, uint32_t revision, uint32_t page_size, unsigned things,
                bool long_values);

/* Writes what was changed and opens the file again, sound. */
void write_job(struct job *j);
void end_job(struct job *j);

/* Nothing was done, for this reason, and nothing can be written any more.  Ends the job. */
void must_be_refused(struct job *j, bool done, enum fault_code code);

/* ---- rows ---- */

const struct ese_column *thing_column(const struct job *j, const char *name);

/* A row's primary key. */
struct bytes id_key(uint32_t id, uint8_t to[5]);

bool drop_thing(struct job *j, uint32_t id, unsigned twin);
bool change_thing(struct job *j, uint32_t id, const char *name, struct bytes data);
bool add_thing(struct job *j, uint32_t id, uint32_t value, struct bytes data);

/* The row's value of a column; its size, or -1 when there is no such row, -2 when the value is
 * null. */
long thing_value(struct job *j, uint32_t id, const char *name, uint8_t *to);

/* How many nodes a tree has. */
uint64_t nodes_of(struct job *j, uint32_t root, uint32_t objid);

#endif
