/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * JSON for a program: an object is built step by step, then printed.
 *
 * The outermost value is an object that begins with "schema": "countersign.NAME/1", "version" and
 * "generated". Members of the innermost open object or array are added in order; in an array KEY
 * is NULL. Numbers are numbers, times RFC 3339 in UTC, names snake_case; later versions only add.
 */
#ifndef LIB_JSONOUT_H
#define LIB_JSONOUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "lib/arena.h"
#include "lib/buf.h"

struct jsonout;

struct jsonout *jsonout_new(struct arena *arena, const char *schema); /* "config.show" */
struct jsonout *jsonout_rest(struct arena *arena); /* without those three; see jsonout_print_rest */

void jsonout_object(struct jsonout *out, const char *key); /* opens one */
void jsonout_array(struct jsonout *out, const char *key);
void jsonout_end(struct jsonout *out);     /* closes the innermost */
void jsonout_end_all(struct jsonout *out); /* all but the outermost */

/* TEXT NULL gives null. Bytes that are not UTF-8 become U+FFFD. */
void jsonout_text(struct jsonout *out, const char *key, const char *text);
void jsonout_int(struct jsonout *out, const char *key, int64_t value);
void jsonout_real(struct jsonout *out, const char *key, double value);
void jsonout_bool(struct jsonout *out, const char *key, bool value);
void jsonout_null(struct jsonout *out, const char *key);

/* Closes what is open and prints it, with a line end. */
void jsonout_print(struct jsonout *out, FILE *stream);
void jsonout_write(struct jsonout *out, struct buf *to); /* the same, into memory */

/* The members alone, each after a comma and all on one line, and the brace that closes an object
 * which was printed without it. OUT has at least one member. */
void jsonout_print_rest(struct jsonout *out, FILE *stream);

#endif
