/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The records in a segment of a journal, as bytes:
 *
 *   segment = *( record ) end *OCTET      bytes after the end are older
 *   record  = head *OCTET *7( %x00 )      a multiple of 8 bytes
 *   end     = head                        without a record, with the number of the last one
 *   head    = number check length mark head-check
 *
 * Each checksum is keyed with the journal's id, which is unknown to whoever can put text into a
 * record. A damaged record is skipped; reading continues at the next good one, and the numbers tell
 * how many are missing.
 */
#ifndef STORE_SEGMENT_H
#define STORE_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/span.h"

enum {
	SEGMENT_HEAD = 32,           /* what a record begins with */
	SEGMENT_TAIL = 8 + 32,       /* what is written after it, at most */
	SEGMENT_RECORD_MIN = 32 + 48 /* the smallest row, with its head */
};

struct segment_key {
	uint64_t word;
};

struct segment_key segment_key(const unsigned char *id, size_t len);

/* RECORD begins with SEGMENT_HEAD bytes that are set here; TAIL gets the bytes to be written after
 * it, which end the segment. The next record is written over the end. Returns how many bytes after
 * the beginning of this record that is. */
size_t segment_seal(struct segment_key key, uint64_t number, char *record, size_t len,
		    char tail[SEGMENT_TAIL], size_t *tail_len);

/* The end of a segment that holds no record yet. */
void segment_begin(struct segment_key key, char head[SEGMENT_HEAD]);

struct segment_found {
	uint64_t first, last; /* numbers of the good records; 0: there is none */
	uint64_t end;         /* the last number that was written; only if HAS_END */
	bool has_end;
	uint64_t damaged; /* bytes before the end that are not a record */
};

/* Visits the records after number AFTER, in ascending order: their data lies in SEGMENT, which
 * begins at a page of the file. If a visit returns false, the reading ends and the result is false.
 * VISIT NULL: none is visited. */
typedef bool segment_visit(void *arg, uint64_t number, struct span data);
bool segment_scan(struct segment_key key, struct span segment, uint64_t after, segment_visit *visit,
		  void *arg, struct segment_found *found);

/* The same for a segment in the old format: without an end, and with checksums that are not keyed.
 * The first damaged record ends it. */
bool segment_scan_old(struct span segment, uint64_t after, segment_visit *visit, void *arg,
		      struct segment_found *found);

#endif
