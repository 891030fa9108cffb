/*
 * What a setting's column has to hold after a plan, in the form in which it stands there.
 */
#ifndef KM_MIGRATE_PLAN_SETTINGS_H
#define KM_MIGRATE_PLAN_SETTINGS_H

#include "migrate/decide/plan.h"

/* Puts the new value of the mode (ACTION_SET_MODE) or of the issuing CA (ACTION_SET_ISSUING_CA)
 * into `to`, cleared before.  False, with f saying why, when the column cannot hold it, or memory
 * is short. */
bool plan_setting_value(const struct model *model, const struct action *action,
                        const struct ese_column *column, struct buffer *to, struct fault *f);

#endif
