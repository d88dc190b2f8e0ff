/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sources of mail in our names: the rows of received aggregate reports, classified and summed
 * by flow, with what the operator decided about each. What the sums say is in
 * report/sources/advise.h.
 */
#ifndef REPORT_SOURCES_GATHER_H
#define REPORT_SOURCES_GATHER_H

#include "report/sources/classify.h"
#include "report/sources/reporters.h"

enum { GATHER_ADDRESSES = 16 }; /* of a flow, the first ones that were seen */

enum flow_decision { FLOW_UNDECIDED, FLOW_OURS, FLOW_PARTNER, FLOW_FORWARDER, FLOW_IGNORE };
extern const struct name_code flow_decision_names[];

/* Messages by how they fared. */
struct flow_counts {
	int64_t messages, passed, strict;
};

/* What reports that begin on one day say of a flow. */
struct flow_day {
	struct flow_day *next;
	int32_t day;
	int64_t messages, passed;
};

/* One flow in the name of one policy domain. */
struct flow {
	struct flow *next;
	const char *domain, *name, *selector;
	enum source_class class;
	enum flow_decision decision;
	const char *note;         /* with the decision, or NULL */
	struct flow_counts all;   /* of all reports */
	struct flow_counts sure;  /* of those that count (report/sources/reporters.h) */
	struct flow_counts below; /* of SURE, with a From below the policy domain */
	int64_t rows;             /* of all reports */
	int64_t quarantined, rejected;
	int32_t first_day, last_day, passed_day; /* PASSED_DAY: last day with a pass, or 0 */
	struct flow_day *days;                   /* of ALL, each day once, in no order */
	const char *addresses[GATHER_ADDRESSES];
	unsigned address_count;
	bool more_addresses;
};

bool flow_is_legitimate(const struct flow *flow);

/* DOMAIN: and those below; NULL: any. REPORTERS: of the same domain and day; they are credited with
 * what counts. Sorted by policy domain, then messages. Texts live in ARENA. */
int gather_flows(struct sql *sql, const char *domain, int32_t from_day,
		 const struct source_facts *facts, struct reporters *reporters, struct arena *arena,
		 struct flow **flows, struct why *why);

/* A selector with which messages passed at a reporter. */
struct selector_use {
	struct selector_use *next;
	const char *domain, *selector;
	int64_t passed;   /* messages, of reports that count */
	int32_t last_day; /* on which one passed */
};
/* REPORTERS NULL: all reports that came in authenticated mail count. */
int gather_selectors(struct sql *sql, const char *domain, int32_t from_day,
		     const struct reporters *reporters, struct arena *arena,
		     struct selector_use **uses, struct why *why);

#endif
