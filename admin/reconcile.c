/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/reconcile.h"

#include <inttypes.h>

#include "admin/daemon/daemon.h"
#include "lib/jsonout.h"
#include "admin/out.h"
#include "context/context.h"
#include "lib/clock.h"
#include "metrics/checked.h"
#include "store/sql/shared.h"
#include "store/sql/sqlite.h"

static const char *const kinds[] = {[OUTBOX_AGGREGATE] = "aggregate", [OUTBOX_FAILURE] = "failure"};

/* ---- reading ---- */

/* What killed processes have left in their journals is brought into the file first. */
static struct sql *open_file(const struct reconcile *reconcile, struct why *why)
{
	struct ledger_settings settings = *reconcile->store;
	struct ledger *ledger;

	settings.shared = NULL;
	settings.busy_wait = 5 * CLOCK_SECOND;
	ledger = ledger_open(&settings, why);
	if (ledger == NULL)
		return NULL;
	ledger_close(ledger);
	return sqlite_sql(&settings, why);
}

static int read_account(struct reconcile *reconcile, struct sql *local, struct sql *shared,
			struct why *why)
{
	const struct conf *conf = reconcile->conf;
	struct arena *arena = reconcile->admin->arena;
	const struct sender_settings sender = context_sender(conf, NULL, arena);
	const struct account_settings settings = {
	    .store = reconcile->store,
	    .sender = &sender,
	    .sends = conf->reports.send,
	    .keep_days = (unsigned)(conf->store.keep / CLOCK_SECOND / 86400)};

	return account_read(&settings, local, shared, arena, &reconcile->account, why);
}

static int64_t ask_journals(struct admin *admin)
{
	struct metrics_read status;

	if (!daemon_status(admin, &status))
		return -1;
	return (int64_t)metrics_read_sum(&status, "store_pending_rows", NULL, NULL);
}

static int tell_faults(const struct account *account, losses_tell *tell, void *arg)
{
	const struct {
		int64_t count;
		const char *what;
	} faults[] = {
	    {account->missing, "messages are missing in the reports"},
	    {account->doubled, "messages are stored or reported more than once"},
	    {account->host_lacks,
	     "messages of this host are missing in the shared store, which had acknowledged them"},
	    {-account->host_lacks,
	     "messages of this host are in the shared store, but were not acknowledged by it"},
	};
	int count = 0;

	for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
		if (faults[i].count <= 0)
			continue;
		tell(arg, faults[i].what, faults[i].count);
		count++;
	}
	return count;
}

int reconcile_read(struct reconcile *reconcile, losses_tell *tell, void *arg, struct why *why)
{
	const char *url = reconcile->store->shared;
	struct sql *local = open_file(reconcile, why), *shared = NULL;
	int result = local == NULL ? -1 : 0;

	if (result == 0 && url != NULL) {
		shared = shared_open(url, SHARED_AS_IT_IS, true, why);
		result = shared == NULL ? -1 : 0;
	}
	if (result == 0)
		result = read_account(reconcile, local, shared, why);
	sql_close(shared);
	sql_close(local);
	if (result != 0)
		return -1;
	reconcile->in_journals = ask_journals(reconcile->admin);
	return tell_faults(&reconcile->account, tell, arg);
}

/* ---- printing ---- */

static const char *reasons_text(const int64_t reasons[ACCOUNT_REASONS], struct arena *arena)
{
	const char *text = "";

	for (int i = 0; i < ACCOUNT_REASONS; i++)
		if (reasons[i] > 0)
			text = arena_printf(arena, "%s%s%" PRId64 " %s", text,
					    text[0] == '\0' ? "" : "; ", reasons[i],
					    account_reason_text((enum account_reason)i));
	return text;
}

static const char *host_text(const struct account_host *host, struct arena *arena)
{
	const char *text = reasons_text(host->reasons, arena);
	char time[CLOCK_TEXT_MAX];

	if (!host->own && host->name == NULL)
		return "from before hosts were told apart";
	if (host->own)
		return text;
	return arena_printf(
	    arena, "%s%s%s", text, text[0] == '\0' ? "" : "; ",
	    host->told == 0 ? "its sums are not known yet"
			    : arena_printf(arena, "as of %s", clock_utc_text(host->told, time)));
}

static void add_host_row(struct out_table *table, const struct account_line *line,
			 const struct account_host *host, struct arena *arena)
{
	const int64_t missing = account_missing(host->reasons);
	char text[CLOCK_TEXT_MAX];

	out_cell(table, OUT_PLAIN, "%s", clock_day_text(line->day, text));
	out_cell(table, OUT_PLAIN, "%s", kinds[line->kind]);
	out_cell(table, OUT_PLAIN, "%s",
		 host->name != NULL ? host->name
		 : host->own        ? "this"
				    : "?");
	out_cell(table, OUT_PLAIN, "%" PRId64, host->counted);
	out_cell(table, OUT_PLAIN, "%" PRId64, host->shipped);
	out_cell(table, OUT_PLAIN, "%" PRId64, host->stored);
	out_cell(table, OUT_PLAIN, "-");
	out_cell(table, missing > 0 ? OUT_BAD : OUT_PLAIN, "%" PRId64, missing);
	out_cell(table, OUT_PLAIN, "%s", host_text(host, arena));
}

static void add_row(struct out_table *table, const struct account_line *line, bool shared,
		    struct arena *arena)
{
	const bool goes_there = shared && line->kind == OUTBOX_AGGREGATE;
	const int64_t missing = account_missing(line->reasons);
	char text[CLOCK_TEXT_MAX];

	out_cell(table, OUT_PLAIN, "%s", clock_day_text(line->day, text));
	out_cell(table, OUT_PLAIN, "%s", kinds[line->kind]);
	if (shared)
		out_cell(table, OUT_PLAIN, goes_there ? "all" : "this");
	out_cell(table, OUT_PLAIN, "%" PRId64, line->counted);
	if (goes_there) {
		out_cell(table, OUT_PLAIN, "%" PRId64, line->shipped);
		out_cell(table, OUT_PLAIN, "%" PRId64, line->stored);
	} else {
		out_cell(table, OUT_PLAIN, "-");
		out_cell(table, OUT_PLAIN, "-");
	}
	out_cell(table, OUT_PLAIN, "%" PRId64, line->reported);
	out_cell(table, missing > 0 ? OUT_BAD : OUT_PLAIN, "%" PRId64, missing);
	out_cell(table, OUT_PLAIN, "%s", reasons_text(line->reasons, arena));
	for (unsigned i = 0; i < line->host_count; i++)
		add_host_row(table, line, &line->hosts[i], arena);
}

static void print_table(const struct reconcile *reconcile)
{
	static const char *const alone[] = {"DAY",     "KIND",      ">COUNTED", ">SHIPPED",
					    ">STORED", ">REPORTED", ">MISSING", "DIFFERENCE"};
	static const char *const hosts[] = {"DAY",       "KIND",     "HOST",
					    ">COUNTED",  ">SHIPPED", ">STORED",
					    ">REPORTED", ">MISSING", "DIFFERENCE"};
	const struct admin *admin = reconcile->admin;
	const bool shared = reconcile->store->shared != NULL;
	struct out_table *table =
	    shared ? out_table_new(admin->arena, hosts, 9) : out_table_new(admin->arena, alone, 8);

	for (unsigned i = 0; i < reconcile->account.count; i++)
		add_row(table, &reconcile->account.lines[i], shared, admin->arena);
	out_table_print(table, stdout, admin_color(admin, stdout));
	if (reconcile->in_journals > 0)
		printf("%" PRId64 " results are in the daemon's journals and not yet in the"
		       " ledger\n",
		       reconcile->in_journals);
}

static void reasons_json(const int64_t reasons[ACCOUNT_REASONS], struct jsonout *json)
{
	jsonout_int(json, "missing", account_missing(reasons));
	jsonout_array(json, "reasons");
	for (int i = 0; i < ACCOUNT_REASONS; i++) {
		if (reasons[i] == 0)
			continue;
		jsonout_object(json, NULL);
		jsonout_text(json, "reason", account_reason_name((enum account_reason)i));
		jsonout_int(json, "count", reasons[i]);
		jsonout_end(json);
	}
	jsonout_end(json);
}

static void host_json(const struct account_host *host, struct jsonout *json)
{
	char text[CLOCK_TEXT_MAX];

	jsonout_object(json, NULL);
	jsonout_text(json, "host", host->name);
	jsonout_bool(json, "own", host->own);
	jsonout_int(json, "counted", host->counted);
	jsonout_int(json, "shipped", host->shipped);
	jsonout_int(json, "stored", host->stored);
	if (host->told == 0)
		jsonout_null(json, "as_of");
	else
		jsonout_text(json, "as_of", clock_utc_text(host->told, text));
	reasons_json(host->reasons, json);
	jsonout_end(json);
}

static void line_json(const struct account_line *line, bool shared, struct jsonout *json)
{
	char text[CLOCK_TEXT_MAX];

	jsonout_object(json, NULL);
	jsonout_text(json, "day", clock_day_text(line->day, text));
	jsonout_text(json, "kind", kinds[line->kind]);
	jsonout_int(json, "counted", line->counted);
	if (shared && line->kind == OUTBOX_AGGREGATE) {
		jsonout_int(json, "shipped", line->shipped);
		jsonout_int(json, "stored", line->stored);
	} else {
		jsonout_null(json, "shipped");
		jsonout_null(json, "stored");
	}
	jsonout_int(json, "reported", line->reported);
	reasons_json(line->reasons, json);
	jsonout_array(json, "hosts");
	for (unsigned i = 0; i < line->host_count; i++)
		host_json(&line->hosts[i], json);
	jsonout_end(json);
	jsonout_end(json);
}

void reconcile_print(const struct reconcile *reconcile, struct jsonout *json)
{
	const struct account *account = &reconcile->account;

	if (json == NULL) {
		print_table(reconcile);
		return;
	}
	jsonout_array(json, "days");
	for (unsigned i = 0; i < account->count; i++)
		line_json(&account->lines[i], reconcile->store->shared != NULL, json);
	jsonout_end(json);
	jsonout_int(json, "missing_messages", account->missing);
	jsonout_int(json, "doubled_messages", account->doubled);
	if (reconcile->in_journals < 0)
		jsonout_null(json, "in_journals");
	else
		jsonout_int(json, "in_journals", reconcile->in_journals);
}

/* Whoever may only read the ledger gets the answer all the same. */
void reconcile_note(const struct reconcile *reconcile, int findings)
{
	const struct account *account = &reconcile->account;
	const int64_t lacks = account->host_lacks > 0 ? account->host_lacks : 0;
	const struct checked checked = {.at = clock_wall(),
					.findings = findings,
					.missing =
					    account->missing > lacks ? account->missing : lacks};
	struct why why;

	if (checked_write(reconcile->store->path, &checked, &why) != 0)
		admin_warning(reconcile->admin, "%s: the metrics do not show this check", why.text);
}
