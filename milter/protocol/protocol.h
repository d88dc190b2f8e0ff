/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What both engines (callbacks.c on libmilter, wire.c without it) ask of an MTA, and text in the
 * shape the milter protocol has it. Knows no session and no socket.
 *
 * - Steps that never carry a verdict are not answered (NR_*), where the MTA knows that. Body chunks
 *   are answered, so that the rest can be skipped; and MAIL, because MTAs keep back what needs no
 *   answer: lookups are under way while the client still talks.
 * - Header values come with their first blank (HEADER_BLANK) or get one; folds come as LF and are
 *   made CRLF; values we add have LF folds and, with HEADER_BLANK, their own first blank.
 * - Macros are asked for by stage and copied when they come.
 */
#ifndef MILTER_PROTOCOL_PROTOCOL_H
#define MILTER_PROTOCOL_PROTOCOL_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/span.h"
#include "mail/smtp_reply.h"

enum {
	PROTOCOL_OLDEST = 2,
	PROTOCOL_VERSION = 6,
	PROTOCOL_PACKET_MAX = 1 << 20, /* bytes after the length: a 100 kB field must fit */
	PROTOCOL_REPLY_TEXT_MAX = 490  /* of an SMTP reply, before "%" is doubled */
};

/* What a filter may do (SMFIF_*). */
enum protocol_action {
	PROTOCOL_ADD_HEADER = 0x1,
	PROTOCOL_CHANGE_HEADER = 0x10,
	PROTOCOL_QUARANTINE = 0x20,
	PROTOCOL_ASK_MACROS = 0x100
};
enum {
	PROTOCOL_ACTIONS_NEEDED = PROTOCOL_ADD_HEADER | PROTOCOL_CHANGE_HEADER,
	PROTOCOL_ACTIONS = PROTOCOL_ACTIONS_NEEDED | PROTOCOL_QUARANTINE | PROTOCOL_ASK_MACROS
};

/* Which steps are sent and answered, and how (SMFIP_*). */
enum protocol_step {
	PROTOCOL_NR_HEADER = 0x80,
	PROTOCOL_NO_UNKNOWN = 0x100,
	PROTOCOL_NO_DATA = 0x200,
	PROTOCOL_SKIP = 0x400,
	PROTOCOL_NR_CONNECT = 0x1000,
	PROTOCOL_NR_HELO = 0x2000,
	PROTOCOL_NR_RCPT = 0x8000,
	PROTOCOL_NR_EOH = 0x40000,
	PROTOCOL_HEADER_BLANK = 0x100000
};
enum {
	PROTOCOL_STEPS = PROTOCOL_NR_CONNECT | PROTOCOL_NR_HELO | PROTOCOL_NR_RCPT |
			 PROTOCOL_NR_HEADER | PROTOCOL_NR_EOH | PROTOCOL_NO_DATA |
			 PROTOCOL_NO_UNKNOWN | PROTOCOL_SKIP | PROTOCOL_HEADER_BLANK
};

/* The macros to ask for; ends with NULL. */
struct protocol_macros {
	int stage; /* SMFIM_* */
	const char *names;
};
extern const struct protocol_macros protocol_macros[];

extern const char protocol_too_little[]; /* why an MTA without ACTIONS_NEEDED is turned away */

/* VALUE as it stood in the message: with its first blank, lines ended by CRLF. Without a change it
 * is VALUE itself, else it lives in SCRATCH. */
struct span protocol_value(struct buf *scratch, struct span value, bool has_blank);

/* VALUE of an insertion, as the MTA takes it. */
const char *protocol_inserted(const char *value, bool wants_blank);

/* RFC 5321 section 4.2: one line, printable. MTAs take it for a format, hence "%%". In SCRATCH. */
const char *protocol_reply_text(struct buf *scratch, const struct smtp_reply *reply);

#endif
