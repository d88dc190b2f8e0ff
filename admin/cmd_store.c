/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `countersign store`: the ledger's file and the store that several hosts share, looked after.
 *
 * Nothing here is in the way of the daemon: what is long goes in short steps, and what ships is
 * refused while the daemon ships.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "admin/admin.h"
#include "admin/daemon/losses.h"
#include "lib/jsonout.h"
#include "admin/out.h"
#include "admin/progress.h"
#include "admin/reconcile.h"
#include "context/context.h"
#include "lib/clock.h"
#include "store/messages.h"
#include "store/ship/ship.h"
#include "store/sql/shared.h"
#include "store/upkeep.h"

enum { OPTION_LOCAL = 256, OPTION_RECONCILE, OPTION_TO };

static const struct admin_option local_options[] = {
    {"local", OPTION_LOCAL, NULL, "only this host's ledger, not the shared store"},
    {NULL, 0, NULL, NULL}};
static const struct admin_option check_options[] = {
    {"local", OPTION_LOCAL, NULL, "only this host's ledger, not the shared store"},
    {"reconcile", OPTION_RECONCILE, NULL,
     "also compare what was counted, shipped, stored and reported"},
    {NULL, 0, NULL, NULL}};
static const struct admin_option copy_options[] = {
    {"to", OPTION_TO, "URL",
     "postgresql://USER@HOST/DATABASE, without a password (default: store.shared)"},
    {NULL, 0, NULL, NULL}};

/* ---- the stores of the settings ---- */

struct stores {
	struct admin *admin;
	const struct conf *conf;
	struct ledger_settings settings; /* SHARED NULL: there is none, or it is left out */
	bool local, reconcile;
};

/* 0, or the exit code after the error was printed. */
static int read_stores(struct stores *stores)
{
	struct why why = {""};

	stores->conf = admin_conf(stores->admin);
	if (stores->conf == NULL)
		return ADMIN_CONFIG;
	if (context_store(stores->conf, stores->local, &stores->settings, &why) == 0)
		return 0;
	admin_error(stores->admin, "%s", why.text);
	return ADMIN_CONFIG;
}

static int read_arguments(struct stores *stores, int argc, char **argv)
{
	int letter;

	while ((letter = admin_getopt(stores->admin, argc, argv)) != -1) {
		if (letter == '?')
			return ADMIN_USAGE;
		stores->local = stores->local || letter == OPTION_LOCAL;
		stores->reconcile = stores->reconcile || letter == OPTION_RECONCILE;
	}
	if (optind < argc)
		return admin_usage(stores->admin, "unexpected argument \"%s\"", argv[optind]);
	return read_stores(stores);
}

static struct sql *open_file(const struct stores *stores, bool read_only, struct why *why)
{
	struct ledger_settings settings = stores->settings;

	settings.read_only = read_only;
	settings.busy_wait = 5 * CLOCK_SECOND;
	return sqlite_sql(&settings, why);
}

static int fail_unavailable(const struct admin *admin, const struct why *why)
{
	admin_error(admin, "%s", why->text);
	return ADMIN_UNAVAILABLE;
}

/* ---- store info ---- */

struct info {
	struct stores stores;
	struct upkeep_facts file, shared;
	struct upkeep_spool spool;
	struct messages_facts messages;
	struct shared_host *hosts;
	int host_count;
};

static int read_file(struct info *info, struct why *why)
{
	struct sql *sql = open_file(&info->stores, true, why);
	int result = sql == NULL ? -1 : upkeep_facts(sql, false, &info->file, why);

	if (result == 0)
		result = upkeep_spool(sql, info->stores.admin->arena, &info->spool, why);
	if (result == 0)
		result = messages_facts(info->stores.settings.path, info->stores.admin->arena,
					&info->messages, why);
	sql_close(sql);
	return result;
}

static int read_shared(struct info *info, struct why *why)
{
	struct sql *sql = shared_open(info->stores.settings.shared, SHARED_AS_IT_IS, true, why);
	int result = sql == NULL ? -1 : upkeep_facts(sql, true, &info->shared, why);

	info->shared.schema = shared_schema();
	if (result == 0)
		info->host_count = shared_hosts(sql, info->stores.admin->arena, &info->hosts, why);
	sql_close(sql);
	return result == 0 && info->host_count >= 0 ? 0 : -1;
}

static const char *time_or_never(int64_t time, char text[CLOCK_TEXT_MAX])
{
	return time <= 0 ? "never" : clock_utc_text(time, text);
}

static void print_facts(const struct upkeep_facts *facts)
{
	char first[CLOCK_TEXT_MAX], last[CLOCK_TEXT_MAX];

	printf("  schema    %" PRId64 "\n", facts->schema);
	printf("  rows      %" PRId64 ", of %" PRId64 " messages and %" PRId64 " domains\n",
	       facts->rows, facts->messages, facts->domains);
	if (facts->days > 0)
		printf("  days      %" PRId64 ", from %s to %s\n", facts->days,
		       clock_day_text((int32_t)facts->first_day, first),
		       clock_day_text((int32_t)facts->last_day, last));
	printf("  reports   %" PRId64 "\n", facts->reports);
	if (facts->bytes > 0)
		printf("  size      %.1f MiB\n", (double)facts->bytes / 1048576);
}

static void print_file(const struct info *info)
{
	char text[CLOCK_TEXT_MAX];

	printf("ledger %s\n", info->stores.settings.path);
	print_facts(&info->file);
	if (info->spool.joined || info->spool.batches > 0)
		printf("  to ship   %" PRId64 " rows, %" PRId64 " messages%s\n"
		       "  shipped   %" PRId64 " batches, the last at %s\n",
		       info->spool.pending_rows, info->spool.pending_messages,
		       info->spool.joined ? "" : " (store.shared is not set)", info->spool.batches,
		       time_or_never(info->spool.shipped_at, text));
	printf("log of messages %s\n  lines     %" PRId64 "\n  size      %.1f MiB\n",
	       info->messages.path, info->messages.lines, (double)info->messages.bytes / 1048576);
}

static void print_shared(const struct info *info)
{
	static const char *const headings[] = {"  HOST", "SEEN", "COMPLETE TO", ">ROWS",
					       ">MESSAGES"};
	const struct admin *admin = info->stores.admin;
	struct out_table *table = out_table_new(admin->arena, headings, 5);
	char text[CLOCK_TEXT_MAX];

	printf("shared store\n");
	print_facts(&info->shared);
	for (int i = 0; i < info->host_count; i++) {
		const struct shared_host *host = &info->hosts[i];

		out_cell(table, OUT_PLAIN, "  %s", host->name);
		out_cell(table, OUT_PLAIN, "%s", time_or_never(host->seen, text));
		out_cell(table, OUT_PLAIN, "%s",
			 host->through < 0 ? "-" : clock_day_text(host->through, text));
		out_cell(table, OUT_PLAIN, "%" PRId64, host->rows);
		out_cell(table, OUT_PLAIN, "%" PRId64, host->messages);
	}
	out_table_print(table, stdout, admin_color(admin, stdout));
}

static void facts_json(struct jsonout *json, const struct upkeep_facts *facts)
{
	char text[CLOCK_TEXT_MAX];
	bool any = facts->days > 0;

	jsonout_int(json, "schema", facts->schema);
	jsonout_int(json, "rows", facts->rows);
	jsonout_int(json, "messages", facts->messages);
	jsonout_int(json, "domains", facts->domains);
	jsonout_int(json, "reports", facts->reports);
	jsonout_int(json, "days", facts->days);
	jsonout_text(json, "first_day",
		     any ? clock_day_text((int32_t)facts->first_day, text) : NULL);
	jsonout_text(json, "last_day", any ? clock_day_text((int32_t)facts->last_day, text) : NULL);
}

static void file_json(const struct info *info, struct jsonout *json)
{
	const struct upkeep_spool *spool = &info->spool;
	char text[CLOCK_TEXT_MAX];

	jsonout_object(json, "ledger");
	jsonout_text(json, "path", info->stores.settings.path);
	facts_json(json, &info->file);
	jsonout_int(json, "bytes", info->file.bytes);
	jsonout_text(json, "host", spool->host);
	jsonout_bool(json, "ships", spool->joined);
	jsonout_int(json, "pending_rows", spool->pending_rows);
	jsonout_int(json, "pending_messages", spool->pending_messages);
	jsonout_int(json, "batches", spool->batches);
	jsonout_text(json, "last_shipped",
		     spool->shipped_at <= 0 ? NULL : clock_utc_text(spool->shipped_at, text));
	jsonout_end(json);
	jsonout_object(json, "message_log");
	jsonout_text(json, "path", info->messages.path);
	jsonout_int(json, "lines", info->messages.lines);
	jsonout_int(json, "bytes", info->messages.bytes);
	jsonout_end(json);
}

static void host_json(const struct shared_host *host, struct jsonout *json)
{
	char text[CLOCK_TEXT_MAX];

	jsonout_object(json, NULL);
	jsonout_text(json, "name", host->name);
	jsonout_text(json, "host", host->id);
	jsonout_text(json, "seen", clock_utc_text(host->seen, text));
	jsonout_text(json, "complete_through",
		     host->through < 0 ? NULL : clock_day_text(host->through, text));
	jsonout_int(json, "batches", host->sequence);
	jsonout_int(json, "rows", host->rows);
	jsonout_int(json, "messages", host->messages);
	jsonout_end(json);
}

static void shared_json(const struct info *info, struct jsonout *json)
{
	jsonout_object(json, "shared");
	facts_json(json, &info->shared);
	jsonout_array(json, "hosts");
	for (int i = 0; i < info->host_count; i++)
		host_json(&info->hosts[i], json);
	jsonout_end(json);
	jsonout_end(json);
}

/* The ledger is told also when the shared store is away. */
static int print_info(struct info *info)
{
	struct admin *admin = info->stores.admin;
	struct jsonout *json = admin->json ? jsonout_new(admin->arena, "store.info") : NULL;
	bool shared = info->stores.settings.shared != NULL;
	struct why why = {""};
	int status = ADMIN_DONE;

	if (shared && read_shared(info, &why) != 0)
		status = fail_unavailable(admin, &why);
	if (json != NULL) {
		file_json(info, json);
		if (shared && status == ADMIN_DONE)
			shared_json(info, json);
		else
			jsonout_null(json, "shared");
		admin_print_json(admin, json);
		return status;
	}
	print_file(info);
	if (shared && status == ADMIN_DONE)
		print_shared(info);
	return status;
}

static int store_info(struct admin *admin, int argc, char **argv)
{
	struct info info = {.stores = {.admin = admin}};
	int status = read_arguments(&info.stores, argc, argv);
	struct why why = {""};

	if (status != 0)
		return status;
	if (read_file(&info, &why) != 0)
		return fail_unavailable(admin, &why);
	return print_info(&info);
}

/* ---- store check ---- */

struct checking {
	struct admin *admin;
	struct jsonout *json;
	const char *store;
	struct progress progress;
};

static bool tell_progress(void *arg, int64_t done, int64_t all)
{
	struct checking *checking = arg;

	return progress_show(&checking->progress, done, all);
}

static void tell_finding(void *arg, const char *what, int64_t count)
{
	struct checking *checking = arg;

	progress_end(&checking->progress);
	if (checking->json == NULL) {
		printf("%s: ", checking->store);
		if (count > 1)
			printf("%" PRId64 " ", count);
		out_text(stdout, what);
		printf("\n");
		return;
	}
	jsonout_object(checking->json, NULL);
	jsonout_text(checking->json, "store", checking->store);
	jsonout_text(checking->json, "what", what);
	jsonout_int(checking->json, "count", count);
	jsonout_end(checking->json);
}

static int check_one(struct checking *checking, struct sql *sql, bool shared, struct why *why)
{
	int findings;

	if (sql == NULL)
		return -1;
	checking->store = shared ? "shared store" : "ledger";
	progress_begin(&checking->progress, checking->admin, "checks");
	findings = upkeep_check(sql, shared, tell_finding, tell_progress, checking, why);
	progress_end(&checking->progress);
	sql_close(sql);
	return findings;
}

static int check_messages(struct checking *checking, const char *path)
{
	struct why why;

	if (messages_check(path, &why) == DRIVER_CAUSE_NONE)
		return 0;
	checking->store = "log of messages";
	tell_finding(checking, why.text, 1);
	return 1;
}

/* The number of findings in all stores, or -1. */
static int check_all(struct checking *checking, const struct stores *stores, struct why *why)
{
	const struct ledger_settings *settings = &stores->settings;
	int findings = check_one(checking, open_file(stores, true, why), false, why), more = 0;

	if (findings < 0)
		return -1;
	findings += (int)losses_find(checking->admin, settings->path, tell_finding, checking);
	findings += check_messages(checking, settings->path);
	if (settings->shared != NULL)
		more = check_one(
		    checking, shared_open(settings->shared, SHARED_AS_IT_IS, true, why), true, why);
	return more < 0 ? -1 : findings + more;
}

/* Adds to the findings. */
static int check_reports(struct checking *checking, struct reconcile *reconcile, int findings,
			 struct why *why)
{
	int more;

	if (findings < 0)
		return -1;
	checking->store = "reports";
	more = reconcile_read(reconcile, tell_finding, checking, why);
	if (checking->json != NULL)
		jsonout_end(checking->json); /* the list of findings */
	if (more < 0)
		return -1;
	reconcile_print(reconcile, checking->json);
	reconcile_note(reconcile, findings + more);
	return findings + more;
}

static int store_check(struct admin *admin, int argc, char **argv)
{
	struct stores stores = {.admin = admin};
	struct checking checking = {.admin = admin};
	struct reconcile reconcile = {.admin = admin, .store = &stores.settings};
	int status = read_arguments(&stores, argc, argv), findings;
	struct why why = {""};

	if (status != 0)
		return status;
	assert(stores.conf != NULL);
	if (stores.reconcile && stores.local && stores.conf->store.shared[0] != '\0')
		return admin_usage(admin, "--reconcile needs the shared store, where the reports"
					  " are; leave out --local");
	if (admin->json) {
		checking.json = jsonout_new(admin->arena, "store.check");
		jsonout_array(checking.json, "findings");
	}
	reconcile.conf = stores.conf;
	findings = check_all(&checking, &stores, &why);
	if (stores.reconcile)
		findings = check_reports(&checking, &reconcile, findings, &why);
	if (checking.json != NULL)
		admin_print_json(admin, checking.json);
	if (findings < 0)
		return fail_unavailable(admin, &why);
	if (findings == 0)
		admin_note(admin, "all is well");
	return findings == 0 ? ADMIN_DONE : ADMIN_NO;
}

/* ---- store migrate ---- */

static int store_migrate(struct admin *admin, int argc, char **argv)
{
	struct stores stores = {.admin = admin};
	int status = read_arguments(&stores, argc, argv);
	int64_t version = 0;
	struct why why = {""};
	struct sql *sql;
	int result;

	if (status != 0)
		return status;
	messages_adopt(stores.settings.path, &why);
	if (why.text[0] != '\0')
		admin_note(admin, "%s", why.text);
	sql = open_file(&stores, false, &why);
	result = sql == NULL
		     ? -1
		     : sql_number(sql, &version, &why, "PRAGMA user_version", SQL_NO_VALUES);
	sql_close(sql);
	if (result != 0)
		return fail_unavailable(admin, &why);
	admin_note(admin, "%s: schema %d", stores.settings.path, (int)version);
	if (stores.settings.shared == NULL)
		return ADMIN_DONE;
	sql = shared_open(stores.settings.shared, SHARED_MIGRATE, false, &why);
	if (sql == NULL)
		return fail_unavailable(admin, &why);
	sql_close(sql);
	admin_note(admin, "the shared store: schema %d", shared_schema());
	return ADMIN_DONE;
}

/* ---- store expire ---- */

/* Rows deleted, or -1. */
static int64_t expire_rows(const struct ledger_settings *settings, int32_t before, struct why *why)
{
	struct ledger *ledger = ledger_open(settings, why);
	int64_t deleted = ledger == NULL ? -1 : ledger_expire(ledger, before, why);

	ledger_close(ledger);
	return deleted;
}

static int store_expire(struct admin *admin, int argc, char **argv)
{
	struct stores stores = {.admin = admin};
	int status = read_arguments(&stores, argc, argv);
	struct ledger_settings file;
	struct why why = {""};
	int64_t deleted;
	int32_t before;

	if (status != 0)
		return status;
	assert(stores.conf != NULL);
	file = stores.settings;
	file.shared = NULL;
	file.read_only = false;
	before =
	    clock_day(clock_wall()) - (int32_t)(stores.conf->store.keep / CLOCK_SECOND / 86400);
	deleted = expire_rows(&file, before, &why);
	if (deleted < 0)
		return fail_unavailable(admin, &why);
	admin_note(admin, "%s: %" PRId64 " rows were older than store.keep", file.path, deleted);
	if (stores.settings.shared == NULL)
		return ADMIN_DONE;
	deleted = expire_rows(&stores.settings, before, &why);
	if (deleted < 0)
		return fail_unavailable(admin, &why);
	admin_note(admin, "the shared store: %" PRId64 " rows were", deleted);
	return ADMIN_DONE;
}

/* ---- store backup ---- */

static int store_backup(struct admin *admin, int argc, char **argv)
{
	struct stores stores = {.admin = admin, .local = true};
	int status = admin_args(admin, argc, argv, 1, 1), result;
	struct progress progress;
	struct why why = {""};
	const char *to;

	if (status != 0)
		return status;
	to = argv[optind];
	status = read_stores(&stores);
	if (status != 0)
		return status;
	progress_catch();
	progress_begin(&progress, admin, "pages");
	result = upkeep_backup(stores.settings.path, to, progress_show, &progress, &why);
	progress_end(&progress);
	if (result == 0) {
		admin_note(admin, "%s has all of %s", to, stores.settings.path);
		return ADMIN_DONE;
	}
	admin_error(admin, "%s", result == 1 ? "stopped; nothing was written" : why.text);
	return result == 1                               ? 130
	       : access(stores.settings.path, R_OK) != 0 ? ADMIN_UNAVAILABLE
							 : ADMIN_CANT_CREATE;
}

/* ---- store copy ---- */

static bool has_password(const char *url)
{
	const char *begin = strstr(url, "://"), *end, *at;

	if (begin == NULL)
		return strstr(url, "password") != NULL;
	begin += 3;
	end = begin + strcspn(begin, "/?");
	at = memchr(begin, '@', (size_t)(end - begin));
	return (at != NULL && memchr(begin, ':', (size_t)(at - begin)) != NULL) ||
	       strstr(end, "password=") != NULL;
}

/* 0, or the exit code after the error was printed. */
static int read_copy(struct stores *stores, const char **to, int argc, char **argv)
{
	struct admin *admin = stores->admin;
	int letter, status;

	while ((letter = admin_getopt(admin, argc, argv)) != -1) {
		if (letter == '?')
			return ADMIN_USAGE;
		*to = optarg;
	}
	if (optind < argc)
		return admin_usage(admin, "unexpected argument \"%s\"", argv[optind]);
	if (*to != NULL && has_password(*to))
		return admin_usage(admin, "--to: everybody on this host can read a password on the"
					  " command line: use passfile=/path in the URL, a service"
					  " file, or store.shared");
	status = read_stores(stores);
	if (status == 0 && *to == NULL && stores->settings.shared == NULL)
		return admin_usage(admin, "give --to=postgresql://USER@HOST/DATABASE, or set"
					  " store.shared");
	if (*to == NULL)
		*to = stores->settings.shared;
	return status;
}

static int ship_all(struct ship *ship, struct admin *admin, int64_t *shipped, struct why *why)
{
	struct progress progress;
	int64_t begin = 0, left = 0, batches;
	int result = 1;

	progress_catch();
	progress_begin(&progress, admin, "rows");
	while (result == 1 && !progress_interrupted()) {
		result = ship_step(ship, why);
		if (result < 0 || ship_pending(ship, &left, &batches, why) != 0) {
			result = -1;
			break;
		}
		if (begin == 0)
			begin = left;
		progress_show(&progress, begin - left, begin);
	}
	progress_end(&progress);
	*shipped = left;
	return result;
}

static int tell_copied(struct admin *admin, int result, int64_t left, const struct why *why)
{
	struct jsonout *json;

	if (admin->json) {
		json = jsonout_new(admin->arena, "store.copy");
		jsonout_int(json, "pending_rows", left);
		jsonout_bool(json, "complete", result == 0);
		admin_print_json(admin, json);
	}
	if (result < 0)
		return fail_unavailable(admin, why);
	if (result == 0) {
		admin_note(admin, "all that was counted is there");
		return ADMIN_DONE;
	}
	admin_error(admin, "stopped; %" PRId64 " rows are left: the same command goes on", left);
	return 130;
}

static int store_copy(struct admin *admin, int argc, char **argv)
{
	struct utsname system = {.nodename = "?"};
	struct stores stores = {.admin = admin};
	struct ship_settings settings = {.name = system.nodename};
	struct why why = {""};
	struct ship *ship;
	int64_t left = 0;
	bool busy;
	int status = read_copy(&stores, &settings.shared, argc, argv), result;

	if (status != 0)
		return status;
	(void)uname(&system);
	settings.path = stores.settings.path;
	if (access(settings.path, F_OK) != 0) {
		admin_error(admin, "%s: %s", settings.path, strerror(errno));
		return ADMIN_NO_INPUT;
	}
	ship = ship_open(&settings, &busy, &why);
	if (ship == NULL) {
		admin_error(admin, "%s%s", why.text,
			    busy ? ": countersignd does it by itself; see: countersign store info"
				 : "");
		return busy ? ADMIN_TEMPORARY : ADMIN_UNAVAILABLE;
	}
	result = ship_all(ship, admin, &left, &why);
	ship_close(ship);
	return tell_copied(admin, result, left, &why);
}

const struct admin_verb cmd_store[] = {
    {"store", "backup", "FILE", "Copy the ledger's file while the daemon writes", store_backup,
     NULL, false},
    {"store", "check", "", "Look whether what is stored holds together", store_check, check_options,
     false},
    {"store", "copy", "", "Copy all counts to a shared store", store_copy, copy_options, false},
    {"store", "expire", "", "Delete what is older than store.keep", store_expire, local_options,
     false},
    {"store", "info", "", "Show what is stored, and what is still to be shipped", store_info,
     local_options, false},
    {"store", "migrate", "", "Upgrade the tables to this program's schema", store_migrate,
     local_options, false},
    {NULL, NULL, NULL, NULL, NULL, NULL, false}};
