/*
 * What a report knows of one entry, and where a page shows it: the key and who signed it, whether
 * the settings name it; each CA below its issuer, and what a plan does to each.
 */
#include "migrate/report/facts.h"
#include "migrate/report/picture.h"
#include "tests/migrate/judged.h"

static const char text[] =
    "[store]\nseed = facts\nmode = V3\nissuing-ca = issuing\n"
    "[key issuing]\nbits = 1008\n[key curve]\ntype = ecdsa\n[key forger]\nbits = 512\n"
    "[certificate root]\nsubject = CN=Root\n"
    "[certificate issuing]\nissuer = root\nsubject = CN=Issuing\nhash = sha256\n"
    "[certificate curve]\nsubject = O=A, CN=Curve\n"
    "[certificate forged]\nissuer = root\nsigned-by = forger\nsubject = CN=Forged\n"
    "[certificate orphan]\nissuer-name = CN=Nobody\nsigned-by = forger\nsubject = CN=Orphan\n"
    "[entry 1]\ncertificate = root\nimported = 1999-03-02 10:15\n"
    "[entry 2]\ncertificate = issuing\nrole = issuing\n"
    "[entry 3]\ncertificate = curve\nthumbprint = of root\n"
    "[entry 4]\ncertificate = forged\nthumbprint = null\n"
    "[entry 5]\ncertificate = orphan\n"
    "[entry 6]\ncertificate = root\n"
    "[user 1]\n[user-certificate 1]\nuser = 1\nissuer-entry = 6\n";

static struct entry_facts facts_of(struct assessment *a, int32_t key)
{
    struct entry_facts facts;
    ck_assert_ptr_nonnull(model_entry(&a->model, key));
    entry_facts(&a->model, a->prover, model_entry(&a->model, key), &facts);
    return facts;
}

START_TEST(facts)
{
    struct assessment a;
    judged(text, NULL, &a);
    struct entry_facts root = facts_of(&a, 1), issuing = facts_of(&a, 2), curve = facts_of(&a, 3),
                       forged = facts_of(&a, 4), orphan = facts_of(&a, 5);
    ck_assert_str_eq(root.key, "RSA");
    ck_assert_uint_eq(root.key_bits, 1024);
    ck_assert_uint_eq(issuing.key_bits, 1008);
    ck_assert_str_eq(curve.key, "ECDSA");
    ck_assert_uint_eq(curve.key_bits, 256);
    ck_assert(strncmp(root.imported_on, "1999-03-02T10:15", 16) == 0);
    ck_assert_str_eq(issuing.imported_on, "");
    ck_assert_ptr_nonnull(strstr(issuing.signature, "SHA256"));
    ck_assert_str_eq(issuing.answer, "proven");
    ck_assert(issuing.has_issuer && issuing.issuer == 1);
    ck_assert_str_eq(forged.answer, "refuted");
    ck_assert(forged.has_issuer && forged.issuer == 6); /* the last one with that name */
    ck_assert(orphan.answer == NULL && !orphan.has_issuer);
    ck_assert(issuing.named && !root.named && !curve.named);
    ck_assert(root.thumbprint_right && !curve.thumbprint_right && !forged.thumbprint_right);
    assess_close(&a);
}
END_TEST

static const struct picture_row *row_of(const struct picture *p, int32_t key)
{
    for (unsigned i = 0; i < p->rows; i++)
        if (p->row[i].entry && p->row[i].entry->key == key)
            return &p->row[i];
    ck_abort_msg("no row for entry %d", key);
    return NULL;
}

START_TEST(picture)
{
    struct assessment a;
    struct picture p;
    char name[64];
    judged(text, NULL, &a);
    ck_assert(picture_open(&p, &a));
    ck_assert_uint_eq(p.rows, 6);
    ck_assert_uint_eq(p.drawn, 6);
    ck_assert(p.has_plan);
    const struct picture_row *root = row_of(&p, 6), *copy = row_of(&p, 1), *issuing = row_of(&p, 2),
                             *curve = row_of(&p, 3), *orphan = row_of(&p, 5);
    ck_assert_uint_eq(root->ca, copy->ca);
    ck_assert_uint_ne(root->ca, curve->ca);
    ck_assert_uint_eq(root->depth, 0);
    ck_assert_uint_eq(issuing->depth, 1);
    ck_assert_ptr_null(issuing->above);
    ck_assert_ptr_nonnull(orphan->above);
    ck_assert_uint_eq(p.row[issuing->parent].ca, root->ca);
    ck_assert_uint_eq(root->parent, PICTURE_NOTHING);
    /* Entry 6, which a row refers to, takes the place of 1. */
    ck_assert_ptr_nonnull(copy->drop);
    ck_assert_ptr_eq(&p.row[copy->survivor], root);
    ck_assert(root->drop == NULL && root->survivor == PICTURE_NOTHING);
    ck_assert_uint_eq(root->references, 1);
    ck_assert_uint_eq(root->references_after, 1);
    ck_assert_uint_eq(copy->references, 0);
    ck_assert_int_eq(issuing->role_after, ROLE_ISSUING);
    ck_assert_str_eq(picture_name(&p, curve, name, sizeof name), "Curve");
    picture_close(&p);
    assess_close(&a);
}
END_TEST

int main(void)
{
    return judged_main("report_facts", (const struct check_case[]){
                                           {facts, 0},
                                           {picture, 0},
                                           {0},
                                       });
}
