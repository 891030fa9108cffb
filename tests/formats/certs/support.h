/*
 * What the tests of formats/certs share: hex, temporary folders, files, other programs, and making
 * BER out of DER.  A test that cannot go on says so and fails.
 */
#ifndef KM_TESTS_CERTS_SUPPORT_H
#define KM_TESTS_CERTS_SUPPORT_H

#include "formats/buffer.h"
#include "formats/certs/der.h"
#include "tests/check_main.h"

#include <stdarg.h>
#include <unistd.h>

/* Appends the bytes that the hex digits give; anything else between them is skipped. */
void add_hex(struct buffer *out, const char *hex);
struct buffer from_hex(const char *hex);

/* Digits of b, in `text` of two characters a byte and one more. */
const char *to_hex(struct bytes b, char *text);
void assert_same(struct bytes found, struct bytes expected);
struct bytes text_bytes(const char *text);

/* A whole file; fails when it cannot be read. */
struct buffer read_file(const char *folder, const char *name);
void write_file(const char *folder, const char *name, struct bytes b);

/* Runs a shell command, printf-like; fails unless it succeeds. */
__attribute__((format(printf, 1, 2))) void run(const char *format, ...);

/* For main, where Check cannot be told of a failure: a new folder, with what vectors.sh makes in
 * it. False after a message; remove_vectors takes the folder away. */
bool make_vectors(char *folder, size_t size);
int remove_vectors(const char *folder, int status);

/* All of b, made BER. */
struct buffer as_ber(struct bytes b);

#endif
