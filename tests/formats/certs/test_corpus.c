/*
 * Real certificates of the 1990s and 2000s against oracle.py: every field, and the proof of every
 * self-signed root, MD2 ones among them.
 */
#include "formats/certs/certs.h"
#include "formats/hash.h"
#include "formats/certs/name.h"
#include "formats/certs/proof.h"
#include "formats/certs/x509.h"
#include "tests/formats/certs/support.h"

#include <inttypes.h>

/* The folder of real data; NULL, and a line that says so, when it is not there. */
static const char *corpus_folder(void)
{
    static char path[1024];
    const char *set = getenv("KM_CORPUS");
    snprintf(path, sizeof path, "%s", set != NULL ? set : KM_SOURCE_DIR "/../shared/corpus");
    if (access(path, R_OK) == 0)
        return path;
    fprintf(stderr, "SKIPPED: no corpus at %s\n", path);
    return NULL;
}

enum { LINE = 32768 };

static const char *const bundles[] = {"bundle-2011.pem", "bundle-2012.pem"};

static struct hash hash;

/* What the oracle's line says of `key`; NULL when it says nothing. */
static const char *field(const char *line, const char *key, char *value, size_t size)
{
    size_t length = strlen(key);
    while (line != NULL) {
        if (strncmp(line, key, length) == 0 && line[length] == '=') {
            snprintf(value, size, "%.*s", (int)strcspn(line + length + 1, "\t\n"),
                     line + length + 1);
            return value;
        }
        line = strchr(line, '\t');
        line = line != NULL ? line + 1 : NULL;
    }
    return NULL;
}

static void expect_text(const char *line, const char *key, const char *found)
{
    char expected[LINE];
    if (field(line, key, expected, sizeof expected) != NULL)
        ck_assert_msg(strcmp(found, expected) == 0, "%s: found %s, expected %s; %.48s", key, found,
                      expected, line);
}

static void expect_number(const char *line, const char *key, int64_t found)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, found);
    expect_text(line, key, text);
}

static void expect_hex(const char *line, const char *key, struct bytes found)
{
    char text[LINE];
    ck_assert_uint_lt(found.size, sizeof text / 2);
    expect_text(line, key, found.size > 0 ? to_hex(found, text) : "-");
}

static void expect_sha1(const char *line, const char *key, struct bytes of)
{
    uint8_t digest[HASH_SHA1_SIZE];
    hash_sha1(&hash, of, digest);
    expect_hex(line, key, bytes_of(digest, sizeof digest));
}

static void expect_sha256(const char *line, const char *key, struct bytes of)
{
    uint8_t digest[HASH_SHA256_SIZE];
    hash_sha256(&hash, of, digest);
    expect_hex(line, key, bytes_of(digest, sizeof digest));
}

static void expect_extensions(const char *line, const struct x509_certificate *c)
{
    struct x509_extensions x = x509_extensions_read(c->extensions);
    ck_assert_msg(!x.damaged, "extensions: %.48s", line);
    expect_text(line, "ca", !x.has_basic_constraints ? "-" : x.is_ca ? "1" : "0");
    expect_number(line, "path", x.path_length);
    if (x.has_key_usage)
        expect_number(line, "usage", x.key_usage & 0x7f);
    else
        expect_text(line, "usage", "-");
    expect_hex(line, "ski", x.subject_key_id);
    expect_hex(line, "aki", x.authority_key_id);
    expect_hex(line, "aki-issuer", x.authority_issuer);
    expect_hex(line, "aki-serial", x.authority_serial);
}

static void expect_certificate(const char *line, struct bytes encoded,
                               const struct x509_certificate *c)
{
    char text[1024];
    expect_sha1(line, "sha1", encoded);
    expect_number(line, "version", c->version);
    expect_hex(line, "serial", c->serial);
    expect_hex(line, "issuer", c->issuer);
    expect_hex(line, "subject", c->subject);
    ck_assert(c->not_before.known && c->not_after.known);
    expect_number(line, "from", c->not_before.seconds);
    expect_number(line, "to", c->not_after.seconds);
    expect_sha256(line, "spki", c->spki);
    expect_sha256(line, "tbs", c->envelope.tbs);
    expect_sha1(line, "signature", c->envelope.signature);
    der_oid_text(c->envelope.algorithm.oid, text, sizeof text);
    expect_text(line, "algorithm", text);
    name_text(c->subject, text, sizeof text);
    expect_text(line, "name", text);
    expect_extensions(line, c);
}

static FILE *ask_oracle(const char *corpus, const char *bundle)
{
    char command[4096];
    snprintf(command, sizeof command,
             "/usr/bin/python3 '%s/tests/formats/certs/oracle.py' '%s/certificates/%s'",
             KM_SOURCE_DIR, corpus, bundle);
    FILE *oracle = popen(command, "r");
    ck_assert_ptr_nonnull(oracle);
    return oracle;
}

/* Each root proves itself, and is refuted under the key of another. */
static void expect_proof(const char *line, const struct x509_certificate *c,
                         const struct x509_certificate *other)
{
    struct proof_key key;
    proof_key_open(&key, c->spki);
    expect_text(line, "self", proof_answer_name(proof_signature(&key, &c->envelope).answer));
    if (!bytes_equal(c->key_bits, other->key_bits))
        ck_assert_int_eq(proof_signature(&key, &other->envelope).answer, PROOF_REFUTED);
    proof_key_close(&key);
}

START_TEST(roots_read_as_others_read_them)
{
    const char *corpus = corpus_folder();
    char folder[1100], line[LINE];
    struct fault f = {0};
    struct certlist list;
    struct certlist_entry entry;
    struct x509_certificate c, before = {0};
    size_t count = 0;
    if (corpus == NULL)
        return;
    snprintf(folder, sizeof folder, "%s/certificates", corpus);
    struct buffer pem = read_file(folder, bundles[_i]);
    ck_assert(hash_open(&hash, &f));
    ck_assert_msg(certlist_open(&list, buffer_bytes(&pem), &f), "%s", f.text);
    FILE *oracle = ask_oracle(corpus, bundles[_i]);
    for (; certlist_next(&list, &entry, &f); count++) {
        ck_assert_msg(x509_certificate_read(entry.encoded, &c, &f), "%s", f.text);
        ck_assert_ptr_nonnull(fgets(line, sizeof line, oracle));
        expect_certificate(line, entry.encoded, &c);
        expect_proof(line, &c, count > 0 ? &before : &c);
        before = c;
    }
    ck_assert_msg(!list.failed, "%s", f.text);
    ck_assert_ptr_null(fgets(line, sizeof line, oracle));
    ck_assert_int_eq(pclose(oracle), 0);
    ck_assert_uint_gt(count, 100);
    certlist_close(&list);
    hash_close(&hash);
    buffer_free(&pem);
}
END_TEST

int main(void)
{
    if (corpus_folder() == NULL)
        return CHECK_SKIPPED;
    return check_main("corpus", (const struct check_case[]){
                                    {roots_read_as_others_read_them, ARRAY_SIZE(bundles)},
                                    {0},
                                });
}
