/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The journal: rows on their way into the ledger's file. A record that journal_add() took is in the
 * page cache of the machine: it survives its process, not the power. Each process that counts has a
 * journal of its own, beside the ledger's file: PATH-pending.N.
 *
 * Records are numbered. The ledger's file says up to which number they are in it (it is told in
 * the same transaction), so that each is counted once, whatever is killed when.
 *
 * A journal without a process is what a killed one left: whoever comes next takes it over.
 */
#ifndef STORE_JOURNAL_H
#define STORE_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/span.h"
#include "lib/why.h"

enum {
	JOURNAL_ID = 16,
	JOURNAL_HEAD = 24, /* what a record begins with */
	JOURNAL_SLOTS = 64
};

struct journal;

/* A new, empty one. NULL with the reason. */
struct journal *journal_new(const char *path, struct why *why);

/* The one in that slot that a process left behind; NULL: there is none. */
struct journal *journal_left(const char *path, unsigned slot);

/* Ends the use of it. What holds nothing any more is removed. NULL is fine. */
void journal_close(struct journal *journal);

const unsigned char *journal_id(const struct journal *journal);

/* Is there room for a record of so many bytes? */
bool journal_has_room(const struct journal *journal, size_t len);

/* RECORD begins with JOURNAL_HEAD bytes that are set here. The record's number, from 1 on; 0 with
 * WHY set: it could not be written. */
uint64_t journal_add(struct journal *journal, char *record, size_t len, struct why *why);

/* Up to this number all is in the ledger's file. */
void journal_folded(struct journal *journal, uint64_t number);

/* The records behind NUMBER and behind what journal_folded() noted: without their heads, in DATA
 * that lives as long as the journal. A visit that returns false ends the reading. */
typedef bool journal_visit(void *arg, uint64_t number, struct span data);
void journal_each(struct journal *journal, uint64_t number, journal_visit *visit, void *arg);

/* The same of DATA, which begins where a segment of the file begins; *LAST is the number of the
 * last record, 0 without any. False: the visit ended the reading. VISIT NULL: none is visited. */
bool journal_scan(struct span data, uint64_t behind, journal_visit *visit, void *arg,
		  uint64_t *last);

/* For readers: the processes that count put what their journals hold now into the ledger's file;
 * waits for that until DEADLINE. True: a journal was left behind by a killed one. */
bool journal_settle(const char *path, int64_t deadline);

#endif
