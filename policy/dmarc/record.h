/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A DMARC policy record: RFC 9989 sections 4.7 and 4.8.
 */
#ifndef POLICY_DMARC_RECORD_H
#define POLICY_DMARC_RECORD_H

#include "lib/arena.h"
#include "lib/span.h"
#include "lib/why.h"
#include "policy/result/verdict.h"

enum dmarc_psd { DMARC_PSD_UNKNOWN, DMARC_PSD_YES, DMARC_PSD_NO };

struct dmarc_record {
	const char *text; /* as published; what is not printable ASCII is "?" */
	bool usable;      /* false: no policy can be taken from it (section 4.10.1), WHY says why */
	enum dmarc_policy p, sp, np; /* with the fallbacks np -> sp -> p done */
	bool has_p, has_sp, has_np;
	bool adkim_strict, aspf_strict;
	bool testing;
	enum dmarc_psd psd;
	const char *fo;        /* lower case; "0" when not there, not valid, or without ruf */
	const char *rua, *ruf; /* the tags' text, or NULL */
	unsigned notes;        /* DMARC_NOTE_*: for the audit */
	const char *faults;    /* what was wrong, for its owner: "sp= is not valid; ..."; or NULL */
};

enum {
	DMARC_NOTE_BAD_VALUE = 1, /* a tag was invalid, and its default is used, or repeated */
	DMARC_NOTE_HISTORIC = 2,  /* pct, rf or ri */
	DMARC_NOTE_MISSING_P = 4,
	DMARC_NOTE_SIZE_SUFFIX = 8
};

/* TEXT: one TXT record. -1: it is not a DMARC record (it does not begin with v=DMARC1) and is to be
 * ignored. Otherwise RECORD is set; a repeated tag costs at most that tag (section 4.8). */
int dmarc_record_parse(struct arena *arena, struct span text, struct dmarc_record *record,
		       struct why *why);

#endif
