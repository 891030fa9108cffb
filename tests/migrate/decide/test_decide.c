/*
 * What deciding costs: signatures are checked once a pair of key and certificate, their number
 * grows with the list, and where it could not, a bound is reached and said.
 *
 * Stores come from kmfixture, made hostile: as many as can be of one identity, one CA, one name.
 */
#include "tests/migrate/judged.h"

#include <sys/wait.h>

static const char head[] = "[store]\n"
                           "seed = decide\n"
                           "mode = V3\n"
                           "issuing-ca = issuing\n"
                           "[key issuing]\n"
                           "bits = 512\n"
                           "[certificate issuing]\n"
                           "subject = CN=Issuing\n"
                           "serial = 1\n"
                           "[entry 1]\n"
                           "certificate = issuing\n"
                           "role = issuing\n";

/* What the description says behind its head. */
static char text[1 << 20];

static FILE *description(void)
{
    FILE *to = fmemopen(text, sizeof text, "w");
    ck_assert_ptr_nonnull(to);
    fputs(head, to);
    return to;
}

/* Makes the store and goes the whole way to the plan. */
static void judge(FILE *description, struct assessment *a, bool drop_superseded)
{
    static struct assess_options options;
    ck_assert_int_eq(fclose(description), 0);
    options = (struct assess_options){.decisions.superseded = drop_superseded ? "drop" : NULL};
    judged(text, &options, a);
}

static size_t drops(const struct assessment *a)
{
    size_t count = 0;
    for (size_t i = 0; i < a->plan.actions; i++)
        count += a->plan.action[i].kind == ACTION_DROP_ENTRY;
    return count;
}

/* A root, and certificates that all have its name as issuer and one serial number; which of them
 * the root made. */
static void one_identity(FILE *to, unsigned first, unsigned entries, unsigned genuine)
{
    fputs("[key root]\nbits = 512\n[key forger]\nbits = 512\n"
          "[certificate root]\nsubject = CN=Root\nserial = 7\n"
          "[entry 2]\ncertificate = root\n",
          to);
    for (unsigned i = 0; i < entries; i++)
        fprintf(to,
                "[certificate c%u]\nissuer = root\nkey = root\nsubject = CN=Sub\nserial = 9\n"
                "until = %u-01-01\n%s[entry %u]\ncertificate = c%u\nname = number %u\n"
                "imported = 19%02u-01-01\n",
                i, 2000 + i, i == genuine ? "" : "signed-by = forger\n", first + i, i, i,
                98 - i % 90);
}

START_TEST(one_identity_costs_a_check_each)
{
    static const unsigned sizes[] = {40, 160};
    uint64_t checks[2];
    for (unsigned k = 0; k < 2; k++) {
        struct assessment a;
        FILE *to = description();
        one_identity(to, 3, sizes[k], sizes[k] / 2);
        judge(to, &a, false);
        ck_assert_int_eq(a.verdict, VERDICT_AFTER_REPAIR);
        ck_assert_uint_eq(drops(&a), sizes[k] - 1);
        for (size_t i = 0; i < a.plan.actions; i++) /* nothing of a refuted one is taken over */
            ck_assert_int_eq(a.plan.action[i].kind, ACTION_DROP_ENTRY);
        ck_assert(!prover_exhausted(a.prover));
        checks[k] = prover_checks(a.prover);
        assess_close(&a);
    }
    ck_assert_uint_le(checks[0], sizes[0] + 10);
    ck_assert_uint_eq(checks[1] - checks[0], sizes[1] - sizes[0]);
}
END_TEST

/* Self-signed certificates of one name and serial number prove nothing about themselves: however
 * many keys there are, none is asked. */
START_TEST(an_identity_is_no_judge_of_itself)
{
    struct assessment a;
    FILE *to = description();
    for (unsigned i = 0; i < 12; i++)
        fprintf(to,
                "[key k%u]\nbits = 512\n[certificate c%u]\nkey = k%u\nsubject = CN=Self\nserial = "
                "9\n[entry %u]\ncertificate = c%u\n",
                i, i, i, i + 2, i);
    judge(to, &a, true);
    ck_assert_uint_eq(a.plan.actions, 0);
    ck_assert(problem_has(&a.left, PROBLEM_SAME_IDENTITY));
    ck_assert_uint_le(prover_checks(a.prover), 2);
    assess_close(&a);
}
END_TEST

/* A key is known apart from an identity by any other certificate of its CA. */
START_TEST(another_certificate_of_the_ca_is_a_judge)
{
    for (unsigned known = 0; known < 2; known++) {
        struct assessment a;
        FILE *to = description();
        fputs("[key root]\nbits = 512\n"
              "[certificate a]\nkey = root\nsubject = CN=Root\nserial = 9\n"
              "[certificate f]\nkey = root\nissuer = a\nsigned-by = forger\nsubject = CN=Root\n"
              "serial = 9\nuntil = 2030-01-01\n"
              "[entry 2]\ncertificate = f\n[entry 3]\ncertificate = a\n",
              to);
        if (known)
            fputs("[certificate b]\nkey = root\nsubject = CN=Root\nserial = 10\n"
                  "[entry 4]\ncertificate = b\n",
                  to);
        judge(to, &a, false);
        ck_assert_uint_eq(drops(&a), known);
        for (size_t i = 0; i < a.plan.actions; i++)
            ck_assert_int_eq(a.plan.action[i].entry, 2);
        assess_close(&a);
    }
}
END_TEST

START_TEST(reissues_cost_a_check_each)
{
    static const unsigned sizes[] = {40, 160};
    uint64_t checks[2];
    for (unsigned k = 0; k < 2; k++) {
        struct assessment a;
        FILE *to = description();
        fputs("[key ca]\nbits = 512\n", to);
        for (unsigned i = 0; i < sizes[k]; i++)
            fprintf(to,
                    "[certificate c%u]\nkey = ca\nsubject = CN=CA\nserial = %u\n[entry "
                    "%u]\ncertificate = c%u\n",
                    i, i + 100, i + 2, i);
        judge(to, &a, true);
        ck_assert_uint_eq(drops(&a), sizes[k] - 1);
        checks[k] = prover_checks(a.prover);
        assess_close(&a);
    }
    ck_assert_uint_eq(checks[1] - checks[0], sizes[1] - sizes[0]);
}
END_TEST

/* As many keys of one name as certificates that name it: more pairs than a run checks.  What the
 * bound leaves unproved is undecided, and the verdict says so. */
START_TEST(the_bound_leaves_the_rest_undecided)
{
    enum { KEYS = 450 };
    struct assessment a;
    FILE *to = description();
    fputs("[key forger]\nbits = 512\n", to);
    for (unsigned i = 0; i < KEYS; i++)
        fprintf(to,
                "[key k%u]\nbits = 512\n[certificate r%u]\nkey = k%u\nsubject = CN=Root\nserial = "
                "%u\n[entry %u]\ncertificate = r%u\n",
                i, i, i, 10000 + i, i + 2, i);
    for (unsigned i = 0; i < KEYS; i++)
        fprintf(to,
                "[certificate c%u]\nissuer = r0\nsigned-by = forger\nkey = forger\nsubject = "
                "CN=Sub\nserial = %u\nuntil = %u-01-01\n[entry %u]\ncertificate = c%u\n",
                i, i / 2 + 100, 2001 + i % 2, KEYS + i + 2, i);
    judge(to, &a, false);
    ck_assert(prover_exhausted(a.prover));
    ck_assert_uint_le(prover_checks(a.prover), PROVER_CHECKS_MOST);
    ck_assert_int_eq(a.verdict, VERDICT_CANNOT_TELL);
    ck_assert(problem_has(&a.found, PROBLEM_PROOF_LIMIT));
    ck_assert(problem_has(&a.left, PROBLEM_PROOF_LIMIT));
    ck_assert_uint_eq(drops(&a), 0);
    assess_close(&a);
}
END_TEST

/* A pair that was checked is answered from memory, whoever asks. */
START_TEST(a_pair_is_checked_once)
{
    struct assessment a;
    FILE *to = description();
    judge(to, &a, false);
    const struct x509_signed *signed_object = &a.model.certificate[0].x509.envelope;
    uint64_t before = prover_checks(a.prover);
    ck_assert_int_eq(prover_check(a.prover, 0, signed_object).answer, PROOF_PROVEN);
    uint64_t after = prover_checks(a.prover);
    ck_assert_uint_le(after, before + 1);
    for (unsigned i = 0; i < 1000; i++)
        ck_assert_int_eq(prover_check(a.prover, 0, signed_object).answer, PROOF_PROVEN);
    ck_assert_uint_eq(prover_checks(a.prover), after);
    prover_check_once(a.prover, 0, signed_object);
    ck_assert_uint_eq(prover_checks(a.prover), after + 1);
    assess_close(&a);
}
END_TEST

/* A certificate is revoked when a list of its issuer names it, unless the key of the entry that the
 * list refers to refutes the list. */
START_TEST(revocation)
{
    static const struct {
        const char *crl;
        bool revoked;
    } lists[] = {
        {"issuer = root\nrevokes = sub\n", true},
        {"issuer = root\nsigned-by = forger\nrevokes = sub\n", false},
        {"issuer = root\nrevokes = 78\n", false},
        {"issuer = issuing\nrevokes = 77\n",
         false}, /* the number of another issuer's certificate */
    };
    struct assessment a;
    FILE *to = description();
    fprintf(to,
            "[key root]\nbits = 512\n"
            "[certificate root]\nsubject = CN=Root\nserial = 7\n[entry 2]\ncertificate = root\n"
            "[certificate sub]\nissuer = root\nkey = root\nsubject = CN=Sub\nserial = 77\n"
            "[entry 3]\ncertificate = sub\n[crl 1]\nissuer-entry = %d\n%s",
            strstr(lists[_i].crl, "issuing") ? 1 : 2, lists[_i].crl);
    judge(to, &a, false);
    const struct model_entry *sub = model_entry(&a.model, 3);
    ck_assert_int_eq(prover_is_revoked(a.prover, sub->certificate), lists[_i].revoked);
    ck_assert(!prover_is_revoked(a.prover, model_entry(&a.model, 2)->certificate));
    assess_close(&a);
}
END_TEST

/* Which of two certificates of one CA goes: none that has a role, and none that pins something. */
static const struct {
    const char *role, *key_id;
    unsigned drops;
} supersedings[] = {
    {"imported", "no", 1},     {"own", "no", 0}, {"issuing", "no", 1}, /* it loses the role first */
    {"imported", "key-id", 1}, /* the hash of the key, which the active one does not say */
    {"imported", "abcd", 0},
};

START_TEST(who_is_superseded)
{
    struct assessment a;
    char text_of[2048];
    static const struct assess_options options = {.decisions.superseded = "drop"};
    snprintf(text_of, sizeof text_of,
             "[store]\nseed = pins\nmode = V3\nissuing-ca = issuing\n[key issuing]\nbits = 512\n"
             "[certificate issuing]\nsubject = CN=Issuing\nserial = 1\nsubject-key-id = no\n"
             "[entry 1]\ncertificate = issuing\nrole = issuing\n"
             "[certificate older]\nkey = issuing\nsubject = CN=Issuing\nserial = 2\n"
             "from = 1997-01-01\n[entry 2]\ncertificate = older\nrole = %s\n[user 1]\n"
             "[user-certificate 1]\nuser = 1\nissuer-entry = 2\nissuer = issuing\nversion = 3\n"
             "authority-key-id = %s\n",
             supersedings[_i].role, supersedings[_i].key_id);
    judged(text_of, &options, &a);
    ck_assert_uint_eq(drops(&a), supersedings[_i].drops);
    assess_close(&a);
}
END_TEST

/* The entry that the settings name as the issuing CA becomes that, when its certificate may issue.
 */
static const struct {
    const char *of_certificate, *of_entry;
    bool becomes;
} named[] = {
    {"", "", true},
    {"ca = no\n", "", false},
    {"key-usage = crl-sign\n", "", false},
    {"version = 1\n", "", false},
    {"", "trusted = no\n", false},
};

START_TEST(what_may_issue)
{
    struct assessment a;
    char text_of[1024];
    unsigned becomes = 0;
    snprintf(text_of, sizeof text_of,
             "[store]\nseed = named\nmode = V3\nissuing-ca = named\n[key named]\nbits = 512\n"
             "[certificate named]\nsubject = CN=Named\n%s[entry 1]\ncertificate = named\n%s",
             named[_i].of_certificate, named[_i].of_entry);
    judged(text_of, NULL, &a);
    for (size_t i = 0; i < a.plan.actions; i++)
        becomes +=
            a.plan.action[i].kind == ACTION_SET_ROLE && a.plan.action[i].role == ROLE_ISSUING;
    ck_assert_uint_eq(becomes, named[_i].becomes);
    assess_close(&a);
}
END_TEST

int main(void)
{
    return judged_main("decide", (const struct check_case[]){
                                     {one_identity_costs_a_check_each, 0},
                                     {an_identity_is_no_judge_of_itself, 0},
                                     {another_certificate_of_the_ca_is_a_judge, 0},
                                     {reissues_cost_a_check_each, 0},
                                     {the_bound_leaves_the_rest_undecided, 0},
                                     {a_pair_is_checked_once, 0},
                                     {revocation, 4},
                                     {who_is_superseded, ARRAY_SIZE(supersedings)},
                                     {what_may_issue, ARRAY_SIZE(named)},
                                     {0},
                                 });
}
