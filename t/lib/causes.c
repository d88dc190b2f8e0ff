/* SPDX-License-Identifier: BSD-2-Clause */
#include "t/lib/causes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "t/lib/tap.h"

struct cause {
	struct cause *next;
	const char *difference;
	unsigned count;
};

struct causes {
	struct arena *arena;
	struct cause *first;
};

static FILE *open_table(void)
{
	const char *source = getenv("COUNTERSIGN_SRC");
	char path[4096];
	FILE *file;

	snprintf(path, sizeof path, "%s/t/differential/differences.txt",
		 source == NULL ? "." : source);
	file = fopen(path, "r");
	if (file == NULL)
		tap_skip_all("%s cannot be read: set COUNTERSIGN_SRC", path);
	return file;
}

struct causes *causes_load(const char *other)
{
	struct causes *causes = calloc(1, sizeof *causes);
	FILE *file = open_table();
	char line[1000];

	if (causes == NULL)
		abort();
	causes->arena = arena_new(0);
	while (fgets(line, sizeof line, file) != NULL) {
		char *difference = strchr(line, '\t');
		char *cause = difference == NULL ? NULL : strchr(difference + 1, '\t');
		struct cause *new;

		if (line[0] == '#' || cause == NULL)
			continue;
		*difference = *cause = '\0';
		if (strcmp(line, other) != 0)
			continue;
		new = arena_make(causes->arena, struct cause);
		new->difference = arena_string(causes->arena, difference + 1);
		new->next = causes->first;
		causes->first = new;
	}
	fclose(file);
	return causes;
}

void causes_free(struct causes *causes)
{
	arena_free(causes->arena);
	free(causes);
}

bool causes_count(struct causes *causes, const char *difference)
{
	for (struct cause *cause = causes->first; cause != NULL; cause = cause->next) {
		if (strcmp(cause->difference, difference) == 0) {
			cause->count++;
			return true;
		}
	}
	return false;
}

void causes_note(const struct causes *causes)
{
	for (const struct cause *cause = causes->first; cause != NULL; cause = cause->next)
		tap_note("%6u  %s", cause->count, cause->difference);
}
