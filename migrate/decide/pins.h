/*
 * What pins an older certificate of a CA to the list: something issued under it that the CA's
 * active certificate does not satisfy.
 */
#ifndef KM_MIGRATE_PINS_H
#define KM_MIGRATE_PINS_H

#include "migrate/judge/model.h"

enum { PINS_NO_ACTIVE = -1 };

/*
 * Reads all rows that refer to entries with an active certificate beside them (active[i]: the
 * number of the entry that would take entry i's place, PINS_NO_ACTIVE: none) and sets pinned[i]
 * when such a row's certificate or revocation list
 *   - names, in its authority key identifier, a serial number or a key identifier that the active
 * one has not,
 *   - is a certificate from before the active one's notBefore,
 *   - or is neither certificate nor revocation list, so that nothing is known of it.
 * False, with f saying why, when a row could not be read: then nothing may be dropped.
 */
bool pins_find(const struct model *model, const int32_t *active, bool *pinned, struct fault *f);

#endif
