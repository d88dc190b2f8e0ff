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
	bool by_local_part;    /* lps= is there: other records are for some local parts */
	const char *prefixes;  /* lps= as it is; "": for all of them */
	const char
	    *preference; /* avp=: "brand", also if it is missing, or "personal"; "": not valid */
};

/* Records that do not begin with "v=BIMI1" are discarded. */
bool bimi_record_is(struct span text);

/* -1 with a reason: the record is not valid, and nothing in it is repaired. */
int bimi_record_parse(struct arena *arena, struct span text, struct bimi_record *record,
		      struct why *why);

/* The selector that LOCAL has by lps= (section "Local-part Selectors"): its normal form, if that
 * begins with one of PREFIXES or there are none; else NULL. */
const char *bimi_record_local(struct arena *arena, const char *prefixes, const char *local);

#endif
