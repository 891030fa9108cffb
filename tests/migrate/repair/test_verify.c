/*
 * Verification against the plan: what was written by another plan than the one that was decided is
 * refused, whatever the difference.
 *
 * For every fixture that can be repaired, each action of its plan in turn is left out when the copy
 * is written, or is added to the plan afterwards; the comparison has to name it.  And a plan that
 * takes a certificate out of the list without keeping it aside is refused although it was followed
 * to the letter.
 */
#include "migrate/decide/assess.h"
#include "migrate/repair/verify.h"
#include "migrate/repair/verify_rows.h"
#include "formats/ese/layout/checksum.h"
#include "formats/ese/layout/page_change.h"
#include "tests/check_main.h"
#include "tests/migrate/rewriting.h"

#include <glob.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/kmmigrate-test-verify-XXXXXX", store[256], copy[256];

static bool make(const char *description, const char *revision)
{
    char command[4096];
    snprintf(command, sizeof command, "rm -rf '%s'; '%s' '%s' -o '%s' --revision %s >/dev/null",
             store, getenv("KMFIXTURE"), description, store, revision);
    int status = system(command);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* The copy as the plan says, less one action (SIZE_MAX: all of it).  False: it cannot be written.
 */
static bool write_copy(const struct assessment *a, size_t left_out)
{
    struct fault f = {.code = FAULT_NONE};
    return write_less_one(a, left_out, copy, &f);
}

static bool is_as_planned(const struct assessment *a, struct fault *f)
{
    struct store new;
    *f = (struct fault){.code = FAULT_NONE};
    ck_assert_int_eq(store_open(&new, copy, NULL), EXIT_CLEAN);
    bool ok = verify_rows(a, &new, false, f);
    store_close(&new);
    return ok;
}

/* Exchanges an action and the last one; once more puts them back. */
static void put_last(struct plan *plan, size_t i)
{
    struct action action = plan->action[i];
    plan->action[i] = plan->action[plan->actions - 1];
    plan->action[plan->actions - 1] = action;
}

/* Where an action shows: the table, and the column or index; "" where that is not one. */
static void place_of(const struct assessment *a, const struct action *action, const char *place[2])
{
    const struct profile *p = a->model.profile;
    struct action_cell cell[ACTION_CELLS_MOST];
    place[0] = place[1] = "";
    switch (action_effect(action->kind)) {
    case EFFECT_CELLS:
        if (p->lists == 1 && a->model.match == PROFILE_MATCHES_ROWS &&
            action_cells(&a->model, action, cell) == 1 && cell[0].column) {
            place[0] = p->list[0].table;
            place[1] = cell[0].column;
        }
        break;
    case EFFECT_DROP:
        if (a->model.match == PROFILE_MATCHES_VALUE && p->values == 1) {
            place[0] = p->value[0].table;
            place[1] = p->value[0].column;
        }
        break;
    case EFFECT_MOVE_ALL:
    case EFFECT_MOVE_ONE:
        place[0] = p->reference[action->reference].table;
        place[1] = p->reference[action->reference].column;
        break;
    case EFFECT_INDEX:
        place[0] = action->table->name;
        place[1] = action->index->name;
        break;
    default:
        break;
    }
}

static unsigned check_plan(const char *fixture, struct assessment *a)
{
    struct fault f;
    unsigned tried = 0;
    ck_assert_msg(write_copy(a, SIZE_MAX), "%s", fixture);
    ck_assert_msg(is_as_planned(a, &f), "%s: %s", fixture, f.text);
    for (size_t i = 0; i < a->plan.actions; i++) {
        const char *place[2];
        char text[600];
        if (a->plan.action[i].kind == ACTION_WRITE_HEADER)
            continue; /* when a row changes, the header does, whatever the plan says */
        ck_assert_msg(write_copy(a, i), "%s", fixture);
        action_canonical(&a->model, &a->plan.action[i], text, sizeof text);
        const char *name = action_name(a->plan.action[i].kind);
        ck_assert_int_eq(strncmp(text, name, strlen(name)), 0);
        ck_assert_msg(!is_as_planned(a, &f), "%s: nobody notices that \"%s\" was left out", fixture,
                      text);
        ck_assert_uint_gt(strlen(f.text), 20);
        place_of(a, &a->plan.action[i], place);
        ck_assert_msg(strstr(f.text, place[0]) && strstr(f.text, place[1]),
                      "%s: %s.%s is not named: %s", fixture, place[0], place[1], f.text);
        put_last(&a->plan, i);
        a->plan.actions--;
        ck_assert_msg(write_copy(a, SIZE_MAX) && is_as_planned(a, &f),
                      "%s: less \"%s\", as planned: %s", fixture, text, f.text);
        a->plan.actions++;
        ck_assert_msg(write_copy(a, SIZE_MAX) && is_as_planned(a, &f), "%s: in another order: %s",
                      fixture, f.text);
        a->plan.actions--;
        ck_assert_msg(!is_as_planned(a, &f), "%s: nobody notices that \"%s\" is not in the plan",
                      fixture, text);
        a->plan.actions++;
        put_last(&a->plan, i);
        tried++;
    }
    return tried;
}

/* The profile beside a description, or discovery where it says so. */
static void read_as_told(const char *description, struct assess_options *options)
{
    static char profile[256];
    char line[256];
    FILE *from = fopen(description, "r");
    ck_assert_ptr_nonnull(from);
    while (fgets(line, sizeof line, from))
        if (strcmp(line, "options = --accept-discovered\n") == 0)
            options->reading.accept_discovered = true;
    fclose(from);
    snprintf(profile, sizeof profile, "%.*sprofile.ini",
             (int)(strrchr(description, '/') + 1 - description), description);
    if (access(profile, R_OK) == 0)
        options->reading.profile = profile;
}

typedef unsigned check_fn(const char *fixture, struct assessment *a);

static unsigned for_each_fixture(check_fn *check)
{
    glob_t found;
    unsigned count = 0;
    ck_assert_int_eq(glob(KM_SOURCE_DIR "/fixtures/states/*/description.ini", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct assessment a;
        struct assess_options options = {.in_place = false};
        if (strstr(found.gl_pathv[i], "multi-level")) /* large, and nothing that others have not */
            continue;
        read_as_told(found.gl_pathv[i], &options);
        ck_assert_msg(make(found.gl_pathv[i], i % 2 ? "0x2" : "0x14"), "%s", found.gl_pathv[i]);
        int status = assess(&a, store, &options, NULL);
        if (status == EXIT_CLEAN && a.verdict == VERDICT_AFTER_REPAIR)
            count += check(found.gl_pathv[i], &a);
        assess_close(&a);
    }
    globfree(&found);
    return count;
}

START_TEST(another_plan_is_noticed)
{
    unsigned count = for_each_fixture(check_plan);
    printf("%u actions: each left out, and each done without being planned\n", count);
    ck_assert_uint_gt(count, 60);
}
END_TEST

/* A drop that keeps nothing aside, of a certificate that no other entry has. */
static unsigned check_quarantine(const char *fixture, struct assessment *a)
{
    unsigned tried = 0;
    for (size_t i = 0; i < a->plan.actions; i++) {
        struct action *action = &a->plan.action[i];
        uint8_t sha256[HASH_SHA256_SIZE];
        uint64_t size;
        if (action->kind != ACTION_DROP_ENTRY || !action->quarantine)
            continue;
        ck_assert_msg(write_copy(a, SIZE_MAX), "%s", fixture);
        ck_assert_int_eq(verify_store(a, copy, false, "test", NULL, sha256, &size), EXIT_CLEAN);
        action->quarantine = false;
        ck_assert_int_eq(verify_store(a, copy, false, "test", NULL, sha256, &size), EXIT_TROUBLE);
        action->quarantine = true;
        tried++;
    }
    return tried;
}

START_TEST(a_certificate_that_is_lost_is_noticed)
{
    ck_assert_uint_gt(for_each_fixture(check_quarantine), 3);
}
END_TEST

/* What the plan does not foresee: the store would not be what was promised. */
static unsigned check_problems(const char *fixture, struct assessment *a)
{
    uint8_t sha256[HASH_SHA256_SIZE];
    uint64_t size;
    if (a->plan.action[0].kind == ACTION_WRITE_HEADER)
        return 0; /* a copy has a header */
    /* Another plan's copy, and a plan that says it: rows agree, and the problem stays. */
    struct plan whole = a->plan, none = a->plan;
    none.actions = 0;
    a->plan = none;
    ck_assert_msg(!write_copy(a, SIZE_MAX) ||
                      verify_store(a, copy, false, "test", NULL, sha256, &size) == EXIT_TROUBLE,
                  "%s: nobody notices that every problem stays", fixture);
    a->plan = whole;
    return 1;
}

START_TEST(a_problem_that_stays_is_noticed)
{
    ck_assert_uint_gt(for_each_fixture(check_problems), 20);
}
END_TEST

static void write_page(const char *path, uint8_t *raw, size_t size, uint32_t number)
{
    ese_checksum_set(raw, size, number);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    ck_assert_int_eq(pwrite(fd, raw, size, (off_t)((number + 1) * size)), (ssize_t)size);
    close(fd);
}

/* Changes an entry of the first secondary index of the copy's list, as if it was written wrongly:
 * taken out, or there once more, for a row that does not exist.  False: there are no more entries.
 */
static bool spoil_entry(unsigned number_of, bool once_more)
{
    static uint8_t raw[ESE_PAGE_SIZE_MAX], spare[ESE_PAGE_SIZE_MAX], data[5] = {0x7f, 0x80, 0, 1};
    enum ese_step step = ESE_STEP_NODE;
    struct store new;
    struct ese_cursor cursor;
    struct ese_node node;
    struct fault f;
    ck_assert_int_eq(store_open(&new, copy, NULL), EXIT_CLEAN);
    const struct ese_table *table = ese_catalog_find(new.db->catalog, "CertificateList");
    const struct ese_index *index = &table->index[table->index[0].root == table->root];
    ese_cursor_open(&cursor, new.db->pages, index->root, index->objid);
    for (unsigned i = 0; step == ESE_STEP_NODE && i <= number_of; i++)
        step = ese_cursor_next(&cursor, &f);
    if (step == ESE_STEP_END) {
        ese_cursor_close(&cursor);
        store_close(&new);
        return false;
    }
    ck_assert_int_eq(step, ESE_STEP_NODE);
    struct bytes page = cursor.leaf->raw;
    uint32_t number = cursor.leaf->number;
    memcpy(raw, page.at, page.size);
    const struct ese_page_change change = {raw, spare, (uint32_t)page.size, number, 0};
    ck_assert(ese_page_node(cursor.leaf, cursor.index, &node, &f));
    node.data = bytes_of(data, sizeof data);
    node.flags = 0;
    ck_assert(once_more ? ese_page_change_insert(&change, cursor.index + 1, &node)
                        : ese_page_change_delete(&change, cursor.index));
    write_page(copy, raw, page.size, number);
    ese_cursor_close(&cursor);
    store_close(&new);
    return true;
}

START_TEST(an_index_entry_that_is_wrong_is_named)
{
    static const char *const wanted[] = {"expected the entry with key ", "found none",
                                         "expected no entry with key ", "found one"};
    struct assessment a;
    struct assess_options options = {.in_place = false};
    struct fault f;
    ck_assert(make(KM_SOURCE_DIR "/fixtures/states/imported-twice/description.ini", "0x2"));
    ck_assert_int_eq(assess(&a, store, &options, NULL), EXIT_CLEAN);
    ck_assert(write_copy(&a, SIZE_MAX) && is_as_planned(&a, &f));
    unsigned spoilt = 0;
    while (spoil_entry(spoilt, _i)) {
        ck_assert(!is_as_planned(&a, &f));
        ck_assert_ptr_nonnull(strstr(f.text, "table CertificateList, index ByThumbprint: "));
        ck_assert_msg(strstr(f.text, wanted[2 * _i]) && strstr(f.text, wanted[2 * _i + 1]), "%s",
                      f.text);
        ck_assert(write_copy(&a, SIZE_MAX));
        spoilt++;
    }
    ck_assert_uint_gt(spoilt, 2); /* the first, the last, and others */
    assess_close(&a);
}
END_TEST

/* Only of rows that share a primary key nobody can tell whose an entry is. */
START_TEST(entries_beside_those_of_twins_count)
{
    struct assessment a;
    struct assess_options options = {.in_place = false};
    struct fault f;
    unsigned spoilt = 0, passed = 0;
    ck_assert(make(KM_SOURCE_DIR "/fixtures/states/unique-key-violation/description.ini", "0x14"));
    ck_assert_int_eq(assess(&a, store, &options, NULL), EXIT_CLEAN);
    ck_assert(problem_has(&a.found, PROBLEM_UNIQUE_KEY));
    ck_assert(write_copy(&a, SIZE_MAX) && is_as_planned(&a, &f));
    for (; spoil_entry(spoilt, false); spoilt++) {
        passed += is_as_planned(&a, &f);
        ck_assert(write_copy(&a, SIZE_MAX));
    }
    ck_assert_uint_gt(spoilt, 2);
    ck_assert_uint_eq(passed, 1);
    assess_close(&a);
}
END_TEST

enum { GOES = -1 };

/* The first long value of a table: how often it is counted, or GOES, with all its parts. */
static void change_long_value(const char *path, const char *name, int64_t references)
{
    static uint8_t raw[ESE_PAGE_SIZE_MAX], spare[ESE_PAGE_SIZE_MAX];
    struct store s;
    struct ese_cursor cursor;
    struct fault f;
    unsigned parts = 0;
    uint32_t number = 0, size = 0;
    uint8_t id[4];
    ck_assert_int_eq(store_open(&s, path, NULL), EXIT_CLEAN);
    const struct ese_table *table = ese_catalog_find(s.db->catalog, name);
    ese_cursor_open(&cursor, s.db->pages, table->long_value_root, table->long_value_objid);
    while (ese_cursor_next(&cursor, &f) == ESE_STEP_NODE) {
        if (parts == 0) {
            ck_assert_uint_eq(cursor.key.size, sizeof id);
            memcpy(id, cursor.key.at, sizeof id);
            number = cursor.leaf->number;
            size = (uint32_t)cursor.leaf->raw.size;
            memcpy(raw, cursor.leaf->raw.at, size);
        }
        if (memcmp(cursor.key.at, id, sizeof id) != 0)
            break;
        ck_assert_uint_eq(cursor.leaf->number, number);
        parts++;
    }
    ck_assert_uint_gt(parts, 1);
    const struct ese_page_change change = {raw, spare, size, number, 0};
    for (unsigned i = 0; references == GOES && i < parts; i++)
        ck_assert(ese_page_change_delete(&change, 0));
    if (references != GOES)
        bytes_put_le32(ese_page_change_at(&change, 0, 0, sizeof(uint32_t)), (uint32_t)references);
    write_page(path, raw, size, number);
    ese_cursor_close(&cursor);
    store_close(&s);
}

/* One that the engine counts no reference to is not the plan's to take away. */
START_TEST(a_long_value_that_nobody_counts_stays)
{
    struct assessment a;
    struct assess_options options = {.in_place = false};
    struct fault f;
    ck_assert(make(KM_SOURCE_DIR "/fixtures/states/shared-long-value/description.ini",
                   "0x14 --page-size 32768")); /* a leaf for all of it */
    change_long_value(store, "Users", 0);
    ck_assert_int_eq(assess(&a, store, &options, NULL), EXIT_CLEAN);
    ck_assert(write_copy(&a, SIZE_MAX) && is_as_planned(&a, &f));
    change_long_value(copy, "Users", GOES);
    ck_assert(!is_as_planned(&a, &f));
    ck_assert_msg(strstr(f.text, "that it is missing") != NULL, "%s", f.text);
    assess_close(&a);
}
END_TEST

/* Of entries that share their certificate's value one goes, and its reference with it. */
START_TEST(references_to_a_long_value_are_counted)
{
    struct assessment a;
    struct assess_options options = {.in_place = false};
    struct fault f;
    unsigned right = 0;
    ck_assert(make(KM_SOURCE_DIR "/fixtures/states/shared-long-value/description.ini",
                   "0x14 --page-size 32768"));
    ck_assert_int_eq(assess(&a, store, &options, NULL), EXIT_CLEAN);
    ck_assert(write_copy(&a, SIZE_MAX) && is_as_planned(&a, &f));
    for (int64_t references = 0; references < 6; references++) {
        change_long_value(copy, "CertificateList", references);
        bool ok = is_as_planned(&a, &f);
        ck_assert_msg(ok || strstr(f.text, "references to it") != NULL, "%s", f.text);
        right += ok;
    }
    ck_assert_uint_eq(right, 1);
    assess_close(&a);
}
END_TEST

/* Is it noticed that one byte of what the new store's catalog says is another? */
static void must_matter(const struct assessment *a, const struct store *new, void *field,
                        const char *what)
{
    uint8_t *byte = field;
    struct fault f = {.code = FAULT_NONE};
    *byte ^= 1;
    ck_assert_msg(!verify_rows(a, new, false, &f), "%s may be another", what);
    ck_assert_ptr_nonnull(strstr(f.text, "as it was"));
    *byte ^= 1;
}

static void must_matter_in_column(const struct assessment *a, const struct store *new,
                                  struct ese_column *c)
{
    must_matter(a, new, &c->id, "a column's id");
    must_matter(a, new, &c->type, "a column's type");
    must_matter(a, new, &c->flags, "a column's flags");
    must_matter(a, new, &c->size, "a column's size");
    must_matter(a, new, &c->code_page, "a column's code page");
    must_matter(a, new, &c->offset, "a column's offset");
    must_matter(a, new, &c->from_template, "whose column it is");
    must_matter(a, new, (void *)(uintptr_t)c->name, "a column's name");
}

static void must_matter_in_index(const struct assessment *a, const struct store *new,
                                 struct ese_index *x)
{
    must_matter(a, new, &x->objid, "an index's object id");
    must_matter(a, new, &x->flags, "an index's flags");
    must_matter(a, new, &x->locale, "an index's locale");
    must_matter(a, new, &x->key_most, "an index's longest key");
    must_matter(a, new, &x->variable_most, "an index's longest segment");
    must_matter(a, new, &x->tuples, "whether an index is one of substrings");
    must_matter(a, new, &x->from_template, "whose index it is");
    must_matter(a, new, &x->segment[x->segments - 1].column, "a segment's column");
    must_matter(a, new, &x->segment[0].descending, "a segment's order");
    must_matter(a, new, &x->segment[0].from_template, "whose segment it is");
    must_matter(a, new, (void *)(uintptr_t)x->name, "an index's name");
}

/* The rows of the catalog name other pages in a copy, and are not compared: what they say is. */
START_TEST(a_catalog_that_says_something_else_is_noticed)
{
    struct assessment a;
    struct store new;
    struct fault f = {.code = FAULT_NONE};
    struct assess_options options = {.in_place = false};
    ck_assert(make(KM_SOURCE_DIR "/fixtures/states/imported-twice/description.ini", "0x14"));
    ck_assert_int_eq(assess(&a, store, &options, NULL), EXIT_CLEAN);
    ck_assert(write_copy(&a, SIZE_MAX));
    ck_assert_int_eq(store_open(&new, copy, NULL), EXIT_CLEAN);
    ck_assert_msg(verify_rows(&a, &new, false, &f), "%s", f.text);
    struct ese_table *t =
        (struct ese_table *)(uintptr_t)ese_catalog_find(new.db->catalog, "CertificateList");
    for (unsigned i = 0; i < t->columns; i++)
        must_matter_in_column(&a, &new, &t->column[i]);
    for (unsigned i = 0; i < t->indexes; i++)
        must_matter_in_index(&a, &new, &t->index[i]);
    must_matter(&a, &new, &t->flags, "a table's flags");
    must_matter(&a, &new, &t->long_value_objid, "the object id of the long values");
    must_matter(&a, &new, &t->long_value_chunk, "the size of a chunk");
    must_matter(&a, &new, &t->first_own_tagged, "the first tagged column of its own");
    must_matter(&a, &new, &t->objid, "a table's object id");
    must_matter(&a, &new, (void *)(uintptr_t)t->name, "a table's name");
    ck_assert_msg(verify_rows(&a, &new, false, &f), "%s", f.text);
    store_close(&new);
    assess_close(&a);
}
END_TEST

/* The id of a plan is made from these words: a kind without one, or with another's, would let two
 * plans pass for one. */
START_TEST(every_kind_of_action_has_a_name_of_its_own)
{
    for (int i = 0; i < ACTION_KINDS; i++) {
        const char *name = action_name((enum action_kind)i);
        ck_assert_msg(name != NULL && name[0] != '\0', "kind %d has no name", i);
        for (int k = 0; k < i; k++)
            ck_assert_str_ne(name, action_name((enum action_kind)k));
    }
}
END_TEST

int main(void)
{
    if (getenv("KMFIXTURE") == NULL) {
        fprintf(stderr, "test_verify: skipped: kmfixture is not built\n");
        return CHECK_SKIPPED;
    }
    if (mkdtemp(folder) == NULL)
        return EXIT_FAILURE;
    snprintf(store, sizeof store, "%s/store", folder);
    snprintf(copy, sizeof copy, "%s/copy", folder);
    int status = check_main(
        "verify", (const struct check_case[]){{another_plan_is_noticed, 0},
                                              {a_certificate_that_is_lost_is_noticed, 0},
                                              {a_problem_that_stays_is_noticed, 0},
                                              {an_index_entry_that_is_wrong_is_named, 2},
                                              {entries_beside_those_of_twins_count, 0},
                                              {a_long_value_that_nobody_counts_stays, 0},
                                              {references_to_a_long_value_are_counted, 0},
                                              {a_catalog_that_says_something_else_is_noticed, 0},
                                              {every_kind_of_action_has_a_name_of_its_own, 0},
                                              {0}});
    char command[300];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command) == 0 ? status : EXIT_FAILURE;
}
