/*
 * The model: what a description says of a store is what is read of it, entry by entry, reference by
 * reference, setting by setting.
 */
#include "migrate/judge/model.h"
#include "tests/migrate/judged.h"
#include "migrate/judge/model_memory.h"

#define HEAD                                                                                       \
    "[store]\nseed = model\nmode = V1V3\nissuing-ca = issuing\norganization = Trey Research\n"     \
    "site = London\ncertificate-server = PKI01\\Trey Research CA\ntime = 1999-09-30 12:00\n"       \
    "[certificate own]\nversion = 1\nsubject = O=Trey Research, CN=KM\n"                           \
    "[certificate issuing]\nsubject = O=Trey Research, CN=Trey Research CA\n"                      \
    "[certificate other]\nsubject = O=Fabrikam, CN=Root\n"

static const char rows[] =
    HEAD "[entry 2]\ncertificate = own\nrole = own\nname = KM\n"
         "[entry 5]\ncertificate = issuing\nrole = issuing\nimported = 1999-03-02 10:15\n"
         "[entry 7]\ncertificate = other\ntrusted = no\nthumbprint = null\n"
         "[entry 9]\ncertificate = other\nrole = null\ntrusted = null\nname = again\n"
         "[user 1]\n[user 2]\n[user 3]\n"
         "[user-certificate 1]\nuser = 1\nissuer-entry = 2\n"
         "[user-certificate 2]\nuser = 2\nissuer-entry = 5\n"
         "[user-certificate 3]\nuser = 3\nissuer-entry = 5\n"
         "[user-certificate 4]\nuser = 3\nissuer-entry = 77\nissuer = issuing\n"
         "[crl 1]\nissuer-entry = 5\n";

static const struct model_entry *entry_of(const struct model *m, int32_t key)
{
    const struct model_entry *e = model_entry(m, key);
    ck_assert_ptr_nonnull(e);
    ck_assert_int_eq(e->key, key);
    return e;
}

START_TEST(entries)
{
    struct assessment a;
    judged(rows, NULL, &a);
    const struct model *m = &a.model;
    ck_assert_uint_eq(m->entries, 4);
    ck_assert_uint_eq(m->certificates, 3);
    ck_assert_uint_eq(m->listed, 3);
    const struct model_entry *own = entry_of(m, 2), *issuing = entry_of(m, 5),
                             *one = entry_of(m, 7), *two = entry_of(m, 9);
    ck_assert_int_eq(own->role, ROLE_OWN);
    ck_assert_int_eq(issuing->role, ROLE_ISSUING);
    ck_assert_int_eq(one->role, ROLE_IMPORTED);
    ck_assert_int_eq(two->role, ROLE_NONE);
    ck_assert_int_eq(own->trust, TRUST_YES);
    ck_assert_int_eq(one->trust, TRUST_NO);
    ck_assert_int_eq(two->trust, TRUST_NULL);
    ck_assert_str_eq(own->name, "KM");
    ck_assert_str_eq(two->name, "again");
    ck_assert(issuing->has_imported && !own->has_imported);
    ck_assert(issuing->imported > 36221.4 && issuing->imported < 36221.5); /* 1999-03-02 10:15 */
    ck_assert(own->has_thumbprint && !one->has_thumbprint && two->has_thumbprint);
    ck_assert_mem_eq(own->thumbprint.at, model_certificate_of(m, own)->sha1, HASH_SHA1_SIZE);
    ck_assert_uint_eq(one->certificate, two->certificate);
    ck_assert_uint_ne(one->certificate, own->certificate);
    for (unsigned i = 0; i < m->entries; i++) {
        ck_assert_uint_eq(m->entry[i].row, i);
        ck_assert_uint_eq(m->entry[i].twin, 0);
        ck_assert(model_certificate_of(m, &m->entry[i])->parsed);
    }
    assess_close(&a);
}
END_TEST

START_TEST(entries_are_found)
{
    struct assessment a;
    judged(rows, NULL, &a);
    const struct model *m = &a.model;
    static const int64_t absent[] = {INT64_MIN, -1, 0, 1, 3, 4, 6, 8, 10, INT64_MAX};
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
        ck_assert_ptr_null(model_entry(m, absent[i]));
    for (unsigned i = 0; i < m->entries; i++) {
        ck_assert_ptr_eq(model_entry(m, m->entry[i].key), &m->entry[i]);
        ck_assert_ptr_eq(model_entry_twin(m, m->entry[i].key, 0), &m->entry[i]);
        ck_assert_ptr_null(model_entry_twin(m, m->entry[i].key, 1));
        ck_assert_ptr_eq(model_entry_of_row(m, model_list_table(m, 0), i), &m->entry[i]);
    }
    ck_assert_ptr_null(model_entry_of_row(m, model_list_table(m, 0), m->entries));
    const struct ese_table *users = ese_catalog_find(m->store->db->catalog, "Users");
    ck_assert_ptr_null(model_entry_of_row(m, users, 0));
    ck_assert(model_is_list_table(m, model_list_table(m, 0)) && !model_is_list_table(m, users));
    ck_assert_str_eq(model_list_table(m, 0)->name, "CertificateList");
    ck_assert(model_key_is_primary(m) && model_has_roles(m) && !model_may_have_more(m));
    assess_close(&a);
}
END_TEST

START_TEST(twins_are_told_apart)
{
    char text[sizeof rows + 64];
    struct assessment a;
    snprintf(text, sizeof text, "%s[damage]\nduplicate-key = CertificateList 9 7\n", rows);
    judged(text, NULL, &a);
    const struct model *m = &a.model;
    ck_assert_uint_eq(m->entries, 4);
    ck_assert_ptr_eq(model_entry(m, 7), &m->entry[2]);
    ck_assert_ptr_eq(model_entry_twin(m, 7, 0), &m->entry[2]);
    ck_assert_ptr_eq(model_entry_twin(m, 7, 1), &m->entry[3]);
    ck_assert_ptr_null(model_entry_twin(m, 7, 2));
    ck_assert_ptr_null(model_entry(m, 9));
    assess_close(&a);
}
END_TEST

START_TEST(references)
{
    struct assessment a;
    judged(rows, NULL, &a);
    const struct model *m = &a.model;
    ck_assert_uint_eq(entry_of(m, 2)->reference_count, 1);
    ck_assert_uint_eq(entry_of(m, 5)->reference_count, 3); /* two certificates and a CRL */
    ck_assert_uint_eq(entry_of(m, 7)->reference_count, 0);
    for (unsigned i = 0; i < m->entries; i++) {
        uint64_t sum = 0;
        for (unsigned r = 0; r < m->profile->references; r++)
            sum += m->entry[i].references[r];
        ck_assert_uint_eq(sum, m->entry[i].reference_count);
    }
    ck_assert_uint_eq(m->dangling_count, 1);
    ck_assert_uint_eq(m->dangling_kept, 1);
    ck_assert_int_eq(m->dangling[0].row, 4);
    ck_assert_int_eq(m->dangling[0].names, 77);
    ck_assert_uint_gt(m->dangling[0].signed_object.size, 100);
    ck_assert_uint_eq(m->rows_read, 5);
    ck_assert_uint_eq(m->crls, 1);
    ck_assert(m->crl[0].parsed && m->crl[0].has_entry);
    ck_assert_int_eq(m->crl[0].key, 1);
    ck_assert_int_eq(m->crl[0].entry, 5);
    ck_assert_uint_eq(m->v1_certificates, 0); /* the mode is not V3 alone */
    assess_close(&a);
}
END_TEST

START_TEST(settings)
{
    struct assessment a;
    judged(rows, NULL, &a);
    const struct model *m = &a.model;
    ck_assert_int_eq(m->mode, MODE_V1V3);
    ck_assert_str_eq(m->mode_text, "V1V3");
    ck_assert_str_eq(m->organization, "Trey Research");
    ck_assert_str_eq(m->site, "London");
    ck_assert_str_eq(m->server, "PKI01\\Trey Research CA");
    ck_assert_str_eq(m->ca_name, "o=Trey Research, ou=London, cn=Certificate Authority");
    ck_assert(m->has_settings && m->has_issuing_ca && !m->mode_stated && !m->issuing_stated);
    ck_assert(!m->doubtful_settings && !m->has_issuing_key);
    ck_assert_mem_eq(m->issuing_ca, model_certificate_of(m, entry_of(m, 5))->sha1, HASH_SHA1_SIZE);
    ck_assert(m->now_known);
    ck_assert_int_eq(m->now, 938692800); /* 1999-09-30 12:00 */
    for (int s = 0; s < PROFILE_SETTINGS; s++)
        if (m->setting[s].has_row)
            ck_assert(m->setting[s].has_table && !m->setting[s].unread);
    assess_close(&a);
}
END_TEST

/* Positions of a list value are keys; it tells neither role nor trust. */
START_TEST(a_list_value)
{
    static const char text[] = HEAD
        "[entry 1]\ncertificate = own\n[entry 2]\ncertificate = issuing\nfriendly-name = Trey\n"
        "[entry 3]\ncertificate = issuing\n[entry 4]\ncertificate = other\n";
    char description[sizeof text + 32], *at;
    struct assessment a;
    snprintf(description, sizeof description, "%s", text);
    at = strstr(description, "seed = model\n");
    ck_assert_ptr_nonnull(at);
    memmove(at + 11, at, strlen(at) + 1);
    memcpy(at, "list = sst\n", 11);
    judged(description, NULL, &a);
    const struct model *m = &a.model;
    char place[128];
    ck_assert_int_eq(m->match, PROFILE_MATCHES_VALUE);
    ck_assert_uint_eq(m->entries, 4);
    for (unsigned i = 0; i < m->entries; i++)
        ck_assert_int_eq(m->entry[i].key, (int32_t)i + 1);
    ck_assert_int_eq(m->value[0].kind, CERTLIST_SST);
    ck_assert_uint_eq(m->value[0].first, 0);
    ck_assert_uint_eq(m->value[0].entries, 4);
    ck_assert(!m->value[0].missing && !model_has_roles(m) && !m->list_cut && !m->list_tail);
    ck_assert_uint_eq(m->entry[0].properties.size, 0);
    ck_assert_uint_gt(m->entry[1].properties.size, 0);
    ck_assert_str_eq(model_value_place(m, 0, place), "a value named CertificateList");
    assess_close(&a);
}
END_TEST

START_TEST(certificates_are_interned)
{
    struct assessment a;
    struct fault f = {.code = FAULT_NONE};
    unsigned number, before, again;
    judged(rows, NULL, &a);
    struct model *m = &a.model;
    before = m->certificates;
    for (unsigned i = 0; i < before; i++) {
        ck_assert(model_intern(m, m->certificate[i].der, &number, &f));
        ck_assert_uint_eq(number, i);
    }
    struct bytes cut = m->certificate[0].der;
    cut.size--;
    ck_assert(model_intern(m, cut, &number, &f) && model_intern(m, cut, &again, &f));
    ck_assert_uint_eq(number, before);
    ck_assert_uint_eq(again, before);
    ck_assert_uint_eq(m->certificates, before + 1);
    ck_assert(!m->certificate[before].parsed);
    ck_assert_uint_eq(m->listed, before); /* it is not of the list */
    assess_close(&a);
}
END_TEST

START_TEST(words)
{
    ck_assert_str_eq(model_role_name(ROLE_OWN), "own");
    ck_assert_str_eq(model_role_name(ROLE_ISSUING), "issuing");
    ck_assert_str_eq(model_role_name(ROLE_IMPORTED), "imported");
    ck_assert_str_eq(model_role_name(ROLE_NONE), "none");
    ck_assert_str_eq(model_trust_name(TRUST_YES), "trusted");
    ck_assert_str_eq(model_trust_name(TRUST_NO), "untrusted");
    ck_assert_str_eq(model_trust_name(TRUST_NULL), "null");
    ck_assert_str_eq(model_mode_name(MODE_V1), "V1");
    ck_assert_str_eq(model_mode_name(MODE_V3), "V3");
    ck_assert_str_eq(model_mode_name(MODE_V1V3), "V1V3");
}
END_TEST

int main(void)
{
    return judged_main("model", (const struct check_case[]){
                                    {entries, 0},
                                    {entries_are_found, 0},
                                    {twins_are_told_apart, 0},
                                    {references, 0},
                                    {settings, 0},
                                    {a_list_value, 0},
                                    {certificates_are_interned, 0},
                                    {words, 0},
                                    {0},
                                });
}
