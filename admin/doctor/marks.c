/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A text search, bounded in depth, number and size of files: what a rule does with the field is not
 * judged.
 */
#include "admin/doctor/marks.h"

#include <fcntl.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/heap.h"
#include "policy/forged.h"

enum { DEPTH_MAX = 4, FILES_MAX = 2000, SIZE_MAX_LOOKED = 256 * 1024 };

const char marks_rule[] =
    "if header :is \"" QUARANTINE_FIELD "\" \"" QUARANTINE_VALUE "\" { fileinto \"Junk\"; }";

static const char *const usual_places[] = {"/etc/dovecot",
					   "/var/lib/dovecot",
					   "/usr/local/etc/dovecot",
					   "/etc/procmailrc",
					   "/usr/local/etc/procmailrc",
					   "/etc/maildroprc",
					   "/etc/courier",
					   "/etc/postfix",
					   "/usr/local/etc/postfix",
					   "/etc/mail",
					   NULL};

static bool names_field(struct span line)
{
	line = span_trim(line);
	if (span_empty(line) || *line.p == '#')
		return false;
	for (; !span_empty(line); line.p++)
		if (span_istarts(line, QUARANTINE_FIELD))
			return true;
	return false;
}

static bool file_names_field(const char *path, size_t size)
{
	char *text = heap_alloc(size + 1);
	struct span rest, line;
	bool more = true, found = false;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t length = fd == -1 ? -1 : read(fd, text, size);

	rest = span_make(text, length > 0 ? (size_t)length : 0);
	while (!found && span_split(&rest, &more, '\n', &line))
		found = names_field(line);
	if (fd != -1)
		close(fd);
	free(text);
	return found;
}

static const char *search_tree(struct arena *arena, FTS *tree)
{
	unsigned files = 0;
	FTSENT *entry;

	while (files < FILES_MAX && (entry = fts_read(tree)) != NULL) {
		if (entry->fts_info == FTS_D && entry->fts_level >= DEPTH_MAX)
			fts_set(tree, entry, FTS_SKIP);
		if (entry->fts_info != FTS_F || entry->fts_statp->st_size > SIZE_MAX_LOOKED)
			continue;
		files++;
		if (file_names_field(entry->fts_accpath, (size_t)entry->fts_statp->st_size))
			return arena_string(arena, entry->fts_path);
	}
	return NULL;
}

const char *marks_sorter(struct arena *arena)
{
	const char *const *places = usual_places, *found = NULL;

	for (; *places != NULL && found == NULL; places++) {
		char *roots[] = {arena_string(arena, *places), NULL};
		FTS *tree = fts_open(roots, FTS_COMFOLLOW | FTS_NOCHDIR | FTS_PHYSICAL, NULL);

		if (tree == NULL)
			continue;
		found = search_tree(arena, tree);
		fts_close(tree);
	}
	return found;
}

struct counting {
	struct ledger *ledger;
	int64_t count;
	struct why *why;
};

static int count_row(void *arg, const struct ledger_row *row)
{
	struct counting *counting = arg;

	if (strcmp(row->disposition, "quarantine") == 0)
		counting->count += row->count;
	return 0;
}

static int count_day(void *arg, const struct ledger_day *day)
{
	struct counting *counting = arg;
	const struct ledger_key key = ledger_day_key(day);

	return ledger_rows(counting->ledger, &key, count_row, counting, counting->why);
}

int marks_count(struct ledger *ledger, int32_t from, int32_t to, int64_t *count, struct why *why)
{
	struct counting counting = {.ledger = ledger, .why = why};
	int result =
	    ledger_days(ledger, &(struct ledger_days_query){.from_day = from, .to_day = to},
			count_day, &counting, why);

	*count = counting.count;
	return result == 0 ? 0 : -1;
}
