/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tally is read day by day. Of an MTA's log only lines of Postfix with "status=deferred" count,
 * by the domain of to=<...> and the day that the line begins with.
 */
#include "admin/audit/traffic.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "admin/inbox/stored.h"
#include "admin/out.h"
#include "lib/clock.h"
#include "mail/domain.h"
#include "report/sent.h"
#include "report/tls/sessions.h"
#include "store/ledger.h"
#include "store/personal.h"

enum { LOG_LINE_MAX = 8192 };

struct loading {
	struct admin *admin;
	const char *domain;
	struct bulk_traffic *traffic;
	int64_t aligned; /* signatures, or envelopes of unsigned messages */
	unsigned day;
};

/* ---- the tally ---- */

static struct bulk_receiver *find_receiver(struct loading *loading, const char *domain, bool add)
{
	struct bulk_traffic *traffic = loading->traffic;

	for (unsigned i = 0; i < traffic->receiver_count; i++) {
		if (strcmp(traffic->receivers[i].domain, domain) == 0)
			return &traffic->receivers[i];
	}
	if (!add || *domain == '\0' || traffic->receiver_count == BULK_RECEIVERS_MAX)
		return NULL;
	traffic->receivers[traffic->receiver_count].domain =
	    arena_string(loading->admin->arena, domain);
	return &traffic->receivers[traffic->receiver_count++];
}

static bool is_aligned(const char *one, const char *other)
{
	return *one != '\0' && (domain_within(one, other) || domain_within(other, one));
}

static int add_sent(void *arg, const struct sent *sent)
{
	struct loading *loading = arg;
	struct bulk_receiver *receiver = find_receiver(loading, sent->rcpt_domain, true);
	struct bulk_traffic *traffic = loading->traffic;

	traffic->messages += sent->messages;
	if (*sent->domain == '\0')
		traffic->unsigned_messages += sent->messages;
	if (is_aligned(sent->domain, sent->header_from))
		loading->aligned += sent->signatures;
	else if (*sent->domain == '\0' && is_aligned(sent->mail_from, sent->header_from))
		loading->aligned += sent->messages;
	if (receiver != NULL) {
		receiver->messages += sent->messages;
		receiver->days[loading->day] += sent->messages;
	}
	return 0;
}

static int count_complaint(void *arg, const struct personal_feedback *feedback)
{
	struct bulk_traffic *traffic = arg;

	(void)feedback;
	traffic->complaints++;
	return 0;
}

static int read_days(struct loading *loading, struct sql *sql, struct why *why)
{
	struct bulk_traffic *traffic = loading->traffic;

	for (loading->day = 0; loading->day < traffic->day_count; loading->day++) {
		int32_t day = traffic->first_day + (int32_t)loading->day;
		const struct sent_query query = {loading->domain, day, day};

		if (sent_sum(sql, &query, add_sent, loading, why) != 0)
			return -1;
	}
	return 0;
}

/* They have a file of their own; until one has been read, their number is not known. */
static void read_complaints(struct loading *loading, const char *path)
{
	struct bulk_traffic *traffic = loading->traffic;
	struct why why = {""};
	struct sql *sql = personal_open(path, PERSONAL_READ, &why);

	traffic->counts_complaints =
	    sql != NULL &&
	    personal_list(sql, "complaint", loading->domain, clock_day_begin(traffic->first_day),
			  count_complaint, traffic, &why) == 0;
	if (!traffic->counts_complaints)
		admin_verbose(loading->admin, "complaints are not counted: %s", why.text);
	sql_close(sql);
}

static int add_sessions(void *arg, const struct sessions_day *sums)
{
	struct loading *loading = arg;
	struct bulk_receiver *receiver = find_receiver(loading, sums->domain, false);

	loading->traffic->counts_sessions = true;
	if (receiver != NULL) {
		receiver->sessions = sums->successful + sums->failed;
		receiver->failed_sessions = sums->failed;
	}
	return 0;
}

static void read_sessions(struct loading *loading, struct sql *sql)
{
	struct bulk_traffic *traffic = loading->traffic;
	int32_t last = traffic->first_day + (int32_t)traffic->day_count - 1;
	struct why why = {""};

	if (sessions_sums(sql, traffic->first_day, last, add_sessions, loading, &why) != 0)
		admin_verbose(loading->admin, "TLS sessions are not counted: %s", why.text);
}

static int compare_receivers(const void *a, const void *b)
{
	const struct bulk_receiver *x = a, *y = b;

	if (x->messages != y->messages)
		return x->messages > y->messages ? -1 : 1;
	return strcmp(x->domain, y->domain);
}

/* ---- the log ---- */

/* "2026-11-29T..." or, without a year, "Nov 29 ...": then the last such day before NOW. */
static bool read_day(const char *line, int64_t now, int32_t *day)
{
	struct tm parsed, today;
	time_t wall = (time_t)now;

	if (clock_day_parse(span_make(line, strnlen(line, 10)), day))
		return true;
	memset(&parsed, 0, sizeof parsed);
	if (strptime(line, "%b %d ", &parsed) == NULL || gmtime_r(&wall, &today) == NULL)
		return false;
	parsed.tm_year = today.tm_year;
	*day = clock_day((int64_t)timegm(&parsed));
	if (*day > clock_day(now) + 1) {
		parsed.tm_year--;
		*day = clock_day((int64_t)timegm(&parsed));
	}
	return true;
}

static void read_line(struct loading *loading, const char *line, int64_t now)
{
	const char *to = strstr(line, " to=<"), *at, *end;
	struct bulk_receiver *receiver;
	int32_t day;

	if (to == NULL || strstr(line, " status=deferred ") == NULL || !read_day(line, now, &day) ||
	    day < loading->traffic->first_day ||
	    day >= loading->traffic->first_day + (int32_t)loading->traffic->day_count)
		return;
	end = strchr(to, '>');
	at = end == NULL ? NULL : memrchr(to, '@', (size_t)(end - to));
	if (at == NULL)
		return;
	receiver = find_receiver(
	    loading, arena_lower(loading->admin->arena, span_make(at + 1, (size_t)(end - at - 1))),
	    false);
	if (receiver != NULL)
		receiver->deferrals[day - loading->traffic->first_day]++;
}

static void read_log(struct loading *loading, const char *path, int64_t now)
{
	FILE *file = fopen(path, "re");
	char line[LOG_LINE_MAX];

	if (file == NULL) {
		admin_warning(loading->admin, "%s: %s: deferrals are not counted", path,
			      strerror(errno));
		return;
	}
	while (fgets(line, sizeof line, file) != NULL)
		read_line(loading, line, now);
	fclose(file);
}

const struct bulk_traffic *traffic_load(struct admin *admin, const char *domain, int64_t now,
					unsigned days, const char *log)
{
	struct bulk_traffic *traffic = arena_make(admin->arena, struct bulk_traffic);
	struct loading loading = {.admin = admin, .domain = domain, .traffic = traffic};
	struct ledger_settings ledger;
	struct sql *sql = NULL;
	struct why why = {""};

	traffic->day_count = days;
	traffic->first_day = clock_day(now) - (int32_t)days + 1;
	if (inbox_settings(admin, &ledger, &why) == ADMIN_DONE) {
		ledger.read_only = true;
		sql = sqlite_sql(&ledger, &why);
	}
	traffic->known = sql != NULL && read_days(&loading, sql, &why) == 0;
	traffic->why = arena_string(admin->arena, why.text);
	if (traffic->known)
		read_sessions(&loading, sql);
	sql_close(sql);
	if (traffic->known)
		read_complaints(&loading, ledger.path);
	traffic->unaligned = traffic->messages - loading.aligned;
	if (traffic->unaligned < 0)
		traffic->unaligned = 0;
	qsort(traffic->receivers, traffic->receiver_count, sizeof *traffic->receivers,
	      compare_receivers);
	if (log != NULL && *log != '\0')
		read_log(&loading, log, now);
	return traffic;
}

/* ---- printing ---- */

static int64_t planned(int64_t plan, const struct bulk_receiver *receiver, unsigned day)
{
	int64_t wanted = plan;
	unsigned first = 0;

	while (first < day && receiver->days[first] == 0)
		first++;
	for (; first < day && wanted < INT64_MAX / 4; first++)
		wanted *= 2;
	return wanted;
}

void traffic_show(const struct admin *admin, const struct bulk_traffic *traffic, int64_t plan)
{
	static const char *const headings[] = {"RECEIVER", "DAY", "SENT", "PLAN", "DEFERRED"};
	struct out_table *table = out_table_new(admin->arena, headings, 5);

	for (unsigned i = 0; i < traffic->receiver_count; i++) {
		const struct bulk_receiver *receiver = &traffic->receivers[i];

		for (unsigned day = 0; day < traffic->day_count; day++) {
			int64_t wanted = planned(plan, receiver, day);
			char text[CLOCK_TEXT_MAX];

			if (receiver->days[day] == 0 && receiver->deferrals[day] == 0)
				continue;
			out_cell(table, OUT_PLAIN, "%s", receiver->domain);
			out_cell(table, OUT_PLAIN, "%s",
				 clock_day_text(traffic->first_day + (int32_t)day, text));
			out_cell(table,
				 plan > 0 && receiver->days[day] > wanted ? OUT_WARN : OUT_PLAIN,
				 "%" PRId64, receiver->days[day]);
			if (plan > 0)
				out_cell(table, OUT_PLAIN, "%" PRId64, wanted);
			else
				out_cell(table, OUT_DIM, "-");
			out_cell(table, OUT_PLAIN, "%" PRId64, receiver->deferrals[day]);
		}
	}
	if (traffic->receiver_count > 0)
		out_table_print(table, stdout, admin_color(admin, stdout));
	else
		printf("  nothing was sent%s%s\n", traffic->known ? "" : ", as far as is known: ",
		       traffic->known ? "" : traffic->why);
}

void traffic_json(struct jsonout *out, const struct bulk_traffic *traffic, int64_t plan)
{
	jsonout_object(out, "traffic");
	jsonout_bool(out, "known", traffic->known);
	jsonout_int(out, "messages", traffic->messages);
	jsonout_int(out, "unsigned", traffic->unsigned_messages);
	jsonout_int(out, "unaligned", traffic->unaligned);
	jsonout_int(out, "complaints", traffic->complaints);
	jsonout_array(out, "tls");
	for (unsigned i = 0; i < traffic->receiver_count; i++) {
		if (traffic->receivers[i].sessions == 0)
			continue;
		jsonout_object(out, NULL);
		jsonout_text(out, "receiver", traffic->receivers[i].domain);
		jsonout_int(out, "sessions", traffic->receivers[i].sessions);
		jsonout_int(out, "failed", traffic->receivers[i].failed_sessions);
		jsonout_end(out);
	}
	jsonout_end(out);
	jsonout_array(out, "days");
	for (unsigned i = 0; i < traffic->receiver_count; i++) {
		for (unsigned day = 0; day < traffic->day_count; day++) {
			const struct bulk_receiver *receiver = &traffic->receivers[i];
			char text[CLOCK_TEXT_MAX];

			if (receiver->days[day] == 0 && receiver->deferrals[day] == 0)
				continue;
			jsonout_object(out, NULL);
			jsonout_text(out, "receiver", receiver->domain);
			jsonout_text(out, "day",
				     clock_day_text(traffic->first_day + (int32_t)day, text));
			jsonout_int(out, "sent", receiver->days[day]);
			if (plan > 0)
				jsonout_int(out, "plan", planned(plan, receiver, day));
			jsonout_int(out, "deferred", receiver->deferrals[day]);
			jsonout_end(out);
		}
	}
	jsonout_end(out);
	jsonout_end(out);
}
