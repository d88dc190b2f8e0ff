/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The TLS report of a domain and day (RFC 8460 section 4.4). It does not depend on when it is made:
 * the same sums give the same identifier, name and text.
 */
#ifndef REPORT_TLS_DOCUMENT_H
#define REPORT_TLS_DOCUMENT_H

#include <stdio.h>

#include "report/aggregate.h"
#include "report/tls/sessions.h"

/* HOST: what tells this host from others of its organization. */
enum { DOCUMENT_ID_MAX = 33 };
void document_id(const struct aggregate_reporter *reporter, const char *host, const char *domain,
		 int32_t day, char id[DOCUMENT_ID_MAX]);

/* Section 5.1: sender!domain!begin!end!id.json.gz */
const char *document_file_name(const struct aggregate_reporter *reporter, const char *domain,
			       int32_t day, const char *id, struct arena *arena);

struct document_sum {
	int64_t policies, sessions;
};

/* REPORTS: sessions that only carried our own reports (section 3): so many successful ones are left
 * out. SUM->sessions 0: nothing is left to report. */
int document_write(struct sql *sql, const struct aggregate_reporter *reporter, const char *id,
		   const char *domain, int32_t day, int64_t reports, FILE *out,
		   struct document_sum *sum, struct why *why);

#endif
