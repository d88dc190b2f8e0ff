/* SPDX-License-Identifier: BSD-2-Clause */
#include "bimi/value.h"

#include <string.h>

/* ---- references ---- */

/* What SVG Tiny 1.2 and CSS have for colours; url() is looked at by itself. */
static bool is_colour_function(struct span name)
{
	static const char *const names[] = {"rgb", "rgba", "hsl", "hsla"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (span_ieq(name, names[i]))
			return true;
	return false;
}

/* The word before the "(" at END. */
static struct span function_name(const char *value, const char *end)
{
	const char *begin = end;

	while (begin > value && (char_is_alnum((unsigned char)begin[-1]) || begin[-1] == '-' ||
				 begin[-1] == '_' || (unsigned char)begin[-1] >= 0x80))
		begin--;
	return (struct span){begin, end};
}

static bool is_outside(const char *url)
{
	return url[strspn(url, " \t\r\n'\"")] != '#';
}

bool value_leaves_file(const char *value)
{
	for (const char *p = value; *p != '\0'; p++)
		if (span_istarts(span_of(p), "url(") && is_outside(p + strlen("url(")))
			return true;
	return false;
}

bool value_leaves_file_as_css(const char *value)
{
	if (strchr(value, '\\') != NULL || value_leaves_file(value))
		return true;
	for (const char *p = strchr(value, '('); p != NULL; p = strchr(p + 1, '(')) {
		struct span name = function_name(value, p);

		if (!span_empty(name) && !span_ieq(name, "url") && !is_colour_function(name))
			return true;
	}
	return false;
}

/* ---- forms ---- */

/* A character of a name, as XML has them; what is not ASCII is not looked at. */
static bool is_name_char(unsigned char c, bool first)
{
	return char_is_alnum(c) ? !first || c < '0' || c > '9'
				: c == '_' || c >= 0x80 || (!first && (c == '-' || c == '.'));
}

bool value_is_name(struct span text)
{
	for (const char *p = text.p; p < text.end; p++)
		if (!is_name_char((unsigned char)*p, p == text.p))
			return false;
	return !span_empty(text);
}

/* NMTOKENS */
bool value_is_token_list(struct span text)
{
	for (const char *p = text.p; p < text.end; p++)
		if (!char_is_space((unsigned char)*p) && *p != ':' &&
		    !is_name_char((unsigned char)*p, false))
			return false;
	return !span_empty(text);
}

/* "none" or "xMidYMid", and "meet" or nothing */
bool value_is_aspect_ratio(struct span text)
{
	if (span_istarts(text, "none"))
		text.p += strlen("none");
	else if (span_istarts(text, "xMidYMid"))
		text.p += strlen("xMidYMid");
	else
		return false;
	text = span_trim(text);
	return span_empty(text) || span_eq(text, "meet");
}
