/*
 * Profiles: what is read, what is refused and where the fault says it is, that writing and reading
 * give the same, and what a profile matches.  Catalogs come from the corpus; without it only those
 * cases are skipped.
 */
#include "formats/ese/read/db.h"
#include "migrate/profile/profile.h"
#include "migrate/profile/read.h"
#include "tests/check_main.h"

#include <unistd.h>

#define LIST "[list]\ntable = L\nkey = K\ncertificate = C\n"
#define MINIMAL "[profile]\nname = p\n" LIST

/* ---- reading ---- */

/* Writes text to a file of its own, reads it as a profile, and removes the file. */
static bool read_text(const char *text, size_t size, struct profile *profile, struct fault *f)
{
    char path[] = "/tmp/km-profile-XXXXXX";
    int file = mkstemp(path);
    ck_assert_int_ge(file, 0);
    ck_assert_int_eq(write(file, text, size), (ssize_t)size);
    close(file);
    *f = (struct fault){.code = FAULT_NONE};
    bool ok = profile_read(path, profile, f);
    unlink(path);
    return ok;
}

static const struct good {
    const char *what, *text;
} good[] = {
    {"the least", MINIMAL},
    {"a list value only",
     "[profile]\nname=p\n[list-value]\ntable=T\ncolumn=V\nselect=N\nequals=L\n"},
    {"a list value in the only row", "[profile]\nname=p\n[list-value]\ntable=T\ncolumn=V\n"},
    {"a list in items",
     "[profile]\nname=p\n[list-value]\ntable=T\ncolumn=V\nform=items\nitems=count:le32 skip:2\n"},
    {"a list in pieces", "[profile]\nname=p\n[list-value]\ntable=T\ncolumn=V\njoin=N\n"},
    {"a list in several values",
     "[profile]\nname=p\n[list-value]\ntable=T\ncolumn=V\nform=values\n"},
    {"a list in several tables",
     "[profile]\nname=p\n[list.4]\ntable=T\nkey=K\ncertificates=C\n[list.2]\ntable=U\nkey=K\n"
     "certificate=C\nrows=Kind=1, 2\n[reference.1]\ntable=R\ncolumn=S\nlist=2\n"},
    {"a list in several values",
     "[profile]\nname=p\n[list.1]\ntable=T\nrows=N = A & B = C\ncertificates=V\nform=der\n"
     "key=none\n[list.2]\ntable=T\nrows=N=2\ncertificates=V\nform=items\nitems=size:be16\n"},
    {"one numbered part, and a reference to it",
     "[profile]\nname=p\n[list.7]\ntable=T\nkey=K\ncertificate=C\n[reference.1]\ntable=R\n"
     "column=S\nlist=7\n"},
    {"roles as conditions",
     MINIMAL "own = F & 4 = 4\nissuing = F & 2 = 2\nimported = F & 6 = 0\ntrusted = F & 1 = 1\n"
             "thumbprint = H as hex\nkeep = A, B\n"},
    {"a column that is trust", MINIMAL "trusted = T\n"},
    {"settings of every kind",
     MINIMAL "[setting.mode]\ntable=T\nrows=N & 6 = 4\ncolumn=M\nV1=0\nV1V3=1\nV3=2\n"
             "[setting.issuing-ca]\ntable=T\nrows = N = CA %3b 1\ncolumn=V\nnames=sha1 hex\n"
             "[setting.organization]\nis=x\n[setting.site]\ntable=T\ncolumn=S\n"},
    {"an issuing CA by its role", MINIMAL "[setting.issuing-ca]\nnames = role\n"},
    {"comments, blank lines, indents and a byte order mark",
     "\xef\xbb\xbf; one\n\n  # two\n  [profile]\n\tname = p ; three\n" LIST},
    {"carriage returns",
     "[profile]\r\nname = p\r\n[list]\r\ntable=L\r\nkey=K\r\ncertificate=C\r\n"},
    {"no line end at the end", MINIMAL "thumbprint = T"},
    {"a colon for the equals sign", MINIMAL "thumbprint: T\n"},
    {"roles at the ends of the range",
     MINIMAL "role = R\nrole-own = -2147483648\nrole-issuing = 0\nrole-imported = 2147483647\n"},
    {"numbers of sections in any order and with gaps",
     MINIMAL "[reference.7]\ntable=A\ncolumn=B\nkey=C\n[reference.2]\ntable=D\ncolumn=E\nkey=F\n"},
    {"anything behind a bracket but text", "[profile] ; comment\nname=p\n" LIST},
    {"a long comment",
     "; ...................................................................................."
     "...................................................................................."
     "...................................................................................."
     "\n" MINIMAL},
};

static char *written(const struct profile *p);

START_TEST(good_text_is_read)
{
    struct profile p, again;
    struct fault f;
    ck_assert_msg(read_text(good[_i].text, strlen(good[_i].text), &p, &f), "%s: %s", good[_i].what,
                  f.text);
    ck_assert_str_eq(p.name, "p");
    char *text = written(&p);
    ck_assert_msg(read_text(text, strlen(text), &again, &f), "%s: %s", good[_i].what, f.text);
    char *text_again = written(&again);
    ck_assert_str_eq(text, text_again);
    free(text);
    free(text_again);
    profile_close(&p);
    profile_close(&again);
}
END_TEST

static const struct bad {
    const char *text, *line, *says; /* line: ":N: " as the fault has it */
    enum fault_code code;
} bad[] = {
    {"", ":0: ", "[profile]", FAULT_MISSING},
    {"[profile]\nname = p\n", ":2: ", "[list] or [list-value]", FAULT_MISSING},
    {LIST, ":4: ", "[profile]", FAULT_MISSING},
    {"[profile]\n" LIST, ":1: ", "[profile]: expected the key name", FAULT_MISSING},
    {"[profile]\nname = p\n[list]\ntable = L\nkey = K\n", ":3: ", "the key certificate",
     FAULT_MISSING},
    {MINIMAL "[lost]\n", ":7: ", "found [lost]", FAULT_DAMAGED},
    {MINIMAL "[reference]\n", ":7: ", "found [reference]", FAULT_DAMAGED},
    {MINIMAL "[reference.0]\n", ":7: ", "found [reference.0]", FAULT_DAMAGED},
    {MINIMAL "[reference.x]\n", ":7: ", "found [reference.x]", FAULT_DAMAGED},
    {MINIMAL "[list.1]\n", ":7: ", "expected either [list] or sections [list.N], found both",
     FAULT_DAMAGED},
    {"[profile]\nname=p\n[list.1]\n"
     "table=T\nkey=K\ncertificate=C\n[list]\n",
     ":7: ", "found both; the other in line 3", FAULT_DAMAGED},
    {"[profile]\nname=p\n[list.1]\n"
     "table=T\nkey=K\ncertificate=C\n[list.1]\n",
     ":7: ", "section [list.1] comes twice, first in line 3", FAULT_DAMAGED},
    {"[profile]\nname=p\n[list]\n"
     "table=T\ncertificate=C\n",
     ":3: ", "[list]: expected the key key", FAULT_MISSING},
    {MINIMAL "certificates = D\n", ":7: ", "certificate comes twice", FAULT_DAMAGED},
    {MINIMAL "rows = D\n", ":7: ", "rows: expected COLUMN = VALUE", FAULT_DAMAGED},
    {MINIMAL "rows = D & 0 = 1\n", ":7: ", "expected COLUMN = VALUE or", FAULT_DAMAGED},
    {MINIMAL "rows = D & 1 = x\n", ":7: ", "expected COLUMN = VALUE or", FAULT_DAMAGED},
    {MINIMAL "rows = D & 1 = 1,2\n", ":7: ", "expected COLUMN = VALUE or", FAULT_DAMAGED},
    {MINIMAL "rows = = 1\n", ":7: ", "expected COLUMN = VALUE or", FAULT_DAMAGED},
    {MINIMAL "rows = D =\n", ":7: ", "expected COLUMN = VALUE or", FAULT_DAMAGED},
    {MINIMAL "own = D = 1\n", ":3: ", "[list]: expected the key issuing", FAULT_MISSING},
    {MINIMAL "issuing = D = 1\nrole = R\nrole-own=1\nrole-issuing=2\nrole-imported=3\n",
     ":3: ", "found both", FAULT_DAMAGED},
    {"[profile]\nname=p\n[list.1]\n"
     "table=T\nkey=K\ncertificate=C\n[list.2]\n"
     "table=T\nform=der\ncertificate=C\n",
     ":3: ", "all in rows, or all in values", FAULT_DAMAGED},
    {"[profile]\nname=p\n[list.1]\n"
     "table=T\nkey=none\ncertificate=C\nname=N\n",
     ":3: ", "an entry has no columns of its own", FAULT_DAMAGED},
    {"[profile]\nname=p\n[list.1]\n"
     "table=T\nkey=none\ncertificate=C\nrows=A & 1 = 1\n",
     ":3: ", "found a mask", FAULT_DAMAGED},
    {"[profile]\nname=p\n[list.1]\n"
     "table=T\nkey=none\ncertificate=C\n[list.2]\n"
     "table=T\njoin=J\ncertificate=C\n",
     ":7: ", "expected a list in pieces to be all", FAULT_DAMAGED},
    {"[profile]\nname=p\n[list.1]\n"
     "table=T\nkey=none\ncertificate=C\n[list.2]\n"
     "table=T\nkey=none\ncertificate=D\n[reference.1]\ntable=R\ncolumn=S\n",
     ":11: ", "expected sha1 with a list in several values", FAULT_DAMAGED},
    {MINIMAL "[reference.1]\ntable=T\ncolumn=C\nlist=2\n",
     ":7: ", "expected a section [list.2] of rows", FAULT_MISSING},
    {MINIMAL "[reference.1]\ntable=T\ncolumn=C\nlist=0\n", ":10: ", "a number from 1 to 999",
     FAULT_LIMIT},
    {MINIMAL "[List]\n", ":7: ", "found [List]", FAULT_DAMAGED},
    {MINIMAL "[list\n", ":7: ", "expected ]", FAULT_DAMAGED},
    {MINIMAL "[users] table = U\n", ":7: ", "nothing after ]", FAULT_DAMAGED},
    {MINIMAL "[list]\n", ":7: ", "first in line 3", FAULT_DAMAGED},
    {MINIMAL "[secret.1]\ntable=T\ncolumn=C\n[secret.1]\n", ":10: ", "first in line 7",
     FAULT_DAMAGED},
    {MINIMAL "[users]\n", ":7: ", "the key table", FAULT_MISSING},
    {MINIMAL "[reference.1]\ntable = T\n", ":7: ", "[reference.1]: expected the key column",
     FAULT_MISSING},
    {MINIMAL "[reference.1]\ntable = T\ncolumn = C\nnames = position\n", ":10: ",
     "expected key, position 0, position 1, sha1, sha1 hex or issuer serial, "
     "found position",
     FAULT_DAMAGED},
    {MINIMAL "[ignore.1]\ntable = T\n", ":7: ", "[ignore.1]: expected the key column",
     FAULT_MISSING},
    {MINIMAL "[list-value]\ntable=T\ncolumn=V\nform=crt\n", ":7: ",
     "form: expected auto, der, pem, pkcs7, sst, items or values, found crt", FAULT_DAMAGED},
    {MINIMAL "[list-value]\ntable=T\ncolumn=V\njoin=N\nform=values\n",
     ":7: ", "one value a row with join", FAULT_DAMAGED},
    {MINIMAL "[list-value]\ntable=T\ncolumn=V\nform=items\n", ":7: ", "expected items = LAYOUT",
     FAULT_MISSING},
    {MINIMAL "[list-value]\ntable=T\ncolumn=V\nform=sst\nitems=skip:1\n",
     ":7: ", "with the form items only", FAULT_MISSING},
    {MINIMAL "[list-value]\ntable=T\ncolumn=V\nform=items\nitems=skip:x\n", ":7: ", "found skip:x",
     FAULT_DAMAGED},
    {MINIMAL "[list-value]\ntable=T\ncolumn=V\nselect=N\n", ":7: ", "the key equals beside select",
     FAULT_MISSING},
    {MINIMAL "[list-value]\ntable=T\ncolumn=V\nequals=N\n", ":10: ", "the key select beside equals",
     FAULT_DAMAGED},
    {MINIMAL "thumb = T\n", ":7: ", "found thumb", FAULT_DAMAGED},
    {MINIMAL "key = T\n", ":7: ", "first in line 5", FAULT_DAMAGED},
    {"name = p\n", ":1: ", "expected a section before", FAULT_DAMAGED},
    {MINIMAL "thumbprint\n", ":7: ", "expected [section], key = value, or a comment",
     FAULT_DAMAGED},
    {MINIMAL "thumbprint =\n", ":7: ", "expected a value", FAULT_DAMAGED},
    {MINIMAL "thumbprint = ; T\n", ":7: ", "expected a value", FAULT_DAMAGED},
    {"[profile]\nname = p\nreconstruction = maybe\n", ":3: ", "expected yes or no", FAULT_DAMAGED},
    {MINIMAL "role-own = 1\n", ":7: ", "the key role beside role-own", FAULT_DAMAGED},
    {MINIMAL "role = R\nrole-own = 1\nrole-issuing = 2\n", ":3: ", "role-imported beside role",
     FAULT_MISSING},
    {MINIMAL "role = R\nrole-own = 1\nrole-issuing = 2\nrole-imported = 2\n",
     ":3: ", "three different numbers", FAULT_DAMAGED},
    {MINIMAL "role = R\nrole-own = one\n", ":8: ", "decimal number", FAULT_DAMAGED},
    {MINIMAL "role = R\nrole-own = 0x1\n", ":8: ", "decimal number", FAULT_DAMAGED},
    {MINIMAL "role = R\nrole-own = 2147483648\n", ":8: ", "number from", FAULT_LIMIT},
    {MINIMAL "role = R\nrole-own = 99999999999999999999\n", ":8: ", "number from", FAULT_LIMIT},
    {MINIMAL "thumbprint = "
             "1234567890123456789012345678901234567890123456789012345678901234+\n",
     ":7: ", "at most 64 characters", FAULT_LIMIT},
    {MINIMAL "thumbprint = \xc3\xa9\n", ":7: ", "write it as %C3", FAULT_DAMAGED},
    {MINIMAL "thumbprint = a%4\n", ":7: ", "two hex digits", FAULT_DAMAGED},
    {MINIMAL "thumbprint = a%00\n", ":7: ", "two hex digits", FAULT_DAMAGED},
    {MINIMAL "[reference.1]\ntable=T\ncolumn=C\nkey=K\nkind = certificate\n",
     ":11: ", "the key proves beside kind", FAULT_DAMAGED},
    {MINIMAL "[reference.1]\ntable=T\ncolumn=C\nkey=K\nproves=P\nkind = paper\n",
     ":12: ", "expected revocation-list or certificate", FAULT_DAMAGED},
};

START_TEST(bad_text_is_refused)
{
    struct profile p;
    struct fault f;
    bool ok = read_text(bad[_i].text, strlen(bad[_i].text), &p, &f);
    ck_assert_msg(!ok, "this was read: %s", bad[_i].text);
    ck_assert_msg(f.code == bad[_i].code && strstr(f.text, bad[_i].line) &&
                      strstr(f.text, bad[_i].says),
                  "expected code %d, %s and %s; found code %d, %s", bad[_i].code, bad[_i].line,
                  bad[_i].says, f.code, f.text);
    ck_assert_ptr_null(p.name);
}
END_TEST

/* A text of as many bytes as there may be, each in three characters. */
START_TEST(a_long_text_fits_on_a_line)
{
    char text[2000] = "[profile]\nname = ";
    struct profile p;
    struct fault f;
    for (unsigned i = 0; i < 160; i++)
        strcat(text, "%E6");
    strcat(text, "\n" LIST);
    ck_assert_msg(read_text(text, strlen(text), &p, &f), "%s", f.text);
    ck_assert_uint_eq(strlen(p.name), 160);
    char *again = written(&p);
    ck_assert_msg(strstr(again, "%E6%E6"), "%s", again);
    free(again);
    profile_close(&p);
}
END_TEST

START_TEST(a_line_has_a_limit)
{
    char text[2000] = MINIMAL "thumbprint = ";
    struct profile p;
    struct fault f;
    memset(text + strlen(text), '.', 1000);
    ck_assert(!read_text(text, strlen(text), &p, &f));
    ck_assert_msg(strstr(f.text, ":7: ") && strstr(f.text, "a line of at most 1000"), "%s", f.text);
}
END_TEST

START_TEST(byte_zero_is_refused)
{
    static const char text[] = MINIMAL "thumb\0print = T\n";
    struct profile p;
    struct fault f;
    ck_assert(!read_text(text, sizeof text - 1, &p, &f));
    ck_assert_ptr_nonnull(strstr(f.text, ":7: expected text, found a byte 0"));
}
END_TEST

START_TEST(too_large_a_file_is_refused)
{
    size_t size = 64 * 1024 + 1;
    char *text = malloc(size);
    struct profile p;
    struct fault f;
    memset(text, '\n', size);
    memcpy(text, MINIMAL, sizeof MINIMAL - 1);
    ck_assert(read_text(text, size - 1, &p, &f));
    profile_close(&p);
    ck_assert(!read_text(text, size, &p, &f));
    ck_assert_int_eq(f.code, FAULT_LIMIT);
    free(text);
}
END_TEST

START_TEST(no_file_is_a_fault)
{
    struct profile p;
    struct fault f = {.code = FAULT_NONE};
    ck_assert(!profile_read("/nowhere/profile.ini", &p, &f));
    ck_assert_int_eq(f.code, FAULT_IO);
    ck_assert_ptr_nonnull(strstr(f.text, "/nowhere/profile.ini: cannot be opened"));
    ck_assert(!profile_read("/", &p, &f));
    ck_assert_int_eq(f.code, FAULT_IO);
}
END_TEST

/* References and secrets: one more than there may be. */
static void expect_limit(const char *section, unsigned most)
{
    char text[4096] = MINIMAL;
    struct profile p;
    struct fault f;
    for (unsigned i = 1; i <= most; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "[%s.%u]\ntable=T\ncolumn=C\n%s",
                 section, i, section[0] == 'r' ? "key=K\n" : "");
    ck_assert_msg(read_text(text, strlen(text), &p, &f), "%s", f.text);
    profile_close(&p);
    snprintf(text + strlen(text), sizeof text - strlen(text), "[%s.%u]\n", section, most + 1);
    ck_assert(!read_text(text, strlen(text), &p, &f));
    ck_assert_int_eq(f.code, FAULT_LIMIT);
}

START_TEST(numbered_sections_are_limited)
{
    expect_limit("reference", PROFILE_REFERENCES_MOST);
    expect_limit("secret", PROFILE_SECRETS_MOST);
}
END_TEST

/* ---- the built-in profile, and writing ---- */

START_TEST(builtin_profile_is_as_designed)
{
    struct profile p;
    struct fault f;
    ck_assert_msg(profile_builtin(&p, &f), "%s", f.text);
    ck_assert_str_eq(p.name, "km55");
    ck_assert(p.reconstruction);
    ck_assert_str_eq(p.list[0].table, "CertificateList");
    ck_assert_str_eq(p.list[0].key, "EntryId");
    ck_assert_str_eq(p.list[0].imported, "ImportedOn");
    ck_assert_int_eq(p.list[0].role_own, 1);
    ck_assert_int_eq(p.list[0].role_issuing, 2);
    ck_assert_int_eq(p.list[0].role_imported, 3);
    ck_assert_str_eq(p.value[0].equals, "CertificateList");
    ck_assert_str_eq(p.setting_ca_name, "CADistinguishedName");
    ck_assert_uint_eq(p.references, 2);
    ck_assert_str_eq(p.reference[0].table, "UserCertificates");
    ck_assert(!p.reference[0].crl);
    ck_assert_str_eq(p.reference[1].proves, "Crl");
    ck_assert(p.reference[1].crl);
    ck_assert_uint_eq(p.secrets, 2);
    ck_assert_str_eq(p.secret[1].column, "Secret");
    profile_close(&p);
    ck_assert_ptr_null(p.list[0].table);
}
END_TEST

static char *written(const struct profile *profile)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    profile_write(profile, to);
    fclose(to);
    return text;
}

/* The text without its comments and blank lines. */
static void strip(char *text)
{
    char *to = text;
    for (char *line = text; *line;) {
        size_t size = strcspn(line, "\n") + 1;
        if (line[0] != ';' && line[0] != '\n') {
            memmove(to, line, size);
            to += size;
        }
        line += size;
    }
    *to = '\0';
}

START_TEST(builtin_profile_is_written_as_it_stands)
{
    struct profile p;
    char builtin[4096];
    ck_assert(profile_builtin(&p, NULL));
    char *text = written(&p);
    snprintf(builtin, sizeof builtin, "%s", profile_km55_text);
    strip(text);
    strip(builtin);
    ck_assert_str_eq(text, builtin);
    free(text);
    profile_close(&p);
}
END_TEST

/* The manual page shows the built-in profile word for word, in the first of its displays. */
START_TEST(manual_page_has_the_builtin_profile)
{
    char line[512], shown[sizeof line * 32] = "";
    bool inside = false;
    FILE *page = fopen(KM_SOURCE_DIR "/migrate/kmmigrate-profile.5", "r");
    ck_assert_ptr_nonnull(page);
    while (fgets(line, sizeof line, page) && strncmp(line, ".Ed", 3) != 0) {
        if (strncmp(line, ".Bd", 3) == 0)
            inside = true;
        else if (inside)
            strcat(shown, strncmp(line, "\\&", 2) == 0 ? line + 2 : line);
    }
    fclose(page);
    ck_assert_str_eq(shown, profile_km55_text);
}
END_TEST

/* Values that an INI file cannot hold as they are. */
static const char *const odd[] = {"; comment", "#",    " leading", "trailing ", "a ;b",
                                  "50%",       "%41",  "\xc4pfel", "a\nb",      "[x]",
                                  "= :",       "a  b", "\"q\""};

START_TEST(odd_values_survive)
{
    struct profile p, again;
    struct fault f;
    ck_assert(profile_builtin(&p, NULL));
    free(p.value[0].equals);
    p.value[0].equals = strdup(odd[_i]);
    char *text = written(&p);
    ck_assert_msg(read_text(text, strlen(text), &again, &f), "%s: %s", odd[_i], f.text);
    ck_assert_str_eq(again.value[0].equals, odd[_i]);
    char *text_again = written(&again);
    ck_assert_str_eq(text, text_again);
    free(text);
    free(text_again);
    profile_close(&p);
    profile_close(&again);
}
END_TEST

/* ---- matching ---- */

static const char *corpus;

static struct ese_db *open_corpus(const char *name)
{
    char path[4096];
    struct ese_db *db = NULL;
    struct fault f;
    snprintf(path, sizeof path, "%s/%s", corpus, name);
    ck_assert_msg(ese_db_open(path, NULL, NULL, &db, &f), "%s: %s", path, f.text);
    return db;
}

/* `replace`: a line of km55 that is replaced; NULL: none is. */
static const struct matching {
    const char *store, *replace, *by;
    enum profile_match match;
    const char *says;
} matching[] = {
    {"imported-twice", NULL, NULL, PROFILE_MATCHES_ROWS, NULL},
    {"clean-v3-revision2", NULL, NULL, PROFILE_MATCHES_ROWS, NULL},
    {"imported-twice", "key = EntryId", "key = entryid", PROFILE_MATCHES_ROWS, NULL},
    {"imported-twice", "table = CertificateList", "table = Lost", PROFILE_MATCHES_VALUE, NULL},
    {"churn-4096", NULL, NULL, PROFILE_NO_MATCH,
     "expected a table CertificateList or Configuration for the certificate list, found neither"},
    {"imported-twice", "key = EntryId", "key = Lost", PROFILE_NO_MATCH,
     "table CertificateList: expected a column Lost ([list] key)"},
    {"imported-twice", "key = EntryId", "key = ImportedOn", PROFILE_NO_MATCH,
     "column ImportedOn ([list] key): expected type an integer, GUID, Binary or Text, found "
     "DateTime"},
    {"imported-twice", "key = EntryId", "key = Name", PROFILE_NO_MATCH,
     "([reference.1] column): expected the type of what it names, Text, found Long"},
    {"imported-twice", "trusted = Trusted", "trusted = Role", PROFILE_NO_MATCH,
     "expected type Bit, found Long"},
    {"imported-twice", "imported-on = ImportedOn", "imported-on = Role", PROFILE_NO_MATCH,
     "expected type DateTime, found Long"},
    {"imported-twice", "certificate = Certificate", "certificate = Name", PROFILE_NO_MATCH,
     "expected type Binary or LongBinary, found Text"},
    {"imported-twice", "value = Value", "value = Lost", PROFILE_NO_MATCH, "([settings] value)"},
    {"imported-twice", "table = Users\nkey = UserId", "table = Lost\nkey = UserId",
     PROFILE_NO_MATCH, "expected a table Lost ([users])"},
    {"imported-twice", "column = IssuerEntry\nkey = CrlId", "column = Crl\nkey = CrlId",
     PROFILE_NO_MATCH,
     "([reference.2] column): expected type an integer, GUID, Binary or Text, "
     "found LongBinary"},
    {"imported-twice", "[settings]\ntable = Configuration", "[settings]\ntable = Lost",
     PROFILE_MATCHES_ROWS, NULL},
    {"imported-twice", "table = Administrators", "table = Lost", PROFILE_MATCHES_ROWS, NULL},
};

static void changed_km55(const struct matching *m, struct profile *p)
{
    char text[8192];
    struct fault f;
    snprintf(text, sizeof text, "%s", profile_km55_text);
    if (m->replace) {
        char *at = strstr(text, m->replace);
        ck_assert_ptr_nonnull(at);
        size_t rest = (size_t)(at - text) + strlen(m->replace);
        snprintf(text + (at - text), sizeof text - (size_t)(at - text), "%s%s", m->by,
                 profile_km55_text + rest);
    }
    ck_assert_msg(read_text(text, strlen(text), p, &f), "%s", f.text);
}

START_TEST(profiles_match_what_fits)
{
    const struct matching *m = &matching[_i];
    char store[256];
    struct profile p;
    struct fault why = {.code = FAULT_NONE};
    snprintf(store, sizeof store, "engine/%s.edb.gz", m->store);
    struct ese_db *db = open_corpus(store);
    changed_km55(m, &p);
    enum profile_match match = profile_match(&p, db->catalog, &why);
    ck_assert_msg(match == m->match, "%s for %s: expected %d, found %d: %s", m->by, m->replace,
                  m->match, match, why.text);
    if (m->says)
        ck_assert_msg(strstr(why.text, m->says), "expected %s, found %s", m->says, why.text);
    profile_close(&p);
    ese_db_close(db);
}
END_TEST

int main(void)
{
    corpus = getenv("KM_CORPUS");
    if (corpus == NULL)
        corpus = KM_SOURCE_DIR "/../shared/corpus";
    if (access(corpus, R_OK) != 0)
        corpus = NULL;
    if (corpus == NULL)
        fprintf(stderr, "profile: the corpus is not there: matching is not tested\n");
    return check_main("profile",
                      (const struct check_case[]){
                          {good_text_is_read, ARRAY_SIZE(good)},
                          {bad_text_is_refused, ARRAY_SIZE(bad)},
                          {a_long_text_fits_on_a_line, 0},
                          {a_line_has_a_limit, 0},
                          {byte_zero_is_refused, 0},
                          {too_large_a_file_is_refused, 0},
                          {no_file_is_a_fault, 0},
                          {numbered_sections_are_limited, 0},
                          {builtin_profile_is_as_designed, 0},
                          {builtin_profile_is_written_as_it_stands, 0},
                          {manual_page_has_the_builtin_profile, 0},
                          {odd_values_survive, ARRAY_SIZE(odd)},
                          {corpus ? profiles_match_what_fits : NULL, ARRAY_SIZE(matching)},
                          {0},
                      });
}
