/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A BIMI assertion record at SELECTOR._bimi.DOMAIN
 * (draft-brand-indicators-for-message-identification, "Assertion Record").
 */
#ifndef POLICY_BIMI_RECORD_H
#define POLICY_BIMI_RECORD_H

#include <stdbool.h>

#include "lib/arena.h"
#include "lib/span.h"
#include "lib/why.h"

struct bimi_record {
	const char *location;  /* l=, an https URI, or "" */
	const char *authority; /* a=, an https URI, or "" */
	bool declined;         /* both are empty: the domain wants no indicator */
	bool by_local_part;    /* lps= is not empty: other records are for some local parts */
};

/* Records that do not begin with "v=BIMI1" are discarded. */
bool bimi_record_is(struct span text);

/* -1 with a reason: the record is not valid, and nothing in it is repaired. */
int bimi_record_parse(struct arena *arena, struct span text, struct bimi_record *record,
		      struct why *why);

#endif
