/*
 * Text that is looked at, never owned: a pointer to its first byte and one past its last.
 * Every parser of input works on spans; nothing in a span is NUL-terminated.
 */
#ifndef LIB_SPAN_H
#define LIB_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct span {
	const char *p;
	const char *end;
};

struct span span_of(const char *text);              /* of a C string; NULL gives an empty span */
struct span span_make(const void *data, size_t len);
size_t span_len(struct span s);
bool span_empty(struct span s);
bool span_eq(struct span s, const char *text);      /* exactly these bytes */
bool span_ieq(struct span s, const char *text);     /* ASCII letters of either case */
bool span_same(struct span a, struct span b);
bool span_isame(struct span a, struct span b);
bool span_istarts(struct span s, const char *prefix);

/* Without the blanks (SP HTAB CR LF) at both ends. */
struct span span_trim(struct span s);

/* Takes the part before the first DELIM off *REST; false when *REST is used up. An empty text
 * gives one empty part; "a," gives "a" and "". Start with *REST = the text, *more = true. */
bool span_split(struct span *rest, bool *more, char delim, struct span *part);

/* The whole span as a decimal number up to MAX; false for anything else (sign, blank, overflow). */
bool span_number(struct span s, uint64_t max, uint64_t *out);

/* ASCII only, whatever the locale is. */
bool char_is_alpha(int c);
bool char_is_digit(int c);
bool char_is_alnum(int c);
bool char_is_wsp(int c); /* SP HTAB */
bool char_is_space(int c); /* SP HTAB CR LF */
int char_lower(int c);
int char_hex(int c); /* 0..15, or -1 */

#endif
