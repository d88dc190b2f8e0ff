/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Building and delivering are two passes: what was built is safe, so delivering may stop anywhere
 * and go on later. The decision on one delivery is a chain of steps, each of which may end it with
 * a new state: too old, suppressed, no budget, not wanted there, no answer from DNS; the last step
 * is SMTP.
 *
 * The state "sending" is stored before the server hears of the mail, the outcome after it. Between
 * the two it is known to the note on this host alone (outbox_attempt_put), to which the answer goes
 * first: when the store cannot be told, the next run does it. Only a death between the server's
 * answer and that note sends a mail twice. Other hosts leave a delivery in that state alone for
 * SENDER_HOLD.
 */
#include "report/sender.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <time.h>

#include "lib/clock.h"
#include "lib/name.h"
#include "mail/domain.h"
#include "policy/dmarc/destination.h"
#include "lib/codec/gzip.h"
#include "report/mail.h"
#include "report/suppress.h"
#include "report/tls/post.h"
#include "report/tls/rua.h"

enum {
	DAY = 86400,
	FIRST_PAUSE = 900, /* seconds before the second try; then doubled */
	LONGEST_PAUSE = 6 * 3600,
	DUE_MAX = 1000,     /* deliveries looked at in one go */
	MAIL_TEXT = 8192,   /* of a mail, beside the report */
	CUT_ROUNDS = 8,     /* tries to find how many rows fit */
	UNREACHABLE_MAX = 3 /* tries without a server: then the rest waits */
};

static const int64_t url_timeout = 60 * CLOCK_SECOND;
static const int64_t store_patience = 30 * CLOCK_SECOND; /* to tell the store an outcome */

/* ---- building ---- */

struct files {
	FILE *xml, *gz;
	struct aggregate_sum sum;
};

static void close_files(struct files *files)
{
	if (files->xml != NULL)
		fclose(files->xml);
	if (files->gz != NULL)
		fclose(files->gz);
	files->xml = files->gz = NULL;
}

/* Writes the report with MAX_ROWS rows (0: all), compressed, to an unnamed file. */
static int write_report(const struct sender *sender, const struct ledger_day *day, int64_t max_rows,
			struct files *files, struct why *why)
{
	int result;

	close_files(files);
	files->xml = tmpfile();
	files->gz = tmpfile();
	if (files->xml == NULL || files->gz == NULL)
		return why_set(why, "cannot create a temporary file: %s", strerror(errno));
	result = aggregate_write(sender->ledger, &sender->settings->reporter, day, max_rows,
				 files->xml, &files->sum, why);
	if (result != 0)
		return result;
	return gzip_file(files->xml, files->gz, why);
}

/* Writes as much of the report as fits into a mail of reports.max_size: base64 makes 77 bytes of
 * 57, and there is some text. */
static int make_report(const struct sender *sender, const struct ledger_day *day,
		       struct files *files, struct why *why)
{
	const int64_t max_size = sender->settings->max_size;
	const int64_t room = max_size > MAIL_TEXT ? (max_size - MAIL_TEXT) * 57 / 79 : 1;
	int64_t fits = 0, over = day->rows, rows = 0; /* rows: of what was written last */
	int result = write_report(sender, day, 0, files, why);

	if (result != 0 || max_size == 0 || ftello(files->gz) <= room)
		return result;
	for (int round = 0; round < CUT_ROUNDS && over - fits > 1 && result == 0; round++) {
		rows = fits == 0 ? over * room / ftello(files->gz) : (fits + over) / 2;
		rows = rows <= fits ? fits + 1 : rows >= over ? over - 1 : rows;
		result = write_report(sender, day, rows, files, why);
		if (result == 0 && ftello(files->gz) <= room)
			fits = rows;
		else
			over = rows;
	}
	if (result == 0 && rows != fits)
		result = write_report(sender, day, fits > 0 ? fits : 1, files, why);
	return result;
}

static struct outbox_report report_of(const struct sender *sender, const struct ledger_day *day,
				      const struct aggregate_sum *sum, struct arena *arena)
{
	const struct aggregate_reporter *reporter = &sender->settings->reporter;
	char id[AGGREGATE_ID_MAX];

	aggregate_id(reporter, day, id);
	return (struct outbox_report){
	    .domain = day->policy.domain,
	    .day = day->day,
	    .config = day->config,
	    .id = arena_string(arena, id),
	    .file_name = aggregate_file_name(reporter, day, "xml.gz", arena),
	    .records = sum->records,
	    .messages = sum->messages,
	};
}

static void tell_built(struct sender *sender, const struct outbox_report *report)
{
	const struct sender_event event = {.what = SENDER_BUILT,
					   .domain = report->domain,
					   .day = report->day,
					   .id = report->id,
					   .messages = report->messages};

	sender->built++;
	sender->tell(sender->arg, &event);
}

static int tell_dry(struct sender *sender, const struct ledger_day *day,
		    const char *const *addresses, unsigned count, struct arena *arena)
{
	const struct aggregate_sum sum = {day->rows, day->messages};
	const struct outbox_report report = report_of(sender, day, &sum, arena);

	tell_built(sender, &report);
	for (unsigned i = 0; i < count; i++) {
		const struct sender_event event = {.what = SENDER_DELIVERY,
						   .domain = day->policy.domain,
						   .day = day->day,
						   .address = addresses[i],
						   .state = OUTBOX_BUILT};

		sender->tell(sender->arg, &event);
	}
	return 0;
}

/* Nobody is told counts that may be wrong; what was counted of other domains is reported. */
static int skip_damaged(struct sender *sender, const struct why *why)
{
	sender->damaged++;
	sender->damage = *why;
	return 0;
}

static int build_report(struct sender *sender, const struct ledger_day *day,
			const char *const *addresses, unsigned count, struct arena *arena,
			struct why *why)
{
	const struct ledger_key key = ledger_day_key(day);
	struct files files = {NULL, NULL, {0, 0}};
	struct outbox_report report;
	int result = outbox_begin(sender->outbox, &key, why);

	if (result == 0)
		result = make_report(sender, day, &files, why);
	if (result == 0) {
		report = report_of(sender, day, &files.sum, arena);
		result = outbox_put(sender->outbox, &report, files.gz, addresses, count,
				    clock_wall(), why);
		if (result == 0)
			tell_built(sender, &report);
	}
	close_files(&files);
	if (result == LEDGER_DAMAGED)
		return skip_damaged(sender, why);
	return result < 0 ? -1 : 0;
}

static bool is_left_out(const struct sender_settings *settings, const struct ledger_day *day)
{
	switch (settings->domains) {
	case SENDER_ALL:
		break;
	case SENDER_ACCEPTED:
		return day->accepted == 0;
	case SENDER_PASSED:
		return day->passed == 0;
	}
	return false;
}

/* The addresses that the domain names, as many as one report may have. */
static unsigned read_addresses(const struct sender_settings *settings, const struct ledger_day *day,
			       struct arena *arena, const char *addresses[DESTINATION_MAX])
{
	struct destination list[DESTINATION_MAX];
	const char *domain = domain_to_ascii(arena, span_of(day->policy.domain));
	unsigned count = 0, max = settings->max_addresses;

	if (domain != NULL && strcmp(domain, day->policy.domain) == 0 && day->policy.rua != NULL)
		count = destination_parse(arena, span_of(day->policy.rua), list);
	if (max > 0 && count > max)
		count = max;
	assert(count <= DESTINATION_MAX);
	for (unsigned i = 0; i < count; i++)
		/* cppcheck-suppress uninitvar ; destination_parse() has filled COUNT of them */
		addresses[i] = list[i].address;
	return count;
}

/* COUNT: of the addresses to send to, if the report is wanted. */
static enum sender_wish weigh_day(const struct sender_settings *settings,
				  const struct ledger_day *day, struct arena *arena,
				  const char *addresses[DESTINATION_MAX], unsigned *count)
{
	*count = read_addresses(settings, day, arena, addresses);
	if (*count == 0)
		return SENDER_NO_ADDRESS;
	if (day->messages <= day->quiet)
		return SENDER_QUIET;
	return is_left_out(settings, day) ? SENDER_LEFT_OUT : SENDER_WANTED;
}

enum sender_wish sender_wish(const struct sender_settings *settings, const struct ledger_day *day)
{
	const char *addresses[DESTINATION_MAX];
	struct arena *arena = arena_new(0);
	unsigned count;
	enum sender_wish wish = weigh_day(settings, day, arena, addresses, &count);

	arena_free(arena);
	return wish;
}

/* The addresses to send to; none: no report is wanted, or only reports came from there. */
static unsigned find_addresses(const struct sender *sender, const struct ledger_day *day,
			       struct arena *arena, const char *addresses[DESTINATION_MAX])
{
	unsigned count;

	return weigh_day(sender->settings, day, arena, addresses, &count) == SENDER_WANTED ? count
											   : 0;
}

struct building {
	struct sender *sender;
	struct why *why;
	int32_t looked_at; /* COMPLETE is known for this day */
	int complete;
	int64_t done, all; /* policies of days, where somebody wants to know */
};

/* Days come in order: each is looked up once. */
static int is_complete(struct building *building, int32_t day)
{
	struct sender *sender = building->sender;
	struct arena *arena;
	const char *who;

	if (building->looked_at != day) {
		arena = arena_new(0);
		building->looked_at = day;
		building->complete = outbox_is_complete(
		    sender->outbox, day, sender->settings->grace, arena, &who, building->why);
		if (building->complete == 0)
			why_set(&sender->waiting_for, "%s", who);
		arena_free(arena);
	}
	sender->incomplete += building->complete == 0;
	return building->complete;
}

static int build_new(struct building *building, const struct ledger_day *day,
		     const char *const *addresses, unsigned count, struct arena *arena)
{
	struct sender *sender = building->sender;
	int complete = is_complete(building, day->day);

	if (complete != 1)
		return complete;
	return sender->dry_run ? tell_dry(sender, day, addresses, count, arena)
			       : build_report(sender, day, addresses, count, arena, building->why);
}

/* False: it is to end here. */
static bool tell_done(struct building *building)
{
	struct sender *sender = building->sender;

	if (sender->look == NULL || sender->look(sender->arg, building->done++, building->all))
		return true;
	sender->stopped = true;
	why_set(&sender->stop_reason, "stopped");
	return false;
}

static int build_day(void *arg, const struct ledger_day *day)
{
	struct building *building = arg;
	struct sender *sender = building->sender;
	struct arena *arena;
	const char *addresses[DESTINATION_MAX];
	const struct ledger_key key = ledger_day_key(day);
	struct outbox_report old;
	unsigned count;
	int result = 0;

	if (!tell_done(building))
		return 1;
	arena = arena_new(0);
	count = find_addresses(sender, day, arena, addresses);
	if (count > 0)
		result = outbox_find(sender->outbox, &key, arena, &old, building->why);
	if (count > 0 && result == 0 && day->damaged) {
		ledger_explain_damage(day, building->why);
		result = skip_damaged(sender, building->why);
	} else if (count > 0 && result == 0) {
		result = build_new(building, day, addresses, count, arena);
	}
	arena_free(arena);
	return result < 0 ? -1 : 0;
}

static int32_t last_full_day(int32_t to_day)
{
	int32_t yesterday = clock_day(clock_wall()) - 1;

	return to_day < yesterday ? to_day : yesterday;
}

static int count_day(void *arg, const struct ledger_day *day)
{
	(void)day;
	++*(int64_t *)arg;
	return 0;
}

static int build_days(struct sender *sender, const struct ledger_days_query *query, struct why *why)
{
	struct building building = {.sender = sender, .why = why, .looked_at = INT32_MIN};

	if (sender->stopped)
		return 0;
	if (sender->look != NULL &&
	    ledger_days(sender->ledger, query, count_day, &building.all, why) != 0)
		return -1;
	return ledger_days(sender->ledger, query, build_day, &building, why) < 0 ? -1 : 0;
}

int sender_build(struct sender *sender, const char *domain, int32_t from_day, int32_t to_day,
		 struct why *why)
{
	return build_days(sender,
			  &(struct ledger_days_query){.domain = domain,
						      .from_day = from_day,
						      .to_day = last_full_day(to_day),
						      .damaged = true},
			  why);
}

int sender_build_late(struct sender *sender, const char *domain, struct why *why)
{
	const int32_t yesterday = clock_day(clock_wall()) - 1;
	const struct ledger_days_query late = {
	    .domain = domain,
	    .from_day = yesterday - SENDER_LATE_DAYS + 1,
	    .to_day = yesterday - SENDER_BUILD_DAYS,
	    .since = clock_wall() - (int64_t)SENDER_BUILD_DAYS * DAY,
	    .damaged = true,
	};

	return build_days(sender, &late, why);
}

/* ---- one delivery ---- */

struct delivering {
	struct sender *sender;
	struct arena *arena;
	struct outbox_delivery *delivery;
	int64_t now;
	bool answered;   /* by the mail server: a fact, whoever's turn it is to send */
	bool noted;      /* on this host */
	struct why *why; /* of a failing store */
};

static int store_state(const struct delivering *d)
{
	struct outbox *outbox = d->sender->outbox;

	if (!d->answered)
		return outbox_mark(outbox, d->delivery, d->why);
	return outbox_settle(outbox, d->delivery, d->why) < 0 ? -1 : 0;
}

/* Stores and tells the delivery's new state. 1, or -1. */
static int settle_delivery(struct delivering *d, enum outbox_state state, int64_t next,
			   const char *reply)
{
	struct sender *sender = d->sender;
	const struct sender_event event = {
	    .what = SENDER_DELIVERY,
	    .kind = d->delivery->kind,
	    .domain = d->delivery->domain,
	    .day = d->delivery->day,
	    .address = d->delivery->sent_to != NULL ? d->delivery->sent_to : d->delivery->address,
	    .state = state,
	    .reply = reply};

	d->delivery->state = state;
	d->delivery->next = next;
	d->delivery->reply = arena_string(d->arena, reply);
	if (store_state(d) != 0)
		return -1;
	sender->sent += state == OUTBOX_SENT;
	sender->deferred += state == OUTBOX_DEFERRED;
	sender->failed += state == OUTBOX_FAILED;
	sender->suppressed += state == OUTBOX_SUPPRESSED;
	sender->tell(sender->arg, &event);
	return 1;
}

static int defer_delivery(struct delivering *d, const char *reply)
{
	int64_t pause = FIRST_PAUSE;

	for (unsigned i = 1; i < d->delivery->tries && pause < LONGEST_PAUSE; i++)
		pause *= 2;
	return settle_delivery(d, OUTBOX_DEFERRED,
			       d->now + (pause < LONGEST_PAUSE ? pause : LONGEST_PAUSE), reply);
}

/* The steps return 0: go on with the next one, 1: settled, -1: the store failed. */

static int check_age(struct delivering *d)
{
	const struct outbox_delivery *delivery = d->delivery;
	const char *last = delivery->reply == NULL ? "no answer" : delivery->reply;

	if (delivery->tries < 2 || clock_day(d->now) - delivery->day <= SENDER_KEEP_DAYS)
		return 0;
	return settle_delivery(
	    d, OUTBOX_FAILED, 0,
	    arena_printf(d->arena, "given up after %u tries: %s", delivery->tries, last));
}

static int check_suppression(struct delivering *d)
{
	const char *const names[] = {
	    d->delivery->address, outbox_host(d->arena, d->delivery->address), d->delivery->domain};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct outbox_suppression found;
		int result =
		    outbox_suppression(d->sender->outbox, names[i], d->arena, &found, d->why);

		if (result < 0)
			return -1;
		if (result == 1 && found.until > d->now)
			return settle_delivery(d, OUTBOX_SUPPRESSED, 0, found.reason);
	}
	return 0;
}

static int check_budget(struct delivering *d)
{
	const struct sender_settings *settings = d->sender->settings;
	const char *host = outbox_host(d->arena, d->delivery->address);
	int64_t today = clock_day_begin(clock_day(d->now)), all, there;

	if (outbox_tries(d->sender->outbox, NULL, today, &all, d->why) != 0 ||
	    outbox_tries(d->sender->outbox, host, today, &there, d->why) != 0)
		return -1;
	if (settings->max_per_day > 0 && all >= settings->max_per_day) {
		d->sender->stopped = true;
		why_set(&d->sender->stop_reason, "the daily limit of %u mails is reached",
			settings->max_per_day);
		return 1;
	}
	if (settings->max_per_destination == 0 || there < settings->max_per_destination)
		return 0;
	return settle_delivery(d, OUTBOX_DEFERRED, today + DAY,
			       arena_printf(d->arena,
					    "the daily limit of %u mails to %s is reached",
					    settings->max_per_destination, host));
}

static const enum destination_tag tag_of[] = {
    [OUTBOX_AGGREGATE] = DESTINATION_RUA,
    [OUTBOX_FAILURE] = DESTINATION_RUF,
};

static struct dns_scope *open_scope(const struct sender *sender)
{
	return dns_scope_new(sender->dns, sender->settings->dns_budget,
			     sender->settings->dns_timeout);
}

/* RFC 8460 lets a domain name any address. */
static int check_destination(struct delivering *d)
{
	struct outbox_delivery *delivery = d->delivery;
	struct destination to = {delivery->address, outbox_host(d->arena, delivery->address)};
	struct why why = {""};
	enum destination_answer answer;
	struct dns_scope *scope;

	if (delivery->kind == OUTBOX_TLS)
		return 0;
	scope = open_scope(d->sender);
	answer = destination_check(scope, d->sender->settings->dmarc, d->arena,
				   tag_of[delivery->kind], delivery->domain, &to, &why);
	dns_scope_free(scope);
	switch (answer) {
	case DESTINATION_YES:
		delivery->sent_to = strcmp(to.address, delivery->address) == 0 ? NULL : to.address;
		return 0;
	case DESTINATION_NO:
		return settle_delivery(d, OUTBOX_FAILED, 0, why.text);
	case DESTINATION_LATER:
		delivery->tries++;
		return defer_delivery(d, why.text);
	}
	return 0;
}

/* RFC 5782 section 2.1: listed is what has an address in 127.0.0.0/8. */
static bool is_listed(const struct dns_answer *answer)
{
	for (unsigned i = 0; i < answer->count; i++)
		if (answer->records[i].address[0] == 127)
			return true;
	return false;
}

/* A list that does not answer stops nothing. */
static int check_lists(struct delivering *d)
{
	const struct sender_settings *settings = d->sender->settings;
	const char *host = outbox_host(d->arena, d->delivery->address), *list = NULL;
	struct dns_scope *scope;

	if (settings->suppress_list_count == 0)
		return 0;
	scope = dns_scope_new(d->sender->dns, settings->suppress_list_count, settings->dns_timeout);
	for (unsigned i = 0; i < settings->suppress_list_count && list == NULL; i++) {
		const char *name =
		    arena_printf(d->arena, "%s.%s", host, settings->suppress_lists[i]);

		if (strlen(name) <= DNS_NAME_MAX &&
		    is_listed(dns_wait(dns_start(scope, name, DNS_TYPE_A))))
			list = settings->suppress_lists[i];
	}
	dns_scope_free(scope);
	return list == NULL
		   ? 0
		   : settle_delivery(d, OUTBOX_SUPPRESSED, 0,
				     arena_printf(d->arena, "%s is listed by %s", host, list));
}

/* ---- its last step: SMTP ---- */

static const char *find_recipient(const struct outbox_delivery *delivery)
{
	return delivery->sent_to != NULL ? delivery->sent_to : delivery->address;
}

static const struct name_code outcomes[] = {{"accepted", SEND_DONE},
					    {"later", SEND_LATER},
					    {"away", SEND_AWAY},
					    {"refused", SEND_REFUSED},
					    {NULL, 0}};

/* Where the note of the mail under way is. */
static struct outbox *notes_of(const struct sender *sender)
{
	return sender->own != NULL ? sender->own : sender->outbox;
}

/* OUTCOME NULL: not known yet. */
static int note_attempt(const struct delivering *d, const char *outcome, const char *reply)
{
	const struct outbox_attempt attempt = {.domain = d->delivery->domain,
					       .day = d->delivery->day,
					       .config = d->delivery->config,
					       .address = d->delivery->address,
					       .tries = d->delivery->tries,
					       .outcome = outcome,
					       .reply = reply};

	return outbox_attempt_put(notes_of(d->sender), &attempt, d->why);
}

static int store_outcome(struct delivering *d, enum send_outcome outcome, const char *reply)
{
	struct sender *sender = d->sender;
	const char *to = find_recipient(d->delivery);
	int64_t first = sender->settings->suppress;

	switch (outcome) {
	case SEND_DONE:
		return suppress_success(sender->outbox, to, first, d->now, d->why) < 0
			   ? -1
			   : settle_delivery(d, OUTBOX_SENT, 0, reply);
	case SEND_REFUSED:
		return suppress_refusal(sender->outbox, to, reply, first, d->now, d->why) < 0
			   ? -1
			   : settle_delivery(d, OUTBOX_FAILED, 0, reply);
	case SEND_LATER:
	case SEND_AWAY:
		return defer_delivery(d, reply);
	case SEND_STOPPED: /* it stays "sending": the next run finds the note */
		return 1;
	}
	return 0;
}

static void judge_server(struct sender *sender, enum send_outcome outcome, const char *reply)
{
	sender->unreachable = outcome == SEND_AWAY ? sender->unreachable + 1 : 0;
	if (sender->unreachable == UNREACHABLE_MAX) {
		sender->stopped = true;
		why_set(&sender->stop_reason, "%s: %s", sender->settings->server.url, reply);
	}
	if (outcome == SEND_STOPPED) {
		sender->stopped = true;
		why_set(&sender->stop_reason, "%s", reply);
	}
}

static bool may_wait(const struct sender *sender, int64_t end)
{
	bool (*go_on)(void) = sender->settings->server.go_on;

	return clock_mono() < end && (go_on == NULL || go_on());
}

/* The note comes first: the store's connection may be lost just now. */
static void hear_answer(void *arg, enum send_outcome outcome, const char *reply)
{
	struct delivering *d = arg;

	d->answered = outcome != SEND_STOPPED;
	if (d->answered)
		d->noted = note_attempt(d, name_text(outcomes, (int)outcome), reply) == 0;
}

static int note_outcome(struct delivering *d, enum send_outcome outcome, const char *reply)
{
	const struct timespec pause = {.tv_sec = 1};
	int64_t end = clock_mono() + store_patience;
	int result;

	judge_server(d->sender, outcome, reply);
	if (!d->answered)
		return 1;
	while ((result = store_outcome(d, outcome, reply)) < 0 && may_wait(d->sender, end))
		nanosleep(&pause, NULL);
	if (result >= 0)
		return outbox_attempt_put(notes_of(d->sender), NULL, d->why) < 0 ? -1 : result;
	return !d->noted
		   ? -1
		   : why_prefix(d->why, "the mail server's answer is kept for the next run: ");
}

/* ---- what an earlier run did not get to store ---- */

/* 1: the delivery is in this outbox. */
static int resume_attempt(struct sender *sender, const struct outbox_attempt *attempt,
			  struct arena *arena, struct why *why)
{
	struct delivering d = {
	    .sender = sender, .arena = arena, .now = clock_wall(), .answered = true, .why = why};
	const struct ledger_key key = {attempt->domain, attempt->day, attempt->config};
	struct outbox_delivery *list;
	int count = outbox_deliveries(sender->outbox, &key, arena, &list, why);

	for (int i = 0; i < count; i++)
		if (strcmp(list[i].address, attempt->address) == 0)
			d.delivery = &list[i];
	if (d.delivery == NULL)
		return count < 0 ? -1 : 0;
	if (d.delivery->state != OUTBOX_SENDING || d.delivery->tries != attempt->tries)
		return 1;
	if (attempt->outcome != NULL)
		return store_outcome(
		    &d,
		    (enum send_outcome)name_code(outcomes, span_of(attempt->outcome), SEND_LATER),
		    attempt->reply);
	d.delivery->next = d.now; /* nobody knows: it is due */
	return outbox_settle(sender->outbox, d.delivery, why) < 0 ? -1 : 1;
}

int sender_resume(struct sender *sender, struct why *why)
{
	struct outbox *outbox = sender->outbox;
	struct arena *arena = arena_new(0);
	struct outbox_attempt attempt;
	int result = outbox_attempt_read(notes_of(sender), arena, &attempt, why);

	if (result == 1) {
		result = resume_attempt(sender, &attempt, arena, why);
		if (result == 0 && sender->own != NULL) {
			sender->outbox = sender->own;
			result = resume_attempt(sender, &attempt, arena, why);
			sender->outbox = outbox;
		}
		if (result >= 0)
			result = outbox_attempt_put(notes_of(sender), NULL, why);
	}
	arena_free(arena);
	return result < 0 ? -1 : 0;
}

static struct mail mail_of(const struct sender *sender, const struct outbox_report *report,
			   const char *to)
{
	return (struct mail){.reporter = &sender->settings->reporter,
			     .domain = report->domain,
			     .id = report->id,
			     .file_name = report->file_name,
			     .to = to,
			     .day = report->day,
			     .messages = report->messages,
			     .date = clock_wall()};
}

/* The null sender, or one that identifies the recipient of a bounce. NULL: the store failed. */
static const char *return_path(const struct sender *sender, struct arena *arena, const char *to,
			       struct why *why)
{
	const char *token;

	if (!sender->settings->verp)
		return "";
	if (outbox_token(sender->outbox, to, arena, &token, why) != 0)
		return NULL;
	return mail_verp(arena, sender->settings->reporter.email, token);
}

static bool is_too_large(struct delivering *d, FILE *message, int *result)
{
	int64_t max = d->sender->settings->max_size, size = ftello(message);

	if (max == 0 || size <= max)
		return false;
	*result = settle_delivery(d, OUTBOX_FAILED, 0,
				  arena_printf(d->arena,
					       "the mail is %lld KiB, reports.max_size is %lld KiB",
					       (long long)size / 1024, (long long)max / 1024));
	return true;
}

static int (*const write_of[])(const struct mail *, FILE *, FILE *, struct why *) = {
    [OUTBOX_AGGREGATE] = mail_write,
    [OUTBOX_FAILURE] = mail_write_failure,
    [OUTBOX_TLS] = mail_write_tls,
    [OUTBOX_NOTICE] = mail_write_notice,
};

/* Its content, in an unnamed file; NULL if the delivery was settled or failed (*RESULT). */
static FILE *read_content(struct delivering *d, struct outbox_report *report, int *result)
{
	const struct ledger_key key = {d->delivery->domain, d->delivery->day, d->delivery->config};
	FILE *gz = tmpfile();
	int found;

	*result = -1;
	if (gz == NULL) {
		why_set(d->why, "cannot create a temporary file: %s", strerror(errno));
		return NULL;
	}
	found = outbox_find(d->sender->outbox, &key, d->arena, report, d->why);
	if (found == 1)
		found = outbox_read(d->sender->outbox, report, gz, d->why);
	if (found == 0)
		*result = settle_delivery(d, OUTBOX_FAILED, 0, "the report is no longer kept");
	if (found == 1)
		return gz;
	fclose(gz);
	return NULL;
}

/* Writes the mail to an unnamed file; NULL if the delivery was settled or failed (*RESULT). */
static FILE *make_mail(struct delivering *d, const char *to, int *result)
{
	struct outbox_report report;
	FILE *gz = read_content(d, &report, result), *message;
	struct mail mail;

	if (gz == NULL)
		return NULL;
	*result = -1;
	message = tmpfile();
	if (message == NULL) {
		why_set(d->why, "cannot create a temporary file: %s", strerror(errno));
		goto fail;
	}
	mail = mail_of(d->sender, &report, to);
	if (write_of[report.kind](&mail, gz, message, d->why) != 0)
		goto fail;
	if (is_too_large(d, message, result))
		goto fail;
	fclose(gz);
	return message;
fail:
	fclose(gz);
	if (message != NULL)
		fclose(message);
	return NULL;
}

/* The note of another mail is never lost: where it could not be stored nothing more is sent. */
static int begin_attempt(struct delivering *d)
{
	struct outbox_delivery *delivery = d->delivery;
	const struct sender *sender = d->sender;
	bool shared = sender->own != NULL && sender->outbox != sender->own;
	struct outbox_attempt other;
	int pending = outbox_attempt_read(notes_of(sender), d->arena, &other, d->why);

	if (pending != 0)
		return pending < 0
			   ? -1
			   : why_set(d->why, "what became of the mail to %s is not stored yet",
				     other.address);
	delivery->state = OUTBOX_SENDING;
	delivery->tries++;
	delivery->tried = d->now;
	delivery->next = d->now + (shared ? SENDER_HOLD : 0);
	return note_attempt(d, NULL, NULL) != 0 || store_state(d) != 0 ? -1 : 0;
}

/* The report was taken; what becomes of a copy changes nothing. -1: the store failed. */
static int send_copies(const struct delivering *d, FILE *message)
{
	const struct sender_settings *settings = d->sender->settings;
	struct sender_event event = {
	    .what = SENDER_COPY, .domain = d->delivery->domain, .day = d->delivery->day};

	for (unsigned i = 0; i < settings->bcc_count; i++) {
		const char *to = settings->bcc[i];
		const char *from = return_path(d->sender, d->arena, to, d->why);
		struct why reply = {""};
		enum send_outcome outcome;

		if (from == NULL)
			return -1;
		outcome = send_mail(&settings->server, from, to, message, NULL, NULL, &reply);
		event.state = outcome == SEND_DONE ? OUTBOX_SENT : OUTBOX_FAILED;
		event.address = to;
		event.reply = reply.text;
		d->sender->tell(d->sender->arg, &event);
	}
	return 0;
}

static int transmit_url(struct delivering *d)
{
	const struct sender *sender = d->sender;
	struct outbox_report report;
	enum send_outcome outcome;
	struct dns_scope *scope;
	struct why reply = {""};
	int result;
	FILE *gz = read_content(d, &report, &result);

	if (gz == NULL)
		return result;
	if (begin_attempt(d) != 0) {
		fclose(gz);
		return -1;
	}
	scope = open_scope(sender);
	outcome = post_report(scope, d->delivery->address, gz, url_timeout, hear_answer, d, &reply);
	dns_scope_free(scope);
	fclose(gz);
	return note_outcome(d, outcome, reply.text);
}

static int transmit_mail(struct delivering *d)
{
	const char *to = find_recipient(d->delivery);
	const char *from = return_path(d->sender, d->arena, to, d->why);
	enum send_outcome outcome;
	struct why reply = {""};
	int result;
	FILE *message;

	if (from == NULL)
		return -1;
	message = make_mail(d, to, &result);
	if (message == NULL)
		return result;
	if (begin_attempt(d) != 0) {
		fclose(message);
		return -1;
	}
	outcome =
	    send_mail(&d->sender->settings->server, from, to, message, hear_answer, d, &reply);
	result = note_outcome(d, outcome, reply.text);
	if (result >= 0 && outcome == SEND_DONE && d->delivery->kind == OUTBOX_AGGREGATE &&
	    send_copies(d, message) != 0)
		result = -1;
	fclose(message);
	return result;
}

static int transmit_report(struct delivering *d)
{
	bool url = d->delivery->kind == OUTBOX_TLS && rua_is_url(d->delivery->address);

	return url ? transmit_url(d) : transmit_mail(d);
}

static int deliver_report(struct delivering *d)
{
	static int (*const steps[])(struct delivering *) = {check_age,         check_suppression,
							    check_lists,       check_budget,
							    check_destination, transmit_report};
	int result = 0;

	for (size_t i = 0; i < sizeof steps / sizeof steps[0] && result == 0; i++)
		result = steps[i](d);
	return result;
}

/* Its address is the operator's own: nobody else is asked, and no budget stops it. */
static int deliver_notice(struct delivering *d)
{
	int result = check_age(d);

	return result == 0 ? transmit_mail(d) : result;
}

/* ---- all that are due ---- */

static int tell_due(struct sender *sender, const struct outbox_delivery *delivery)
{
	const struct sender_event event = {.what = SENDER_DELIVERY,
					   .kind = delivery->kind,
					   .domain = delivery->domain,
					   .day = delivery->day,
					   .address = delivery->address,
					   .state = delivery->state,
					   .reply = delivery->reply};

	sender->tell(sender->arg, &event);
	return 1;
}

static int deliver_list(struct sender *sender, struct outbox_delivery *list, int count,
			int64_t *left, struct why *why)
{
	int result = 0;

	for (int i = 0; i < count && result >= 0 && !sender->stopped; i++) {
		struct arena *arena = arena_new(0);
		struct delivering d = {.sender = sender, .arena = arena, .delivery = &list[i]};

		d.why = why;
		if (sender->go_on != NULL && !sender->go_on(sender->arg, (unsigned)*left)) {
			sender->stopped = true;
			why_set(&sender->stop_reason, "stopped");
		}
		d.now = clock_wall();
		if (!sender->stopped)
			result = sender->dry_run                 ? tell_due(sender, &list[i])
				 : list[i].kind == OUTBOX_NOTICE ? deliver_notice(&d)
								 : deliver_report(&d);
		arena_free(arena);
		*left -= *left > 0;
	}
	return result < 0 ? -1 : 0;
}

/* A delivery that was tried is no longer due, so each query finds others. */
static int deliver_kind(struct sender *sender, enum outbox_kind kind, const char *domain,
			int32_t from_day, int32_t to_day, struct why *why)
{
	const struct outbox_query query = {kind, domain, from_day, to_day, clock_wall(), DUE_MAX};
	int count = DUE_MAX, result;
	int64_t left = 0;

	result = outbox_due_count(sender->outbox, &query, &left, why);
	if (kind == OUTBOX_FAILURE || kind == OUTBOX_NOTICE)
		left = INT32_MAX; /* they are not spread over time */
	while (count == DUE_MAX && result == 0 && !sender->stopped) {
		struct arena *arena = arena_new(0);
		struct outbox_delivery *list;

		count = outbox_due(sender->outbox, &query, arena, &list, why);
		result = count < 0 ? -1 : deliver_list(sender, list, count, &left, why);
		arena_free(arena);
		if (sender->dry_run)
			break;
	}
	return result;
}

/* Reports that each host keeps for itself. */
static int deliver_own(struct sender *sender, enum outbox_kind kind, const char *domain,
		       int32_t to_day, struct why *why)
{
	struct outbox *outbox = sender->outbox;
	int result;

	if (sender->own != NULL)
		sender->outbox = sender->own;
	result = deliver_kind(sender, kind, domain, 0, to_day, why);
	sender->outbox = outbox;
	return result;
}

int sender_failures(struct sender *sender, const char *domain, struct why *why)
{
	return deliver_own(sender, OUTBOX_FAILURE, domain, clock_day(clock_wall()), why);
}

int sender_tls(struct sender *sender, const char *domain, int32_t to_day, struct why *why)
{
	return deliver_own(sender, OUTBOX_TLS, domain, to_day, why);
}

int sender_notices(struct sender *sender, struct why *why)
{
	return deliver_kind(sender, OUTBOX_NOTICE, NULL, 0, clock_day(clock_wall()), why);
}

int sender_deliver(struct sender *sender, const char *domain, int32_t from_day, int32_t to_day,
		   struct why *why)
{
	return deliver_kind(sender, OUTBOX_AGGREGATE, domain, from_day, to_day, why);
}

/* ---- a copy for another address ---- */

struct copying {
	struct sender *sender;
	const char *address;
	struct why *why;
};

static int send_copy(struct copying *copying, const struct ledger_day *day, struct files *files,
		     FILE *message, struct arena *arena)
{
	struct sender *sender = copying->sender;
	struct outbox_report report;
	struct why reply = {""};
	struct sender_event event = {.what = SENDER_DELIVERY, .domain = day->policy.domain};
	const char *from = return_path(sender, arena, copying->address, copying->why);
	struct mail mail;

	if (from == NULL || make_report(sender, day, files, copying->why) != 0)
		return -1;
	report = report_of(sender, day, &files->sum, arena);
	mail = mail_of(sender, &report, copying->address);
	if (mail_write(&mail, files->gz, message, copying->why) != 0)
		return -1;
	switch (send_mail(&sender->settings->server, from, mail.to, message, NULL, NULL, &reply)) {
	case SEND_DONE:
		event.state = OUTBOX_SENT;
		sender->sent++;
		break;
	case SEND_LATER:
	case SEND_AWAY:
	case SEND_STOPPED:
		event.state = OUTBOX_DEFERRED;
		sender->deferred++;
		break;
	case SEND_REFUSED:
		event.state = OUTBOX_FAILED;
		sender->failed++;
	}
	event.day = day->day;
	event.address = mail.to;
	event.reply = reply.text;
	sender->tell(sender->arg, &event);
	return 0;
}

static int copy_day(void *arg, const struct ledger_day *day)
{
	struct copying *copying = arg;
	struct arena *arena = arena_new(0);
	struct files files = {NULL, NULL, {0, 0}};
	FILE *message = tmpfile();
	int result = message == NULL ? why_set(copying->why, "cannot create a temporary file: %s",
					       strerror(errno))
				     : send_copy(copying, day, &files, message, arena);

	close_files(&files);
	if (message != NULL)
		fclose(message);
	arena_free(arena);
	return result;
}

int sender_copy(struct sender *sender, const char *domain, int32_t from_day, int32_t to_day,
		const char *address, struct why *why)
{
	struct copying copying = {sender, address, why};

	return ledger_days(
	    sender->ledger,
	    &(struct ledger_days_query){.domain = domain, .from_day = from_day, .to_day = to_day},
	    copy_day, &copying, why);
}
