/*
 * What the tests of salvage share: databases that are damaged page by page, and an oracle.
 *
 * The oracle asks of a salvage what must hold whatever the damage was: the database that it writes
 * is sound by the structural check, and a row that stood on a page which nobody touched is in it,
 * or was told of.
 */
#ifndef KM_TESTS_ESE_SALVAGING_H
#define KM_TESTS_ESE_SALVAGING_H

#include "formats/ese/check/check.h"
#include "formats/ese/layout/checksum.h"
#include "formats/ese/read/db.h"
#include "formats/ese/salvage/salvage.h"
#include "tests/formats/ese/random_database.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- a database in memory, whose pages are put wrong ---- */

struct damaged {
    uint8_t *bytes, *before; /* before: as it was when it was sound */
    size_t size;
    uint32_t page_size, pages;
    bool *touched; /* by page number */
};

bool damaged_open(struct damaged *d, uint64_t seed, uint32_t revision, uint32_t page_size);
void damaged_close(struct damaged *d);
uint8_t *damaged_page(const struct damaged *d, uint32_t number);
void damaged_seal(struct damaged *d, uint32_t number);

/* The n-th page with these flags of the object, in the order of the file; 0: there are not so many.
 */
uint32_t damaged_find(const struct damaged *d, uint32_t objid, uint32_t with, uint32_t without,
                      unsigned n);

/* The leaves of an object, one after the other; 0: there are not so many. */
uint32_t damaged_leaf(const struct damaged *d, uint32_t objid, unsigned n);

/* The table of the sound database with the most leaves, *leaves; none of the system's. */
uint32_t damaged_largest_table(const struct damaged *d, unsigned *leaves);

/* ---- what a salvage told ---- */

struct told {
    uint64_t *hash; /* of object id and key */
    size_t count, room;
    uint64_t kind[ESE_SALVAGE_KINDS];
    bool whole_page; /* PAGE_LOST and the like speak for rows without naming them */
};

bool told_has(const struct told *t, uint32_t objid, struct bytes key);

/* ---- salvaging it ---- */

struct salvaged {
    struct told told;
    struct ese_salvage_result result;
    struct ese_salvage_scan scan;
    uint8_t *bytes; /* of the new database */
    size_t size;
    struct fault f; /* when it was refused */
};

bool salvaged_open(struct salvaged *to, const struct damaged *d,
                   enum ese_salvage_doubtful doubtful);
void salvaged_close(struct salvaged *s);
struct ese_db *salvaged_over(uint8_t *bytes, size_t size);

/* ---- the oracle ---- */

bool salvaged_is_sound(struct ese_db *db);
bool salvaged_has_row(struct ese_db *db, uint32_t objid, struct bytes key);

/* Every row of the sound database that stood on a page which nobody touched. */
bool rows_are_accounted_for(const struct damaged *d, struct ese_db *result,
                            const struct told *told);

/* Salvages, and holds the result likewise; what it told is in `to`, to be closed in any case. */
bool salvaged_soundly(struct salvaged *to, const struct damaged *d);

/* Salvages, and holds the result against the oracle.  False, with the reason on standard error. */
bool salvage_holds(const struct damaged *d);

/* ---- damage, one change for each few bytes ---- */

void damaged_touch(struct damaged *d, uint32_t number);

/* One change: what, on which page in use, with which argument. */
void damaged_damage(struct damaged *d, uint8_t what, uint32_t which, uint32_t argument);

#endif
