/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/check/message.h"

#include <string.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/system/readfile.h"

static int read_all(struct arena *arena, const char *path, struct span *text, struct why *why)
{
	if (strcmp(path, "-") != 0)
		return readfile(arena, path, MESSAGE_FILE_MAX, text, why);
	return readfile_fd(arena, STDIN_FILENO, MESSAGE_FILE_MAX, text, why) == 0
		   ? 0
		   : why_prefix(why, "standard input ");
}

/* The line without its end; REST goes behind it. */
static struct span take_line(struct span *rest)
{
	const char *end = memchr(rest->p, '\n', span_len(*rest));
	struct span line = {rest->p, end == NULL ? rest->end : end};

	rest->p = end == NULL ? rest->end : end + 1;
	if (end != NULL && line.end > line.p && line.end[-1] == '\r')
		line.end--;
	return line;
}

static bool is_folded(struct span rest)
{
	return !span_empty(rest) && char_is_wsp((unsigned char)*rest.p);
}

/* field-name = 1*ftext (RFC 5322 section 3.6.8; RFC 6532 leaves it ASCII, mail does not always),
 * with the blanks that section 4.5 allows before the colon; NULL: LINE does not begin a field. */
static const char *name_end(struct span line)
{
	const char *p = line.p;

	while (p < line.end && (unsigned char)*p > ' ' && *p != ':' && *p != 127)
		p++;
	if (p == line.p)
		return NULL;
	while (p < line.end && char_is_wsp((unsigned char)*p))
		p++;
	return p < line.end && *p == ':' ? p : NULL;
}

/* The field that begins with LINE, with its folds. COLON: where its name ends. */
static void take_field(struct arena *arena, struct span line, const char *colon, struct span *rest,
		       struct message_field *field)
{
	struct buf value;

	field->name = (struct span){line.p, colon};
	field->value = (struct span){colon + 1, line.end};
	if (!is_folded(*rest))
		return;
	buf_init(&value, arena, 0);
	buf_span(&value, field->value);
	while (is_folded(*rest)) {
		buf_string(&value, "\r\n");
		buf_span(&value, take_line(rest));
	}
	field->value = buf_view(&value);
}

static struct message_field *field_add(struct arena *arena, struct message_file *message,
				       unsigned *room)
{
	if (message->field_count == *room) {
		unsigned more = *room == 0 ? 64 : *room * 2;
		struct message_field *fields = arena_array(arena, more, sizeof *fields);

		if (message->field_count > 0)
			memcpy(fields, message->fields, message->field_count * sizeof *fields);
		message->fields = fields;
		*room = more;
	}
	return &message->fields[message->field_count++];
}

/* A file of a system whose line end is LF: SMTP had CRLF. One that has both is left as it is. */
static struct span body_of(struct arena *arena, struct span text)
{
	struct buf out;

	if (memmem(text.p, span_len(text), "\r\n", 2) != NULL)
		return text;
	buf_init(&out, arena, 0);
	for (struct span line; !span_empty(text);) {
		bool ends = memchr(text.p, '\n', span_len(text)) != NULL;

		line = take_line(&text);
		buf_span(&out, line);
		buf_string(&out, ends ? "\r\n" : "");
	}
	return buf_view(&out);
}

void message_parse(struct arena *arena, struct span text, struct message_file *message)
{
	struct span rest = text, line;
	unsigned number = 0, room = 0;

	memset(message, 0, sizeof *message);
	message->size = span_len(text);
	message->text = text;
	for (message->body = rest; !span_empty(rest); message->body = rest) {
		const char *colon;

		line = take_line(&rest);
		colon = name_end(line);
		if (++number == 1 && colon == NULL && span_istarts(line, "From ")) {
			message->text = rest;
			continue;
		}
		if (colon != NULL) {
			take_field(arena, line, colon, &rest, field_add(arena, message, &room));
			continue;
		}
		if (span_empty(line))
			message->body = rest;
		else
			message->broken_line = number;
		break;
	}
	message->body = body_of(arena, message->body);
}

int message_read(struct arena *arena, const char *path, struct message_file *message,
		 struct why *why)
{
	struct span text;

	if (read_all(arena, path, &text, why) != 0)
		return -1;
	message_parse(arena, text, message);
	return 0;
}
