/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A note is one line of names and numbers: "at 1764000000 findings 0 missing 0".
 */
#include "metrics/checked.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/system/newfile.h"

enum { NUMBERS_MAX = 8 };

struct note {
	unsigned count;
	struct {
		const char *name;
		int64_t number;
	} numbers[NUMBERS_MAX];
};

/* The file gets the owner of BESIDE, also when root has checked it. */
static int put_numbers(FILE *out, const char *beside, const struct note *note)
{
	struct stat st;

	for (unsigned i = 0; i < note->count; i++)
		fprintf(out, "%s%s %" PRId64, i == 0 ? "" : " ", note->numbers[i].name,
			note->numbers[i].number);
	fprintf(out, "\n");
	if (geteuid() != 0 || stat(beside, &st) != 0)
		return 0;
	return fchown(fileno(out), st.st_uid, st.st_gid);
}

static int write_note(const char *path, const char *beside, const struct note *note,
		      struct why *why)
{
	struct newfile file;
	bool written;

	if (newfile_open(&file, path, 0640, why) != 0)
		return -1;
	written = put_numbers(file.out, beside, note) == 0;
	if (!written)
		why_set(why, "%s: %s", file.part, strerror(errno));
	return newfile_close(&file, written, why);
}

/* All 0 unless each is there. */
static void read_note(const char *path, struct note *note)
{
	FILE *file = fopen(path, "re");
	unsigned found = 0;
	char name[32];

	for (; file != NULL && found < note->count; found++)
		if (fscanf(file, "%31s %" SCNd64, name, &note->numbers[found].number) != 2 ||
		    strcmp(name, note->numbers[found].name) != 0)
			break;
	for (unsigned i = 0; i < note->count && found < note->count; i++)
		note->numbers[i].number = 0;
	if (file != NULL)
		fclose(file);
}

/* ---- the check of the ledger ---- */

static struct note note_checked(const struct checked *checked)
{
	return (struct note){
	    3,
	    {{"at", checked->at}, {"findings", checked->findings}, {"missing", checked->missing}}};
}

int checked_write(const char *ledger, const struct checked *checked, struct why *why)
{
	const struct note note = note_checked(checked);
	struct arena *arena = arena_new(0);
	int result = write_note(arena_printf(arena, "%s-checked", ledger), ledger, &note, why);

	arena_free(arena);
	return result;
}

void checked_read(const char *ledger, struct checked *checked)
{
	struct note note = note_checked(&(struct checked){0});
	struct arena *arena = arena_new(0);

	read_note(arena_printf(arena, "%s-checked", ledger), &note);
	*checked = (struct checked){note.numbers[0].number, note.numbers[1].number,
				    note.numbers[2].number};
	arena_free(arena);
}

/* ---- the watch of the own domains ---- */

static struct note note_watched(const struct watched *watched)
{
	return (struct note){6,
			     {{"at", watched->at},
			      {"domains", watched->domains},
			      {"changes", watched->changes},
			      {"errors", watched->errors},
			      {"warnings", watched->warnings},
			      {"hints", watched->hints}}};
}

int watched_write(const char *directory, const struct watched *watched, struct why *why)
{
	const struct note note = note_watched(watched);
	struct arena *arena = arena_new(0);
	int result =
	    write_note(arena_printf(arena, "%s/watched", directory), directory, &note, why);

	arena_free(arena);
	return result;
}

void watched_read(const char *directory, struct watched *watched)
{
	struct note note = note_watched(&(struct watched){0});
	struct arena *arena = arena_new(0);

	read_note(arena_printf(arena, "%s/watched", directory), &note);
	*watched = (struct watched){note.numbers[0].number, note.numbers[1].number,
				    note.numbers[2].number, note.numbers[3].number,
				    note.numbers[4].number, note.numbers[5].number};
	arena_free(arena);
}
