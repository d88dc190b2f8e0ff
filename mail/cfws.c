/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Strict on purpose: what one reader might skip and another might not (an open comment, a control
 * character, a bare CR) ends the reading, so that the caller can treat the field as unreadable.
 */
#include "mail/cfws.h"

#include <assert.h>

/* Past one CRLF or LF that folds, or one blank. */
static bool take_blank(struct span *rest)
{
	const char *p = rest->p;

	if (p < rest->end && *p == '\r')
		p++;
	if (p < rest->end && *p == '\n')
		p++;
	else if (p > rest->p)
		return false; /* a bare CR */
	if (p == rest->end || !char_is_wsp(*p))
		return false;
	rest->p = p + 1;
	return true;
}

bool cfws_is_control(int c)
{
	return (c < ' ' && c != '\t') || c == 127;
}

bool cfws_take_enclosed(struct span *rest, char close, struct buf *out)
{
	unsigned depth = 1;

	assert(rest->p < rest->end && (*rest->p == '(' || *rest->p == '"'));
	for (rest->p++; rest->p < rest->end; rest->p++) {
		unsigned char c = (unsigned char)*rest->p;

		if (c == '\r' || c == '\n') {
			if (!take_blank(rest))
				return false;
			rest->p--;
			c = ' ';
		} else if (c == close && --depth == 0) {
			rest->p++;
			return true;
		} else if (c == '(' && close == ')') {
			if (++depth > CFWS_DEPTH_MAX)
				return false;
		} else if (c == '\\') {
			if (++rest->p == rest->end)
				return false;
			c = (unsigned char)*rest->p;
		}
		if (cfws_is_control(c))
			return false;
		if (out != NULL)
			buf_char(out, (char)c);
	}
	return false;
}

bool cfws_skip_fws(struct span *rest)
{
	while (rest->p < rest->end && char_is_space((unsigned char)*rest->p))
		if (!take_blank(rest))
			return false;
	return true;
}

bool cfws_skip(struct span *rest, bool *any)
{
	const char *start = rest->p;

	while (cfws_skip_fws(rest)) {
		if (rest->p == rest->end || *rest->p != '(') {
			if (any != NULL)
				*any = rest->p > start;
			return true;
		}
		if (!cfws_take_enclosed(rest, ')', NULL))
			return false;
	}
	return false;
}
