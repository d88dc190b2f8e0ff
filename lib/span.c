/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/span.h"

#include <assert.h>
#include <string.h>

int char_hex(int c)
{
	if (char_is_digit(c))
		return c - '0';
	c = char_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

struct span span_of(const char *text)
{
	return span_make(text, text == NULL ? 0 : strlen(text));
}

bool span_same(struct span a, struct span b)
{
	return span_len(a) == span_len(b) && (span_empty(a) || memcmp(a.p, b.p, span_len(a)) == 0);
}

bool span_isame(struct span a, struct span b)
{
	size_t i, n = span_len(a);

	if (n != span_len(b))
		return false;
	for (i = 0; i < n; i++) {
		if (char_lower((unsigned char)a.p[i]) != char_lower((unsigned char)b.p[i]))
			return false;
	}
	return true;
}

bool span_eq(struct span s, const char *text)
{
	return span_same(s, span_of(text));
}

bool span_ieq(struct span s, const char *text)
{
	return span_isame(s, span_of(text));
}

bool span_istarts(struct span s, const char *prefix)
{
	struct span want = span_of(prefix);

	if (span_len(s) < span_len(want))
		return false;
	s.end = s.p + span_len(want);
	return span_isame(s, want);
}

struct span span_trim(struct span s)
{
	while (s.p < s.end && char_is_space((unsigned char)*s.p))
		s.p++;
	while (s.p < s.end && char_is_space((unsigned char)s.end[-1]))
		s.end--;
	return s;
}

bool span_split(struct span *rest, bool *more, char delim, struct span *part)
{
	const char *at;

	assert(rest->p <= rest->end);
	if (!*more)
		return false;
	at = memchr(rest->p, delim, span_len(*rest));
	part->p = rest->p;
	part->end = at == NULL ? rest->end : at;
	*more = at != NULL;
	rest->p = at == NULL ? rest->end : at + 1;
	return true;
}

bool span_number(struct span s, uint64_t max, uint64_t *out)
{
	uint64_t n = 0;

	assert(s.p <= s.end);
	if (span_empty(s))
		return false;
	for (; s.p < s.end; s.p++) {
		unsigned digit = (unsigned)(unsigned char)*s.p - '0';

		if (digit > 9 || digit > max || n > (max - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	*out = n;
	return true;
}
