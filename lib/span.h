/* SPDX-License-Identifier: BSD-2-Clause */
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

struct span span_of(const char *text); /* of a C string; NULL gives an empty span */

static inline struct span span_make(const void *data, size_t len)
{
	const char *p = data;

	if (p == NULL) { /* NULL + 0 is undefined */
		p = "";
		len = 0;
	}
	/* cppcheck-suppress pointerOutOfBounds ; LEN is that of P, or 0 */
	return (struct span){p, p + len};
}

static inline size_t span_len(struct span s)
{
	return (size_t)(s.end - s.p);
}

static inline bool span_empty(struct span s)
{
	return s.p == s.end;
}

bool span_eq(struct span s, const char *text);  /* exactly these bytes */
bool span_ieq(struct span s, const char *text); /* ASCII letters of either case */
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

/* ASCII only, whatever the locale is. In the header, for they are asked of every byte. */

static inline bool char_is_digit(int c)
{
	return c >= '0' && c <= '9';
}

static inline bool char_is_alpha(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool char_is_alnum(int c)
{
	return char_is_alpha(c) || char_is_digit(c);
}

/* SP HTAB */
static inline bool char_is_wsp(int c)
{
	return c == ' ' || c == '\t';
}

/* SP HTAB CR LF */
static inline bool char_is_space(int c)
{
	return char_is_wsp(c) || c == '\r' || c == '\n';
}

static inline int char_lower(int c)
{
	return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

int char_hex(int c); /* 0..15, or -1 */

#endif
