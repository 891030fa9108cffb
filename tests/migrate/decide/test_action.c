/*
 * The table of actions, without a store: every kind has its name, sentence and canonical text, and
 * an action that is foreseen changes what it says and nothing else.
 */
#include "migrate/decide/action.h"
#include "tests/check_main.h"

#include "formats/buffer.h"

static uint8_t hash[HASH_SHA1_SIZE] = {0xab, 0xcd};
static struct profile profile;
static struct model_certificate certificate[1];
static struct model_entry room[5], *const entry = room + 1; /* what lies before them is no entry */
static struct model model;

static void make_model(void)
{
    struct fault f;
    profile =
        (struct profile){.reference = {{.table = "Trust", .column = "EntryId"}}, .references = 1};
    profile.list[0] = (struct profile_list){.role_own = 1, .role_issuing = 2, .role_imported = 3};
    entry[0] = (struct model_entry){.key = 4, .role = ROLE_IMPORTED, .trust = TRUST_YES};
    entry[1] = (struct model_entry){.key = 7, .role = ROLE_ISSUING, .trust = TRUST_YES};
    entry[0].references[0] = entry[0].reference_count = 5;
    model = (struct model){.profile = &profile,
                           .match = PROFILE_MATCHES_ROWS,
                           .certificate = certificate,
                           .certificates = 1,
                           .entry = entry,
                           .entries = 2};
    ck_assert(hash_open(&model.hash, &f));
}

static const struct ese_table table = {.name = "Trust"};
static const struct ese_index of_table = {.name = "ByEntry"};

static struct action action_of(int kind)
{
    return (struct action){.kind = (enum action_kind)kind,
                           .entry = 4,
                           .other = 7,
                           .count = 5,
                           .row = 12,
                           .role = ROLE_ISSUING,
                           .trust = TRUST_NO,
                           .mode = MODE_V3,
                           .days = 36526,
                           .value = bytes_of(hash, sizeof hash),
                           .table = &table,
                           .index = &of_table,
                           .bookmark = bytes_of("\x7f\x80\0\0\4", 5),
                           .text = "it is issuing",
                           .why = "so it was asked for"};
}

START_TEST(every_kind_is_told)
{
    make_model();
    for (int kind = 0; kind < ACTION_KINDS; kind++) {
        const struct action a = action_of(kind);
        const char *name = action_name(a.kind);
        char text[512];
        struct buffer sentence = {0};
        FILE *to = buffer_stream(&sentence);
        int size = action_canonical(&model, &a, text, sizeof text);
        ck_assert_int_eq(size, (int)strlen(text));
        ck_assert_msg(strncmp(text, name, strlen(name)) == 0, "%s", text);
        ck_assert(strchr(text, '\n') == NULL);
        ck_assert_ptr_nonnull(to);
        action_sentence(&model, &a, to);
        ck_assert(buffer_stream_close(&sentence, to));
        buffer_add_u8(&sentence, '\0');
        ck_assert_msg(strstr((char *)sentence.at, a.why) != NULL, "%s: %s", name,
                      (char *)sentence.at);
        buffer_free(&sentence);
        for (int other = 0; other < kind; other++)
            ck_assert_str_ne(name, action_name((enum action_kind)other));
    }
    hash_close(&model.hash);
}
END_TEST

/* What an action is about, and what becomes of it, stands in its sentence. */
static const char *const sentences[ACTION_KINDS] = {
    [ACTION_WRITE_HEADER] = "write the header anew from its shadow",
    [ACTION_DROP_INDEX_ENTRY] = "out of index ByEntry",
    [ACTION_DROP_ENTRY] = "drop entry 4: ",
    [ACTION_SET_ROLE] = "entry 4 becomes issuing",
    [ACTION_SET_TRUST] = "entry 4 becomes untrusted",
    [ACTION_SET_NAME] = "entry 4 gets the name \"it is issuing\"",
    [ACTION_SET_IMPORTED] = "entry 4 gets the earliest import time",
    [ACTION_SET_THUMBPRINT] = "entry 4 gets the thumbprint abcd0000",
    [ACTION_ADD_PROPERTIES] = "entry 4 keeps 20 bytes of properties",
    [ACTION_ADD_ENTRY] = "add entry 4, issuing",
    [ACTION_MOVE_REFERENCES] = "move 5 references of Trust.EntryId from entry 4 to entry 7",
    [ACTION_MOVE_REFERENCE] = ("Trust 12: move the dangling reference EntryId from entry 4 to "
                               "entry 7"),
    [ACTION_SET_ISSUING_CA] = "to abcd0000",
    [ACTION_SET_MODE] = "to V3",
};

START_TEST(a_sentence_says_what_is_done)
{
    const struct action a = action_of(_i);
    struct buffer sentence = {0};
    make_model();
    FILE *to = buffer_stream(&sentence);
    ck_assert_ptr_nonnull(to);
    action_sentence(&model, &a, to);
    ck_assert(buffer_stream_close(&sentence, to));
    buffer_add_u8(&sentence, '\0');
    ck_assert_ptr_nonnull(sentences[_i]);
    ck_assert_msg(strstr((char *)sentence.at, sentences[_i]) != NULL, "%s", (char *)sentence.at);
    buffer_free(&sentence);
    hash_close(&model.hash);
}
END_TEST

/* Plans' ids are made of these: they are not to change. */
static const struct {
    enum action_kind kind;
    const char *text;
} canonical[] = {
    {ACTION_WRITE_HEADER, "write-header"},
    {ACTION_DROP_INDEX_ENTRY,
     "drop-index-entry Trust.ByEntry key "
     "d57b6e66edfbebd9b8f64c8103d0b57512cf153658294c62fb28d0d29cdab27b row 7f80000004"},
    {ACTION_SET_ROLE, "set-role 4.0 issuing"},
    {ACTION_SET_IMPORTED, "set-imported 4.0 40e1d5c000000000"},
    {ACTION_SET_THUMBPRINT, "set-thumbprint 4.0 abcd000000000000000000000000000000000000"},
    {ACTION_MOVE_REFERENCES, "move-references Trust.EntryId 4 to 7 count 5"},
    {ACTION_MOVE_REFERENCE, "move-reference Trust.EntryId row 12 from 4 to 7"},
    {ACTION_SET_MODE, "set-mode V3"},
};

START_TEST(canonical_text_stays)
{
    char text[512];
    const struct action a = action_of((int)canonical[_i].kind);
    make_model();
    action_canonical(&model, &a, text, sizeof text);
    ck_assert_str_eq(text, canonical[_i].text);
    /* Cut like snprintf: the size is that of the whole, and what is written ends with a zero. */
    char part[8];
    ck_assert_int_eq(action_canonical(&model, &a, part, sizeof part), (int)strlen(text));
    ck_assert_uint_eq(strlen(part), sizeof part - 1);
    hash_close(&model.hash);
}
END_TEST

START_TEST(what_is_foreseen)
{
    make_model();
    struct action a = action_of(ACTION_SET_ROLE);
    action_foresee(&model, &a);
    ck_assert_int_eq(entry[0].role, ROLE_ISSUING);
    ck_assert_int_eq(entry[0].trust, TRUST_YES);
    a = action_of(ACTION_SET_TRUST);
    action_foresee(&model, &a);
    ck_assert_int_eq(entry[0].trust, TRUST_NO);
    ck_assert_int_eq(entry[1].trust, TRUST_YES);
    a = action_of(ACTION_MOVE_REFERENCES);
    action_foresee(&model, &a);
    ck_assert_uint_eq(entry[0].reference_count, 0);
    ck_assert_uint_eq(entry[1].references[0], 5);
    a = action_of(ACTION_SET_MODE);
    action_foresee(&model, &a);
    ck_assert_int_eq(model.mode, MODE_V3);
    a = action_of(ACTION_SET_ROLE);
    a.entry = 5; /* nobody's */
    action_foresee(&model, &a);
    a = action_of(ACTION_ADD_ENTRY);
    a.entry = 5; /* between the two */
    action_foresee(&model, &a);
    ck_assert_uint_eq(model.entries, 3);
    ck_assert_int_eq(entry[1].key, 5);
    ck_assert_int_eq(entry[2].key, 7);
    a.entry = 3; /* before them */
    room[0].key = 77;
    action_foresee(&model, &a);
    ck_assert_uint_eq(model.entries, 4);
    ck_assert_int_eq(entry[0].key, 3);
    ck_assert_int_eq(entry[3].key, 7);
    ck_assert_int_eq(room[0].key, 77);
    hash_close(&model.hash);
}
END_TEST

START_TEST(effects_and_entries_agree)
{
    for (int kind = 0; kind < ACTION_KINDS; kind++) {
        enum action_effect effect = action_effect((enum action_kind)kind);
        bool own = effect == EFFECT_DROP || effect == EFFECT_CELLS || effect == EFFECT_PROPERTIES;
        ck_assert_int_eq(action_is_of_entry((enum action_kind)kind), own);
        if (action_changes_list((enum action_kind)kind))
            ck_assert(own || effect == EFFECT_ADD);
    }
}
END_TEST

int main(void)
{
    return check_main("action",
                      (const struct check_case[]){{every_kind_is_told, 0},
                                                  {a_sentence_says_what_is_done, ACTION_KINDS},
                                                  {canonical_text_stays, ARRAY_SIZE(canonical)},
                                                  {what_is_foreseen, 0},
                                                  {effects_and_entries_agree, 0},
                                                  {0}});
}
