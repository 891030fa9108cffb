/* Who issued whom, as text and for Graphviz: the order and the words of the picture on a page
 * (picture.h). */
#ifndef KM_MIGRATE_TREE_H
#define KM_MIGRATE_TREE_H

#include "formats/buffer.h"
#include "migrate/report/picture.h"

/* Prints a line an entry, indented by the CAs above it. */
void tree_print(const struct picture *picture);

/* Appends a directed graph in the language of Graphviz, a node an entry and an arrow to it from the
 * CA above it (https://graphviz.org/doc/info/lang.html).  False when memory is short. */
bool tree_dot(const struct picture *picture, struct buffer *out);

#endif
