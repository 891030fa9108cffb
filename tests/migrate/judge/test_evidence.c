/*
 * Sentences of facts: every sentence of the table can be had, says what it was given and nothing
 * else, and whatever the facts hold is told as it is.
 */
#include "migrate/judge/evidence.h"
#include "tests/check_main.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FACTS_MOST = 12, WORD = 32 };

/* The words between the braces of a sentence, each once. */
static unsigned slots_of(const char *sentence, char word[FACTS_MOST][WORD])
{
    unsigned count = 0;
    for (const char *at = strchr(sentence, '{'); at; at = strchr(at + 1, '{')) {
        size_t size = strcspn(at + 1, ":}");
        bool twice = false;
        ck_assert_uint_lt(size, WORD);
        snprintf(word[count], WORD, "%.*s", (int)size, at + 1);
        for (unsigned i = 0; i < count; i++)
            twice = twice || strcmp(word[i], word[count]) == 0;
        count += !twice;
        ck_assert_uint_lt(count, FACTS_MOST);
    }
    return count;
}

/* The name behind a word: those that are only for sentences have none of their own. */
static enum fact_name name_of(const char *word)
{
    static const struct {
        const char *word;
        enum fact_name name;
    } inner[] = {{"certificate", FACT_CERTIFICATE}, {"keys", FACT_KEYS}, {"serials", FACT_SERIALS}};
    for (size_t i = 0; i < sizeof inner / sizeof inner[0]; i++)
        if (strcmp(inner[i].word, word) == 0)
            return inner[i].name;
    for (int name = FACT_END + 1; name < FACT_NAMES; name++)
        if (fact_word((enum fact_name)name) && strcmp(fact_word((enum fact_name)name), word) == 0)
            return (enum fact_name)name;
    ck_abort_msg("a sentence has {%s}, which is no fact", word);
    return FACT_END;
}

/* All facts of a sentence as texts that stand nowhere else: "<entry>". */
static unsigned facts_of(const char *sentence, struct fact fact[FACTS_MOST],
                         char text[FACTS_MOST][WORD + 2])
{
    char word[FACTS_MOST][WORD];
    unsigned count = slots_of(sentence, word);
    for (unsigned i = 0; i < count; i++) {
        snprintf(text[i], sizeof text[i], "<%.31s>", word[i]);
        fact[i] = fact_text(name_of(word[i]), text[i]);
    }
    fact[count] = (struct fact){.name = FACT_END};
    return count;
}

/* What the sentence is with its facts put in by other means. */
static void put_in(const char *sentence, char *to, size_t size)
{
    size_t used = 0;
    for (const char *at = sentence; *at; at++) {
        const char *end = strchr(at, '}'), *colon = strchr(at, ':');
        if (*at != '{') {
            to[used++] = *at;
        } else if (colon && colon < end) {
            used += (size_t)snprintf(to + used, size - used, "%.*s",
                                     (int)(end - strchr(colon + 1, ':') - 1),
                                     strchr(colon + 1, ':') + 1);
        } else {
            used += (size_t)snprintf(to + used, size - used, "<%.*s>", (int)(end - at - 1), at + 1);
        }
        at = *at == '{' ? end : at;
    }
    to[used] = '\0';
}

START_TEST(every_sentence_can_be_had)
{
    unsigned sentences = 0;
    for (int code = 0; code < PROBLEM_CODES; code++)
        for (unsigned n = 0; evidence_sentence((enum problem_code)code, n); n++) {
            const char *sentence = evidence_sentence((enum problem_code)code, n);
            struct fact fact[FACTS_MOST];
            char text[FACTS_MOST][WORD + 2], wanted[512];
            struct problems found = {.item = NULL};
            facts_of(sentence, fact, text);
            put_in(sentence, wanted, sizeof wanted);
            struct problem *p = problem_find(&found, (enum problem_code)code, fact);
            ck_assert_ptr_nonnull(p);
            ck_assert_str_eq(p->evidence, wanted);
            problems_close(&found);
            sentences++;
        }
    ck_assert_uint_gt(sentences, 40);
}
END_TEST

START_TEST(words_are_no_others)
{
    for (int a = FACT_END + 1; a < FACT_NAMES; a++)
        for (int b = FACT_END + 1; b < a; b++) {
            const char *x = fact_word((enum fact_name)a), *y = fact_word((enum fact_name)b);
            ck_assert_msg(x == NULL || y == NULL || strcmp(x, y) != 0, "two facts are %s", x);
        }
}
END_TEST

START_TEST(a_finding_has_its_facts)
{
    struct problems found = {.item = NULL}, left = {.item = NULL};
    char table[] = "Trust";
    struct problem *p =
        problem_find(&found, PROBLEM_REFERENCE_REFUTED,
                     FACTS(fact_number(FACT_ENTRY, INT32_MIN), fact_text(FACT_TABLE, table),
                           fact_number(FACT_ROW, 7), fact_text(FACT_COLUMN, "IssuerEntry"),
                           fact_text(FACT_SERIAL, NULL)));
    ck_assert_ptr_nonnull(p);
    table[0] = 'X'; /* texts are copied */
    ck_assert_str_eq(p->evidence, "Trust 7: IssuerEntry names entry -2147483648, whose key did not "
                                  "sign it");
    ck_assert_int_eq(p->entry[0], INT32_MIN);
    ck_assert_int_eq(p->entry[1], NO_ENTRY);
    ck_assert_uint_eq(p->facts, 4); /* what is not known is no fact */
    ck_assert_str_eq(p->fact[1].text, "Trust");
    problem_keep(&left, p);
    problems_close(&found);
    ck_assert_uint_eq(left.count, 1);
    ck_assert_uint_eq(left.item[0].facts, 4);
    ck_assert_str_eq(left.item[0].fact[3].text, "IssuerEntry");
    problems_close(&left);
}
END_TEST

START_TEST(numbers_have_their_words)
{
    struct problems found = {.item = NULL};
    struct problem *p = problem_find(&found, PROBLEM_LONG_NAME,
                                     FACTS(fact_number(FACT_COUNT, 1), fact_number(FACT_ROW, 12)));
    ck_assert_str_eq(p->evidence, "1 user, namely 12");
    p = problem_find(&found, PROBLEM_LONG_NAME,
                     FACTS(fact_number(FACT_COUNT, 2), fact_number(FACT_ROW, 12)));
    ck_assert_str_eq(p->evidence, "2 users, the first 12");
    problems_close(&found);
}
END_TEST

/* Text of a store is told as it is, braces and percent signs too. */
START_TEST(any_text_is_told)
{
    static const char bytes[] = "{}:%sn\\\" \x01\x7f\xc3\xa9";
    srand(20261126);
    for (unsigned round = 0; round < 5000; round++) {
        char text[64], wanted[128];
        size_t size = (size_t)rand() % (sizeof text - 1);
        for (size_t i = 0; i < size; i++)
            text[i] = bytes[(size_t)rand() % (sizeof bytes - 1)];
        text[size] = '\0';
        struct problems found = {.item = NULL};
        struct problem *p =
            problem_find(&found, PROBLEM_ORGANIZATION, FACTS(fact_text(FACT_VALUE, text)));
        snprintf(wanted, sizeof wanted, "organization \"%s\"", text);
        ck_assert_ptr_nonnull(p);
        ck_assert_str_eq(p->evidence, wanted);
        ck_assert_str_eq(p->fact[0].text, text);
        problems_close(&found);
    }
}
END_TEST

int main(void)
{
    return check_main("evidence", (const struct check_case[]){{every_sentence_can_be_had, 0},
                                                              {words_are_no_others, 0},
                                                              {a_finding_has_its_facts, 0},
                                                              {numbers_have_their_words, 0},
                                                              {any_text_is_told, 0},
                                                              {0}});
}
