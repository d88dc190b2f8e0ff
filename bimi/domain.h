/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A domain's BIMI as a receiver sees it: its assertion record, its DMARC policy, and what the
 * record offers.
 */
#ifndef BIMI_DOMAIN_H
#define BIMI_DOMAIN_H

#include "bimi/inspect.h"
#include "policy/bimi/record.h"
#include "policy/dmarc/dmarc.h"

enum { BIMI_DOMAIN_LOOKUPS = INSPECT_LOOKUPS + 24 }; /* that the scope is for */

struct bimi_domain {
	const char *name, *selector; /* of the author */
	const struct dmarc_rules *dmarc;
	/* The result: */
	const char *found; /* the domain that has the record: NAME, or its organizational domain;
			      NULL: there is none */
	const char *organization; /* of NAME; NULL: not known */
	const char *text;         /* of the record, or NULL */
	struct bimi_record record;
};

/* Set the first three. 0, or -1 with WHY. */
int bimi_domain_check(struct bimi_domain *domain, const struct inspect_tools *tools,
		      struct bimi_findings *findings, struct why *why);

#endif
