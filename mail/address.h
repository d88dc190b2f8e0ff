/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * RFC 5322 (with RFC 6532) address lists: the one parser for From, everywhere. Groups, comments,
 * quoted strings, obsolete syntax, domain literals.
 */
#ifndef MAIL_ADDRESS_H
#define MAIL_ADDRESS_H

#include "lib/arena.h"
#include "lib/span.h"
#include "lib/why.h"

enum { ADDRESS_MAX = 64 }; /* addresses in one field */

struct address {
	const char *local;  /* decoded local part */
	const char *domain; /* A-labels, lower case; NULL: a domain literal, or no valid domain */
};

struct address_list {
	struct address addresses[ADDRESS_MAX];
	unsigned count; /* 0 for "undisclosed:;" */
};

/*
 * VALUE: the field's value, folded or not. -1 with a reason (position and what was expected) for
 * anything that is not an address list as a whole, NUL, bare CR or bare LF included: a field that
 * another reader could read differently is not guessed at.
 */
int address_parse(struct arena *arena, struct span value, struct address_list *list,
		  struct why *why);

/*
 * TEXT: one address as settings have it, name@example.com, without quotes, comments or a display
 * name. -1 with the reason.
 */
int address_parse_plain(struct arena *arena, struct span text, struct address *address,
			struct why *why);

#endif
