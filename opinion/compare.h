/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where two engines come to different results. A library that cannot judge something (the forms
 * that libopendkim reads differently from RFC 6376: t/differential/differences.txt) has no opinion
 * of it, which is not a disagreement.
 */
#ifndef OPINION_COMPARE_H
#define OPINION_COMPARE_H

#include "opinion/case.h"

enum compare_outcome {
	COMPARE_SAME,
	COMPARE_UNJUDGED, /* the same, as far as the library has an opinion */
	COMPARE_DIFFERENT
};

struct compare_finding {
	bool spf, dkim; /* in which mechanism they differ */
	const char
	    *text;      /* one line with the first difference and both reasons, in ARENA; or NULL */
	unsigned count; /* of differences */
};

/* The two judged the same case. */
enum compare_outcome compare_results(const struct case_results *native,
				     const struct case_results *library, struct arena *arena,
				     struct compare_finding *finding);

#endif
