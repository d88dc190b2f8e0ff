/*
 * `countersign report`: the aggregate reports that the ledger holds, listed, shown, written as XML.
 *
 * A report is one policy domain, day and policy configuration. Domains seldom change their policy;
 * where one did, its configurations are numbered from 1 in the order in which they were first seen.
 * The daemon goes on writing meanwhile: everything is read in pages, and nothing is locked.
 */
#include "admin/admin.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/jsonout.h"
#include "admin/out.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "policy/domain.h"
#include "report/aggregate.h"
#include "report/json.h"
#include "store/ledger.h"

enum { ROWS_SHOWN = 40, ROWS_MAX = 1000, CHUNK_ROWS = 500, DAYS_MAX = 3650 };

/* ---- days: "today", "yesterday", "2026-11-22"; "7d" for --since ---- */

static bool parse_day(const char *text, int32_t *day)
{
	int32_t today = clock_day(clock_wall());

	if (strcmp(text, "today") == 0)
		*day = today;
	else if (strcmp(text, "yesterday") == 0)
		*day = today - 1;
	else
		return clock_day_parse(span_of(text), day);
	return true;
}

static bool parse_since(const char *text, int32_t *day)
{
	struct span s = span_of(text);
	uint64_t days;

	if (span_len(s) > 1 && s.end[-1] == 'd') {
		s.end--;
		if (!span_number(s, DAYS_MAX, &days))
			return false;
		*day = clock_day(clock_wall()) - (int32_t)days;
		return true;
	}
	return parse_day(text, day);
}

static const char *day_text(struct arena *arena, int32_t day)
{
	char text[CLOCK_TEXT_MAX];

	return arena_string(arena, clock_day_text(day, text));
}

static double percent(int64_t part, int64_t whole)
{
	return whole == 0 ? 0 : 100.0 * (double)part / (double)whole;
}

/* ---- the ledger of the settings ---- */

/* *STATUS is set where NULL is returned. */
static struct ledger *open_ledger(struct admin *admin, int *status)
{
	const struct conf *conf = admin_conf(admin);
	struct ledger_settings settings = {.read_only = true};
	struct ledger *ledger;
	struct why why = {""};

	*status = ADMIN_CONFIG;
	if (conf == NULL)
		return NULL;
	if (conf->store.url[0] == '\0') {
		admin_error(admin, "no ledger is kept: store.url is empty");
		return NULL;
	}
	settings.path = ledger_url_path(conf->store.url, &why);
	if (settings.path == NULL) {
		admin_error(admin, "%s", why.text);
		return NULL;
	}
	*status = ADMIN_UNAVAILABLE;
	ledger = ledger_open(&settings, &why);
	if (ledger == NULL)
		admin_error(admin, "%s", why.text);
	return ledger;
}

/* ---- report list ---- */

enum { OPTION_DAY = 256, OPTION_SINCE, OPTION_XML, OPTION_POLICY, OPTION_ROWS };

static const struct admin_option list_options[] = {
    {"day", OPTION_DAY, "DAY", "of this day, UTC: 2026-11-22, today or yesterday (the default)"},
    {"since", OPTION_SINCE, "WHEN", "of this day and all later ones; 7d: of the last seven days"},
    {NULL, 0, NULL, NULL}};

struct list {
	struct admin *admin;
	struct out_table *table;
	struct jsonout *json;
	char domain[256]; /* of the line before, and its day and number */
	int32_t day;
	unsigned number;
	unsigned reports;
};

/* The number of a configuration among those of its domain and day. */
static unsigned next_number(struct list *list, const struct ledger_day *day)
{
	if (day->day != list->day || strcmp(day->policy.domain, list->domain) != 0)
		list->number = 0;
	list->day = day->day;
	snprintf(list->domain, sizeof list->domain, "%s", day->policy.domain);
	list->reports++;
	return ++list->number;
}

static void list_text(struct list *list, const struct ledger_day *day, unsigned number)
{
	const char *rua = day->policy.rua == NULL ? "(none wanted)" : day->policy.rua;
	double passed = percent(day->passed, day->messages);
	char text[CLOCK_TEXT_MAX];

	out_cell(list->table, OUT_PLAIN, "%s", clock_day_text(day->day, text));
	out_cell(list->table, OUT_PLAIN, "%s", day->policy.domain);
	out_cell(list->table, OUT_PLAIN, number == 1 ? "%s" : "%s (%u)", day->policy.p, number);
	out_cell(list->table, OUT_PLAIN, "%" PRId64, day->messages);
	out_cell(list->table, day->passed == day->messages ? OUT_GOOD : OUT_PLAIN, "%.1f", passed);
	out_cell(list->table, OUT_PLAIN, "%" PRId64, day->rows);
	out_cell(list->table, day->policy.rua == NULL ? OUT_DIM : OUT_PLAIN,
		 strlen(rua) > 48 ? "%.45s..." : "%.48s", rua);
}

static void list_json(struct list *list, const struct ledger_day *day, unsigned number)
{
	char text[CLOCK_TEXT_MAX];

	jsonout_object(list->json, NULL);
	jsonout_text(list->json, "day", clock_day_text(day->day, text));
	jsonout_text(list->json, "domain", day->policy.domain);
	jsonout_int(list->json, "policy_number", number);
	jsonout_text(list->json, "p", day->policy.p);
	jsonout_int(list->json, "messages", day->messages);
	jsonout_int(list->json, "passed", day->passed);
	jsonout_int(list->json, "rows", day->rows);
	jsonout_text(list->json, "rua", day->policy.rua);
	jsonout_end(list->json);
}

static int list_day(void *arg, const struct ledger_day *day)
{
	struct list *list = arg;
	unsigned number = next_number(list, day);

	if (list->json != NULL)
		list_json(list, day, number);
	else
		list_text(list, day, number);
	return 0;
}

static int print_list(struct admin *admin, struct ledger *ledger, int32_t from, int32_t to)
{
	static const char *const headings[] = {"DAY",    "DOMAIN", "POLICY", ">MESSAGES",
					       ">PASS%", ">ROWS",  "TO"};
	struct list list = {.admin = admin};
	struct why why = {""};

	if (admin->json) {
		list.json = jsonout_new(admin->arena, "report.list");
		jsonout_text(list.json, "from", day_text(admin->arena, from));
		jsonout_text(list.json, "to", day_text(admin->arena, to));
		jsonout_array(list.json, "reports");
	} else {
		list.table = out_table_new(admin->arena, headings, 7);
	}
	if (ledger_days(ledger, NULL, from, to, list_day, &list, &why) != 0) {
		admin_error(admin, "%s", why.text);
		return ADMIN_UNAVAILABLE;
	}
	if (admin->json)
		jsonout_print(list.json, stdout);
	else
		out_table_print(list.table, stdout, admin_color(admin, stdout));
	if (!admin->json && list.reports == 0)
		admin_note(admin, "nothing was counted%s%s%s%s", from == to ? " on " : " from ",
			   day_text(admin->arena, from), from == to ? "" : " to ",
			   from == to ? "" : day_text(admin->arena, to));
	return ADMIN_DONE;
}

static int cmd_list(struct admin *admin, int argc, char **argv)
{
	const char *day = NULL, *since = NULL;
	int32_t from = clock_day(clock_wall()) - 1, to;
	struct ledger *ledger;
	int c, status;

	while ((c = admin_getopt(admin, argc, argv)) != -1) {
		if (c == '?')
			return ADMIN_USAGE;
		*(c == OPTION_DAY ? &day : &since) = optarg;
	}
	if (optind < argc)
		return admin_usage(admin, "unexpected argument \"%s\"", argv[optind]);
	if (day != NULL && since != NULL)
		return admin_usage(admin, "either --day or --since, not both");
	if (day != NULL && !parse_day(day, &from))
		return admin_usage(admin, "--day: \"%s\" is no day (2026-11-22, today)", day);
	if (since != NULL && !parse_since(since, &from))
		return admin_usage(admin, "--since: \"%s\" is no day (2026-11-22, 7d)", since);
	to = since != NULL ? clock_day(clock_wall()) : from;
	ledger = open_ledger(admin, &status);
	if (ledger == NULL)
		return status;
	status = print_list(admin, ledger, from, to);
	ledger_close(ledger);
	return status;
}

/* ---- report show: which report ---- */

static const struct admin_option show_options[] = {
    {"day", OPTION_DAY, "DAY", "of this day, UTC: 2026-11-22, today or yesterday (the default)"},
    {"policy", OPTION_POLICY, "N", "only the Nth policy of that day, where there were several"},
    {"rows", OPTION_ROWS, "N", "show the N rows with most messages (40); 0: all, by source"},
    {"xml", OPTION_XML, NULL, "print the report as it is sent (RFC 9990)"},
    {"output", 'o', "DIR", "write the reports as XML files into DIR"},
    {NULL, 0, NULL, NULL}};

struct show {
	struct admin *admin;
	struct ledger *ledger;
	const char *domain;
	int32_t day;
	unsigned policy; /* 0: all */
	unsigned rows;   /* 0: all */
	bool xml;
	const char *output;
	struct aggregate_reporter reporter;
	struct ledger_day *reports; /* the configurations, from number FIRST */
	unsigned count, first, seen;
};

static struct ledger_day copy_day(struct arena *arena, const struct ledger_day *day)
{
	struct ledger_day copy = *day;
	const char **texts[] = {&copy.policy.domain, &copy.policy.p,       &copy.policy.sp,
				&copy.policy.np,     &copy.policy.adkim,   &copy.policy.aspf,
				&copy.policy.fo,     &copy.policy.testing, &copy.policy.discovery,
				&copy.policy.rua,    &copy.policy.ruf};

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		*texts[i] = arena_string(arena, *texts[i]);
	return copy;
}

static int collect(void *arg, const struct ledger_day *day)
{
	struct show *show = arg;
	struct arena *arena = show->admin->arena;

	show->seen++;
	if (show->policy != 0 && show->seen != show->policy)
		return 0;
	if ((show->count & (show->count - 1)) == 0) {
		struct ledger_day *old = show->reports;

		show->reports = arena_array(arena, 2 * show->count + 1, sizeof *old);
		if (show->count > 0)
			memcpy(show->reports, old, show->count * sizeof *old);
	}
	if (show->count == 0)
		show->first = show->seen;
	show->reports[show->count++] = copy_day(arena, day);
	return 0;
}

static int nothing(const struct show *show)
{
	const char *day = day_text(show->admin->arena, show->day);

	if (show->seen > 0)
		admin_error(show->admin, "no policy %u: %s had %u on %s", show->policy,
			    show->domain, show->seen, day);
	else
		admin_error(show->admin,
			    "nothing was counted for %s on %s; see: countersign report list"
			    " --since 30d",
			    show->domain, day);
	return ADMIN_NO;
}

/* ---- report show: for people ---- */

static const char *reason_types(struct arena *arena, const struct ledger_row *row)
{
	const struct json_list *reasons = json_list_parse(arena, row->reasons);
	struct buf buf;

	buf_init(&buf, arena, 0);
	for (unsigned i = 0; i < json_list_count(reasons); i++) {
		const char *type = json_list_get(reasons, i, "type");

		buf_printf(&buf, "%s%s", buf.len == 0 ? "" : ", ", type == NULL ? "?" : type);
	}
	return buf_text(&buf);
}

static const char *signature_texts(struct arena *arena, const struct ledger_row *row)
{
	const struct json_list *list = json_list_parse(arena, row->dkim);
	struct buf buf;

	buf_init(&buf, arena, 0);
	for (unsigned i = 0; i < json_list_count(list); i++) {
		const char *domain = json_list_get(list, i, "domain");
		const char *result = json_list_get(list, i, "result");

		buf_printf(&buf, "%s%s=%s", buf.len == 0 ? "" : " ", domain ? domain : "?",
			   result ? result : "?");
	}
	return buf_text(&buf);
}

static struct out_table *new_row_table(const struct admin *admin, struct arena *arena)
{
	static const char *const headings[] = {"SOURCE", ">MESSAGES",   "DISPOSITION",
					       "DKIM",   "SPF",         "HEADER FROM",
					       "REASON", "SPF CHECKED", "SIGNATURES"};

	return out_table_new(arena, headings, admin->verbose > 0 ? 9 : 7);
}

static enum out_style aligned_style(const char *result)
{
	return strcmp(result, "pass") == 0 ? OUT_GOOD : OUT_PLAIN;
}

static void add_row_cells(const struct admin *admin, struct arena *arena, struct out_table *table,
			  const struct ledger_row *row)
{
	bool held = strcmp(row->disposition, "none") != 0 && strcmp(row->disposition, "pass") != 0;

	out_cell(table, OUT_PLAIN, "%s", row->source_ip);
	out_cell(table, OUT_PLAIN, "%" PRId64, row->count);
	out_cell(table, held ? OUT_WARN : OUT_PLAIN, "%s", row->disposition);
	out_cell(table, aligned_style(row->dkim_aligned), "%s", row->dkim_aligned);
	out_cell(table, aligned_style(row->spf_aligned), "%s", row->spf_aligned);
	out_cell(table, OUT_PLAIN, "%s", row->header_from);
	out_cell(table, OUT_PLAIN, "%s", reason_types(arena, row));
	if (admin->verbose == 0)
		return;
	out_cell(table, OUT_PLAIN, "%s=%s", row->spf_domain, row->spf_result);
	out_cell(table, OUT_PLAIN, "%s", signature_texts(arena, row));
}

/* The rows with most messages: sorted, each with an arena of its own that is used again. */
struct top {
	struct top_row {
		struct ledger_row row;
		struct arena *arena;
	} rows[ROWS_MAX];
	unsigned count, max;
	int64_t messages; /* of all rows, shown or not */
};

static void copy_row(struct top_row *to, const struct ledger_row *row)
{
	struct ledger_row *copy = &to->row;
	const char **texts[] = {&copy->source_ip,   &copy->disposition, &copy->dkim_aligned,
				&copy->spf_aligned, &copy->reasons,     &copy->header_from,
				&copy->dkim,        &copy->spf_domain,  &copy->spf_result};

	if (to->arena == NULL)
		to->arena = arena_new(0);
	arena_reset(to->arena);
	*copy = *row;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		*texts[i] = arena_string(to->arena, *texts[i]);
}

static int keep_top(void *arg, const struct ledger_row *row)
{
	struct top *top = arg;
	struct top_row place;
	unsigned i = top->count < top->max ? top->count : top->max - 1;

	top->messages += row->count;
	if (top->count == top->max && top->rows[i].row.count >= row->count)
		return 0;
	if (top->count < top->max)
		top->count++;
	place = top->rows[i]; /* the last one goes: its arena serves the new one */
	for (; i > 0 && top->rows[i - 1].row.count < row->count; i--)
		top->rows[i] = top->rows[i - 1];
	copy_row(&place, row);
	top->rows[i] = place;
	return 0;
}

static int print_top(const struct show *show, const struct ledger_day *day, struct why *why)
{
	struct top *top = calloc(1, sizeof *top);
	struct arena *arena = arena_new(0);
	struct out_table *table = new_row_table(show->admin, arena);
	int64_t messages = 0;
	int result;

	if (top == NULL)
		abort();
	top->max = show->rows;
	result =
	    ledger_rows(show->ledger, show->domain, show->day, day->config, keep_top, top, why);
	for (unsigned i = 0; i < top->count; i++) {
		add_row_cells(show->admin, arena, table, &top->rows[i].row);
		messages += top->rows[i].row.count;
		arena_free(top->rows[i].arena);
	}
	out_table_print(table, stdout, admin_color(show->admin, stdout));
	if (top->messages > messages)
		printf("and %" PRId64 " messages in other rows (--rows=0 shows all)\n",
		       top->messages - messages);
	arena_free(arena);
	free(top);
	return result;
}

/* All rows: a table for each chunk of them, so that memory does not grow. */
struct chunks {
	const struct admin *admin;
	struct arena *arena;
	struct out_table *table;
	unsigned count;
};

static void print_chunk(struct chunks *chunks)
{
	if (chunks->table != NULL)
		out_table_print(chunks->table, stdout, admin_color(chunks->admin, stdout));
	arena_reset(chunks->arena);
	chunks->table = NULL;
	chunks->count = 0;
}

static int add_to_chunk(void *arg, const struct ledger_row *row)
{
	struct chunks *chunks = arg;

	if (chunks->count == CHUNK_ROWS)
		print_chunk(chunks);
	if (chunks->table == NULL)
		chunks->table = new_row_table(chunks->admin, chunks->arena);
	add_row_cells(chunks->admin, chunks->arena, chunks->table, row);
	chunks->count++;
	return ferror(stdout);
}

static int print_all(const struct show *show, const struct ledger_day *day, struct why *why)
{
	struct chunks chunks = {.admin = show->admin, .arena = arena_new(0)};
	int result = ledger_rows(show->ledger, show->domain, show->day, day->config, add_to_chunk,
				 &chunks, why);

	print_chunk(&chunks);
	arena_free(chunks.arena);
	return result;
}

static void print_policy(const struct ledger_policy *policy)
{
	const struct {
		const char *name, *text;
	} tags[] = {{"p", policy->p},         {"sp", policy->sp},     {"np", policy->np},
		    {"adkim", policy->adkim}, {"aspf", policy->aspf}, {"fo", policy->fo},
		    {"t", policy->testing}};

	for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++) {
		if (tags[i].text == NULL)
			continue;
		printf("%s%s=", i == 0 ? "" : " ", tags[i].name);
		out_text(stdout, tags[i].text);
	}
}

static int show_text(const struct show *show, struct why *why)
{
	int result = 0;

	for (unsigned i = 0; i < show->count && result == 0; i++) {
		const struct ledger_day *day = &show->reports[i];
		char text[CLOCK_TEXT_MAX];

		printf("%s%s   %s   ", i == 0 ? "" : "\n", show->domain,
		       clock_day_text(show->day, text));
		print_policy(&day->policy);
		if (show->seen > 1)
			printf("   (policy %u of %u)", show->first + i, show->seen);
		printf("\n%" PRId64 " messages, %.1f %% pass, %" PRId64 " rows; report to: ",
		       day->messages, percent(day->passed, day->messages), day->rows);
		out_text(stdout, day->policy.rua == NULL ? "nobody (no rua)" : day->policy.rua);
		printf("\n\n");
		result = show->rows > 0 ? print_top(show, day, why) : print_all(show, day, why);
	}
	return result;
}

/* ---- report show: for programs; written as it is read ---- */

static void json_member(struct arena *arena, const char *name, const char *text, const char *end)
{
	printf("\"%s\": %s%s", name, json_quote(arena, text), end);
}

/* A list as the row holds it; an empty one where that is damaged. */
static const char *json_list_or_empty(struct arena *arena, const char *text)
{
	struct json_list *list = json_list_parse(arena, text);

	return list == NULL ? "[]" : json_list_text(list);
}

struct json_rows {
	struct arena *arena;
	bool more;
};

static int print_json_row(void *arg, const struct ledger_row *row)
{
	struct json_rows *rows = arg;
	struct arena *arena = rows->arena;

	arena_reset(arena);
	printf("%s\n        {", rows->more ? "," : "");
	rows->more = true;
	json_member(arena, "source_ip", row->source_ip, ", ");
	printf("\"count\": %" PRId64 ", ", row->count);
	json_member(arena, "disposition", row->disposition, ", ");
	json_member(arena, "dkim_aligned", row->dkim_aligned, ", ");
	json_member(arena, "spf_aligned", row->spf_aligned, ", ");
	printf("\"reasons\": %s, ", json_list_or_empty(arena, row->reasons));
	json_member(arena, "header_from", row->header_from, ", ");
	json_member(arena, "envelope_from", row->envelope_from, ", ");
	json_member(arena, "envelope_to", row->envelope_to, ", ");
	printf("\"dkim\": %s, ", json_list_or_empty(arena, row->dkim));
	json_member(arena, "spf_domain", row->spf_domain, ", ");
	json_member(arena, "spf_result", row->spf_result, "}");
	return ferror(stdout);
}

static int print_json_report(const struct show *show, unsigned i, struct why *why)
{
	const struct ledger_day *day = &show->reports[i];
	struct json_rows rows = {.arena = arena_new(0)};
	struct arena *arena = rows.arena;
	char id[AGGREGATE_ID_MAX];
	int result;

	aggregate_id(&show->reporter, day, id);
	printf("%s\n    {\n      \"policy_number\": %u,\n      ", i == 0 ? "" : ",",
	       show->first + i);
	json_member(arena, "report_id", id, ",\n      \"policy\": {");
	json_member(arena, "p", day->policy.p, ", ");
	json_member(arena, "sp", day->policy.sp, ", ");
	json_member(arena, "np", day->policy.np, ", ");
	json_member(arena, "adkim", day->policy.adkim, ", ");
	json_member(arena, "aspf", day->policy.aspf, ", ");
	json_member(arena, "fo", day->policy.fo, ", ");
	json_member(arena, "testing", day->policy.testing, ", ");
	json_member(arena, "discovery_method", day->policy.discovery, ", ");
	json_member(arena, "rua", day->policy.rua, "},\n      ");
	printf("\"messages\": %" PRId64 ",\n      \"passed\": %" PRId64 ",\n      \"rows\": [",
	       day->messages, day->passed);
	result = ledger_rows(show->ledger, show->domain, show->day, day->config, print_json_row,
			     &rows, why);
	printf("\n      ]\n    }");
	arena_free(rows.arena);
	return result;
}

static int show_json(const struct show *show, struct why *why)
{
	struct arena *arena = show->admin->arena;
	char now[CLOCK_TEXT_MAX];
	int result = 0;

	printf("{\n  \"schema\": \"countersign.report.show/1\",\n  ");
	json_member(arena, "version", VERSION, ",\n  ");
	json_member(arena, "generated", clock_utc_text(clock_wall(), now), ",\n  ");
	json_member(arena, "domain", show->domain, ",\n  ");
	json_member(arena, "day", day_text(arena, show->day), ",\n  \"reports\": [");
	for (unsigned i = 0; i < show->count && result == 0; i++)
		result = print_json_report(show, i, why);
	printf("\n  ]\n}\n");
	return result;
}

/* ---- report show: as it is sent ---- */

/* What is not set is made of the host's name. */
static void set_reporter(struct show *show, const struct conf *conf)
{
	struct aggregate_reporter *reporter = &show->reporter;
	struct arena *arena = show->admin->arena;
	char host[256] = "";

	if (gethostname(host, sizeof host - 1) != 0 || host[0] == '\0')
		snprintf(host, sizeof host, "localhost");
	reporter->org_name =
	    conf->reports.org[0] != '\0' ? conf->reports.org : arena_string(arena, host);
	reporter->email = conf->reports.from[0] != '\0'
			      ? conf->reports.from
			      : arena_printf(arena, "postmaster@%s", host);
	reporter->contact = conf->reports.contact;
	reporter->receiver = domain_of_address(arena, reporter->email);
	if (reporter->receiver == NULL)
		reporter->receiver = arena_string(arena, host);
	if ((show->xml || show->output != NULL) &&
	    (conf->reports.org[0] == '\0' || conf->reports.from[0] == '\0'))
		admin_warning(show->admin,
			      "reports.org and reports.from are not both set: the report says"
			      " \"%s\", %s",
			      reporter->org_name, reporter->email);
}

static int show_xml(const struct show *show, struct why *why)
{
	if (show->count > 1) {
		admin_usage(
		    show->admin,
		    "%s had %u policies on that day, so there are %u reports: choose one with"
		    " --policy=1 to %u, or write all of them with --output=DIR",
		    show->domain, show->seen, show->seen, show->seen);
		return ADMIN_USAGE;
	}
	return aggregate_write(show->ledger, &show->reporter, &show->reports[0], stdout, NULL, why);
}

/* Complete or not at all: written beside, then renamed. */
static int write_file(const struct show *show, const struct ledger_day *day, struct why *why)
{
	struct arena *arena = show->admin->arena;
	const char *name = aggregate_file_name(&show->reporter, day, "xml", arena);
	const char *path = arena_printf(arena, "%s/%s", show->output, name);
	const char *part = arena_printf(arena, "%s/.%s.part", show->output, name);
	int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
	FILE *out = fd < 0 ? NULL : fdopen(fd, "w");
	int result;

	if (out == NULL)
		return why_set(why, "%s: %s", part, strerror(errno));
	result = aggregate_write(show->ledger, &show->reporter, day, out, NULL, why);
	if (fclose(out) != 0 && result == 0)
		result = why_set(why, "%s: %s", part, strerror(errno));
	if (result == 0 && rename(part, path) != 0)
		result = why_set(why, "%s: %s", path, strerror(errno));
	if (result != 0)
		unlink(part);
	else if (!show->admin->quiet)
		printf("%s\n", path);
	return result;
}

static int show_files(const struct show *show, struct why *why)
{
	int result = 0;

	for (unsigned i = 0; i < show->count && result == 0; i++)
		result = write_file(show, &show->reports[i], why);
	return result;
}

/* ---- report show: the command ---- */

static int show_reports(struct show *show)
{
	struct why why = {""};
	int result =
	    ledger_days(show->ledger, show->domain, show->day, show->day, collect, show, &why);

	if (result == 0 && show->count == 0)
		return nothing(show);
	if (result != 0)
		;
	else if (show->output != NULL)
		result = show_files(show, &why);
	else if (show->xml)
		result = show_xml(show, &why);
	else if (show->admin->json)
		result = show_json(show, &why);
	else
		result = show_text(show, &why);
	if (result >= 0)
		return result == ADMIN_USAGE ? ADMIN_USAGE : ADMIN_DONE;
	admin_error(show->admin, "%s", why.text);
	return show->output != NULL || show->xml ? ADMIN_IO : ADMIN_UNAVAILABLE;
}

static bool parse_number(const char *text, uint64_t max, unsigned *number)
{
	uint64_t n;

	if (!span_number(span_of(text), max, &n))
		return false;
	*number = (unsigned)n;
	return true;
}

/* 0, or ADMIN_USAGE after the error was printed. */
static int read_show_option(struct show *show, int c)
{
	switch (c) {
	case OPTION_DAY:
		if (parse_day(optarg, &show->day))
			return 0;
		return admin_usage(show->admin, "--day: \"%s\" is no day (2026-11-22, today)",
				   optarg);
	case OPTION_POLICY:
		if (parse_number(optarg, 1000000, &show->policy) && show->policy > 0)
			return 0;
		return admin_usage(show->admin, "--policy: \"%s\" is no number from 1", optarg);
	case OPTION_ROWS:
		if (parse_number(optarg, ROWS_MAX, &show->rows))
			return 0;
		return admin_usage(show->admin, "--rows: \"%s\" is no number from 0 to %d", optarg,
				   ROWS_MAX);
	case OPTION_XML:
		show->xml = true;
		return 0;
	case 'o':
		show->output = optarg;
		return 0;
	default:
		return ADMIN_USAGE;
	}
}

static int cmd_show(struct admin *admin, int argc, char **argv)
{
	struct show show = {.admin = admin, .day = clock_day(clock_wall()) - 1, .rows = ROWS_SHOWN};
	int c, status;

	while ((c = admin_getopt(admin, argc, argv)) != -1)
		if (read_show_option(&show, c) != 0)
			return ADMIN_USAGE;
	if (argc - optind != 1)
		return admin_usage(admin, "give one domain");
	if (admin->json && (show.xml || show.output != NULL))
		return admin_usage(admin, "either --json or XML, not both");
	show.domain = domain_to_ascii(admin->arena, span_of(argv[optind]));
	if (show.domain == NULL)
		return admin_usage(admin, "\"%s\" is no domain name", argv[optind]);
	show.ledger = open_ledger(admin, &status);
	if (show.ledger == NULL)
		return status;
	set_reporter(&show, admin_conf(admin));
	status = show_reports(&show);
	ledger_close(show.ledger);
	return status;
}

const struct admin_verb cmd_report[] = {
    {"report", "list", "", "List the aggregate reports that can be made", cmd_list, list_options,
     false},
    {"report", "show", "DOMAIN",
     "Show the report for a policy domain: what was received in its name", cmd_show, show_options,
     false},
    {NULL, NULL, NULL, NULL, NULL, NULL, false}};
