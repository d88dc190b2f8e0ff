/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One file, "records", of lines: first seen, last seen, record. Whoever audits a change writes it,
 * and so does the watch; the newer one of two that write at a time wins, and what the other saw is
 * seen again.
 */
#include "admin/audit/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/buf.h"
#include "lib/span.h"
#include "lib/system/newfile.h"

enum { ENTRIES_MAX = 20000, LINE_BYTES_MAX = 2000, KEPT_SECONDS = 30 * 86400 };

struct entry {
	const char *record;
	int64_t first, last; /* wall seconds */
};

struct memory {
	struct admin *admin;
	const char *directory, *path;
	struct entry *entries; /* ENTRIES_MAX */
	unsigned count;
	bool changed;
};

static struct entry *find_entry(const struct memory *memory, const char *record)
{
	for (unsigned i = 0; i < memory->count; i++) {
		if (strcmp(memory->entries[i].record, record) == 0)
			return &memory->entries[i];
	}
	return NULL;
}

/* "1800000000 1800003600 _25._tcp.mx.example.org. IN TLSA 3 1 1 aabb"; a line that is not like that
 * is left out: at the worst a change has to wait once more. */
static void read_line(struct memory *memory, struct span line)
{
	struct span first, last;
	uint64_t begin, end;
	bool more = true;

	if (span_len(line) > LINE_BYTES_MAX || memory->count == ENTRIES_MAX ||
	    !span_split(&line, &more, ' ', &first) || !more ||
	    !span_split(&line, &more, ' ', &last) || !more || span_empty(line) ||
	    !span_number(first, INT64_MAX / 2, &begin) || !span_number(last, INT64_MAX / 2, &end))
		return;
	memory->entries[memory->count++] = (struct entry){
	    arena_copy(memory->admin->arena, line.p, span_len(line)), (int64_t)begin, (int64_t)end};
}

static void read_lines(struct memory *memory, struct span text)
{
	struct span line;
	bool more = true;

	while (span_split(&text, &more, '\n', &line))
		read_line(memory, line);
}

struct memory *memory_open(struct admin *admin, const char *directory)
{
	struct memory *memory = arena_make(admin->arena, struct memory);
	struct span text;
	struct stat status;

	memory->admin = admin;
	memory->directory = directory;
	memory->path = arena_printf(admin->arena, "%s/records", directory);
	memory->entries = arena_array(admin->arena, ENTRIES_MAX, sizeof *memory->entries);
	if (*directory == '\0' || (stat(memory->path, &status) == -1 && errno == ENOENT))
		return memory;
	if (admin_read_file(admin, memory->path, &text) != ADMIN_DONE)
		return NULL;
	read_lines(memory, text);
	return memory;
}

int64_t memory_since(const void *arg, const char *record)
{
	const struct entry *entry = find_entry(arg, record);

	return entry == NULL ? 0 : entry->first;
}

void memory_note(struct memory *memory, const char *record, int64_t now)
{
	struct entry *entry = find_entry(memory, record);

	if (entry == NULL && memory->count < ENTRIES_MAX) {
		entry = &memory->entries[memory->count++];
		*entry = (struct entry){arena_string(memory->admin->arena, record), now, now};
	}
	if (entry != NULL)
		entry->last = now;
	memory->changed = true;
}

int memory_save(struct memory *memory, int64_t now, struct why *why)
{
	struct buf text;
	int status;

	if (!memory->changed || *memory->directory == '\0')
		return 0;
	if (mkdir(memory->directory, 0750) == -1 && errno != EEXIST)
		return why_set(why, "%s: %s", memory->directory, strerror(errno));
	buf_init(&text, memory->admin->arena, 0);
	for (unsigned i = 0; i < memory->count; i++) {
		const struct entry *entry = &memory->entries[i];

		if (now - entry->last < KEPT_SECONDS)
			buf_printf(&text, "%lld %lld %s\n", (long long)entry->first,
				   (long long)entry->last, entry->record);
	}
	status = newfile_write(memory->path, 0640, buf_view(&text), why);
	memory->changed = status != 0;
	return status;
}
