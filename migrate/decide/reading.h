/*
 * What the administrator says about a store: how it is to be read, and what was decided about it.
 * Strings are as they were said, and borrowed; NULL: not said.
 */
#ifndef KM_MIGRATE_READING_H
#define KM_MIGRATE_READING_H

#include <stdbool.h>

/* How to read a store, before a repair and after it. */
struct reading {
    const char *profile;    /* path of the profile; else the built-in one, else discovery */
    bool accept_discovered; /* what discovery found is the profile */
    const char *const *reference, *const *not_reference, *const *not_list; /* see said.h */
    unsigned references, not_references, not_lists;
    const char *mode, *issuing_ca_is; /* settings that the store has not; see stated.h */
    const char *at;                   /* dates are judged as of this time, not the store's own */
    bool show_secrets;                /* columns that only their name makes secret are shown */
};

/* What is to become of it. */
struct decisions {
    const char *to;         /* the mode to switch to */
    const char *issuing_ca; /* a file with the issuing CA's certificate */
    const char *superseded; /* "keep" or "drop" */
    const char *const *trust, *const *keep, *const *drop;
    unsigned trusts, keeps, drops;
};

#endif
