/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Everything is made ready before the first message is sent, so that the load costs little beside
 * the filter: header fields as packets (values with LF folds, as MTAs send them), bodies as spans.
 */
#include "t/bench/mailset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"

enum { COLUMNS = 7 };

static _Noreturn void die(const char *what, const char *why)
{
	fprintf(stderr, "load: %s: %s\n", what, why);
	exit(1);
}

static struct span read_file(const char *path, struct arena *arena)
{
	FILE *file = fopen(path, "r");
	struct buf all;
	char part[65536];
	size_t n;

	if (file == NULL)
		die(path, "cannot be opened");
	buf_init(&all, arena, 0);
	while ((n = fread(part, 1, sizeof part, file)) > 0)
		buf_add(&all, part, n);
	fclose(file);
	return buf_view(&all);
}

/* NAME, NUL, VALUE with LF folds, NUL. */
static struct span field_packet(struct span name, struct span value, struct arena *arena)
{
	struct buf out;

	buf_init(&out, arena, 0);
	buf_span(&out, name);
	buf_char(&out, '\0');
	for (const char *p = value.p; p < value.end; p++) {
		if (*p != '\r')
			buf_char(&out, *p);
	}
	buf_char(&out, '\0');
	return buf_view(&out);
}

/* Behind the line end that no blank follows. */
static const char *field_end(struct span text)
{
	const char *p = text.p;

	while (p < text.end && (p = memchr(p, '\n', (size_t)(text.end - p))) != NULL) {
		p++;
		if (p == text.end || !char_is_wsp((unsigned char)*p))
			return p;
	}
	return text.end;
}

static void add_field(struct mail *mail, struct span field, struct arena *arena, const char *path)
{
	const char *colon = memchr(field.p, ':', span_len(field));
	struct mail_field *made = &mail->fields[mail->field_count++];
	struct span name, value;

	if (colon == NULL)
		die(path, "a header line without a colon");
	while (field.end > colon + 1 && (field.end[-1] == '\n' || field.end[-1] == '\r'))
		field.end--;
	name = (struct span){field.p, colon};
	value = (struct span){colon + 1, field.end};
	made->packet[1] = field_packet(name, value, arena);
	if (!span_empty(value) && *value.p == ' ')
		value.p++;
	made->packet[0] = field_packet(name, value, arena);
}

static void read_mail(struct mail *mail, const char *path, struct arena *arena)
{
	enum { FIELDS_MAX = 200 };
	struct span text = read_file(path, arena);

	mail->fields = arena_array(arena, FIELDS_MAX, sizeof *mail->fields);
	while (!span_empty(text) && *text.p != '\r' && *text.p != '\n') {
		struct span field = {text.p, field_end(text)};

		if (mail->field_count == FIELDS_MAX)
			die(path, "too many header fields");
		add_field(mail, field, arena, path);
		text.p = field.end;
	}
	if (!span_empty(text))
		text.p = (const char *)memchr(text.p, '\n', span_len(text)) + 1;
	mail->body = text;
}

static void read_line(struct mailset *set, struct span line, struct arena *arena, const char *list)
{
	struct mail *mail = &set->mails[set->count];
	const char *slash = strrchr(list, '/');
	const char *columns[COLUMNS], *path;
	struct span rest = line, part;
	bool more = true;

	for (unsigned i = 0; i < COLUMNS; i++) {
		if (!span_split(&rest, &more, ' ', &part) || span_empty(part))
			die(list, "a line has too few columns");
		columns[i] = arena_span(arena, part);
	}
	memset(mail, 0, sizeof *mail);
	mail->ip = columns[1];
	mail->helo = columns[2];
	mail->mail_from = columns[3];
	mail->rcpt = columns[4];
	mail->field = strcmp(columns[5], "-") == 0 ? NULL : columns[5];
	mail->text = columns[6];
	path = slash == NULL
		   ? columns[0]
		   : arena_printf(arena, "%.*s/%s", (int)(slash - list), list, columns[0]);
	read_mail(mail, path, arena);
	set->count++;
}

void mailset_load(struct mailset *set, struct arena *arena, const char *path)
{
	struct span text = read_file(path, arena), line;
	bool more = true;
	size_t lines = 1;

	for (const char *p = text.p; p < text.end; p++)
		lines += *p == '\n';
	set->mails = arena_array(arena, lines, sizeof *set->mails);
	set->count = 0;
	while (span_split(&text, &more, '\n', &line)) {
		if (!span_empty(line) && *line.p != '#')
			read_line(set, line, arena, path);
	}
	if (set->count == 0)
		die(path, "no messages");
}
