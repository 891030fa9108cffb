/*
 * Discovery, on stores that Microsoft's engine wrote (from the corpus) and on stores built here,
 * whose schema has other names and decoys: what is found, what is left alone, and what is called
 * undecided.
 */
#include "formats/certs/certs.h"
#include "formats/certs/der.h"
#include "formats/hash.h"
#include "formats/ese/build/build.h"
#include "migrate/discover/discover.h"
#include "migrate/profile/read.h"
#include "tests/check_main.h"

#include <unistd.h>

static const char *corpus;
static struct hash hash;

/* ---- certificates, as small as can be; nothing here checks signatures ---- */

static struct bytes text_bytes(const char *text)
{
    return bytes_of(text, strlen(text));
}

static void add_item(struct buffer *out, uint8_t id, struct bytes contents)
{
    size_t at = out->size;
    buffer_add(out, contents);
    der_wrap(out, at, id);
}

static void add_name(struct buffer *out, const char *common_name)
{
    static const uint8_t oid[] = {0x06, 3, 0x55, 4, 3};
    size_t at = out->size;
    buffer_add(out, bytes_of(oid, sizeof oid));
    add_item(out, DER_PRINTABLE_STRING, text_bytes(common_name));
    der_wrap(out, at, DER_SEQUENCE);
    der_wrap(out, at, DER_SET);
    der_wrap(out, at, DER_SEQUENCE);
}

static void add_algorithm(struct buffer *out)
{
    static const uint8_t sha1_rsa[] = {0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86,
                                       0xf7, 13, 1, 1, 5,    5,    0};
    buffer_add(out, bytes_of(sha1_rsa, sizeof sha1_rsa));
}

static void add_validity(struct buffer *out)
{
    size_t at = out->size;
    add_item(out, DER_UTC_TIME, text_bytes("980101000000Z"));
    add_item(out, DER_UTC_TIME, text_bytes("080101000000Z"));
    der_wrap(out, at, DER_SEQUENCE);
}

static void add_bits(struct buffer *out, char fill)
{
    uint8_t bits[140];
    memset(bits, fill, sizeof bits);
    bits[0] = 0;
    add_item(out, DER_BIT_STRING, bytes_of(bits, sizeof bits));
}

/* A certificate of `subject` by `issuer`; V1, or V3 that says whether it is a CA. */
static void add_certificate(struct buffer *out, const char *issuer, const char *subject,
                            uint8_t serial, int version, bool ca)
{
    static const uint8_t v3[] = {0xa0, 3, 2, 1, 2};
    static const uint8_t is_ca[] = {0xa3, 19, 0x30, 17, 0x30, 15,   6, 3, 0x55, 0x1d, 19,
                                    1,    1,  0xff, 4,  5,    0x30, 3, 1, 1,    0xff};
    size_t start = out->size;
    if (version == 3)
        buffer_add(out, bytes_of(v3, sizeof v3));
    add_item(out, DER_INTEGER, bytes_of(&serial, 1));
    add_algorithm(out);
    add_name(out, issuer);
    add_validity(out);
    add_name(out, subject);
    size_t key = out->size;
    add_algorithm(out);
    add_bits(out, subject[0]);
    der_wrap(out, key, DER_SEQUENCE);
    if (version == 3 && ca)
        buffer_add(out, bytes_of(is_ca, sizeof is_ca));
    der_wrap(out, start, DER_SEQUENCE);
    add_algorithm(out);
    add_bits(out, issuer[0]);
    der_wrap(out, start, DER_SEQUENCE);
}

static void add_crl(struct buffer *out, const char *issuer)
{
    size_t start = out->size;
    add_algorithm(out);
    add_name(out, issuer);
    add_item(out, DER_UTC_TIME, text_bytes("980101000000Z"));
    der_wrap(out, start, DER_SEQUENCE);
    add_algorithm(out);
    add_bits(out, issuer[0]);
    der_wrap(out, start, DER_SEQUENCE);
}

/* ---- tables ---- */

struct cell {
    const char *column;
    enum { NUMBER, BYTES } kind;
    int32_t number;
    struct bytes bytes;
};

#define NUM(c, n)                                                                                  \
    {                                                                                              \
        c, NUMBER, n,                                                                              \
        {                                                                                          \
            NULL, 0                                                                                \
        }                                                                                          \
    }
#define RAW(c, b)                                                                                  \
    {                                                                                              \
        c, BYTES, 0, b                                                                             \
    }
#define STR(c, t)                                                                                  \
    {                                                                                              \
        c, BYTES, 0, text_bytes(t)                                                                 \
    }
#define BIT(c, on)                                                                                 \
    {                                                                                              \
        c, BYTES, 0, bytes_of((on) ? "\xff" : "", 1)                                               \
    }
#define ROW(table, ...)                                                                            \
    add_row(table, (const struct cell[]){__VA_ARGS__},                                             \
            sizeof((const struct cell[]){__VA_ARGS__}) / sizeof(struct cell))

struct column_spec {
    const char *name;
    enum ese_coltype type;
};

/* Begins a table; its first column is the primary key; `indexed` (may be NULL) gets an index. */
static struct ese_build_table *begin(struct ese_build *build, const char *name,
                                     const struct column_spec *spec, const char *indexed)
{
    struct ese_column column[16] = {{.id = 0}};
    struct ese_index index[2] = {
        {.name = "Primary", .flags = ESE_INDEX_PRIMARY | ESE_INDEX_UNIQUE, .segments = 1},
        {.name = "Second", .segments = 1}};
    struct ese_table schema = {.name = name, .column = column, .index = index, .indexes = 1};
    struct ese_build_table *table = NULL;
    struct fault f;
    for (; spec->name; spec++)
        column[schema.columns++] =
            (struct ese_column){.name = spec->name,
                                .type = spec->type,
                                .flags = schema.columns ? 0 : ESE_COLUMN_NOT_NULL};
    ck_assert_msg(ese_build_layout(&schema, NULL, ESE_REVISION_ESE97, &f), "%s", f.text);
    for (unsigned i = 0; i < schema.columns; i++) {
        if (i == 0)
            index[0].segment[0].column = column[i].id;
        if (indexed && strcmp(column[i].name, indexed) == 0) {
            index[1].segment[0].column = column[i].id;
            schema.indexes = 2;
        }
    }
    ck_assert_msg(ese_build_table_begin(build, &schema, 0, &table, &f), "%s: %s", name, f.text);
    return table;
}

static void add_row(struct ese_build_table *table, const struct cell *cell, size_t cells)
{
    struct ese_build_value value[16] = {{.null = false}};
    struct fault f;
    for (size_t i = 0; i < cells; i++) {
        value[i].column = ese_table_column(ese_build_schema(table), cell[i].column);
        ck_assert_ptr_nonnull(value[i].column);
        value[i].data = cell[i].kind == NUMBER ? bytes_of(&cell[i].number, sizeof cell[i].number)
                                               : cell[i].bytes;
    }
    ck_assert_msg(ese_build_row(table, value, (unsigned)cells, &f), "%s", f.text);
}

static void end(struct ese_build_table *table)
{
    struct fault f;
    ck_assert_msg(ese_build_table_end(table, &f), "%s", f.text);
}

/* ---- stores ---- */

enum feature {
    INDEXED = 1 << 0,     /* Issued.SignedBy has an index */
    PEM = 1 << 1,         /* a table of PEM certificates */
    CUT = 1 << 2,         /* a table of certificates that are cut */
    SECOND_LIST = 1 << 3, /* another table of CA certificates */
    VALUE_SST = 1 << 4,   /* the list is one value; */
    VALUE_P7 = 1 << 5,    /* likewise */
    NO_ROWS = 1 << 6,     /* no table of CA certificates */
    DANGLING = 1 << 7,    /* the last row refers to an entry that is not there */
    ONLY_V1 = 1 << 8,     /* every certificate is V1, by entry 1 */
    REVOKED = 1 << 9,     /* a table of revocation lists */
    NAMED = 1 << 10,      /* the reference is called IssuerAnchor */
    NO_SETTINGS = 1 << 11,
    RIVAL = 1 << 12,        /* a column equal to the reference in every row */
    BROKEN_ENTRY = 1 << 13, /* one entry of the list is no certificate */
};

enum { ANCHORS = 21, ISSUED = 60 };

static const char *anchor_name(int32_t key, char to[16])
{
    if (key == 1)
        return "Own";
    if (key == 2 || key == ANCHORS)
        return "Issuing";
    snprintf(to, 16, "Root %d", key);
    return to;
}

static void anchor(struct buffer *out, int32_t key)
{
    char name[16];
    buffer_clear(out);
    add_certificate(out, anchor_name(key, name), anchor_name(key, name),
                    key == ANCHORS ? 2 : (uint8_t)key, key == 1 ? 1 : 3, true);
}

static void build_anchors(struct ese_build *build, const char *name, unsigned features)
{
    static const struct column_spec columns[] = {
        {"AnchorNo", ESE_COL_LONG}, {"Kind", ESE_COL_LONG},  {"Ok", ESE_COL_BIT},
        {"Digest", ESE_COL_BINARY}, {"Label", ESE_COL_TEXT}, {"Blob", ESE_COL_LONG_BINARY},
        {NULL, ESE_COL_NIL}};
    struct ese_build_table *table = begin(build, name, columns, NULL);
    struct buffer der = {.at = NULL};
    for (int32_t key = 1; key <= ANCHORS; key++) {
        uint8_t sha1[HASH_SHA1_SIZE];
        char label[16];
        anchor(&der, key);
        if ((features & BROKEN_ENTRY) && key == 9)
            memset(der.at + 4, 0x55, der.size - 4);
        hash_sha1(&hash, buffer_bytes(&der), sha1);
        ROW(table, NUM("AnchorNo", key),
            NUM("Kind", key == 1         ? 7
                        : key == ANCHORS ? 8
                                         : 9),
            BIT("Ok", true), RAW("Digest", bytes_of(sha1, sizeof sha1)),
            STR("Label", anchor_name(key, label)), RAW("Blob", buffer_bytes(&der)));
    }
    buffer_free(&der);
    end(table);
}

static void write_list(struct buffer *out, enum certlist_kind kind)
{
    struct certlist_writer writer;
    struct buffer der = {.at = NULL};
    certlist_write_begin(&writer, kind, out);
    for (int32_t key = 1; key <= ANCHORS; key++) {
        anchor(&der, key);
        struct certlist_entry entry = {
            .type = CERTLIST_CERTIFICATE, .encoded = buffer_bytes(&der), .encoding = SST_ENCODING};
        ck_assert(certlist_write(&writer, &entry));
    }
    ck_assert(certlist_write_end(&writer));
    buffer_free(&der);
}

static void build_settings(struct ese_build *build, unsigned features)
{
    static const struct column_spec columns[] = {{"OptNo", ESE_COL_LONG},
                                                 {"Label", ESE_COL_TEXT},
                                                 {"Data", ESE_COL_LONG_BINARY},
                                                 {NULL, ESE_COL_NIL}};
    struct ese_build_table *table = begin(build, "Options", columns, NULL);
    struct buffer der = {.at = NULL};
    uint8_t sha1[HASH_SHA1_SIZE];
    anchor(&der, ANCHORS);
    hash_sha1(&hash, buffer_bytes(&der), sha1);
    ROW(table, NUM("OptNo", 1), STR("Label", "Organization"), STR("Data", "Contoso"));
    if (!(features & NO_SETTINGS)) {
        ROW(table, NUM("OptNo", 2), STR("Label", "Issue"), STR("Data", "V3"));
        ROW(table, NUM("OptNo", 3), STR("Label", "Issuer"),
            RAW("Data", bytes_of(sha1, sizeof sha1)));
    }
    buffer_clear(&der);
    if (features & (VALUE_SST | VALUE_P7)) {
        write_list(&der, features & VALUE_SST ? CERTLIST_SST : CERTLIST_PKCS7);
        ROW(table, NUM("OptNo", 4), STR("Label", "Anchors;all"), RAW("Data", buffer_bytes(&der)));
    }
    buffer_free(&der);
    end(table);
}

/* Certificates of users, with columns that mean other things: Owner counts up, Ver is the version,
 * Half is mostly a key of the list, One is 1. */
static void build_issued(struct ese_build *build, unsigned features)
{
    const char *reference = features & NAMED ? "IssuerAnchor" : "SignedBy";
    const struct column_spec columns[] = {
        {"RowNo", ESE_COL_LONG}, {"Owner", ESE_COL_LONG},       {reference, ESE_COL_LONG},
        {"Ver", ESE_COL_LONG},   {"Half", ESE_COL_LONG},        {"One", ESE_COL_LONG},
        {"Twin", ESE_COL_LONG},  {"Blob", ESE_COL_LONG_BINARY}, {NULL, ESE_COL_NIL}};
    struct ese_build_table *table =
        begin(build, "Issued", columns, features & INDEXED ? reference : NULL);
    struct buffer der = {.at = NULL};
    for (int32_t row = 1; row <= ISSUED; row++) {
        bool v1 = row % 2 || (features & ONLY_V1);
        int32_t issuer = v1 ? 1 : row % 4 ? 2 : ANCHORS;
        if ((features & DANGLING) && row == ISSUED)
            issuer = 999;
        char subject[32];
        snprintf(subject, sizeof subject, "User %d", row);
        buffer_clear(&der);
        add_certificate(&der, v1 ? "Own" : "Issuing", subject, (uint8_t)row, v1 ? 1 : 3, false);
        ROW(table, NUM("RowNo", row), NUM("Owner", 100 + row), NUM(reference, issuer),
            NUM("Ver", v1 ? 1 : 3), NUM("Half", row <= 40 ? 5 : 77), NUM("One", 1),
            NUM("Twin", features & RIVAL ? issuer : 0), RAW("Blob", buffer_bytes(&der)));
    }
    buffer_free(&der);
    end(table);
}

static void build_revoked(struct ese_build *build, unsigned features)
{
    const char *reference = features & NAMED ? "IssuerAnchor" : "SignedBy";
    const struct column_spec columns[] = {{"ListNo", ESE_COL_LONG},
                                          {reference, ESE_COL_LONG},
                                          {"Sequence", ESE_COL_LONG},
                                          {"Blob", ESE_COL_LONG_BINARY},
                                          {NULL, ESE_COL_NIL}};
    struct ese_build_table *table = begin(build, "Revoked", columns, NULL);
    struct buffer der = {.at = NULL};
    add_crl(&der, "Own");
    ROW(table, NUM("ListNo", 1), NUM(reference, 1), NUM("Sequence", 1),
        RAW("Blob", buffer_bytes(&der)));
    buffer_free(&der);
    end(table);
}

/* Copies of the anchors beside the list: as PEM, or cut, which is no use. */
static void build_useless(struct ese_build *build, const char *name, bool pem)
{
    static const struct column_spec columns[] = {
        {"No", ESE_COL_LONG}, {"Blob", ESE_COL_LONG_BINARY}, {NULL, ESE_COL_NIL}};
    struct ese_build_table *table = begin(build, name, columns, NULL);
    struct buffer der = {.at = NULL}, text = {.at = NULL};
    for (int32_t key = 1; key <= ANCHORS; key++) {
        anchor(&der, key);
        buffer_clear(&text);
        pem_write(&text, "CERTIFICATE", buffer_bytes(&der));
        ROW(table, NUM("No", key),
            RAW("Blob", pem ? buffer_bytes(&text) : bytes_of(der.at, der.size - 30)));
    }
    buffer_free(&der);
    buffer_free(&text);
    end(table);
}

static void build_store(FILE *file, unsigned features)
{
    struct ese_build_options options = {
        .descriptor = fileno(file), .revision = 2, .page_size = 4096};
    struct ese_build *build = NULL;
    struct fault f;
    ck_assert_msg(ese_build_start(&options, &build, &f), "%s", f.text);
    if (!(features & NO_ROWS))
        build_anchors(build, "Anchors", features);
    if (features & SECOND_LIST)
        build_anchors(build, "Archive", 0);
    build_settings(build, features);
    build_issued(build, features);
    if (features & REVOKED)
        build_revoked(build, features);
    if (features & PEM)
        build_useless(build, "Requests", true);
    if (features & CUT)
        build_useless(build, "Cache", false);
    ck_assert_msg(ese_build_finish(build, NULL, &f), "%s", f.text);
}

/* ---- what is found ---- */

/* The draft as one text: "key=value" lines of interest. */
static void summarise(const struct profile *p, char to[1024])
{
    size_t used = 0;
    to[0] = '\0';
    if (p->list[0].table)
        used += (size_t)snprintf(to + used, 1024 - used, "list=%s.%s.%s.%s ", p->list[0].table,
                                 p->list[0].key, p->list[0].certificate,
                                 p->list[0].thumbprint ? p->list[0].thumbprint : "-");
    if (p->list[0].role)
        used += (size_t)snprintf(to + used, 1024 - used, "roles=%s:%d,%d,%d ", p->list[0].role,
                                 p->list[0].role_own, p->list[0].role_issuing,
                                 p->list[0].role_imported);
    if (p->value[0].table)
        used += (size_t)snprintf(to + used, 1024 - used, "value=%s.%s.%s.%s ", p->value[0].table,
                                 p->value[0].column, p->value[0].select, p->value[0].equals);
    if (p->settings_table)
        used += (size_t)snprintf(to + used, 1024 - used, "settings=%s.%s.%s mode=%s ca=%s ",
                                 p->settings_table, p->settings_name, p->settings_value,
                                 p->setting_mode ? p->setting_mode : "-",
                                 p->setting_issuing_ca ? p->setting_issuing_ca : "-");
    for (unsigned i = 0; i < p->references; i++)
        used += (size_t)snprintf(to + used, 1024 - used, "ref=%s.%s.%s%s%s ", p->reference[i].table,
                                 p->reference[i].column, p->reference[i].key,
                                 p->reference[i].crl ? ".crl" : "",
                                 p->reference[i].proves ? "" : ".unproved");
    if (p->certificates_table)
        snprintf(to + used, 1024 - used, "issued=%s.%s", p->certificates_table,
                 p->certificates_version ? p->certificates_version : "-");
}

static void open_store(struct store *store, const char *path)
{
    *store = (struct store){.db = NULL};
    struct fault f;
    ck_assert_msg(ese_db_open(path, NULL, NULL, &store->db, &f), "%s: %s", path, f.text);
}

/* The draft is a profile that can be read, says the same, and matches the store it was made of. */
static void expect_usable(const struct discovery *d, const struct store *store)
{
    char path[64], found[1024], again[1024];
    struct profile p;
    struct fault f = {.code = FAULT_NONE};
    FILE *file = tmpfile();
    ck_assert_ptr_nonnull(file);
    discover_write(d, file);
    ck_assert_int_eq(fflush(file), 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fileno(file));
    bool ok = profile_read(path, &p, &f);
    bool has_list = d->result == DISCOVER_DOUBT || d->result == DISCOVER_COMPLETE;
    ck_assert_msg(ok == has_list, "%s", f.text);
    fclose(file);
    if (!ok)
        return;
    summarise(&d->profile, found);
    summarise(&p, again);
    ck_assert_str_eq(found, again);
    ck_assert_msg(profile_match(&p, store->db->catalog, &f) != PROFILE_NO_MATCH, "%s", f.text);
    profile_close(&p);
}

static void expect_discovery(const char *what, const char *path, const char *table,
                             enum discover_result result, const char *draft)
{
    char found[1024];
    struct store store;
    struct discovery d;
    struct fault f;
    open_store(&store, path);
    struct discover_hints hints = {.list_table = table};
    ck_assert_msg(discover(&store, &hints, &d, &f), "%s: %s", what, f.text);
    summarise(&d.profile, found);
    if (d.result != result || strcmp(found, draft) != 0)
        discover_explain(&d, "  ", stderr);
    ck_assert_msg(d.result == result, "%s: expected %s, found %s", what,
                  discover_result_name(result), discover_result_name(d.result));
    ck_assert_msg(strcmp(found, draft) == 0, "%s: expected\n%s\nfound\n%s", what, draft, found);
    expect_usable(&d, &store);
    discover_close(&d);
    ese_db_close(store.db);
}

#define ANCHOR_LIST "list=Anchors.AnchorNo.Blob.Digest roles=Kind:7,8,9 "
#define OPTIONS "settings=Options.Label.Data mode=Issue ca=Issuer "
#define VALUE "value=Options.Data.Label.Anchors;all "
#define SIGNED_BY "ref=Issued.SignedBy.RowNo "
#define ISSUED_WITH_VERSION "issued=Issued.Ver"

static const struct built {
    const char *what;
    unsigned features;
    const char *table; /* --table */
    enum discover_result result;
    const char *draft;
} built[] = {
    {"other names", 0, NULL, DISCOVER_COMPLETE, ANCHOR_LIST OPTIONS SIGNED_BY ISSUED_WITH_VERSION},
    {"PEM and cut certificates beside", PEM | CUT, NULL, DISCOVER_COMPLETE,
     ANCHOR_LIST OPTIONS SIGNED_BY ISSUED_WITH_VERSION},
    {"PEM and cut certificates alone", PEM | CUT | NO_ROWS, NULL, DISCOVER_COMPLETE,
     "list=Requests.No.Blob.- settings=Options.Label.Data mode=Issue ca=Issuer "
     "ref=Issued.SignedBy.RowNo issued=Issued.Ver"},
    {"an entry that is no certificate", BROKEN_ENTRY, NULL, DISCOVER_COMPLETE,
     ANCHOR_LIST OPTIONS SIGNED_BY ISSUED_WITH_VERSION},
    {"revocation lists", REVOKED, NULL, DISCOVER_COMPLETE,
     ANCHOR_LIST OPTIONS SIGNED_BY "ref=Revoked.SignedBy.ListNo.crl " ISSUED_WITH_VERSION},
    {"a list in a serialized store", VALUE_SST | NO_ROWS, NULL, DISCOVER_COMPLETE,
     VALUE OPTIONS SIGNED_BY ISSUED_WITH_VERSION},
    {"a list in PKCS#7", VALUE_P7 | NO_ROWS | INDEXED, NULL, DISCOVER_COMPLETE,
     VALUE OPTIONS SIGNED_BY ISSUED_WITH_VERSION},
    {"two tables", SECOND_LIST, NULL, DISCOVER_TWO_LISTS, ""},
    {"a table and a value", VALUE_SST, NULL, DISCOVER_TWO_LISTS, ""},
    {"two tables, one named", SECOND_LIST, "anchors", DISCOVER_COMPLETE,
     ANCHOR_LIST OPTIONS SIGNED_BY ISSUED_WITH_VERSION},
    {"a table that is none, named", 0, "Issued", DISCOVER_NOTHING, ""},
    {"no settings", NO_SETTINGS, NULL, DISCOVER_COMPLETE,
     "list=Anchors.AnchorNo.Blob.Digest " SIGNED_BY ISSUED_WITH_VERSION},
    /* Entry 1 issued all of it, so SignedBy, Ver and One are 1 everywhere. */
    {"one issuer only", ONLY_V1, NULL, DISCOVER_DOUBT, ANCHOR_LIST OPTIONS},
    {"one issuer only, an index", ONLY_V1 | INDEXED, NULL, DISCOVER_COMPLETE,
     ANCHOR_LIST OPTIONS SIGNED_BY "issued=Issued.-"},
    {"one issuer only, a telling name", ONLY_V1 | NAMED, NULL, DISCOVER_COMPLETE,
     ANCHOR_LIST OPTIONS "ref=Issued.IssuerAnchor.RowNo issued=Issued.-"},
    {"two columns with the same values", RIVAL, NULL, DISCOVER_DOUBT, ANCHOR_LIST OPTIONS},
    {"two columns, one with an index", RIVAL | INDEXED, NULL, DISCOVER_COMPLETE,
     ANCHOR_LIST OPTIONS SIGNED_BY ISSUED_WITH_VERSION},
    {"a reference to nothing", DANGLING, NULL, DISCOVER_DOUBT, ANCHOR_LIST OPTIONS},
};

START_TEST(built_stores_are_understood)
{
    char path[64];
    FILE *file = tmpfile();
    ck_assert_ptr_nonnull(file);
    build_store(file, built[_i].features);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fileno(file));
    expect_discovery(built[_i].what, path, built[_i].table, built[_i].result, built[_i].draft);
    fclose(file);
}
END_TEST

#define KM55_LIST "list=CertificateList.EntryId.Certificate.Thumbprint "
#define KM55_ROLES "roles=Role:1,2,3 "
#define KM55_SETTINGS "settings=Configuration.Name.Value mode=IssueMode ca=IssuingCA "
#define KM55_REFERENCES "ref=UserCertificates.IssuerEntry.CertId issued=UserCertificates.Version"

static const struct {
    const char *path;
    enum discover_result result;
    const char *draft;
} engine[] = {
    {"engine/imported-twice", DISCOVER_COMPLETE,
     KM55_LIST KM55_ROLES KM55_SETTINGS KM55_REFERENCES},
    {"engine/imported-twice-revision2", DISCOVER_COMPLETE,
     KM55_LIST KM55_ROLES KM55_SETTINGS KM55_REFERENCES},
    {"engine/clean-v3-revision2", DISCOVER_COMPLETE,
     KM55_LIST KM55_ROLES KM55_SETTINGS KM55_REFERENCES},
    {"engine/interrupted-switch-revision2", DISCOVER_COMPLETE, /* no entry has the issuing role */
     KM55_LIST KM55_SETTINGS KM55_REFERENCES},
    {"engine/types-4096", DISCOVER_NOTHING, ""},
    {"engine/churn-4096", DISCOVER_NOTHING, ""},
    {"ese/Catalog1", DISCOVER_NOTHING, ""},
    {"ese/decompress_test", DISCOVER_NOTHING, ""},
};

START_TEST(stores_of_the_engine_are_understood)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s.edb.gz", corpus, engine[_i].path);
    expect_discovery(engine[_i].path, path, NULL, engine[_i].result, engine[_i].draft);
}
END_TEST

int main(void)
{
    if (!hash_open(&hash, NULL))
        return EXIT_FAILURE;
    corpus = getenv("KM_CORPUS");
    if (corpus == NULL)
        corpus = KM_SOURCE_DIR "/../shared/corpus";
    if (access(corpus, R_OK) != 0)
        corpus = NULL;
    if (corpus == NULL)
        fprintf(stderr, "discover: the corpus is not there: only stores built here are tested\n");
    int status = check_main(
        "discover", (const struct check_case[]){
                        {built_stores_are_understood, ARRAY_SIZE(built)},
                        {corpus ? stores_of_the_engine_are_understood : NULL, ARRAY_SIZE(engine)},
                        {0},
                    });
    hash_close(&hash);
    return status;
}
