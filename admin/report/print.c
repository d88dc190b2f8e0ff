/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A report's rows as a table or as JSON. Whatever its size, what is held is bounded: the rows with
 * most messages, a chunk of rows, or one row.
 */
#include "admin/report/print.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "admin/out.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/heap.h"
#include "report/json.h"

enum { CHUNK_ROWS = 500 };

double report_percent(int64_t part, int64_t whole)
{
	return whole == 0 ? 0 : 100.0 * (double)part / (double)whole;
}

/* ---- for people ---- */

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
	} rows[REPORT_PRINT_ROWS_MAX];
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

static int print_top(const struct report_view *view, const struct ledger_day *day, struct why *why)
{
	struct top *top = heap_zero(sizeof *top);
	struct arena *arena = arena_new(0);
	struct out_table *table = new_row_table(view->admin, arena);
	const struct ledger_key key = {view->domain, view->day, day->config};
	int64_t messages = 0;
	int result;

	top->max = view->rows;
	result = ledger_rows(view->ledger, &key, keep_top, top, why);
	for (unsigned i = 0; i < top->count; i++) {
		add_row_cells(view->admin, arena, table, &top->rows[i].row);
		messages += top->rows[i].row.count;
		arena_free(top->rows[i].arena);
	}
	out_table_print(table, stdout, admin_color(view->admin, stdout));
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
	return ferror(stdout) != 0;
}

static int print_all(const struct report_view *view, const struct ledger_day *day, struct why *why)
{
	const struct ledger_key key = {view->domain, view->day, day->config};
	struct chunks chunks = {.admin = view->admin, .arena = arena_new(0)};
	int result = ledger_rows(view->ledger, &key, add_to_chunk, &chunks, why);

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

int report_print_text(const struct report_view *view, struct why *why)
{
	int result = 0;

	for (unsigned i = 0; i < view->count && result == 0; i++) {
		const struct ledger_day *day = &view->reports[i];
		char text[CLOCK_TEXT_MAX];

		printf("%s%s   %s   ", i == 0 ? "" : "\n", view->domain,
		       clock_day_text(view->day, text));
		print_policy(&day->policy);
		if (view->seen > 1)
			printf("   (policy %u of %u)", view->first + i, view->seen);
		printf("\n%" PRId64 " messages, %.1f %% pass, %" PRId64 " rows; report to: ",
		       day->messages, report_percent(day->passed, day->messages), day->rows);
		out_text(stdout, day->policy.rua == NULL ? "nobody (no rua)" : day->policy.rua);
		printf("\n\n");
		result = view->rows > 0 ? print_top(view, day, why) : print_all(view, day, why);
	}
	return result;
}

/* ---- for programs ---- */

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
	return ferror(stdout) != 0;
}

static int print_json_report(const struct report_view *view, unsigned i, struct why *why)
{
	const struct ledger_day *day = &view->reports[i];
	const struct ledger_key key = {view->domain, view->day, day->config};
	struct json_rows rows = {.arena = arena_new(0)};
	struct arena *arena = rows.arena;
	char id[AGGREGATE_ID_MAX];
	int result;

	aggregate_id(&view->reporter, day, id);
	printf("%s\n    {\n      \"policy_number\": %u,\n      ", i == 0 ? "" : ",",
	       view->first + i);
	json_member(arena, "report_id", id, ",\n      \"policy\": {");
	json_member(arena, "p", day->policy.p, ", ");
	json_member(arena, "sp", day->policy.sp, ", ");
	json_member(arena, "np", day->policy.np, ", ");
	json_member(arena, "adkim", day->policy.adkim, ", ");
	json_member(arena, "aspf", day->policy.aspf, ", ");
	json_member(arena, "fo", day->policy.fo, ", ");
	json_member(arena, "testing", day->policy.testing, ", ");
	json_member(arena, "discovery_method", day->policy.discovery, ", ");
	json_member(arena, "rua", day->policy.rua, ", ");
	json_member(arena, "error", day->policy.error, "},\n      ");
	printf("\"messages\": %" PRId64 ",\n      \"passed\": %" PRId64 ",\n      \"rows\": [",
	       day->messages, day->passed);
	result = ledger_rows(view->ledger, &key, print_json_row, &rows, why);
	printf("\n      ]\n    }");
	arena_free(rows.arena);
	return result;
}

int report_print_json(const struct report_view *view, struct why *why)
{
	struct arena *arena = view->admin->arena;
	char now[CLOCK_TEXT_MAX], day[CLOCK_TEXT_MAX];
	int result = 0;

	admin_streams_json(view->admin);
	printf("{\n  \"schema\": \"countersign.report.show/1\",\n  ");
	json_member(arena, "version", VERSION, ",\n  ");
	json_member(arena, "generated", clock_utc_text(clock_wall(), now), ",\n  ");
	json_member(arena, "domain", view->domain, ",\n  ");
	json_member(arena, "day", clock_day_text(view->day, day), ",\n  \"reports\": [");
	for (unsigned i = 0; i < view->count && result == 0; i++)
		result = print_json_report(view, i, why);
	printf("\n  ]");
	return result;
}
