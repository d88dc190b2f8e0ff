/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The outbound tally: how many messages of our own went out on a day, by From domain, signature,
 * envelope domain and recipient domain. It is what received reports are compared with: what a
 * reporter counts can only be judged by who knows what was sent.
 *
 * Counts take the same way as rows (store/ledger.h): through the journal into the ledger's file. A
 * message to recipients in three domains counts once for each, since each of them reports it.
 * Beyond 20,000 rows a day the domains of envelope and recipients are left out.
 */
#ifndef REPORT_SENT_H
#define REPORT_SENT_H

#include "store/ledger.h"
#include "store/sql/sql.h"

struct sent {
	int32_t day;                   /* UTC, as clock_day() */
	const char *header_from;       /* domain of the From field; never "" */
	const char *domain, *selector; /* of the signature; "": it was not signed */
	const char *mail_from;         /* domain of the envelope sender; "" for the null sender */
	const char *rcpt_domain;       /* "": of further ones, which were too many */
	int64_t messages; /* a further signature of a message counts as signature alone */
	int64_t signatures;
};

/* One message, or one further signature of it. As ledger_add(). */
int sent_add(struct ledger *ledger, const struct sent *sent, bool further, int64_t deadline,
	     struct why *why);

/* DOMAIN: From domains, and those below it; NULL: any. Summed over days, the largest first. */
struct sent_query {
	const char *domain;
	int32_t from_day, to_day;
};
typedef int sent_visit(void *arg, const struct sent *sent); /* day: of the last one */
int sent_sum(struct sql *sql, const struct sent_query *query, sent_visit *visit, void *arg,
	     struct why *why);

#endif
