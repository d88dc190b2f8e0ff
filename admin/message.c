#include "admin/message.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/buf.h"

static int read_all(struct buf *text, const char *path, struct why *why)
{
	FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
	char chunk[65536];
	size_t n;
	int failed;

	if (file == NULL)
		return why_set(why, "%s: %s", path, strerror(errno));
	while ((n = fread(chunk, 1, sizeof chunk, file)) > 0)
		buf_add(text, chunk, n);
	failed = ferror(file);
	if (file != stdin)
		fclose(file);
	if (failed)
		return why_set(why, "%s: %s", path, strerror(errno));
	if (text->failed)
		return why_set(why, "%s: larger than %d MiB", path, MESSAGE_FILE_MAX >> 20);
	return 0;
}

/* The line without its end; REST goes behind it. */
static struct span take_line(struct span *rest)
{
	const char *end = memchr(rest->p, '\n', span_len(*rest));
	struct span line = {rest->p, end == NULL ? rest->end : end};

	rest->p = end == NULL ? rest->end : end + 1;
	if (line.end > line.p && line.end[-1] == '\r')
		line.end--;
	return line;
}

static bool continues(struct span rest)
{
	return !span_empty(rest) && char_is_wsp((unsigned char)*rest.p);
}

/* The field that begins with LINE, with its folds. */
static int take_field(struct arena *arena, struct span line, struct span *rest,
		      struct message_field *field)
{
	const char *colon = memchr(line.p, ':', span_len(line));
	struct buf value;

	if (colon == NULL)
		return -1;
	field->name = (struct span){line.p, colon};
	while (field->name.end > field->name.p && char_is_wsp((unsigned char)field->name.end[-1]))
		field->name.end--;
	field->value = (struct span){colon + 1, line.end};
	if (!continues(*rest))
		return 0;
	buf_init(&value, arena, 0);
	buf_span(&value, field->value);
	while (continues(*rest)) {
		buf_string(&value, "\r\n");
		buf_span(&value, take_line(rest));
	}
	field->value = buf_view(&value);
	return 0;
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

int message_read(struct arena *arena, const char *path, struct message_file *message,
		 struct why *why)
{
	struct span rest, line;
	unsigned number = 0, room = 0;
	struct buf text;

	memset(message, 0, sizeof *message);
	buf_init(&text, arena, MESSAGE_FILE_MAX);
	if (read_all(&text, path, why) != 0)
		return -1;
	rest = buf_view(&text);
	message->size = span_len(rest);
	while (!span_empty(rest)) {
		line = take_line(&rest);
		if (span_empty(line))
			break;
		if (++number == 1 && span_istarts(line, "From "))
			continue;
		if (take_field(arena, line, &rest, field_add(arena, message, &room)) != 0)
			return why_set(why, "%s: line %u of the header is not a field: \"%.*s\"",
				       path, number, (int)(span_len(line) < 60 ? span_len(line) : 60),
				       line.p);
	}
	message->body = rest;
	return 0;
}
