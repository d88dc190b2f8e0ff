/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who the From fields of a message name: every domain that some reader may see there. Inbound mail
 * is judged by them, and own mail is signed by them, so both ask this one place.
 */
#ifndef POLICY_FROM_H
#define POLICY_FROM_H

#include <stdbool.h>

#include "lib/arena.h"
#include "lib/span.h"

enum { FROM_DOMAINS_MAX = 16 };

/*
 * ERROR is NULL where all readers agree: the field is an address list of RFC 5322 section 3.4, or
 * it is malformed but every reading leads to the same one domain. Otherwise it says why not, and
 * DOMAINS has all that could be found, so that a policy against any of them can be applied.
 */
struct from {
	struct arena *arena;
	unsigned fields;                       /* From fields; a hidden one counts */
	const char *domains[FROM_DOMAINS_MAX]; /* A-labels, distinct, in order */
	unsigned count;
	const char *error;
	bool hidden;   /* there is one that only some readers see (RFC 5322 section 2.2) */
	bool too_many; /* fields or domains are missing from DOMAINS */
};

void from_init(struct from *from, struct arena *arena);

/* Each header field, in order: NAME may have blanks after it (section 4.5), VALUE has its folds. */
void from_header(struct from *from, struct span name, struct span value);

/* At the end of the header: why the message has no single From field that can be judged, or NULL.
 */
const char *from_fault(const struct from *from);

#endif
