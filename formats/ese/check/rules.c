/* The one table of all rules of the structural check: see check.h; kmmigrate(8) says of each what
 * it demands. */
#include "formats/ese/check/parts.h"

#include "formats/memory.h"

#include <stdarg.h>
#include <stdio.h>

struct rule {
    const char *name;
    enum ese_severity severity;
    bool needs_clean; /* compares pages with each other */
};

enum { ACROSS = true, ALONE = false };

static const struct rule rules[ESE_RULES] = {
    [ESE_RULE_HEADER_SHADOW] = {"header-shadow", ESE_PROBLEM, ALONE},
    [ESE_RULE_HEADER_FIELD] = {"header-field", ESE_PROBLEM, ALONE},
    [ESE_RULE_FILE_SIZE] = {"file-size", ESE_PROBLEM, ALONE},
    [ESE_RULE_PAGE_READ] = {"page-read", ESE_PROBLEM, ALONE},
    [ESE_RULE_PAGE_CHECKSUM] = {"page-checksum", ESE_PROBLEM, ALONE},
    [ESE_RULE_PAGE_BIT] = {"page-bit", ESE_PROBLEM, ALONE},
    [ESE_RULE_PAGE_NUMBER] = {"page-number", ESE_PROBLEM, ALONE},
    [ESE_RULE_PAGE_ZERO] = {"page-zero", ESE_PROBLEM, ALONE},
    [ESE_RULE_PAGE_TIME] = {"page-time", ESE_ADVICE, ACROSS},
    [ESE_RULE_PAGE_ACCOUNTING] = {"page-accounting", ESE_PROBLEM, ALONE},
    [ESE_RULE_PAGE_FLAGS] = {"page-flags", ESE_PROBLEM, ALONE},
    [ESE_RULE_TAG_OUTSIDE_PAGE] = {"tag-outside-page", ESE_PROBLEM, ALONE},
    [ESE_RULE_TAG_OVERLAP] = {"tag-overlap", ESE_PROBLEM, ALONE},
    [ESE_RULE_NODE] = {"node", ESE_PROBLEM, ALONE},
    [ESE_RULE_CHILD_PAGE] = {"child-page", ESE_PROBLEM, ACROSS},
    [ESE_RULE_PAGE_TWICE] = {"page-twice", ESE_PROBLEM, ACROSS},
    [ESE_RULE_PAGE_OWNER] = {"page-owner", ESE_PROBLEM, ACROSS},
    [ESE_RULE_PAGE_LEVEL] = {"page-level", ESE_PROBLEM, ACROSS},
    [ESE_RULE_KEY_ORDER] = {"key-order", ESE_PROBLEM, ACROSS},
    [ESE_RULE_KEY_DUPLICATE] = {"key-duplicate", ESE_PROBLEM, ACROSS},
    [ESE_RULE_SEPARATOR] = {"separator", ESE_PROBLEM, ACROSS},
    [ESE_RULE_SIBLING_LINK] = {"sibling-link", ESE_PROBLEM, ACROSS},
    [ESE_RULE_EMPTY_PAGE] = {"empty-page", ESE_PROBLEM, ACROSS},
    [ESE_RULE_SPACE_HEADER] = {"space-header", ESE_PROBLEM, ACROSS},
    [ESE_RULE_SPACE_PARENT] = {"space-parent", ESE_PROBLEM, ACROSS},
    [ESE_RULE_SPACE_EXTENT] = {"space-extent", ESE_PROBLEM, ACROSS},
    [ESE_RULE_EXTENT_NESTING] = {"extent-nesting", ESE_PROBLEM, ACROSS},
    [ESE_RULE_EXTENT_OVERLAP] = {"extent-overlap", ESE_PROBLEM, ACROSS},
    [ESE_RULE_PAGE_NOT_OWNED] = {"page-not-owned", ESE_PROBLEM, ACROSS},
    [ESE_RULE_PAGE_AVAILABLE] = {"page-available", ESE_PROBLEM, ACROSS},
    [ESE_RULE_CATALOG_ROW] = {"catalog-row", ESE_PROBLEM, ACROSS},
    [ESE_RULE_CATALOG_ROOT] = {"catalog-root", ESE_PROBLEM, ACROSS},
    [ESE_RULE_CATALOG_OBJECT] = {"catalog-object", ESE_PROBLEM, ACROSS},
    [ESE_RULE_CATALOG_SHADOW] = {"catalog-shadow", ESE_PROBLEM, ACROSS},
    [ESE_RULE_RECORD] = {"record", ESE_PROBLEM, ALONE},
    [ESE_RULE_PRIMARY_KEY] = {"primary-key", ESE_PROBLEM, ACROSS},
    [ESE_RULE_INDEX_MISSING_ENTRY] = {"index-missing-entry", ESE_PROBLEM, ACROSS},
    [ESE_RULE_INDEX_DANGLING] = {"index-dangling", ESE_PROBLEM, ACROSS},
    [ESE_RULE_INDEX_WRONG_KEY] = {"index-wrong-key", ESE_PROBLEM, ACROSS},
    [ESE_RULE_INDEX_COUNT] = {"index-count", ESE_PROBLEM, ACROSS},
    [ESE_RULE_LONG_VALUE_KEY] = {"long-value-key", ESE_PROBLEM, ACROSS},
    [ESE_RULE_LONG_VALUE_ROOT] = {"long-value-root", ESE_PROBLEM, ACROSS},
    [ESE_RULE_LONG_VALUE_CHUNK] = {"long-value-chunk", ESE_PROBLEM, ACROSS},
    [ESE_RULE_LONG_VALUE_SIZE] = {"long-value-size", ESE_PROBLEM, ACROSS},
    [ESE_RULE_LONG_VALUE_DATA] = {"long-value-data", ESE_PROBLEM, ACROSS},
    [ESE_RULE_LONG_VALUE_MISSING] = {"long-value-missing", ESE_PROBLEM, ACROSS},
    [ESE_RULE_LONG_VALUE_REFERENCES] = {"long-value-references", ESE_PROBLEM, ACROSS},
    [ESE_RULE_LONG_VALUE_ORPHAN] = {"long-value-orphan", ESE_ADVICE, ACROSS},
};

const char *ese_rule_name(enum ese_rule rule)
{
    return rules[rule].name;
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
