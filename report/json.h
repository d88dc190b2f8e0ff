/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The JSON in rows: lists of flat objects with only text members.
 */
#ifndef REPORT_JSON_H
#define REPORT_JSON_H

#include "lib/arena.h"
#include "lib/buf.h"

/* Appends TEXT in its quotes (RFC 8259 section 7); it must be clean (lib/utf8.h). NULL: null. */
void json_put_text(struct buf *buf, const char *text);

/* Writes a list, for each message: compact, with members in the order in which they are added, so
 * that equal lists have equal texts. */
struct json_writer {
	struct buf buf;
	unsigned objects, members;
};

void json_write_begin(struct json_writer *writer, struct arena *arena);

/* Adds an object to the list; then its members. TEXT must be valid UTF-8 (lib/utf8.h); a member
 * with NULL is left out. */
void json_write_object(struct json_writer *writer);
void json_write_member(struct json_writer *writer, const char *name, const char *text);
const char *json_write_end(struct json_writer *writer);

struct json_list; /* a list that is read; lives in its arena */

/* NULL: TEXT is not such a list. */
struct json_list *json_list_parse(struct arena *arena, const char *text);
unsigned json_list_count(const struct json_list *list); /* 0 for NULL */
const char *json_list_get(const struct json_list *list, unsigned i, const char *name); /* or NULL */
const char *json_list_text(struct json_list *list); /* as it was written */

/* Quotes any text, with invalid UTF-8 replaced; NULL gives null. */
const char *json_quote(struct arena *arena, const char *text);

#endif
