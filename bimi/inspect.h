/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an assertion record offers: its logo and its mark certificate are fetched (bimi/obtain.h)
 * and examined by processes without rights (bimi/examine.h); with mark roots, also whether the
 * certificate has been revoked. Waits for web servers, so it is not for the process that a message
 * waits for.
 */
#ifndef BIMI_INSPECT_H
#define BIMI_INSPECT_H

#include "bimi/evidence.h"
#include "bimi/finding.h"
#include "bimi/obtain.h"
#include "policy/bimi/known.h"

enum { INSPECT_LOOKUPS = 64 }; /* that the scope is for */

struct inspect_tools {
	struct obtain_web web;
	struct span roots;     /* mark roots in PEM; empty: not checked */
	struct span logs;      /* keys of certificate logs in PEM; empty: likewise */
	int64_t now;           /* wall seconds */
	const char *directory; /* where revocation lists are kept; NULL: they are not */
};

/* FINDINGS has been initialized. 0, or -1 with WHY: a process cannot be made. */
int bimi_inspect(const struct inspect_tools *tools, const struct bimi_offer *offer,
		 struct bimi_findings *findings, struct why *why);

/* Likewise the mark certificate EVIDENCE->pem, which is here already, by EVIDENCE's roots and logs.
 * Whether it has been revoked is looked at if it has roots and no fault: by EVIDENCE's lists, or if
 * there are none, by those that it names, which are fetched (only for that, TOOLS->web is needed).
 */
int bimi_inspect_evidence(const struct inspect_tools *tools, struct bimi_evidence *evidence,
			  struct bimi_findings *findings, struct why *why);

#endif
