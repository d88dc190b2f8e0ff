/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tables and text only: what is done with them is up to the engines.
 */
#include "milter/protocol/protocol.h"

#include <string.h>

const struct protocol_macros protocol_macros[] = {
    {0, "j {daemon_name}"},             /* connect */
    {2, "i {auth_type} {auth_authen}"}, /* MAIL */
    {5, "i"},                           /* end of message */
    {0, NULL},
};

const char protocol_too_little[] =
    "the MTA does not let a filter change header fields; its version must be Postfix 2.6, "
    "Sendmail 8.14 or later";

struct span protocol_value(struct buf *scratch, struct span value, bool has_blank)
{
	const char *line = value.p, *end = memchr(line, '\n', span_len(value));

	if (has_blank && end == NULL)
		return value;
	buf_clear(scratch);
	if (!has_blank)
		buf_char(scratch, ' ');
	for (; end != NULL; end = memchr(line, '\n', (size_t)(value.end - line))) {
		buf_add(scratch, line, (size_t)(end - line));
		if (end == line || end[-1] != '\r')
			buf_char(scratch, '\r');
		buf_char(scratch, '\n');
		line = end + 1;
	}
	buf_add(scratch, line, (size_t)(value.end - line));
	return buf_view(scratch);
}

const char *protocol_inserted(const char *value, bool wants_blank)
{
	return !wants_blank && *value == ' ' ? value + 1 : value;
}

const char *protocol_reply_text(struct buf *scratch, const struct smtp_reply *reply)
{
	size_t used = 0;

	buf_clear(scratch);
	for (const char *c = reply->text; *c != '\0' && used < PROTOCOL_REPLY_TEXT_MAX;
	     c++, used++) {
		if (*c == '%')
			buf_string(scratch, "%%");
		else
			buf_char(scratch, *c >= ' ' && *c <= '~' ? *c : '?');
	}
	return buf_text(scratch);
}
