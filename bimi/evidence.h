/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A mark certificate (VMC or CMC, draft-fetch-validation-vmc-wchuang): for which domain, which
 * logo, until when, and who vouches for it. Whether it has been revoked is not looked at, since
 * nothing is fetched.
 */
#ifndef BIMI_EVIDENCE_H
#define BIMI_EVIDENCE_H

#include "bimi/finding.h"

struct bimi_evidence {
	struct span pem;      /* the file; its first certificate is the mark certificate */
	struct span roots;    /* mark roots in PEM; empty: not checked */
	const char *domain;   /* of the assertion record; NULL: not checked */
	const char *selector; /* likewise */
	struct span logo;     /* the file of l=, SVG or SVGZ; empty: not compared */
	int64_t now;
};

/* To be called in a process without rights. */
void bimi_evidence_check(struct bimi_findings *findings, const struct bimi_evidence *evidence);

#endif
