/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sums of a day are read first, then why its policies without a report have none. What others
 * write in between shows as a remainder; if there is one, all is read again.
 *
 * With a shared store all hosts are compared: this one by its ledger, the others by what they told
 * the store last (store/ship/sums.h). What the store has taken of each host must be what its rows
 * add up to.
 */
#include "report/account.h"

#include <assert.h>
#include <string.h>

#include "lib/clock.h"
#include "store/ship/balance.h"

enum { TRIES = 3, DAY = 86400, SILENT = DAY };

static const struct {
	const char *name, *text;
} reason_words[ACCOUNT_REASONS] = {
    [ACCOUNT_DAY_OPEN] = {"day_open", "of a day that is not over"},
    [ACCOUNT_TO_SHIP] = {"to_ship", "waiting to be shipped"},
    [ACCOUNT_TO_BUILD] = {"to_build", "waiting for their report"},
    [ACCOUNT_TO_SEND] = {"to_send", "waiting to be sent"},
    [ACCOUNT_NO_ADDRESS] = {"no_address", "of domains that want no reports"},
    [ACCOUNT_QUIET] = {"quiet", "not worth a report"},
    [ACCOUNT_LEFT_OUT] = {"left_out", "left out by reports.domains"},
    [ACCOUNT_OFF] = {"off", "not reported: reports.send is off"},
    [ACCOUNT_BEFORE] = {"before", "from before the first report"},
    [ACCOUNT_REFUSED] = {"refused", "not accepted by the mail servers"},
    [ACCOUNT_DAMAGED] = {"damaged", "missing: the ledger is damaged"},
    [ACCOUNT_NOT_STORED] = {"not_stored", "missing: shipped, but not in the shared store"},
    [ACCOUNT_SILENT] = {"silent", "missing: on a host that has not been heard of for a day"},
    [ACCOUNT_NOT_BUILT] = {"not_built", "missing: no report was made in time"},
    [ACCOUNT_UNKNOWN] = {"unknown", "missing for an unknown reason"},
    [ACCOUNT_DOUBLED] = {"doubled", "more than were counted"},
};

const char *account_reason_text(enum account_reason reason)
{
	return reason_words[reason].text;
}

const char *account_reason_name(enum account_reason reason)
{
	return reason_words[reason].name;
}

int64_t account_missing(const int64_t reasons[ACCOUNT_REASONS])
{
	int64_t missing = 0;

	for (int i = ACCOUNT_DAMAGED; i < ACCOUNT_DOUBLED; i++)
		missing += reasons[i];
	return missing;
}

/* A difference that must not be: MISSING says which one it is when it is above 0. */
static void add_fault(int64_t reasons[ACCOUNT_REASONS], enum account_reason missing,
		      int64_t difference)
{
	if (difference > 0)
		reasons[missing] += difference;
	else
		reasons[ACCOUNT_DOUBLED] -= difference;
}

/* ---- policies without a report ---- */

struct reading {
	const struct account_settings *settings;
	struct account *account;
	int64_t now;
	int32_t first_report; /* the first day that has one */
};

static struct account_line *find_line(const struct account *account, int32_t day)
{
	for (unsigned i = 0; i < account->count; i++)
		if (account->lines[i].day == day && account->lines[i].kind == OUTBOX_AGGREGATE)
			return &account->lines[i];
	return NULL;
}

/* It will be looked at by sender_build() or sender_build_late(). */
static bool is_to_come(const struct reading *reading, const struct ledger_day *day)
{
	const int32_t today = clock_day(reading->now);

	return day->day >= today - SENDER_BUILD_DAYS ||
	       (day->day >= today - SENDER_LATE_DAYS &&
		day->since >= reading->now - (int64_t)SENDER_BUILD_DAYS * DAY);
}

static enum account_reason find_reason(const struct reading *reading, const struct ledger_day *day)
{
	switch (sender_wish(reading->settings->sender, day)) {
	case SENDER_NO_ADDRESS:
		return ACCOUNT_NO_ADDRESS;
	case SENDER_QUIET:
		return ACCOUNT_QUIET;
	case SENDER_LEFT_OUT:
		return ACCOUNT_LEFT_OUT;
	case SENDER_WANTED:
		break;
	}
	if (day->damaged)
		return ACCOUNT_DAMAGED;
	if (!reading->settings->sends)
		return ACCOUNT_OFF;
	if (is_to_come(reading, day))
		return ACCOUNT_TO_BUILD;
	return day->day < reading->first_report ? ACCOUNT_BEFORE : ACCOUNT_NOT_BUILT;
}

/* A day that has got its first rows only now has no line, and waits anyway. */
static int add_unreported(void *arg, const struct ledger_day *day)
{
	const struct reading *reading = arg;
	struct account_line *line = find_line(reading->account, day->day);

	if (line != NULL)
		line->reasons[find_reason(reading, day)] += day->messages;
	return 0;
}

static int read_unreported(struct reading *reading, int32_t from_day, struct why *why)
{
	const struct ledger_days_query query = {.from_day = from_day,
						.to_day = clock_day(reading->now) - 1,
						.damaged = true,
						.unreported = true};
	struct ledger *ledger = ledger_open(reading->settings->store, why);
	int result =
	    ledger == NULL ? -1 : ledger_days(ledger, &query, add_unreported, reading, why);

	ledger_close(ledger);
	return result == 0 ? 0 : -1;
}

/* ---- hosts ---- */

static int64_t at_least(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* Messages that are there and that no host has to its name. */
static int64_t count_unnamed(const struct balance_day *day)
{
	int64_t named = 0;

	for (const struct balance_host *host = day->hosts; host != NULL; host = host->next)
		named += host->stored;
	return day->stored - named;
}

/* What a host told may be an hour old: what has come in since was counted, too. UNNAMED: so many
 * messages may be of this host. */
static struct account_host make_host(const struct balance_host *share, int64_t now, int64_t unnamed)
{
	const int64_t shipped =
	    share->own ? share->shipped : at_least(share->shipped, share->stored);
	const int64_t kept = at_least(share->kept, share->own ? 0 : shipped);
	struct account_host host = {.name = share->name,
				    .own = share->own,
				    .counted = share->counted + kept - share->kept,
				    .shipped = shipped,
				    .stored = share->stored,
				    .told = share->own ? 0 : share->told};
	const bool silent = !share->own && share->seen < now - SILENT;

	host.reasons[silent ? ACCOUNT_SILENT : ACCOUNT_TO_SHIP] = kept - shipped;
	host.reasons[ACCOUNT_NOT_STORED] = at_least(0, shipped - share->stored - unnamed);
	add_fault(host.reasons, ACCOUNT_DAMAGED, host.counted - kept);
	return host;
}

static void add_hosts(struct account_line *line, const struct balance *balance,
		      const struct balance_day *day)
{
	const int64_t unnamed = count_unnamed(day);
	unsigned count = 0;

	for (const struct balance_host *host = day->hosts; host != NULL; host = host->next)
		count++;
	line->hosts = arena_array(balance->arena, (size_t)count + 1, sizeof *line->hosts);
	for (const struct balance_host *host = day->hosts; host != NULL; host = host->next)
		line->hosts[line->host_count++] =
		    make_host(host, balance->now, at_least(0, unnamed));
	if (unnamed > 0)
		line->hosts[line->host_count++] = (struct account_host){.stored = unnamed};
}

/* What hosts have shipped, and what came in of them, against what is there. */
static void add_up_hosts(struct account_line *line, const struct balance_day *day)
{
	const int64_t unnamed = count_unnamed(day);
	int64_t lost = 0;

	for (unsigned i = 0; i < line->host_count; i++) {
		const struct account_host *host = &line->hosts[i];

		line->counted += host->counted;
		line->shipped += host->shipped;
		lost += at_least(0, host->shipped - host->stored);
		line->reasons[ACCOUNT_TO_SHIP] += host->reasons[ACCOUNT_TO_SHIP];
		line->reasons[ACCOUNT_SILENT] += host->reasons[ACCOUNT_SILENT];
		line->reasons[ACCOUNT_DAMAGED] += host->reasons[ACCOUNT_DAMAGED];
		line->reasons[ACCOUNT_DOUBLED] += host->reasons[ACCOUNT_DOUBLED];
	}
	line->stored = day->stored;
	line->reasons[ACCOUNT_NOT_STORED] =
	    at_least(0, lost - at_least(0, unnamed)) + at_least(0, -unnamed);
}

/* ---- lines ---- */

static void set_reports(struct account_line *line, const struct balance_reports *reports)
{
	line->reported = reports->sent;
	line->reasons[ACCOUNT_TO_SEND] = reports->waiting;
	line->reasons[ACCOUNT_REFUSED] = reports->built - reports->sent - reports->waiting;
}

static void add_line(struct account *account, const struct balance *balance,
		     const struct balance_day *day, enum outbox_kind kind, bool shared)
{
	struct account_line *line = &account->lines[account->count];

	*line = (struct account_line){.day = day->day, .kind = kind};
	if (kind == OUTBOX_FAILURE) {
		line->counted = day->failure.built;
		set_reports(line, &day->failure);
		account->count += line->counted > 0;
		return;
	}
	set_reports(line, &day->aggregate);
	if (shared) {
		add_hosts(line, balance, day);
		add_up_hosts(line, day);
	} else {
		line->counted = day->counted;
		add_fault(line->reasons, ACCOUNT_DAMAGED, day->counted - day->kept);
	}
	line->damaged_rows = line->reasons[ACCOUNT_DAMAGED];
	account->count++;
}

static void make_lines(struct account *account, const struct balance *balance, bool shared)
{
	unsigned days = 0;

	for (const struct balance_day *day = balance->days; day != NULL; day = day->next)
		days++;
	account->lines = arena_array(balance->arena, 2 * (size_t)days + 1, sizeof *account->lines);
	for (const struct balance_day *day = balance->days; day != NULL; day = day->next) {
		add_line(account, balance, day, OUTBOX_AGGREGATE, shared);
		add_line(account, balance, day, OUTBOX_FAILURE, shared);
	}
}

/* What has no reason so far. True: there is something of a day that is over. */
static bool settle_line(struct account_line *line, const struct balance_day *day, bool shared,
			int32_t today)
{
	int64_t left = (shared ? day->stored : day->kept) - day->aggregate.built;

	for (int i = ACCOUNT_TO_BUILD; i <= ACCOUNT_BEFORE; i++)
		if (i != ACCOUNT_TO_SEND)
			left -= line->reasons[i];
	left -= line->reasons[ACCOUNT_NOT_BUILT];
	left -= line->reasons[ACCOUNT_DAMAGED] - line->damaged_rows;
	if (line->day >= today && left >= 0) {
		line->reasons[ACCOUNT_DAY_OPEN] = left;
		return false;
	}
	add_fault(line->reasons, ACCOUNT_UNKNOWN, left);
	return left != 0;
}

static int32_t find_first_report(const struct balance *balance)
{
	for (const struct balance_day *day = balance->days; day != NULL; day = day->next)
		if (day->aggregate.built > 0)
			return day->day;
	return INT32_MAX;
}

static int read_sums(struct balance *balance, struct sql *local, struct sql *shared,
		     struct why *why)
{
	if (balance_add_file(balance, local, why) != 0 ||
	    balance_add_reports(balance, local, OUTBOX_FAILURE, why) != 0 ||
	    (shared != NULL && balance_add_shared(balance, local, shared, why) != 0))
		return -1;
	return balance_add_reports(balance, shared != NULL ? shared : local, OUTBOX_AGGREGATE, why);
}

/* 1: there is a remainder. */
static int try_to_read(struct reading *reading, struct sql *local, struct sql *shared,
		       struct arena *arena, struct why *why)
{
	const int32_t today = clock_day(reading->now);
	const int32_t keep = (int32_t)reading->settings->keep_days;
	struct balance balance = {.arena = arena, .from_day = keep == 0 ? 0 : today - keep + 1};
	bool remainder = false;

	memset(reading->account, 0, sizeof *reading->account);
	if (read_sums(&balance, local, shared, why) != 0)
		return -1;
	make_lines(reading->account, &balance, shared != NULL);
	reading->first_report = find_first_report(&balance);
	if (read_unreported(reading, balance.from_day, why) != 0)
		return -1;
	for (const struct balance_day *day = balance.days; day != NULL; day = day->next) {
		struct account_line *line = find_line(reading->account, day->day);

		assert(line != NULL);
		remainder = settle_line(line, day, shared != NULL, today) || remainder;
	}
	return remainder;
}

int account_read(const struct account_settings *settings, struct sql *local, struct sql *shared,
		 struct arena *arena, struct account *account, struct why *why)
{
	struct reading reading = {.settings = settings, .account = account};
	int result = 1;

	for (int i = 0; i < TRIES && result == 1; i++) {
		reading.now = clock_wall();
		result = try_to_read(&reading, local, shared, arena, why);
	}
	if (result < 0)
		return -1;
	for (unsigned i = 0; i < account->count; i++) {
		account->missing += account_missing(account->lines[i].reasons);
		account->doubled += account->lines[i].reasons[ACCOUNT_DOUBLED];
	}
	if (shared == NULL)
		return 0;
	return balance_of_host(local, shared, &account->host_lacks, why);
}
