/* The one table of all rules of the structural check: see check.h. */
#include "formats/ese/check/parts.h"

#include "formats/memory.h"

#include <stdarg.h>
#include <stdio.h>

struct rule {
    const char *name, *text;
    enum ese_severity severity;
    bool needs_clean; /* compares pages with each other */
};

enum { ACROSS = true, ALONE = false };

static const struct rule rules[ESE_RULES] = {
    [ESE_RULE_HEADER_SHADOW] = {"header-shadow", "header and shadow header are right and equal",
                                ESE_PROBLEM, ALONE},
    [ESE_RULE_HEADER_FIELD] = {"header-field",
                               "the header's fields have values that an attach takes", ESE_PROBLEM,
                               ALONE},
    [ESE_RULE_FILE_SIZE] = {"file-size", "the file holds every page that the database owns",
                            ESE_PROBLEM, ALONE},
    [ESE_RULE_PAGE_READ] = {"page-read", "every page can be read from the disk", ESE_PROBLEM,
                            ALONE},
    [ESE_RULE_PAGE_CHECKSUM] = {"page-checksum", "every owned page has the checksum of its bytes",
                                ESE_PROBLEM, ALONE},
    [ESE_RULE_PAGE_BIT] = {"page-bit", "no page has a single flipped bit", ESE_PROBLEM, ALONE},
    [ESE_RULE_PAGE_NUMBER] = {"page-number", "a page carries its own number", ESE_PROBLEM, ALONE},
    [ESE_RULE_PAGE_ZERO] = {"page-zero", "a page in use is not all zero", ESE_PROBLEM, ALONE},
    [ESE_RULE_PAGE_TIME] = {"page-time",
                            "no page is newer than the header: eseutil /g calls that corrupted",
                            ESE_ADVICE, ACROSS},
    [ESE_RULE_PAGE_ACCOUNTING] = {"page-accounting", "a page's bytes are all accounted for",
                                  ESE_PROBLEM, ALONE},
    [ESE_RULE_PAGE_FLAGS] = {"page-flags", "a page's flags fit its tree and each other",
                             ESE_PROBLEM, ALONE},
    [ESE_RULE_TAG_OUTSIDE_PAGE] = {"tag-outside-page", "a tag points inside its page", ESE_PROBLEM,
                                   ALONE},
    [ESE_RULE_TAG_OVERLAP] = {"tag-overlap", "no byte of a page belongs to two tags", ESE_PROBLEM,
                              ALONE},
    [ESE_RULE_NODE] = {"node", "a node has a key and data that fit into it", ESE_PROBLEM, ALONE},
    [ESE_RULE_CHILD_PAGE] = {"child-page", "an inner page leads to pages of the file", ESE_PROBLEM,
                             ACROSS},
    [ESE_RULE_PAGE_TWICE] = {"page-twice", "each page is reached once", ESE_PROBLEM, ACROSS},
    [ESE_RULE_PAGE_OWNER] = {"page-owner", "a page belongs to the tree that reaches it",
                             ESE_PROBLEM, ACROSS},
    [ESE_RULE_PAGE_LEVEL] = {"page-level", "a page is of the kind that its level needs",
                             ESE_PROBLEM, ACROSS},
    [ESE_RULE_KEY_ORDER] = {"key-order", "keys ascend, in a page and from page to page",
                            ESE_PROBLEM, ACROSS},
    [ESE_RULE_KEY_DUPLICATE] = {"key-duplicate", "no key occurs twice where keys are unique",
                                ESE_PROBLEM, ACROSS},
    [ESE_RULE_SEPARATOR] = {"separator", "a page's keys lie between its parent's separators",
                            ESE_PROBLEM, ACROSS},
    [ESE_RULE_SIBLING_LINK] = {"sibling-link",
                               "leaves are linked in key order, inner pages not at all",
                               ESE_PROBLEM, ACROSS},
    [ESE_RULE_EMPTY_PAGE] = {"empty-page", "only a root that is a leaf may be empty", ESE_PROBLEM,
                             ACROSS},
    [ESE_RULE_SPACE_HEADER] = {"space-header", "a root's space header is complete and consistent",
                               ESE_PROBLEM, ACROSS},
    [ESE_RULE_SPACE_PARENT] = {"space-parent",
                               "a tree's space comes from the tree that it belongs to", ESE_PROBLEM,
                               ACROSS},
    [ESE_RULE_SPACE_EXTENT] = {"space-extent",
                               "an extent tree's entries are extents, none overlapping",
                               ESE_PROBLEM, ACROSS},
    [ESE_RULE_EXTENT_NESTING] = {"extent-nesting", "extents lie inside those they were taken from",
                                 ESE_PROBLEM, ACROSS},
    [ESE_RULE_EXTENT_OVERLAP] = {"extent-overlap",
                                 "no page is owned by two trees, or owned and available",
                                 ESE_PROBLEM, ACROSS},
    [ESE_RULE_PAGE_NOT_OWNED] = {"page-not-owned", "a tree's pages lie in its own extents",
                                 ESE_PROBLEM, ACROSS},
    [ESE_RULE_PAGE_AVAILABLE] = {"page-available", "no page in use is listed as available",
                                 ESE_PROBLEM, ACROSS},
    [ESE_RULE_CATALOG_ROW] = {"catalog-row", "every row of the catalog describes something",
                              ESE_PROBLEM, ACROSS},
    [ESE_RULE_CATALOG_ROOT] = {"catalog-root", "the catalog names the root page of each tree",
                               ESE_PROBLEM, ACROSS},
    [ESE_RULE_CATALOG_OBJECT] = {"catalog-object", "the catalog's objects fit together",
                                 ESE_PROBLEM, ACROSS},
    [ESE_RULE_CATALOG_SHADOW] = {"catalog-shadow",
                                 "the shadow catalog equals the catalog row for row; switched off "
                                 "it is advice: eseutil /g calls that corrupted",
                                 ESE_PROBLEM, ACROSS},
    [ESE_RULE_RECORD] = {"record", "every column of every row can be read", ESE_PROBLEM, ALONE},
    [ESE_RULE_PRIMARY_KEY] = {"primary-key", "a row stands under the key that its columns give",
                              ESE_PROBLEM, ACROSS},
    [ESE_RULE_INDEX_MISSING_ENTRY] = {"index-missing-entry",
                                      "each row has its entries in each index", ESE_PROBLEM,
                                      ACROSS},
    [ESE_RULE_INDEX_DANGLING] = {"index-dangling", "each index entry points at a row", ESE_PROBLEM,
                                 ACROSS},
    [ESE_RULE_INDEX_WRONG_KEY] = {"index-wrong-key",
                                  "each index entry has a key that its row gives", ESE_PROBLEM,
                                  ACROSS},
    [ESE_RULE_INDEX_COUNT] = {"index-count", "an index has as many entries as the rows give",
                              ESE_PROBLEM, ACROSS},
    [ESE_RULE_LONG_VALUE_KEY] = {"long-value-key",
                                 "keys of long values are ids and offsets, chunks follow "
                                 "their root",
                                 ESE_PROBLEM, ACROSS},
    [ESE_RULE_LONG_VALUE_ROOT] = {"long-value-root", "a long value's root has 8 or 9 bytes",
                                  ESE_PROBLEM, ACROSS},
    [ESE_RULE_LONG_VALUE_CHUNK] = {"long-value-chunk",
                                   "chunks stand at their offsets and have their size", ESE_PROBLEM,
                                   ACROSS},
    [ESE_RULE_LONG_VALUE_SIZE] = {"long-value-size",
                                  "a long value has as many bytes as its root says", ESE_PROBLEM,
                                  ACROSS},
    [ESE_RULE_LONG_VALUE_DATA] = {"long-value-data", "compressed chunks can be decompressed",
                                  ESE_PROBLEM, ACROSS},
    [ESE_RULE_LONG_VALUE_MISSING] = {"long-value-missing",
                                     "every long value that a row refers to exists", ESE_PROBLEM,
                                     ACROSS},
    [ESE_RULE_LONG_VALUE_REFERENCES] = {"long-value-references",
                                        "a long value counts as many references as rows have",
                                        ESE_PROBLEM, ACROSS},
    [ESE_RULE_LONG_VALUE_ORPHAN] = {"long-value-orphan", "every long value is referred to",
                                    ESE_ADVICE, ACROSS},
};

const char *ese_rule_name(enum ese_rule rule)
{
    return rules[rule].name;
}

const char *ese_rule_text(enum ese_rule rule)
{
    return rules[rule].text;
}

static void tell(struct check *c, const struct ese_finding *finding)
{
    struct ese_check_summary *summary = c->summary;
    if (memory_ran_short())
        return; /* it may be no more than that; ese_check() fails */
    switch (finding->severity) {
    case ESE_PROBLEM:
        summary->problems++;
        summary->of_rule[finding->rule]++;
        break;
    case ESE_ADVICE:
        summary->advice++;
        summary->eseutil_fails += finding->eseutil_fails;
        summary->of_rule[finding->rule]++;
        break;
    case ESE_NOT_JUDGED:
        summary->not_judged++;
        break;
    }
    if (c->found)
        c->found(c->context, finding);
}

static void find(struct check *c, enum ese_rule rule, enum ese_severity severity,
                 bool eseutil_fails, uint32_t page, int tag, const char *format, va_list args)
{
    char text[400];
    if (c->dirty && rules[rule].needs_clean)
        return; /* ese_check() has said that this rule is not judged */
    vsnprintf(text, sizeof text, format, args);
    struct ese_finding finding = {.rule = rule,
                                  .severity = severity,
                                  .table = c->table_name,
                                  .page = page,
                                  .tag = tag,
                                  .text = text,
                                  .eseutil_fails = eseutil_fails,
                                  .entry = c->entry};
    tell(c, &finding);
}

void check_found(struct check *c, enum ese_rule rule, uint32_t page, int tag, const char *format,
                 ...)
{
    va_list args;
    va_start(args, format);
    find(c, rule, rules[rule].severity, false, page, tag, format, args);
    va_end(args);
}

void check_advise(struct check *c, enum ese_rule rule, uint32_t page, int tag, const char *format,
                  ...)
{
    va_list args;
    va_start(args, format);
    find(c, rule, ESE_ADVICE, false, page, tag, format, args);
    va_end(args);
}

void check_advise_eseutil(struct check *c, enum ese_rule rule, uint32_t page, int tag,
                          const char *format, ...)
{
    va_list args;
    va_start(args, format);
    find(c, rule, ESE_ADVICE, true, page, tag, format, args);
    va_end(args);
}

void check_not_judged(struct check *c, enum ese_rule rule, uint32_t page, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    find(c, rule, ESE_NOT_JUDGED, false, page, CHECK_NO_TAG, format, args);
    va_end(args);
}

void check_not_judged_dirty(struct check *c)
{
    for (int rule = 0; rule < ESE_RULES; rule++) {
        if (!rules[rule].needs_clean)
            continue;
        struct ese_finding finding = {
            .rule = (enum ese_rule)rule,
            .severity = ESE_NOT_JUDGED,
            .tag = CHECK_NO_TAG,
            .text =
                "the database was not shut down cleanly: its logs hold changes that pages lack"};
        tell(c, &finding);
    }
}
