/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Records (report/inbox/record.h) as bytes, for the pipe between the helper process that reads
 * hostile mail and its parent, which believes nothing:
 *
 *   frame := length (4 octets, of what follows) part (1) field...
 *   field := number (8) | length (4; FFFFFFFF: none) text
 *
 * in network order, with the fields of the part's table. Also what makes texts clean.
 */
#ifndef REPORT_INBOX_WIRE_H
#define REPORT_INBOX_WIRE_H

#include <stdbool.h>

#include "lib/buf.h"
#include "report/inbox/record.h"

enum { WIRE_FRAME_MAX = 256 * 1024, WIRE_TEXT_MAX = 8 * 1024, WIRE_HEADER = 4 };

/* Appends TEXT as one clean line: bytes that are not UTF-8, C0 and C1 controls, line and paragraph
 * separators and the characters that turn the direction of text become U+FFFD, blanks one space;
 * none at the ends. Cut at WIRE_TEXT_MAX. */
void wire_clean(struct buf *out, struct span text);
bool wire_is_clean(struct span text);

/* A clean copy; NULL when nothing is left. */
const char *wire_text(struct arena *arena, struct span text);

void wire_write(struct buf *out, enum inbox_part part, const void *record);

/* The length of the frame that BYTES begin with, its header included; 0: more bytes are needed
 * (WIRE_HEADER of them tell); -1: no frame. */
int wire_length(struct span bytes);

/* Reads one frame of that length. RECORD: INBOX_RECORD_MAX bytes, aligned for any type. False: it
 * is not what wire_write() makes, or a text in it is not clean. Texts live in ARENA. */
bool wire_read(struct arena *arena, struct span frame, enum inbox_part *part, void *record);

#endif
