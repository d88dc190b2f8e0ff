/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A mark certificate (VMC or CMC, draft-fetch-validation-vmc-wchuang): for which domain, which
 * logo, until when, and who vouches for it; and whether it has been revoked. Nothing is fetched:
 * the revocation lists are given.
 */
#ifndef BIMI_EVIDENCE_H
#define BIMI_EVIDENCE_H

#include "bimi/finding.h"
#include "lib/crypto/revocation.h"

struct bimi_evidence {
	struct span pem;   /* the file; its first certificate is the mark certificate */
	struct span roots; /* mark roots in PEM; empty: not checked */
	struct span
	    logs; /* public keys of certificate logs in PEM; empty: proofs are not verified */
	const char *domain;       /* of the assertion record; NULL: not checked */
	const char *selector;     /* likewise */
	const char *organization; /* the organizational domain of DOMAIN; NULL: not known */
	struct span logo;         /* the file of l=, SVG or SVGZ; empty: not compared */
	int64_t now;
	struct span lists[REVOCATION_LISTS_MAX]; /* revocation lists, DER or PEM */
	unsigned list_count;
};

#define BIMI_FACT_LIST "crl" /* the URI of a revocation list */

/* To be called in a process without rights. All but revocation; where the lists are is told as
 * facts, BIMI_FACT_LIST. */
void bimi_evidence_check(struct bimi_findings *findings, const struct bimi_evidence *evidence);

/* Likewise: only revocation, of a file without faults, with roots. */
void bimi_evidence_check_revoked(struct bimi_findings *findings,
				 const struct bimi_evidence *evidence);

#endif
