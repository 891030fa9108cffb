/*
 * A small dirty database in memory, and records for it: one leaf, page 5, the root of a unique tree
 * of object 9, and what else a test asks for.
 */
#ifndef KM_TESTS_LOG_REPLAYING_H
#define KM_TESTS_LOG_REPLAYING_H

#include "formats/ese/layout/page_change.h"
#include "formats/ese/log/replay.h"
#include "tests/formats/ese/log/making.h"

enum {
    MADE_PAGE_SIZE = 4096,
    MADE_ROOT = 5,
    MADE_OBJECT = 9,
    MADE_TIME = 100, /* of every page */
    MADE_DATABASE = 1,
    MADE_SESSION = 3,
};

struct made_store {
    uint8_t *bytes;
    size_t size;
    uint32_t last;
};

uint8_t *made_store_page(const struct made_store *s, uint32_t number);
struct ese_page_change made_change(const struct made_store *s, uint32_t number);
void made_seal_page(const struct made_store *s, uint32_t number);

/* A node of a key and data that are text. */
struct ese_node made_node(const char *key, const char *data);

/* A database of `last` pages: all empty leaves of the tree but page 5, which is its root and holds
 * b, d and f.  Dirty; generation MADE_GENERATION is required. */
struct made_store made_store(uint32_t last);

/* The header of a log to which the database is attached. */
void made_attach(uint8_t *log);

/* What every record of a page begins with, then that of a node. */
void made_node_record(uint8_t *to, enum ese_log_type type, uint32_t page, unsigned line,
                      uint64_t before, uint64_t after, uint32_t id, bool versioned);

#endif
