/* Who issued whom, as text: the order and the words of the picture on a page (picture.h). */
#ifndef KM_MIGRATE_TREE_H
#define KM_MIGRATE_TREE_H

#include "migrate/report/picture.h"

/* Prints a line an entry, indented by the CAs above it. */
void tree_print(const struct picture *picture);

#endif
