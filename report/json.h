/*
 * The little JSON that rows hold: lists of flat objects whose members are all texts.
 */
#ifndef REPORT_JSON_H
#define REPORT_JSON_H

#include "lib/arena.h"

struct json_list; /* lives in the arena it was made in */

struct json_list *json_list_new(struct arena *arena);

/* An object at the end of the list; then its members. TEXT must be clean (lib/utf8.h); NULL is left
 * out. */
void json_list_add(struct json_list *list);
void json_list_set(struct json_list *list, const char *name, const char *text);

/* Compact, members in the order in which they were set: equal lists have equal texts. */
const char *json_list_text(struct json_list *list);

/* NULL: TEXT is no such list. */
struct json_list *json_list_parse(struct arena *arena, const char *text);
unsigned json_list_count(const struct json_list *list); /* of NULL: 0 */
const char *json_list_get(const struct json_list *list, unsigned i, const char *name); /* or NULL */

/* Any text in its quotes, made clean; NULL gives null. */
const char *json_quote(struct arena *arena, const char *text);

#endif
