/* SPDX-License-Identifier: BSD-2-Clause */
#include "report/inbox/writer.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "report/inbox/wire.h"

static void free_scratch(void *scratch)
{
	arena_free(scratch);
}

void writer_init(struct inbox_writer *writer, struct arena *arena, inbox_visit *visit, void *arg)
{
	assert(arena != NULL && visit != NULL);
	memset(writer, 0, sizeof *writer);
	writer->arena = arena;
	writer->scratch = arena_new(0);
	arena_on_free(arena, free_scratch, writer->scratch);
	writer->visit = visit;
	writer->arg = arg;
}

void writer_put(struct inbox_writer *writer, enum inbox_part part, const void *record)
{
	if (!writer->stopped && writer->visit(writer->arg, part, record) != 0)
		writer->stopped = true;
}

void writer_item(struct inbox_writer *writer, enum inbox_part part, const char *text)
{
	struct inbox_item item = {text};

	if (text != NULL)
		writer_put(writer, part, &item);
}

void writer_note(struct inbox_writer *writer, bool repaired, const char *format, ...)
{
	char text[512];
	const char *clean;
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	writer->repaired |= repaired;
	arena_reset(writer->scratch);
	clean = wire_text(writer->scratch, (struct span){text, text + strlen(text)});
	if (clean == NULL)
		return;
	for (unsigned i = 0; i < writer->note_count; i++)
		if (strcmp(writer->notes[i], clean) == 0)
			return;
	assert(writer->note_count <= WRITER_NOTES_MAX);
	if (writer->note_count == WRITER_NOTES_MAX)
		writer->more_notes++;
	else
		writer->notes[writer->note_count++] = arena_string(writer->arena, clean);
}

static void forget_notes(struct inbox_writer *writer)
{
	writer->note_count = 0;
	writer->more_notes = 0;
	writer->repaired = false;
}

void writer_restart(struct inbox_writer *writer)
{
	forget_notes(writer);
	writer_put(writer, INBOX_PART_RESTART, NULL);
}

void writer_end(struct inbox_writer *writer, enum inbox_kind kind, const char *reason)
{
	struct inbox_end end = {(int64_t)kind, reason, writer->repaired};
	char more[64];

	for (unsigned i = 0; i < writer->note_count; i++)
		writer_item(writer, INBOX_PART_NOTE, writer->notes[i]);
	snprintf(more, sizeof more, "%" PRIu64 " more remarks", writer->more_notes);
	if (writer->more_notes > 0)
		writer_item(writer, INBOX_PART_NOTE, more);
	writer_put(writer, INBOX_PART_END, &end);
	forget_notes(writer);
}
