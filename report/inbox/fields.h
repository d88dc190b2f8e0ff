/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Header fields of a text, unfolded: those of a message, and of a message/feedback-report, which
 * has the same form (RFC 5965 section 3.5).
 */
#ifndef REPORT_INBOX_FIELDS_H
#define REPORT_INBOX_FIELDS_H

#include "lib/arena.h"
#include "lib/span.h"

enum { FIELDS_MAX = 500 };

struct field {
	struct span name, value; /* VALUE: without line ends and the blanks around it */
};

struct fields {
	struct field items[FIELDS_MAX];
	unsigned count;
};

/* As far as the first empty line; lines that are not fields are passed over, and so are empty lines
 * at the beginning. Texts live as long as ARENA and TEXT. */
struct fields *fields_parse(struct arena *arena, struct span text);

/* The first field NAME at or after *AT (NULL: from the beginning), which is moved past it; NULL. */
const struct field *fields_next(const struct fields *fields, const char *name, unsigned *at);

/* The value of the first field NAME; an empty span when there is none. */
struct span fields_get(const struct fields *fields, const char *name);
unsigned fields_count(const struct fields *fields, const char *name);

#endif
