/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The aggregate report: RFC 9990, or the form that RFC 7489 had. One report is made of one policy
 * domain, one day (UTC) and one policy configuration (section 3.1), which is what struct ledger_day
 * names. It does not depend on when it is made: the same rows give the same identifier, name and
 * text.
 */
#ifndef REPORT_AGGREGATE_H
#define REPORT_AGGREGATE_H

#include <stdio.h>

#include "lib/arena.h"
#include "store/ledger.h"

enum aggregate_form {
	AGGREGATE_RFC9990,
	AGGREGATE_RFC7489 /* its appendix C, for consumers that know no other form */
};

/* Who reports, and how. */
struct aggregate_reporter {
	const char *org_name;
	const char *email;
	const char *contact;  /* extra_contact_info, or NULL */
	const char *receiver; /* domain name of the receiver, for file names */
	enum aggregate_form form;
};

/* Section 3.5.1: alphanumeric, so that it also serves as the file name's unique-id (3.1.4). */
enum { AGGREGATE_ID_MAX = 33 };
void aggregate_id(const struct aggregate_reporter *reporter, const struct ledger_day *day,
		  char id[AGGREGATE_ID_MAX]);

/* Section 3.5.2: receiver!domain!begin!end!unique-id.EXTENSION ("xml", "xml.gz"). It is safe to
 * use in a path. */
const char *aggregate_file_name(const struct aggregate_reporter *reporter,
				const struct ledger_day *day, const char *extension,
				struct arena *arena);

struct aggregate_sum {
	int64_t records, messages;
};

/* Writes the report to OUT as XML, row by row. -1: the ledger could not be read, OUT could not be
 * written, or there is no row. SUM (or NULL) gets its totals.
 *
 * MAX_ROWS: 0, or the limit of its rows. If there are more, those with the most messages are
 * written, the rest is summed in records with the source 0.0.0.0 (one for each disposition and
 * alignment), and the report says so. */
int aggregate_write(struct ledger *ledger, const struct aggregate_reporter *reporter,
		    const struct ledger_day *day, int64_t max_rows, FILE *out,
		    struct aggregate_sum *sum, struct why *why);

#endif
