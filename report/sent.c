/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A count goes through the journal as a row whose QUIET is LEDGER_SENT; its texts are in the
 * columns of a row that mean the same, those of the signature in the ones of SPF.
 */
#include "report/sent.h"

#include <assert.h>

int sent_add(struct ledger *ledger, const struct sent *sent, bool further, int64_t deadline,
	     struct why *why)
{
	const struct ledger_row row = {
	    .day = sent->day,
	    .policy.domain = sent->header_from,
	    .disposition = further ? "signature" : "message",
	    .envelope_from = sent->mail_from,
	    .envelope_to = sent->rcpt_domain,
	    .spf_domain = sent->domain,
	    .spf_result = sent->selector,
	    .count = 1,
	    .quiet = LEDGER_SENT,
	};

	assert(sent->header_from != NULL && sent->header_from[0] != '\0');
	return ledger_add(ledger, &row, deadline, why);
}

int sent_sum(struct sql *sql, const struct sent_query *query, sent_visit *visit, void *arg,
	     struct why *why)
{
	struct sql_walk walk = sql_walk_begin(sql_ask(
	    sql,
	    "SELECT MAX(day), header_from, domain, selector, mail_from, rcpt_domain,"
	    " SUM(messages), SUM(signatures) FROM sent WHERE day >= $1 AND day <= $2"
	    " AND (CAST($3 AS TEXT) IS NULL OR header_from = $3 OR"
	    "  substr(header_from, length(header_from) - length($3)) = '.' || $3)"
	    " GROUP BY header_from, domain, selector, mail_from, rcpt_domain"
	    " ORDER BY SUM(messages) DESC, SUM(signatures) DESC, header_from, rcpt_domain",
	    SQL_VALUES(sql_int(query->from_day), sql_int(query->to_day), sql_text(query->domain))));

	while (sql_walk_next(&walk, why) != NULL) {
		struct sent sent;

		sent.day = (int32_t)sql_int_at(walk.rows, 0);
		sent.header_from = sql_text_at(walk.rows, 1, walk.arena);
		sent.domain = sql_text_at(walk.rows, 2, walk.arena);
		sent.selector = sql_text_at(walk.rows, 3, walk.arena);
		sent.mail_from = sql_text_at(walk.rows, 4, walk.arena);
		sent.rcpt_domain = sql_text_at(walk.rows, 5, walk.arena);
		sent.messages = sql_int_at(walk.rows, 6);
		sent.signatures = sql_int_at(walk.rows, 7);
		walk.status = visit(arg, &sent);
	}
	return sql_walk_end(&walk);
}
