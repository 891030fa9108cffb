/*
 * One pass over a store gives what two reads give, one after the other: the structural check alone,
 * then the list and the sweep alone.
 *
 * The stores are those of the fixtures, of two revisions, and each again with bytes of its rows
 * changed at random and the checksums put right.  Everything that either way found is written down
 * as text, and compared.  Where the one pass says that it was not whole, it has left nothing.
 */
#include "migrate/judge/onepass.h"
#include "migrate/judge/trials.h"
#include "migrate/console/status.h"
#include "migrate/judge/model_read.h"
#include "migrate/profile/read.h"
#include "formats/ese/layout/checksum.h"
#include "tests/check_main.h"

#include <glob.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

enum { SEED = 1, CHANGED = 8, BYTES_MOST = 3 };

static char folder[] = "/tmp/kmmigrate-test-onepass-XXXXXX", path[256];

/* ---- stores ---- */

static bool make(const char *description, const char *revision)
{
    char command[4096];
    snprintf(command, sizeof command, "rm -rf '%s'; '%s' '%s' -o '%s' --revision %s >/dev/null",
             path, getenv("KMFIXTURE"), description, path, revision);
    int status = system(command);
    struct stat st;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 && stat(path, &st) == 0 &&
           S_ISREG(st.st_mode);
}

static uint8_t *read_store(size_t *size)
{
    FILE *from = fopen(path, "rb");
    ck_assert(from != NULL && fseek(from, 0, SEEK_END) == 0);
    *size = (size_t)ftell(from);
    uint8_t *bytes = malloc(*size);
    rewind(from);
    ck_assert(bytes != NULL && fread(bytes, 1, *size, from) == *size);
    fclose(from);
    return bytes;
}

static void write_store(const uint8_t *bytes, size_t size)
{
    FILE *to = fopen(path, "wb");
    ck_assert(to != NULL && fwrite(bytes, 1, size, to) == size && fclose(to) == 0);
}

/* Is it a leaf with rows? */
static bool has_rows(const struct ese_page *page)
{
    uint32_t other = ESE_PAGE_INDEX | ESE_PAGE_LONG_VALUE | ESE_PAGE_SPACE_TREE;
    return (page->flags & ESE_PAGE_LEAF) && !(page->flags & other) && ese_page_nodes(page) > 0;
}

/* Changes some bytes of one row. */
static void change_row(uint8_t *store, size_t size, size_t page_size)
{
    struct ese_page page;
    struct ese_node node;
    for (unsigned tries = 0; tries < 1000; tries++) {
        uint32_t number = 1 + (uint32_t)rand() % (uint32_t)(size / page_size - 2);
        uint8_t *raw = store + (number + 1) * page_size;
        ese_page_parse(bytes_of(raw, page_size), number, &page);
        if (page.objid == 0 || !has_rows(&page) ||
            !ese_page_node(&page, (unsigned)rand() % ese_page_nodes(&page), &node, NULL) ||
            node.data.size == 0)
            continue;
        for (int i = 1 + rand() % BYTES_MOST; i > 0; i--)
            raw[(size_t)(node.data.at - raw) + (size_t)rand() % node.data.size] = (uint8_t)rand();
        ese_checksum_set(raw, page_size, number);
        return;
    }
}

/* ---- what was found, as text ---- */

static void put(FILE *to, const char *name, struct bytes b)
{
    fprintf(to, " %s %zu:%08lx", name, b.size, b.at ? crc32(1, b.at, (uInt)b.size) : 0);
}

static void put_finding(void *context, const struct ese_finding *finding)
{
    fprintf(context, "%s %d %s %u %d %s\n", ese_rule_name(finding->rule), (int)finding->severity,
            finding->table ? finding->table : "-", finding->page, finding->tag, finding->text);
}

static void put_summary(FILE *to, const struct ese_check_summary *s)
{
    fprintf(to, "pages %llu rows %llu entries %llu values %llu problems %llu not judged %llu\n",
            (unsigned long long)s->pages_read, (unsigned long long)s->rows,
            (unsigned long long)s->index_entries, (unsigned long long)s->long_values,
            (unsigned long long)s->problems, (unsigned long long)s->not_judged);
}

static void put_problems(FILE *to, const struct problems *found)
{
    for (size_t i = 0; i < found->count; i++) {
        const struct problem *p = &found->item[i];
        fprintf(to, "problem %d %lld %lld %llu %zu %s\n", (int)p->code, (long long)p->entry[0],
                (long long)p->entry[1], (unsigned long long)p->count, p->names, p->evidence);
    }
}

static void put_trial(FILE *to, const struct trial *t)
{
    fprintf(to, "trial seen %llu step %llu:", (unsigned long long)t->seen,
            (unsigned long long)t->step);
    for (unsigned i = 0; i < t->count; i++) {
        fprintf(to, " %u", t->row[i].entry);
        put(to, "holds", buffer_bytes(&t->row[i].der));
    }
    fprintf(to, "\n");
}

static void put_entries(FILE *to, const struct model *m)
{
    for (unsigned i = 0; i < m->entries; i++) {
        const struct model_entry *e = &m->entry[i];
        fprintf(to, "entry %d %u %u %u %u %d %d %s %a %d %llu", e->key, e->twin, e->part, e->row,
                e->certificate, (int)e->role, (int)e->trust, e->name ? e->name : "-",
                e->has_imported ? e->imported : 0, m->duplicate[i],
                (unsigned long long)e->reference_count);
        put(to, "thumbprint", e->thumbprint);
        put(to, "properties", e->properties);
        put(to, "certificate", m->certificate[e->certificate].der);
        for (unsigned r = 0; r < m->profile->references; r++)
            fprintf(to, " %llu", (unsigned long long)e->references[r]);
        fprintf(to, "\n");
    }
}

static void put_model(FILE *to, const struct model *m)
{
    fprintf(to, "mode %d issuing %d", (int)m->mode, m->has_issuing_ca);
    put(to, "is", bytes_of(m->issuing_ca, sizeof m->issuing_ca));
    fprintf(to, " listed %u of %u, rows %llu long %llu %u V1 %llu %u without %llu %u\n", m->listed,
            m->certificates, (unsigned long long)m->rows_read, (unsigned long long)m->long_names,
            m->first_long_name, (unsigned long long)m->v1_certificates, m->first_v1_certificate,
            (unsigned long long)m->without_user, m->first_without_user);
    put_entries(to, m);
    for (unsigned i = 0; i < m->crls; i++) {
        fprintf(to, "crl %d %d %d", m->crl[i].key, m->crl[i].has_entry, m->crl[i].entry);
        put(to, "is", m->crl[i].der);
        fprintf(to, "\n");
    }
    fprintf(to, "dangling %llu\n", (unsigned long long)m->dangling_count);
    for (unsigned i = 0; i < m->dangling_kept; i++) {
        const struct model_dangling *d = &m->dangling[i];
        fprintf(to, "dangling %u %d %d", d->reference, d->row, d->names);
        put(to, "holds", d->signed_object);
        fprintf(to, "\n");
    }
    for (unsigned i = 0; i < m->profile->references; i++)
        if (m->trials[i]) {
            put_trial(to, &m->trials[i]->spaced);
            put_trial(to, &m->trials[i]->at_duplicates);
        }
}

static void put_sweep(FILE *to, const struct sweep *s, const struct model *m)
{
    fprintf(to, "unread %llu\n", (unsigned long long)s->unread);
    for (unsigned i = 0; i < s->residue.columns; i++) {
        const struct residue_column *c = &s->residue.column[i];
        fprintf(to, "residue %s.%s %llu %d %d %s", c->table->name, c->column->name,
                (unsigned long long)c->values, c->from_zero, c->may_be_key,
                c->explained ? c->explained : "-");
        put(to, "names", bytes_of(c->names, m->entries / 8 + 1));
        fprintf(to, "\n");
    }
    for (unsigned i = 0; i < s->second.count; i++) {
        const struct second_copy *c = &s->second.item[i];
        fprintf(to, "copy %s.%s %llu %llu %u %llu\n", c->table->name, c->column->name,
                (unsigned long long)c->values, (unsigned long long)c->chains, c->certificate,
                (unsigned long long)c->row);
    }
}

/* ---- the two ways ---- */

/* The store, and what one way makes of it. */
struct way {
    struct store store;
    struct profile profile;
    enum profile_match match;
    struct model model;
    struct prover *prover;
    struct sweep sweep;
    struct problems found;
    struct ese_check_summary summary;
    bool whole;
    char *structure, *list;
};

/* False: it is no store that is read in one pass. */
static bool open_way(struct way *w)
{
    struct fault f;
    *w = (struct way){.match = PROFILE_NO_MATCH};
    if (store_open_to_judge(&w->store, path, NULL) != EXIT_CLEAN)
        return false;
    ck_assert(profile_builtin(&w->profile, &f));
    w->match = profile_match(&w->profile, w->store.db->catalog, &f);
    w->store.profile = &w->profile;
    if (w->match != PROFILE_NO_MATCH &&
        w->store.db->headers.header.state == ESE_STATE_CLEAN_SHUTDOWN)
        return true;
    profile_close(&w->profile);
    store_close(&w->store);
    return false;
}

static void check(struct way *w, const struct ese_check_reader *reader)
{
    size_t size;
    struct fault f;
    FILE *to = open_memstream(&w->structure, &size);
    ck_assert(ese_check_and_read(w->store.db, put_finding, to, reader, &w->summary, &f));
    put_summary(to, &w->summary);
    fclose(to);
}

static void write_list(struct way *w)
{
    size_t size;
    FILE *to = open_memstream(&w->list, &size);
    put_model(to, &w->model);
    put_sweep(to, &w->sweep, &w->model);
    put_problems(to, &w->found);
    fclose(to);
}

static void read_at_once(struct way *w)
{
    struct fault f;
    struct onepass *p =
        onepass_open(&w->store, &w->profile, w->match, NULL, &w->model, &w->prover, &w->sweep, &f);
    ck_assert_ptr_nonnull(p);
    check(w, onepass_reader(p));
    ck_assert(onepass_close(p, &w->summary, &w->found, &w->whole, &f));
    if (w->whole)
        write_list(w);
}

static void read_apart(struct way *w)
{
    struct fault f;
    check(w, NULL);
    ck_assert(model_read(&w->model, &w->store, &w->profile, w->match, NULL, &w->found, &f));
    ck_assert_ptr_nonnull(w->prover = prover_open(&w->model));
    ck_assert(sweep_read(&w->sweep, &w->model, w->prover, &f));
    write_list(w);
}

static void close_way(struct way *w)
{
    sweep_close(&w->sweep);
    prover_close(w->prover);
    model_close(&w->model);
    problems_close(&w->found);
    profile_close(&w->profile);
    store_close(&w->store);
    free(w->structure);
    free(w->list);
}

/* How often the one pass was whole, and was not. */
static unsigned whole, partly;

static void compare(const char *description)
{
    struct way at_once, apart;
    if (!open_way(&at_once))
        return;
    read_at_once(&at_once);
    ck_assert(open_way(&apart));
    read_apart(&apart);
    ck_assert_msg(strcmp(at_once.structure, apart.structure) == 0, "%s:\n%s\n%s", description,
                  at_once.structure, apart.structure);
    if (at_once.whole) {
        ck_assert_msg(strcmp(at_once.list, apart.list) == 0, "%s:\n%s\n%s", description,
                      at_once.list, apart.list);
        whole++;
    } else {
        ck_assert_ptr_null(at_once.model.store);
        ck_assert_ptr_null(at_once.prover);
        ck_assert_uint_eq(at_once.found.count + at_once.sweep.residue.columns, 0);
        partly++;
    }
    close_way(&at_once);
    close_way(&apart);
}

static void change_and_compare(const char *description)
{
    size_t size;
    uint8_t *bytes = read_store(&size), *changed = malloc(size);
    uint32_t page_size = bytes_get_le32(bytes_of(bytes, size), 236);
    ck_assert(changed != NULL && ese_page_size_valid(page_size));
    for (unsigned i = 0; i < CHANGED; i++) {
        memcpy(changed, bytes, size);
        change_row(changed, size, page_size);
        write_store(changed, size);
        compare(description);
    }
    free(changed);
    free(bytes);
}

START_TEST(one_pass_gives_what_two_reads_give)
{
    glob_t found;
    ck_assert_int_eq(glob(KM_SOURCE_DIR "/fixtures/states/*/description.ini", 0, NULL, &found), 0);
    srand(SEED);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        if (!make(found.gl_pathv[i], i % 2 ? "0x14" : "2"))
            continue;
        compare(found.gl_pathv[i]);
        change_and_compare(found.gl_pathv[i]);
    }
    globfree(&found);
    printf("%u stores in one pass, %u not\n", whole, partly);
    ck_assert_uint_gt(whole, 100);
    ck_assert_uint_gt(partly, 100);
}
END_TEST

int main(void)
{
    if (getenv("KMFIXTURE") == NULL) {
        fprintf(stderr, "test_onepass: skipped: kmfixture is not built\n");
        return CHECK_SKIPPED;
    }
    if (mkdtemp(folder) == NULL)
        return EXIT_FAILURE;
    snprintf(path, sizeof path, "%s/store.edb", folder);
    int status = check_main(
        "onepass", (const struct check_case[]){{one_pass_gives_what_two_reads_give, 0}, {0}});
    char command[300];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command) == 0 ? status : EXIT_FAILURE;
}
