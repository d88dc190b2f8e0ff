/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The journal: rows on their way into the ledger's file. A record that journal_add() accepted is in
 * the page cache: it survives the death of its process, but not a power failure. Each process that
 * counts has its own journal next to the ledger's file: PATH-pending.N. Its space on the disk is
 * reserved when it is created, so that nothing that was answered is lost on a full disk.
 *
 * Records are numbered. Only the ledger's file says up to which number they are in it (this is
 * written in the same transaction), so that each is counted once, whatever is killed when. The
 * journal notes that number as well, but only for readers that wait for it.
 *
 * A journal without a process was left by a killed one: the next process takes it over. Damaged
 * records in it are skipped and counted, and the file is kept as PATH-pending.N-damaged.
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

/* The journal that a dead process left in that slot. NULL: there is none, or it is damaged: then
 * LOST says how much, and under which name it is kept. LOST NULL: a damaged one is not touched. */
struct journal *journal_left(const char *path, unsigned slot, struct why *lost);

/* False: the disk failed while it was read, so what was read is incomplete: close it, which leaves
 * the file, and read it later. */
bool journal_is_read(const struct journal *journal);

/* Closes it. A file with nothing left in it is removed. NULL is OK. */
void journal_close(struct journal *journal);

/* The same, but the file stays, for whoever comes next. NULL is OK. */
void journal_leave(struct journal *journal);

/* The same, but the file is kept as evidence, with "-damaged" after its name: KEPT gets the name.
 */
void journal_keep(struct journal *journal, struct why *kept);

struct journal_damage {
	uint64_t bytes;
	uint64_t messages; /* that are lost, at most */
};

/* What is damaged in a journal of a dead process; records up to NUMBER are in the ledger's file. */
void journal_examine(struct journal *journal, uint64_t number, struct journal_damage *damage);

const unsigned char *journal_id(const struct journal *journal);
const char *journal_name(const struct journal *journal); /* of its file */

/* Is there room for a record of LEN bytes? */
bool journal_has_room(const struct journal *journal, size_t len);

/* RECORD begins with JOURNAL_HEAD bytes that are set here. The record's number, from 1 on; 0 with
 * WHY set: it could not be written. */
uint64_t journal_add(struct journal *journal, char *record, size_t len, struct why *why);

/* Makes its records survive a power failure. */
void journal_sync(struct journal *journal);

/* All records up to this number are in the ledger's file. */
void journal_folded(struct journal *journal, uint64_t number);

/* The records after NUMBER and after what journal_folded() was told: without their heads, in DATA
 * that lives as long as the journal. A visit that returns false ends the reading. */
void journal_each(struct journal *journal, uint64_t number, segment_visit *visit, void *arg);

/* For readers: waits until the records that journals contain now are in the ledger's file, at most
 * until DEADLINE. True: a killed process has left a journal. */
bool journal_settle(const char *path, int64_t deadline);

#endif
