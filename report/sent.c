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
	struct arena *arena = arena_new(0);
	struct sql_rows *rows = sql_ask(
	    sql,
	    "SELECT MAX(day), header_from, domain, selector, mail_from, rcpt_domain,"
	    " SUM(messages), SUM(signatures) FROM sent WHERE day >= $1 AND day <= $2"
	    " AND (CAST($3 AS TEXT) IS NULL OR header_from = $3 OR"
	    "  substr(header_from, length(header_from) - length($3)) = '.' || $3)"
	    " GROUP BY header_from, domain, selector, mail_from, rcpt_domain"
	    " ORDER BY SUM(messages) DESC, SUM(signatures) DESC, header_from, rcpt_domain",
	    SQL_VALUES(sql_int(query->from_day), sql_int(query->to_day), sql_text(query->domain)));
	int more, status = 0;

	while (status == 0 && (more = sql_next(rows, why)) == 1) {
		struct sent sent;

		arena_reset(arena);
		sent.day = (int32_t)sql_int_at(rows, 0);
		sent.header_from = sql_text_at(rows, 1, arena);
		sent.domain = sql_text_at(rows, 2, arena);
		sent.selector = sql_text_at(rows, 3, arena);
		sent.mail_from = sql_text_at(rows, 4, arena);
		sent.rcpt_domain = sql_text_at(rows, 5, arena);
		sent.messages = sql_int_at(rows, 6);
		sent.signatures = sql_int_at(rows, 7);
		status = visit(arg, &sent);
		if (status != 0)
			sql_drop(rows);
	}
	arena_free(arena);
	return status != 0 ? status : more;
}
