/*
 * Names of the errors of the database engine (Jet, ESE), for people who have only the number.
 */
#ifndef KM_MIGRATE_JET_H
#define KM_MIGRATE_JET_H

/* "JET_errKeyDuplicate" for -1605; NULL for a number that the engine's published header does not
 * have. */
const char *jet_error_name(int number);

/* The other way, without regard to case; 0: there is none. */
int jet_error_number(const char *name);

#endif
