/*
 * What a finding rests on, as typed facts: programs get them as they are, people as the sentence
 * that the table in evidence.c makes of them for the finding's code.
 */
#ifndef KM_MIGRATE_EVIDENCE_H
#define KM_MIGRATE_EVIDENCE_H

#include "migrate/judge/problem.h"

/* Adds a finding with its facts, whose texts are copied.  Its entries are those of FACT_ENTRY and
 * FACT_OTHER.  Returns as problem_add(). */
struct problem *problem_find(struct problems *problems, enum problem_code code,
                             const struct fact *facts);

/* The facts, in braces, behind which their end is put. */
#define FACTS(...) ((const struct fact[]){__VA_ARGS__, {.name = FACT_END}})

static inline struct fact fact_number(enum fact_name name, int64_t number)
{
    return (struct fact){.name = name, .number = number};
}

/* text: NULL: the fact is not known, and left out. */
static inline struct fact fact_text(enum fact_name name, const char *text)
{
    return (struct fact){.name = name, .is_text = true, .text = text};
}

/* Adds to another list what was found already, with its facts, for a finding that stays. */
void problem_keep(struct problems *problems, const struct problem *found);

/* "entry", "table", ...: stable words for JSON.  NULL: it is only for the sentence, made of others.
 */
const char *fact_word(enum fact_name name);

/* The n-th sentence of a code, with {entry} and the like where its facts go, and {count:one:many}
 * for a word that follows a number; NULL: there are not so many.  A finding is told by the first
 * all of whose facts it has. */
const char *evidence_sentence(enum problem_code code, unsigned n);

#endif
