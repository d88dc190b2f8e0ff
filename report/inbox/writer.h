/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a reader of reports puts what it finds, and the remarks that it makes meanwhile.
 */
#ifndef REPORT_INBOX_WRITER_H
#define REPORT_INBOX_WRITER_H

#include "report/inbox/record.h"

enum { WRITER_NOTES_MAX = 32 };

struct inbox_writer {
	struct arena *arena;   /* of the notes */
	struct arena *scratch; /* of one that may be there already: a report has one for each row */
	inbox_visit *visit;
	void *arg;
	const char *notes[WRITER_NOTES_MAX];
	unsigned note_count;
	uint64_t more_notes; /* that found no room */
	bool repaired;
	bool stopped; /* the visitor wants no more */
};

void writer_init(struct inbox_writer *writer, struct arena *arena, inbox_visit *visit, void *arg);

void writer_put(struct inbox_writer *writer, enum inbox_part part, const void *record);
void writer_item(struct inbox_writer *writer, enum inbox_part part, const char *text);

/* A remark for people; each is kept once. REPAIRED: what was read broke a rule. */
void writer_note(struct inbox_writer *writer, bool repaired, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Forgets all records and notes since the last end: the same is read again in another way. */
void writer_restart(struct inbox_writer *writer);

/* The notes and the end of a report. REASON: NULL, or why there is none. */
void writer_end(struct inbox_writer *writer, enum inbox_kind kind, const char *reason);

#endif
