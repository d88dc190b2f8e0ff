/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The little JSON that rows hold: lists of flat objects whose members are all texts.
 */
#ifndef REPORT_JSON_H
#define REPORT_JSON_H

#include "lib/arena.h"
#include "lib/buf.h"

/* Appends TEXT in its quotes (RFC 8259 section 7); it must be clean (lib/utf8.h). NULL: null. */
void json_put_text(struct buf *buf, const char *text);

/* Being written, for each message: compact, members in the order in which they are added, so that
 * equal lists have equal texts. */
struct json_writer {
	struct buf buf;
	unsigned objects, members;
};

void json_write_begin(struct json_writer *writer, struct arena *arena);

/* An object at the end of the list; then its members. TEXT must be clean (lib/utf8.h); NULL is left
 * out. */
void json_write_object(struct json_writer *writer);
void json_write_member(struct json_writer *writer, const char *name, const char *text);
const char *json_write_end(struct json_writer *writer);

struct json_list; /* being read; lives in the arena it was made in */

/* NULL: TEXT is no such list. */
struct json_list *json_list_parse(struct arena *arena, const char *text);
unsigned json_list_count(const struct json_list *list); /* of NULL: 0 */
const char *json_list_get(const struct json_list *list, unsigned i, const char *name); /* or NULL */
const char *json_list_text(struct json_list *list); /* as it was written */

/* Any text in its quotes, made clean; NULL gives null. */
const char *json_quote(struct arena *arena, const char *text);

#endif
