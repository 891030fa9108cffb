/*
 * Columns whose values are not shown: keys, passwords and other secrets of any database.
 *
 * Whatever shows the values of columns asks here; what is secret is shown as length and hash.
 */
#ifndef KM_MIGRATE_SECRETS_H
#define KM_MIGRATE_SECRETS_H

#include "migrate/profile/profile.h"

/* True for what a profile marks as secret (profile NULL: none was given), and, in a store that has
 * tables of the built-in one, for what that marks.  Never shown, whatever is asked for. */
bool secret_is_marked(const struct profile *profile, const struct ese_catalog *catalog,
                      const struct ese_table *table, const struct ese_column *column);

/* True for a name that says so in any database: it contains secret, password, passwd, pwd,
 * privatekey, privkey, keyhist or passphrase, in any case and with anything but letters and digits
 * between the letters.  Shown with --show-secrets. */
bool secret_is_guessed(const char *column_name);

#endif
