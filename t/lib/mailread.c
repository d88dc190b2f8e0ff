/* SPDX-License-Identifier: BSD-2-Clause */
#include "t/lib/mailread.h"

#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"

static _Noreturn void die(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s\n", what, why);
	exit(1);
}

struct span mailread_all(FILE *file, const char *name, struct arena *arena)
{
	struct buf all;
	char part[65536];
	size_t n;

	if (file == NULL)
		die(name, "cannot be opened");
	buf_init(&all, arena, 0);
	while ((n = fread(part, 1, sizeof part, file)) > 0)
		buf_add(&all, part, n);
	fclose(file);
	return buf_view(&all);
}

struct span mailread_crlf(struct span text, struct arena *arena)
{
	struct buf out;

	buf_init(&out, arena, 0);
	for (const char *p = text.p; p < text.end; p++) {
		if (*p == '\n' && (p == text.p || p[-1] != '\r'))
			buf_char(&out, '\r');
		buf_char(&out, *p);
	}
	return buf_view(&out);
}

/* Where the header field at the front of TEXT ends: behind the CRLF that no blank follows. */
static const char *field_end(struct span text)
{
	const char *p = text.p, *lf;

	while ((lf = memchr(p, '\n', (size_t)(text.end - p))) != NULL) {
		p = lf + 1;
		if (p == text.end || !char_is_wsp((unsigned char)*p))
			return p;
	}
	return text.end;
}

struct span mailread_header(struct span message, mailread_field *visit, void *arg)
{
	while (!span_empty(message) && *message.p != '\r') {
		struct span field = {message.p, field_end(message)};
		const char *colon = memchr(field.p, ':', span_len(field));

		message.p = field.end;
		while (!span_empty(field) && (field.end[-1] == '\n' || field.end[-1] == '\r'))
			field.end--;
		if (colon == NULL)
			die("header", "a line without a colon");
		visit(arg, (struct span){field.p, colon}, (struct span){colon + 1, field.end});
	}
	if (span_len(message) >= 2)
		message.p += 2;
	return message;
}
