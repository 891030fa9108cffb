/* Sentences of facts: see evidence.h. */
#include "migrate/judge/evidence.h"

#include "formats/buffer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SENTENCES_MOST = 4, WORD_MOST = 24 };

static const char *const words[FACT_NAMES] = {
    [FACT_ENTRY] = "entry",
    [FACT_OTHER] = "other",
    [FACT_NAMED] = "named",
    [FACT_CERTIFICATE] = "certificate",
    [FACT_SERIAL] = "serial",
    [FACT_KEYS] = "keys",
    [FACT_SERIALS] = "serials",
    [FACT_SUBJECT] = "subject",
    [FACT_COUNT] = "count",
    [FACT_MORE] = "more",
    [FACT_TABLE] = "table",
    [FACT_ROW] = "row",
    [FACT_COLUMN] = "column",
    [FACT_PAGE] = "page",
    [FACT_RULE] = "rule",
    [FACT_SIZE] = "size",
    [FACT_SETTING] = "setting",
    [FACT_VALUE] = "value",
    [FACT_ROLE] = "role",
    [FACT_MODE] = "mode",
    [FACT_VERSION] = "version",
    [FACT_PROPERTY] = "property",
    [FACT_THUMBPRINT] = "thumbprint",
    [FACT_DAYS_LEFT] = "days_left",
    [FACT_DAYS_AGO] = "days_ago",
    [FACT_STATE] = "state",
    [FACT_FIRST_LOG] = "first_log",
    [FACT_LAST_LOG] = "last_log",
    [FACT_DIRECTORY] = "directory",
    [FACT_PLACE] = "place",
    [FACT_WHY] = "why",
};

/* Where a sentence has no facts but this one, the code says all the rest. */
#define ENTRY "entry {entry} ({certificate})"
#define ENTRIES "entries {keys}: {certificate}"
#define STRUCTURE                                                                                  \
    {                                                                                              \
        "{rule}: table {table}, page {page}: {why}", "{rule}: page {page}: {why}",                 \
            "and {more} more; see check --structure", "{why}"                                      \
    }
#define SOME                                                                                       \
    {                                                                                              \
        "{count} entries, entry {entry} the first", "entry {entry}"                                \
    }

static const char *const sentences[PROBLEM_CODES][SENTENCES_MOST] = {
    [PROBLEM_DIRTY] = {"state {state}, logs {first_log} to {last_log} are needed"},
    [PROBLEM_HEADER] = {"{why}"},
    [PROBLEM_STRUCTURE] = STRUCTURE,
    [PROBLEM_UNIQUE_KEY] = STRUCTURE,
    [PROBLEM_INDEX_DANGLING] = {"table {table}, page {page}: {why}"},
    [PROBLEM_INDEX_UNFINISHED] = {"table {table}, page {page}: {why}"},
    [PROBLEM_ROW_GONE] = {"table {table}: {why}"},
    [PROBLEM_LOGS_BESIDE] = {"{count} in {directory}"},
    [PROBLEM_UNDO_PENDING] = {"an undo file lies in {directory}"},
    [PROBLEM_ROLE_UNKNOWN] = {ENTRY},
    [PROBLEM_UNPARSABLE] = {"entry {entry}, {size} bytes: {why}"},
    [PROBLEM_THUMBPRINT] = {ENTRY},
    [PROBLEM_TRUST_UNDECIDED] = {"entries {keys}"},
    [PROBLEM_TRUST_DIFFERS] = {"entries {keys}"},
    [PROBLEM_PROPERTY_DIFFERS] = {"property {property}: {size} bytes in entry {entry}, others in "
                                  "entry {other}"},
    [PROBLEM_IDENTICAL] = {ENTRIES},
    [PROBLEM_RE_ENCODED] = {ENTRIES},
    [PROBLEM_OWN_AND_ISSUING] = {"entries {keys}"},
    [PROBLEM_SAME_IDENTITY] = {ENTRIES},
    [PROBLEM_TWO_ACTIVE] = {"{serials}; {subject}"},
    [PROBLEM_REISSUE] = {"{serials}; {subject}"},
    [PROBLEM_LIST_MISSING] = {"neither table {table} nor {place}"},
    [PROBLEM_TWO_LISTS] = {"table {table} has {count} entries, and {place} is there, too", "{why}"},
    [PROBLEM_ISSUING_CHAIN] = {ENTRY ": {why}"},
    [PROBLEM_UNPROVABLE] = {ENTRY ": its signature cannot be checked",
                            "{count} references, that of row {row} the first"},
    [PROBLEM_ISSUING_ROLE] = {ENTRY " has role {role}"},
    [PROBLEM_ISSUING_NOT_V3] = {ENTRY " is V{version}"},
    [PROBLEM_ISSUING_NOT_CA] = {ENTRY},
    [PROBLEM_ISSUING_UNTRUSTED] = {ENTRY},
    [PROBLEM_ISSUING_REVOKED] = {ENTRY},
    [PROBLEM_SETTING_NAMES_DROPPED] = {"{setting} names the encoding in entry {entry}, that in "
                                       "entry {other} stays"},
    [PROBLEM_ISSUING_MISSING] = {"mode {mode}, setting {setting}: {value}"},
    [PROBLEM_ISSUING_AMBIGUOUS] = {"thumbprint {thumbprint}: entries {keys}"},
    [PROBLEM_MODE_UNKNOWN] = {"setting {setting} is \"{value}\"; {why}",
                              "setting {setting} is \"{value}\"",
                              "the mode is {mode}, and nothing says which CA issues: "
                              "--issuing-ca-is says it"},
    [PROBLEM_NO_SETTINGS] = {"expected table {table}; where the mode is kept elsewhere, --mode "
                             "says it, and --issuing-ca-is which CA issues",
                             "the profile has none; where the mode is kept elsewhere, --mode says "
                             "it, and --issuing-ca-is which CA issues"},
    [PROBLEM_NO_OWN] = {"none of {count} entries has role own"},
    [PROBLEM_DANGLING] = {"{table} {row}: {column} names entry {entry}",
                          "{table} {row}: {column} names no entry that is there",
                          "and {more} more"},
    [PROBLEM_REFERENCE_REFUTED] = {"{table} {row}: {column} names entry {entry}, whose key did not "
                                   "sign it"},
    [PROBLEM_SHORT_LIVED] = {ENTRY ": expired {days_ago} days ago",
                             ENTRY ": {days_left} days left"},
    [PROBLEM_EXPIRED] = SOME,
    [PROBLEM_WEAK] = SOME,
    [PROBLEM_ENCODINGS] = {"entries {entry} and {other}"},
    [PROBLEM_SEVERAL_ISSUING] = {"{count} entries, {entry} and {other} among them"},
    [PROBLEM_ORGANIZATION] = {"organization \"{value}\""},
    [PROBLEM_LONG_NAME] = {"{count} {count:user, namely:users, the first} {row}"},
    [PROBLEM_V1_IN_V3] = {"{count} V1 {count:certificate:certificates}, {count:namely:the first} "
                          "{row}"},
    [PROBLEM_NO_USER] =
        {"{count} {count:certificate:certificates}, {count:namely:the first} {row}"},
};

const char *fact_word(enum fact_name name)
{
    return name == FACT_CERTIFICATE || name == FACT_KEYS || name == FACT_SERIALS ? NULL
                                                                                 : words[name];
}

const char *evidence_sentence(enum problem_code code, unsigned n)
{
    return n < SENTENCES_MOST ? sentences[code][n] : NULL;
}

/* ---- sentences ---- */

/* What stands between braces: a fact, and, of a word that follows a number, its two forms. */
struct slot {
    char word[WORD_MOST], one[WORD_MOST], many[WORD_MOST];
};

/* Goes on to the next slot of a sentence: what stands before it is [at, *end), what comes next
 * begins at the pointer that is returned.  NULL: there is none. */
static const char *next_slot(const char *at, const char **end, struct slot *slot)
{
    *slot = (struct slot){.word = ""};
    *end = strchr(at, '{');
    if (*end == NULL)
        return NULL;
    sscanf(*end, "{%23[^:}]:%23[^:}]:%23[^}]", slot->word, slot->one, slot->many);
    return *end + strcspn(*end, "}") + 1;
}

static const struct fact *fact_of(const struct fact *facts, const char *word)
{
    for (; facts->name != FACT_END; facts++)
        if (strcmp(words[facts->name], word) == 0 && (!facts->is_text || facts->text))
            return facts;
    return NULL;
}

static bool has_all(const char *sentence, const struct fact *facts)
{
    struct slot slot;
    const char *end;
    for (const char *at = sentence; (at = next_slot(at, &end, &slot)) != NULL;)
        if (fact_of(facts, slot.word) == NULL)
            return false;
    return true;
}

static void put_fact(struct buffer *to, const struct slot *slot, const struct fact *fact)
{
    char number[24];
    snprintf(number, sizeof number, "%" PRId64, fact->number);
    buffer_add_text(to, slot->many[0]   ? plural((uint64_t)fact->number, slot->one, slot->many)
                        : fact->is_text ? fact->text
                                        : number);
}

static void put_sentence(struct buffer *to, const char *sentence, const struct fact *facts)
{
    struct slot slot;
    const char *end, *at = sentence, *next;
    for (; (next = next_slot(at, &end, &slot)) != NULL; at = next) {
        buffer_add(to, bytes_of(at, (size_t)(end - at)));
        put_fact(to, &slot, fact_of(facts, slot.word));
    }
    buffer_add_text(to, at);
}

/* ---- findings ---- */

/* The facts and their texts, in one piece of memory; NULL: no memory. */
static struct fact *copy_facts(const struct fact *facts, unsigned *count)
{
    size_t size = 0;
    unsigned all = 0;
    *count = 0;
    for (; facts[all].name != FACT_END; all++)
        size += facts[all].text ? strlen(facts[all].text) + 1 : 0;
    struct fact *copy = malloc((all + 1) * sizeof *copy + size);
    char *text = copy ? (char *)(copy + all + 1) : NULL;
    for (unsigned i = 0; copy && i < all; i++) {
        if (facts[i].is_text && facts[i].text == NULL)
            continue;
        struct fact *to = &copy[(*count)++];
        *to = facts[i];
        if (!to->is_text)
            continue;
        size_t length = strlen(facts[i].text) + 1;
        to->text = memcpy(text, facts[i].text, length);
        text += length;
    }
    if (copy)
        copy[*count] = (struct fact){.name = FACT_END};
    return copy;
}

static int64_t entry_of(const struct fact *facts, enum fact_name name)
{
    for (; facts->name != FACT_END; facts++)
        if (facts->name == name)
            return facts->number;
    return NO_ENTRY;
}

static void give_facts(struct problems *problems, struct problem *p, const struct fact *facts)
{
    if (p == NULL)
        return;
    p->fact = copy_facts(facts, &p->facts);
    problems->no_memory = problems->no_memory || p->fact == NULL;
}

struct problem *problem_find(struct problems *problems, enum problem_code code,
                             const struct fact *facts)
{
    struct buffer text = {0};
    const char *sentence;
    unsigned n = 0;
    while ((sentence = evidence_sentence(code, n)) != NULL && !has_all(sentence, facts))
        n++;
    put_sentence(&text, sentence ? sentence : "", facts);
    buffer_add_u8(&text, '\0');
    struct problem *p = NULL;
    if (text.failed)
        problems->no_memory = true;
    else
        p = problem_add(problems, code, entry_of(facts, FACT_ENTRY), entry_of(facts, FACT_OTHER),
                        "%s", (const char *)text.at);
    buffer_free(&text);
    give_facts(problems, p, facts);
    return p;
}

void problem_keep(struct problems *problems, const struct problem *found)
{
    static const struct fact none = {.name = FACT_END};
    struct problem *p =
        problem_add(problems, found->code, found->entry[0], found->entry[1], "%s", found->evidence);
    give_facts(problems, p, found->fact ? found->fact : &none);
}
