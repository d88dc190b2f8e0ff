/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What was received here, summed in SQL: a ledger of a million rows is read once and nothing of it
 * is kept.
 */
#include <assert.h>
#include <string.h>

#include "policy/decide.h"
#include "report/page/facts.h"
#include "store/sql/sql.h"

const struct name_code page_fate_names[] = {{"passed", PAGE_PASSED},
					    {"failed, let in", PAGE_LET_IN},
					    {"quarantined", PAGE_QUARANTINED},
					    {"refused", PAGE_REJECTED},
					    {NULL, 0}};

#define PASSES "(t.dkim_aligned = 'pass' OR t.spf_aligned = 'pass')"
#define DAYS   "t.day >= $1 AND t.day <= $2"

/* Of the domain $3 and those below it, whose names are found in the smaller table. */
#define CHOSEN                                                                                     \
	DAYS " AND t.domain IN (SELECT domain FROM policy WHERE day >= $1 AND day <= $2 AND"       \
	     " (domain = $3 OR substr(domain, length(domain) - length($3)) = '.' || $3))"

/* With it, an SQLite ledger finds the rows of a domain by their key, which begins with the day;
 * each row has a policy. Without it, all rows of the days would be read. */
#define WITH_POLICY                                                                                \
	" JOIN policy AS p ON p.domain = t.domain AND p.day = t.day AND p.config = t.config "      \
	"WHERE "

#define FATES                                                                                      \
	"SELECT t.day, t.disposition, CASE WHEN " PASSES                                           \
	" THEN 1 ELSE 0 END AS passes, SUM(t.messages) FROM tally AS t"
#define BY_FATE " GROUP BY t.day, t.disposition, passes"

/* A statement with the condition for what FACTS are about. */
#define OF_CHOSEN(facts, before, after)                                                            \
	((facts)->only == NULL ? before DAYS after : before CHOSEN after)

static struct sql_values choose_rows(struct sql_value values[3], const struct page_facts *facts)
{
	values[0] = sql_int(facts->first_day);
	values[1] = sql_int(facts->first_day + (int32_t)facts->days - 1);
	values[2] = sql_text(facts->only);
	return (struct sql_values){values, facts->only == NULL ? 2 : 3};
}

static enum page_fate fate_of(bool passes, const char *disposition)
{
	if (strcmp(disposition, "reject") == 0)
		return PAGE_REJECTED;
	if (strcmp(disposition, "quarantine") == 0)
		return PAGE_QUARANTINED;
	return passes ? PAGE_PASSED : PAGE_LET_IN;
}

static int gather_fates(struct page_facts *facts, struct sql *sql, struct arena *scratch,
			struct why *why)
{
	struct sql_value values[3];
	struct sql_rows *rows = sql_ask(sql,
					facts->only == NULL ? FATES " WHERE " DAYS BY_FATE
							    : FATES WITH_POLICY CHOSEN BY_FATE,
					choose_rows(values, facts));
	int more;

	while ((more = sql_next(rows, why)) == 1) {
		int64_t day = sql_int_at(rows, 0) - facts->first_day,
			messages = sql_int_at(rows, 3);
		enum page_fate fate;

		arena_reset(scratch);
		fate = fate_of(sql_int_at(rows, 2) != 0, sql_text_at(rows, 1, scratch));
		assert(day >= 0 && day < facts->days);
		facts->received[fate][day] += messages;
		facts->received_sums[fate] += messages;
	}
	return more;
}

/* The domains with most mail that would be lost, in order; those past PAGE_LENIENT_MAX are not
 * kept. */
static void keep_lenient(struct page_facts *facts, struct page_lenient lenient, struct arena *arena)
{
	unsigned at = facts->lenient_count;

	while (at > 0 && (lenient.refused > facts->lenient[at - 1].refused ||
			  (lenient.refused == facts->lenient[at - 1].refused &&
			   lenient.quarantined > facts->lenient[at - 1].quarantined)))
		at--;
	if (at == PAGE_LENIENT_MAX)
		return;
	if (facts->lenient_count < PAGE_LENIENT_MAX)
		facts->lenient_count++;
	memmove(&facts->lenient[at + 1], &facts->lenient[at],
		(facts->lenient_count - 1 - at) * sizeof *facts->lenient);
	lenient.domain = arena_string(arena, lenient.domain);
	facts->lenient[at] = lenient;
}

enum {
	LENIENT_DOMAIN,
	LENIENT_BELOW,
	LENIENT_P,
	LENIENT_SP,
	LENIENT_TESTING,
	LENIENT_REASONS,
	LENIENT_DISPOSITION,
	LENIENT_MESSAGES
};

/* What one group of rows adds: mail that was let in or quarantined, and would be treated worse. */
static void add_lenient(struct page_lenient *lenient, struct sql_rows *rows, struct arena *scratch)
{
	int64_t messages = sql_int_at(rows, LENIENT_MESSAGES);
	bool let_in = strcmp(sql_text_at(rows, LENIENT_DISPOSITION, scratch), "none") == 0;
	enum dmarc_policy would = decide_strict(
	    &(struct decide_counted){.below = sql_int_at(rows, LENIENT_BELOW) != 0,
				     .p = sql_text_at(rows, LENIENT_P, scratch),
				     .sp = sql_text_at(rows, LENIENT_SP, scratch),
				     .testing = sql_text_at(rows, LENIENT_TESTING, scratch),
				     .reasons = sql_text_at(rows, LENIENT_REASONS, scratch)});

	if (would == DMARC_POLICY_REJECT)
		lenient->refused += messages;
	else if (would == DMARC_POLICY_QUARANTINE && let_in)
		lenient->quarantined += messages;
}

static void finish_lenient(struct page_facts *facts, const struct page_lenient *lenient,
			   struct arena *arena)
{
	facts->would_refuse += lenient->refused;
	facts->would_quarantine += lenient->quarantined;
	if (lenient->refused + lenient->quarantined > 0)
		keep_lenient(facts, *lenient, arena);
}

/* Failing mail in groups that strict treats alike, domain by domain. */
static int gather_lenient(struct page_facts *facts, struct sql *sql, struct arena *scratch,
			  struct arena *arena, struct why *why)
{
	struct sql_value values[3];
	struct sql_rows *rows = sql_ask(
	    sql,
	    OF_CHOSEN(
		facts,
		"SELECT t.domain, CASE WHEN t.header_from = t.domain THEN 0 ELSE 1 END AS below,"
		" p.p, p.sp, p.testing, t.reasons, t.disposition, SUM(t.messages) FROM tally AS "
		"t" WITH_POLICY "NOT " PASSES
		" AND (t.disposition = 'none' OR t.disposition = 'quarantine')"
		" AND ",
		" GROUP BY t.domain, below, p.p, p.sp, p.testing, t.reasons, t.disposition"
		" ORDER BY t.domain"),
	    choose_rows(values, facts));
	struct page_lenient lenient = {.domain = ""};
	struct arena *name = arena_new(0);
	int more;

	facts->lenient = arena_array(arena, PAGE_LENIENT_MAX, sizeof *facts->lenient);
	while ((more = sql_next(rows, why)) == 1) {
		const char *domain;

		arena_reset(scratch);
		domain = sql_text_at(rows, LENIENT_DOMAIN, scratch);
		if (strcmp(domain, lenient.domain) != 0) {
			finish_lenient(facts, &lenient, arena);
			arena_reset(name);
			lenient = (struct page_lenient){.domain = arena_string(name, domain)};
		}
		add_lenient(&lenient, rows, scratch);
	}
	finish_lenient(facts, &lenient, arena);
	arena_free(name);
	return more;
}

int page_gather_inbound(struct page_facts *facts, struct sql *sql, struct arena *arena,
			struct why *why)
{
	struct arena *scratch = arena_new(0);
	int status;

	for (unsigned i = 0; i < PAGE_FATES; i++)
		facts->received[i] = arena_array(arena, facts->days, sizeof(int64_t));
	status = gather_fates(facts, sql, scratch, why);
	if (status == 0)
		status = gather_lenient(facts, sql, scratch, arena, why);
	arena_free(scratch);
	return status;
}
