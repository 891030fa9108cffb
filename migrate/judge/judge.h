/*
 * Can the service start on this store?  The rules R2 to R4 and the advice, over the model alone:
 * what is judged before a repair is judged by the same code after it.
 */
#ifndef KM_MIGRATE_JUDGE_H
#define KM_MIGRATE_JUDGE_H

#include "migrate/judge/prover.h"

enum verdict { VERDICT_YES, VERDICT_AFTER_REPAIR, VERDICT_NO, VERDICT_CANNOT_TELL };

/* "yes", "yes after repair", "no", "cannot tell". */
const char *verdict_name(enum verdict verdict);

/* Adds what is wrong with the list (R2), the mode (R3) and the references (R4), then the advice, to
 * `problems`.  False when memory is short. */
bool judge_model(const struct model *model, struct prover *prover, struct problems *problems);

/* The verdict that a list of problems amounts to, no repair considered. */
enum verdict judge_problems(const struct problems *problems);

#endif
