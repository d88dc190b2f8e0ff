/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A day that needs no report is noted as one without deliveries, so that its domain is not looked
 * up again.
 */
#include "report/tls/build.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/codec/gzip.h"
#include "report/tls/rua.h"
#include "store/sql/sql.h"

enum { DAY = 86400 };

struct building {
	struct sender *sender;
	struct arena *arena; /* of a day */
	struct why *why;
};

static struct outbox *find_outbox(const struct sender *sender)
{
	return sender->own != NULL ? sender->own : sender->outbox;
}

/* Mails to the domain that day, which were reports: they are sessions, too, but would be the only
 * cause of a report about themselves. */
static int count_reports(const struct sender *sender, const char *domain, int32_t day,
			 int64_t *count, struct why *why)
{
	return sql_number(sender->sessions, count, why,
			  "SELECT COALESCE(SUM(tries), 0) FROM delivery WHERE host = $1"
			  " AND tried >= $2 AND tried < $3 AND address NOT LIKE 'https://%'",
			  SQL_VALUES(sql_text(domain), sql_int(clock_day_begin(day)),
				     sql_int(clock_day_begin(day) + DAY)));
}

int tls_report_write(struct sender *sender, const char *domain, int32_t day, FILE *out,
		     struct document_sum *sum, struct why *why)
{
	const struct aggregate_reporter *reporter = &sender->settings->reporter;
	char id[DOCUMENT_ID_MAX];
	int64_t reports;

	document_id(reporter, sender->host, domain, day, id);
	if (count_reports(sender, domain, day, &reports, why) != 0 ||
	    document_write(sender->sessions, reporter, id, domain, day, reports, out, sum, why) !=
		0)
		return -1;
	return sum->sessions == 0;
}

/* Without ADDRESSES it only notes that nothing is to be sent. */
static int put_report(struct building *building, const struct sessions_day *day,
		      const struct document_sum *sum, FILE *gz, const char *const *addresses,
		      unsigned count)
{
	struct sender *sender = building->sender;
	char id[DOCUMENT_ID_MAX];
	struct outbox_report report = {.domain = day->domain,
				       .day = day->day,
				       .config = TLS_REPORT_CONFIG,
				       .id = id,
				       .records = sum->policies,
				       .messages = sum->sessions,
				       .kind = OUTBOX_TLS};
	struct sender_event event = {.what = SENDER_BUILT,
				     .kind = OUTBOX_TLS,
				     .domain = day->domain,
				     .day = day->day,
				     .id = id,
				     .messages = sum->sessions};

	document_id(&sender->settings->reporter, sender->host, day->domain, day->day, id);
	report.file_name = document_file_name(&sender->settings->reporter, day->domain, day->day,
					      id, building->arena);
	if (outbox_put(find_outbox(sender), &report, gz, addresses, count, clock_wall(),
		       building->why) < 0)
		return -1;
	if (count == 0)
		return 0;
	sender->built++;
	sender->tell(sender->arg, &event);
	return 0;
}

static int write_report(struct building *building, const struct sessions_day *day,
			const char *const *addresses, unsigned count)
{
	FILE *text = tmpfile(), *gz = tmpfile();
	struct document_sum sum = {0, 0};
	int result = -1;

	if (text == NULL || gz == NULL)
		why_set(building->why, "cannot create a temporary file: %s", strerror(errno));
	else if (count > 0)
		result = tls_report_write(building->sender, day->domain, day->day, text, &sum,
					  building->why);
	else
		result = 1;
	if (result == 0)
		result = gzip_file(text, gz, building->why);
	if (result >= 0)
		result = put_report(building, day, &sum, gz, addresses, result == 1 ? 0 : count);
	if (text != NULL)
		fclose(text);
	if (gz != NULL)
		fclose(gz);
	return result;
}

static int build_wanted(struct building *building, const struct sessions_day *day)
{
	const struct sender_settings *settings = building->sender->settings;
	struct dns_scope *scope =
	    dns_scope_new(building->sender->dns, settings->dns_budget, settings->dns_timeout);
	const char *addresses[RUA_MAX];
	unsigned count, max = settings->max_addresses;
	enum rua_answer answer = rua_find(scope, building->arena, day->domain, addresses, &count);

	dns_scope_free(scope);
	if (answer == RUA_LATER)
		return 0; /* the next run asks again */
	if (max > 0 && count > max)
		count = max;
	return write_report(building, day, addresses, count);
}

static int tell_dry(const struct sender *sender, const struct sessions_day *day)
{
	const struct sender_event event = {.what = SENDER_BUILT,
					   .kind = OUTBOX_TLS,
					   .domain = day->domain,
					   .day = day->day,
					   .id = "",
					   .messages = day->successful + day->failed};

	sender->tell(sender->arg, &event);
	return 0;
}

static int build_day(struct building *building, const struct sessions_day *day)
{
	const struct ledger_key key = {day->domain, day->day, TLS_REPORT_CONFIG};
	struct sender *sender = building->sender;
	struct outbox_report old;
	int found;

	arena_reset(building->arena);
	found = outbox_find(find_outbox(sender), &key, building->arena, &old, building->why);
	if (found != 0)
		return found < 0 ? -1 : 0;
	return sender->dry_run ? tell_dry(sender, day) : build_wanted(building, day);
}

/* ---- the days; read before the first is built, as a report takes its time ---- */

struct days {
	struct arena *arena;
	struct sessions_day *items;
	unsigned count;
};

static int note_day(void *arg, const struct sessions_day *day)
{
	struct days *days = arg;

	if ((days->count & (days->count - 1)) == 0) {
		struct sessions_day *more = arena_array(
		    days->arena, days->count == 0 ? 1 : 2 * (size_t)days->count, sizeof *more);

		if (days->count > 0)
			memcpy(more, days->items, days->count * sizeof *more);
		days->items = more;
	}
	days->items[days->count] = *day;
	days->items[days->count++].domain = arena_string(days->arena, day->domain);
	return 0;
}

int tls_report_build(struct sender *sender, const char *domain, int32_t from, int32_t to,
		     struct why *why)
{
	struct building building = {.sender = sender, .arena = arena_new(0), .why = why};
	struct days days = {.arena = arena_new(0)};
	int32_t yesterday = clock_day(clock_wall()) - 1;
	int result;

	assert(sender->sessions != NULL && sender->host != NULL);
	result = sessions_days(sender->sessions, domain, from, to < yesterday ? to : yesterday,
			       note_day, &days, why);
	for (unsigned i = 0; i < days.count && result == 0; i++) {
		if (sender->look != NULL && !sender->look(sender->arg, i, days.count))
			break;
		result = build_day(&building, &days.items[i]);
	}
	arena_free(days.arena);
	arena_free(building.arena);
	return result;
}
