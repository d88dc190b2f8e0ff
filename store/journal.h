/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The journal: rows on their way into the ledger's file. A record that journal_add() took is in the
 * page cache of the machine: it survives its process, not the power. Each process that counts has a
 * journal of its own, beside the ledger's file: PATH-pending.N. Its room on the disk is reserved
 * when it is made, so that a full disk takes nothing from what was answered.
 *
 * Records are numbered. The ledger's file alone says up to which number they are in it (it is told
 * in the same transaction), so that each is counted once, whatever is killed when. The journal
 * notes that number, too, but only for readers that wait for it.
 *
 * A journal without a process is what a killed one left: whoever comes next takes it over. What is
 * damaged in it is passed over, counted, and kept as PATH-pending.N-damaged.
 */
#ifndef STORE_JOURNAL_H
#define STORE_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/span.h"
#include "lib/why.h"
#include "store/segment.h"

enum {
	JOURNAL_ID = 16,
	JOURNAL_LEDGER = 8,          /* of the ledger's id: what a journal's own id begins with */
	JOURNAL_HEAD = SEGMENT_HEAD, /* what a record begins with */
	JOURNAL_SLOTS = 64
};

struct journal;

/* A new, empty one, for the ledger with that id. NULL with the reason: also when the disk has no
 * room for it. */
struct journal *journal_new(const char *path, const unsigned char ledger[JOURNAL_LEDGER],
			    struct why *why);

/* False: it was written for another ledger, which was moved away: up to the number NOTED its
 * records are in that one. One that an earlier version wrote belongs to the ledger that it lies
 * beside. */
bool journal_is_of(const struct journal *journal, const unsigned char ledger[JOURNAL_LEDGER],
		   uint64_t *noted);

/* The one in that slot that a process left behind; NULL: there is none, or LOST says that it is
 * damaged, how much that is, and under which name it is kept. LOST NULL: such a one is left. */
struct journal *journal_left(const char *path, unsigned slot, struct why *lost);

/* False: the disk failed while it was read, so what was read is not all: it is to be closed, which
 * leaves the file, and read later. */
bool journal_is_read(const struct journal *journal);

/* Ends the use of it. What holds nothing any more is removed. NULL is OK. */
void journal_close(struct journal *journal);

/* The same, but the file stays, for whoever comes next. NULL is OK. */
void journal_leave(struct journal *journal);

/* The same, but the file is kept as evidence, "-damaged" behind its name: KEPT gets the name. */
void journal_keep(struct journal *journal, struct why *kept);

struct journal_damage {
	uint64_t bytes;
	uint64_t messages; /* that are lost, at most */
};

/* What is damaged in a journal that was left; all up to NUMBER is in the ledger's file. */
void journal_examine(struct journal *journal, uint64_t number, struct journal_damage *damage);

const unsigned char *journal_id(const struct journal *journal);
const char *journal_name(const struct journal *journal); /* of its file */

/* Is there room for a record of so many bytes? */
bool journal_has_room(const struct journal *journal, size_t len);

/* RECORD begins with JOURNAL_HEAD bytes that are set here. The record's number, from 1 on; 0 with
 * WHY set: it could not be written. */
uint64_t journal_add(struct journal *journal, char *record, size_t len, struct why *why);

/* Makes what it holds survive a power failure. */
void journal_sync(struct journal *journal);

/* Up to this number all is in the ledger's file, as that says. */
void journal_folded(struct journal *journal, uint64_t number);

/* The records after NUMBER and after what journal_folded() was told: without their heads, in DATA
 * that lives as long as the journal. A visit that returns false ends the reading. */
void journal_each(struct journal *journal, uint64_t number, segment_visit *visit, void *arg);

/* For readers: the processes that count put what their journals hold now into the ledger's file;
 * waits for that until DEADLINE. True: a journal was left behind by a killed one. */
bool journal_settle(const char *path, int64_t deadline);

#endif
