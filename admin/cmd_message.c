/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `countersign message find`: what became of a message, from the log of messages in the ledger's
 * file (store/messages.h). Each line there is what was logged; here it is taken apart and compared.
 */
#include <getopt.h>
#include <string.h>

#include "admin/admin.h"
#include "lib/jsonout.h"
#include "mail/logfields.h"
#include "admin/out.h"
#include "admin/progress.h"
#include "admin/report/send.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/url.h"
#include "report/page/mailview.h"
#include "store/messages.h"

enum { LIMIT = 50, LIMIT_MAX = 1000000, SECONDS_MAX = 3650 * 86400 };

enum {
	OPTION_SINCE = 256,
	OPTION_LIMIT,
	OPTION_FIELD /* and those behind it */
};

/* The options whose name is the key of a field. */
static const struct admin_option find_options[] = {
    {"qid", OPTION_FIELD, "ID", "with this queue ID"},
    {"from", OPTION_FIELD + 1, "ADDRESS",
     "with this envelope sender; a domain: any of its addresses"},
    {"hfrom", OPTION_FIELD + 2, "DOMAIN", "with this author domain (From)"},
    {"ip", OPTION_FIELD + 3, "ADDRESS", "from this client"},
    {"helo", OPTION_FIELD + 4, "NAME", "from a client that sent this HELO name"},
    {"user", OPTION_FIELD + 5, "LOGIN", "from this login"},
    {"origin", OPTION_FIELD + 6, "WORD",
     "of this origin: inbound, auth, submission, local, relay or unknown"},
    {"spf", OPTION_FIELD + 7, "RESULT", "with this result of SPF"},
    {"dkim", OPTION_FIELD + 8, "RESULT", "with a signature with this result or from this domain"},
    {"arc", OPTION_FIELD + 9, "RESULT", "with this result of ARC, or last sealed by this domain"},
    {"dmarc", OPTION_FIELD + 10, "RESULT", "with this result of DMARC"},
    {"policy", OPTION_FIELD + 11, "POLICY", "under this policy: none, quarantine or reject"},
    {"action", OPTION_FIELD + 12, "ACTION",
     "with this action: accept, quarantine, reject or tempfail"},
    {"msgid", OPTION_FIELD + 13, "ID", "with this Message-ID, with or without its <>"},
    {"rcpt", OPTION_FIELD + 14, "ADDRESS",
     "to this recipient, or to this domain (requires log.recipients)"},
    {"since", OPTION_SINCE, "WHEN", "since WHEN: 30m, 12h or 7d ago, or a day such as 2026-11-22"},
    {"limit", OPTION_LIMIT, "N", "the newest N (50); 0: all"},
    {NULL, 0, NULL, NULL}};

enum { FIELDS = 15, FIELD_RCPT = 14 };

struct find {
	struct admin *admin;
	const char *wanted[FIELDS]; /* by option; NULL: any */
	int64_t since;
	uint64_t limit; /* 0: none */
	uint64_t found;
	struct arena *line_arena;
	struct out_table *table;
	struct jsonout *json;
	struct progress progress;
	int64_t newest, oldest; /* wall seconds: what is read lies between */
};

/* ---- options ---- */

/* "30m", "12h", "7d": so long ago; or a day. */
static bool parse_since(const char *text, int64_t *since)
{
	static const struct {
		char letter;
		int64_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
	struct span s = span_of(text);
	uint64_t number;
	int32_t day;

	if (report_day_parse(text, &day)) {
		*since = clock_day_begin(day);
		return true;
	}
	for (size_t i = 0; i < sizeof units / sizeof units[0] && !span_empty(s); i++) {
		struct span digits = {s.p, s.end - 1};

		if (s.end[-1] != units[i].letter || !span_number(digits, SECONDS_MAX, &number))
			continue;
		*since = clock_wall() - (int64_t)number * units[i].seconds;
		return true;
	}
	return false;
}

static int read_option(struct find *find, int letter)
{
	if (letter >= OPTION_FIELD && letter < OPTION_FIELD + FIELDS)
		find->wanted[letter - OPTION_FIELD] = optarg;
	else if (letter == OPTION_SINCE && !parse_since(optarg, &find->since))
		return admin_usage(find->admin,
				   "--since: \"%s\" is neither 30m, 12h or 7d nor a day", optarg);
	else if (letter == OPTION_LIMIT && !span_number(span_of(optarg), LIMIT_MAX, &find->limit))
		return admin_usage(find->admin, "--limit: \"%s\" is not a number up to %d", optarg,
				   LIMIT_MAX);
	return ADMIN_DONE;
}

static int read_options(struct find *find, int argc, char **argv)
{
	int letter, status = ADMIN_DONE;

	while (status == ADMIN_DONE && (letter = admin_getopt(find->admin, argc, argv)) != -1)
		status = letter == '?' ? ADMIN_USAGE : read_option(find, letter);
	if (status == ADMIN_DONE && optind < argc)
		return admin_usage(find->admin, "unexpected argument \"%s\"", argv[optind]);
	return status;
}

/* ---- a message ---- */

static bool is_wanted(const struct find *find, const struct logfields *fields)
{
	for (unsigned i = 0; i < FIELDS; i++) {
		const char *value;

		if (find->wanted[i] == NULL)
			continue;
		value = logfields_get(fields, find_options[i].name);
		if (value == NULL || !logfields_match(value, find->wanted[i]))
			return false;
	}
	return true;
}

/* "spf=pass dkim=pass dmarc=pass", or what it was signed with. */
static const char *result_text(struct arena *arena, const struct logfields *fields)
{
	static const char *const keys[] = {"spf", "dkim", "dmarc", "sign"};
	struct buf text;

	buf_init(&text, arena, 0);
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		const char *value = logfields_get(fields, keys[i]);
		size_t length = value == NULL ? 0 : strcspn(value, i < 3 ? "/" : "");

		if (value != NULL)
			buf_printf(&text, "%s%s=%.*s", text.len > 0 ? " " : "", keys[i],
				   (int)length, value);
	}
	return buf_text(&text);
}

static enum out_style style_of(const char *action)
{
	if (strcmp(action, "accept") == 0)
		return OUT_PLAIN;
	return strcmp(action, "reject") == 0 ? OUT_BAD : OUT_WARN;
}

static const char *or_dash(const char *text)
{
	return text == NULL || *text == '\0' ? "-" : text;
}

static void add_row(struct find *find, const char *time, const struct logfields *fields)
{
	static const char *const keys[] = {"qid", "ip", "from"};
	const char *action = or_dash(logfields_get(fields, "action"));

	out_cell(find->table, OUT_DIM, "%s", time);
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		out_cell(find->table, OUT_PLAIN, "%s", or_dash(logfields_get(fields, keys[i])));
	out_cell(find->table, OUT_PLAIN, "%s", result_text(find->admin->arena, fields));
	out_cell(find->table, style_of(action), "%s", action);
}

/* All of it, one field a line. */
static void print_record(const char *time, const struct logfields *fields)
{
	printf("%-10s %s\n", "time", time);
	for (unsigned i = 0; i < fields->count; i++) {
		printf("%-10s ", fields->items[i].key);
		out_text(stdout, fields->items[i].value);
		putchar('\n');
	}
	putchar('\n');
}

static bool visit_line(void *arg, int64_t at, const char *line)
{
	struct find *find = arg;
	struct logfields fields;
	char time[CLOCK_TEXT_MAX];

	if (find->newest == 0)
		find->newest = at;
	progress_show(&find->progress, find->newest - at, find->newest - find->oldest);
	arena_reset(find->line_arena);
	if (!logfields_parse(find->line_arena, span_of(line), &fields) || !is_wanted(find, &fields))
		return true;
	clock_utc_text(at, time);
	if (find->json != NULL)
		mailview_json(find->json, time, &fields);
	else if (find->admin->verbose > 0)
		print_record(time, &fields);
	else
		add_row(find, time, &fields);
	return ++find->found != find->limit;
}

/* ---- the command ---- */

static int settings_of(struct admin *admin, struct ledger_settings *settings)
{
	const struct conf *conf = admin_conf(admin);
	struct why why = {""};

	if (conf == NULL)
		return ADMIN_CONFIG;
	settings->read_only = true;
	settings->path = conf->store.url[0] == '\0' ? NULL : url_sqlite_path(conf->store.url, &why);
	if (settings->path != NULL)
		return ADMIN_DONE;
	if (why.text[0] != '\0')
		admin_error(admin, "%s", why.text);
	else
		admin_error(admin, "there is no ledger: store.url is empty");
	return ADMIN_CONFIG;
}

static void print_found(struct find *find)
{
	const struct conf *conf = admin_conf(find->admin);

	if (find->json != NULL) {
		jsonout_end(find->json);
		admin_print_json(find->admin, find->json);
	} else if (find->table != NULL) {
		out_table_print(find->table, stdout, admin_color(find->admin, stdout));
	}
	if (find->found > 0)
		return;
	if (conf->messages.keep == 0)
		admin_note(find->admin, "there is no log of messages: messages.keep is 0s");
	else if (find->wanted[FIELD_RCPT] != NULL && !conf->log.recipients)
		admin_note(find->admin, "no such message: recipients are not logged "
					"(log.recipients is false)");
	else
		admin_note(find->admin, "no such message");
}

static int find_messages(struct find *find)
{
	static const char *const headings[] = {"TIME", "QUEUE ID", "CLIENT",
					       "FROM", "RESULT",   "ACTION"};
	struct ledger_settings settings = {0};
	struct why why = {""};
	int status = settings_of(find->admin, &settings), failed;

	if (status != ADMIN_DONE)
		return status;
	if (find->admin->json) {
		find->json = jsonout_new(find->admin->arena, "message.find");
		jsonout_array(find->json, "messages");
	} else if (find->admin->verbose == 0) {
		find->table = out_table_new(find->admin->arena, headings, 6);
	}
	find->line_arena = arena_new(0);
	find->oldest = clock_wall() - admin_conf(find->admin)->messages.keep / CLOCK_SECOND;
	if (find->oldest < find->since)
		find->oldest = find->since;
	progress_begin(&find->progress, find->admin, "seconds of the log");
	failed = messages_each(&settings, find->since, INT64_MAX, visit_line, find, &why);
	progress_end(&find->progress);
	arena_free(find->line_arena);
	if (failed != 0) {
		admin_error(find->admin, "%s", why.text);
		return ADMIN_UNAVAILABLE;
	}
	print_found(find);
	return find->found > 0 ? ADMIN_DONE : ADMIN_NO;
}

static int message_find(struct admin *admin, int argc, char **argv)
{
	struct find find = {.admin = admin, .limit = LIMIT};
	int status = read_options(&find, argc, argv);

	return status == ADMIN_DONE ? find_messages(&find) : status;
}

const struct admin_verb cmd_message[] = {
    {"message", "find", "", "Find out what happened to messages, newest first", message_find,
     find_options, false},
    {NULL, NULL, NULL, NULL, NULL, NULL, false},
};
