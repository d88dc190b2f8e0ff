/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Replies of mail servers, which any stranger may run: one line of them at a time.
 */
#ifndef AUDIT_PROBE_REPLY_H
#define AUDIT_PROBE_REPLY_H

#include <stdbool.h>

#include "lib/arena.h"
#include "lib/span.h"

enum { REPLY_LINE_MAX = 1024, REPLY_LINES_MAX = 100 };

/* RFC 5321 section 4.2: three digits, "-" in all lines but the last, text. */
struct reply_line {
	unsigned code;
	bool more;
	struct span text;
};
bool reply_parse(struct span line, struct reply_line *out);

/* RFC 5321 section 4.1.1.1: the first word of TEXT is KEYWORD, in either case. */
bool reply_offers(struct span text, const char *keyword);

/* The first word of TEXT, if it can be a host name or an address in brackets; else empty. */
struct span reply_name(struct span text);

/* Printable ASCII, cut after a while: to be shown. */
const char *reply_clean(struct arena *arena, struct span text);

/* RFC 3501 section 7.1: "TAG OK ...". RFC 1939 section 3: "+OK ...". */
bool reply_is_tagged(struct span line, const char *tag);
bool reply_is_ok(struct span line, const char *tag); /* TAG NULL: of POP3 */

/* WORD is among the words of LINE, in either case, as IMAP's capabilities are. */
bool reply_has_word(struct span line, const char *word);

#endif
