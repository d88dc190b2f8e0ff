/* SPDX-License-Identifier: BSD-2-Clause */
#include "metrics/found.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/system/newfile.h"

/* The numbers of a list, on a line that begins with NAME. */
static const struct list {
	const char *name;
	size_t at;
	unsigned count;
} lists[] = {{"at", offsetof(struct found, at), 1},
	     {"findings", offsetof(struct found, findings), FOUND_KINDS},
	     {"rows", offsetof(struct found, rows), FOUND_CLASSES},
	     {"passed", offsetof(struct found, passed), FOUND_CLASSES},
	     {"failed", offsetof(struct found, failed), FOUND_CLASSES}};
enum { LISTS = sizeof lists / sizeof lists[0] };

/* The file is the ledger's owner's, also when root has looked. */
static int write_note(FILE *out, const char *ledger, const struct found *found)
{
	struct stat st;

	for (unsigned i = 0; i < LISTS; i++) {
		const int64_t *numbers =
		    (const int64_t *)(const void *)((const char *)found + lists[i].at);

		fputs(lists[i].name, out);
		for (unsigned n = 0; n < lists[i].count; n++)
			fprintf(out, " %" PRId64, numbers[n]);
		fputc('\n', out);
	}
	if (geteuid() != 0 || stat(ledger, &st) != 0)
		return 0;
	return fchown(fileno(out), st.st_uid, st.st_gid);
}

int found_write(const char *ledger, const struct found *found, struct why *why)
{
	struct arena *arena = arena_new(0);
	struct newfile file;
	int result = newfile_open(&file, arena_printf(arena, "%s-findings", ledger), 0640, why);

	if (result == 0) {
		bool written = write_note(file.out, ledger, found) == 0;

		if (!written)
			why_set(why, "%s: %s", file.part, strerror(errno));
		result = newfile_close(&file, written, why);
	}
	arena_free(arena);
	return result;
}

static bool read_note(FILE *in, struct found *found)
{
	for (unsigned i = 0; i < LISTS; i++) {
		int64_t *numbers = (int64_t *)(void *)((char *)found + lists[i].at);
		char name[16];

		if (fscanf(in, "%15s", name) != 1 || strcmp(name, lists[i].name) != 0)
			return false;
		for (unsigned n = 0; n < lists[i].count; n++)
			if (fscanf(in, "%" SCNd64, &numbers[n]) != 1)
				return false;
	}
	return true;
}

void found_read(const char *ledger, struct found *found)
{
	struct arena *arena = arena_new(0);
	FILE *file = fopen(arena_printf(arena, "%s-findings", ledger), "re");

	memset(found, 0, sizeof *found);
	if (file != NULL && !read_note(file, found)) /* another version's */
		memset(found, 0, sizeof *found);
	if (file != NULL)
		fclose(file);
	arena_free(arena);
}
