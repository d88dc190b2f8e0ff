/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fromread: what policy/from sees in From fields. A field's value a line on standard input, with
 * \xNN, \r, \n, \t and \\ as in C; a line of output for each: "ok" or "bad", the domains with ","
 * between, and why it is bad, with HTAB between.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "policy/from.h"

static char unescape(const char **p)
{
	const char *at = *p;

	if (at[1] == 'x' && char_hex(at[2]) >= 0 && char_hex(at[3]) >= 0) {
		*p = at + 4;
		return (char)(char_hex(at[2]) * 16 + char_hex(at[3]));
	}
	*p = at + 2;
	switch (at[1]) {
	case 'r':
		return '\r';
	case 'n':
		return '\n';
	case 't':
		return '\t';
	default:
		return at[1];
	}
}

static void print_reading(const char *line)
{
	struct arena *arena = arena_new(SIZE_MAX);
	struct buf value;
	struct from from;

	buf_init(&value, arena, 0);
	while (*line != '\0')
		buf_char(&value, *line == '\\' && line[1] != '\0' ? unescape(&line) : *line++);
	from_init(&from, arena);
	from_header(&from, span_of("From"), buf_view(&value));
	printf("%s\t", from_fault(&from) == NULL ? "ok" : "bad");
	for (unsigned i = 0; i < from.count; i++)
		printf("%s%s", i > 0 ? "," : "", from.domains[i]);
	printf("\t%s\n", from_fault(&from) == NULL ? "" : from_fault(&from));
	fflush(stdout);
	arena_free(arena);
}

int main(void)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t length;

	while ((length = getline(&line, &room, stdin)) > 0) {
		if (line[length - 1] == '\n')
			line[length - 1] = '\0';
		print_reading(line);
	}
	free(line);
	return 0;
}
