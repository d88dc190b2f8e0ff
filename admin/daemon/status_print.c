/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/daemon/status_print.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/jsonout.h"
#include "admin/out.h"
#include "lib/buf.h"
#include "lib/clock.h"

enum { TITLE_WIDTH = 13, KEYS_SHOWN = 20 };
static const double MIB = 1048576;

/* ---- rows ---- */

struct page {
	const struct metrics_read *status;
	struct arena *arena;
	bool color;
	double rate;
};

static void print_row(const struct page *page, const char *title, enum out_style style,
		      const char *text)
{
	printf("%-*s %s", TITLE_WIDTH, title, out_on(style, page->color));
	out_text(stdout, text);
	printf("%s\n", out_off(style, page->color));
}

static const char *time_text(struct arena *arena, const char *wall)
{
	char text[CLOCK_TEXT_MAX];
	int64_t seconds = strtoll(wall, NULL, 10);

	return seconds == 0 ? "-" : arena_string(arena, clock_utc_text(seconds, text));
}

static const char *duration_text(struct arena *arena, int64_t seconds)
{
	if (seconds < 120)
		return arena_printf(arena, "%" PRId64 " s", seconds);
	if (seconds < 7200)
		return arena_printf(arena, "%" PRId64 " min", seconds / 60);
	if (seconds < 172800)
		return arena_printf(arena, "%" PRId64 " h", seconds / 3600);
	return arena_printf(arena, "%" PRId64 " days", seconds / 86400);
}

static double sum_of(const struct page *page, const char *name)
{
	return metrics_read_sum(page->status, name, NULL, NULL);
}

bool status_is_family(const struct metrics_read_sample *sample, const struct status_family *family)
{
	const struct metrics_read_label *only = &family->only;

	return strncmp(sample->name, "countersign_", 12) == 0 &&
	       strcmp(sample->name + 12, family->family) == 0 &&
	       (only->name == NULL ||
		strcmp(metrics_read_label(sample, only->name), only->value) == 0);
}

double status_family_sum(const struct metrics_read *status, const struct status_family *family,
			 const char *value)
{
	const struct metrics_read_label labels[] = {{family->label, value}, family->only};

	return metrics_read_sum_of(status, family->family, labels,
				   family->only.name == NULL ? 1 : 2);
}

/* Is it the first sample of the family with this value of the label? */
static bool is_first(const struct metrics_read *status, unsigned at,
		     const struct status_family *family)
{
	const char *value = metrics_read_label(&status->samples[at], family->label);

	for (unsigned i = 0; i < at; i++) {
		if (status_is_family(&status->samples[i], family) &&
		    strcmp(metrics_read_label(&status->samples[i], family->label), value) == 0)
			return false;
	}
	return true;
}

/* "pass 12, fail 3": what is not 0. */
static const char *family_text(const struct page *page, const struct status_family *family)
{
	const struct metrics_read *status = page->status;
	struct buf out;

	buf_init(&out, page->arena, 0);
	for (unsigned i = 0; i < status->sample_count; i++) {
		const char *value = metrics_read_label(&status->samples[i], family->label);
		double total;

		if (!status_is_family(&status->samples[i], family) || !is_first(status, i, family))
			continue;
		total = status_family_sum(status, family, value);
		if (total > 0)
			buf_printf(&out, "%s%s %.0f", out.len == 0 ? "" : ", ", value, total);
	}
	return out.len == 0 ? "-" : buf_text(&out);
}

static const char *breakdown_text(const struct page *page, const char *family, const char *label)
{
	const struct status_family one = {NULL, family, label, {NULL, NULL}};

	return family_text(page, &one);
}

/* ---- the daemon ---- */

static void print_daemon(const struct page *page)
{
	const struct metrics_read *status = page->status;
	double start = sum_of(page, "process_start_time_seconds");
	char since[CLOCK_TEXT_MAX];

	print_row(page, "daemon", OUT_BOLD,
		  arena_printf(page->arena, "countersignd %s, process %s, since %s (%s)",
			       metrics_read_text(status, "version"),
			       metrics_read_text(status, "pid"),
			       clock_utc_text((int64_t)start, since),
			       duration_text(page->arena, clock_wall() - (int64_t)start)));
	for (unsigned i = 0; metrics_read_fact(status, "listen", i) != NULL; i++)
		print_row(page, i == 0 ? "listening" : "", OUT_PLAIN,
			  metrics_read_fact(status, "listen", i)->text);
}

static void print_workers(const struct page *page)
{
	const struct metrics_read_fact *worker;
	double deaths = sum_of(page, "worker_deaths_total");

	for (unsigned i = 0; (worker = metrics_read_fact(page->status, "worker", i)) != NULL; i++)
		print_row(page, i == 0 ? "workers" : "",
			  strcmp(metrics_read_word(worker, 1), "ready") == 0 ? OUT_PLAIN : OUT_WARN,
			  arena_printf(page->arena, "%s %s since %s, %s",
				       metrics_read_word(worker, 0), metrics_read_word(worker, 1),
				       time_text(page->arena, metrics_read_word(worker, 2)),
				       metrics_read_word(worker, 3)));
	if (deaths > 0)
		print_row(page, "", OUT_WARN,
			  arena_printf(page->arena, "%.0f died and were replaced", deaths));
}

static void print_key_processes(const struct page *page)
{
	const struct metrics_read_fact *process;
	double deaths = sum_of(page, "key_process_deaths_total");

	for (unsigned i = 0; (process = metrics_read_fact(page->status, "key_process", i)) != NULL;
	     i++)
		print_row(page, i == 0 ? "key process" : "", OUT_PLAIN,
			  arena_printf(page->arena, "%s %s since %s, user %s, memory %s",
				       metrics_read_word(process, 0), metrics_read_word(process, 1),
				       time_text(page->arena, metrics_read_word(process, 2)),
				       metrics_read_word(process, 3),
				       metrics_read_word(process, 4)));
	if (deaths > 0)
		print_row(page, "", OUT_WARN,
			  arena_printf(page->arena, "%.0f died and were replaced", deaths));
}

/* "key-process files" etc.: the text after the kind. */
static const char *limits_of(const struct metrics_read_fact *confined)
{
	const char *blank = strchr(confined->text, ' ');

	return blank == NULL ? "" : blank + 1;
}

/* A line for the processes that have the same limits. */
static void print_confined(const struct page *page)
{
	const struct metrics_read_fact *one, *other;
	const char *title = "confined";

	for (unsigned i = 0; (one = metrics_read_fact(page->status, "confined", i)) != NULL; i++) {
		const char *who = metrics_read_word(one, 0);
		bool said = false;

		for (unsigned j = 0;
		     (other = metrics_read_fact(page->status, "confined", j)) != NULL; j++) {
			if (j == i || strcmp(limits_of(one), limits_of(other)) != 0)
				continue;
			said = said || j < i;
			who = arena_printf(page->arena, "%s, %s", who, metrics_read_word(other, 0));
		}
		if (said)
			continue;
		print_row(page, title,
			  strcmp(limits_of(one), "nothing") == 0 ? OUT_WARN : OUT_PLAIN,
			  arena_printf(page->arena, "%s: %s", limits_of(one), who));
		title = "";
	}
}

static void print_settings(const struct page *page)
{
	const struct metrics_read *status = page->status;
	const struct metrics_read_fact *reload = metrics_read_fact(status, "reload", 0);
	bool refused = strcmp(metrics_read_word(reload, 0), "refused") == 0;
	const char *path = metrics_read_text(status, "settings");

	if (reload == NULL)
		print_row(page, "settings", OUT_PLAIN,
			  arena_printf(page->arena, "%s, as loaded at the start", path));
	else
		print_row(page, "settings", refused ? OUT_BAD : OUT_PLAIN,
			  arena_printf(page->arena, "%s, %s at %s%s", path,
				       metrics_read_word(reload, 0),
				       time_text(page->arena, metrics_read_word(reload, 1)),
				       refused ? "; the previous settings are in use" : ""));
	for (unsigned i = 0; metrics_read_fact(status, "reload_error", i) != NULL; i++)
		print_row(page, "", OUT_BAD, metrics_read_fact(status, "reload_error", i)->text);
	print_row(page, "log level", OUT_PLAIN, metrics_read_text(status, "log_level"));
}

/* ---- traffic and results ---- */

static void print_traffic(const struct page *page)
{
	double seconds = sum_of(page, "message_duration_seconds_sum");
	double messages = sum_of(page, "message_duration_seconds_count");
	const char *rate =
	    page->rate < 0 ? "" : arena_printf(page->arena, ", %.1f/s now", page->rate);

	print_row(page, "messages", OUT_PLAIN,
		  arena_printf(page->arena, "%.0f%s: %s", sum_of(page, "messages_total"), rate,
			       breakdown_text(page, "messages_total", "origin")));
	print_row(page, "", OUT_PLAIN, breakdown_text(page, "messages_total", "action"));
	print_row(page, "", OUT_PLAIN,
		  arena_printf(page->arena,
			       "%.0f in progress, %.0f connections (%.0f in total), %.1f ms each",
			       sum_of(page, "messages_under_way"), sum_of(page, "connections"),
			       sum_of(page, "connections_total"),
			       messages == 0 ? 0 : 1000 * seconds / messages));
}

#define EVERY                                                                                      \
	{                                                                                          \
		NULL, NULL                                                                         \
	}

const struct status_family status_families[] = {
    {"iprev", "iprev_results_total", "result", EVERY},
    {"SPF MAIL FROM", "spf_results_total", "result", {"scope", "mfrom"}},
    {"SPF HELO", "spf_results_total", "result", {"scope", "helo"}},
    {"DKIM", "dkim_signatures_total", "result", EVERY},
    {"DMARC", "dmarc_results_total", "result", EVERY},
    {"overrides", "dmarc_overrides_total", "reason", EVERY},
    {"signed", "dkim_signed_total", "domain", EVERY},
    {"not signed", "dkim_unsigned_total", "reason", EVERY},
    {"second opinion", "second_opinions_total", "outcome", EVERY},
    {"disagreeing", "engine_disagreements_total", "engine", EVERY},
    {"MTA faults", "milter_errors_total", "stage", EVERY},
    {NULL, NULL, NULL, EVERY},
};
#undef EVERY

static void print_results(const struct page *page)
{
	for (const struct status_family *f = status_families; f->title != NULL; f++) {
		const char *text = family_text(page, f);

		if (strcmp(text, "-") != 0)
			print_row(page, f->title, OUT_PLAIN, text);
	}
}

static void print_dns(const struct page *page)
{
	double lookups = sum_of(page, "dns_lookups_total"),
	       hits = sum_of(page, "dns_cache_hits_total");

	print_row(page, "DNS", OUT_PLAIN,
		  arena_printf(page->arena,
			       "%.0f lookups, %.0f %% from the cache (%.0f entries); answers: %s",
			       lookups, lookups == 0 ? 0 : 100 * hits / lookups,
			       sum_of(page, "dns_cache_entries"),
			       breakdown_text(page, "dns_queries_total", "outcome")));
}

static void print_store(const struct page *page)
{
	const char *trouble = metrics_read_text(page->status, "trouble");

	print_row(page, "ledger",
		  sum_of(page, "store_write_failures_total") > 0 ? OUT_WARN : OUT_PLAIN,
		  arena_printf(page->arena, "%.0f results, %.0f pending, %.0f lost",
			       sum_of(page, "store_rows_total"), sum_of(page, "store_pending_rows"),
			       sum_of(page, "store_write_failures_total")));
	if (trouble[0] != '\0')
		print_row(page, "", OUT_BAD, trouble);
}

static void print_key_trouble(const struct page *page)
{
	const char *trouble = metrics_read_text(page->status, "key_trouble");
	double faults = sum_of(page, "key_faults");

	if (trouble[0] != '\0')
		print_row(page, "bad keys", OUT_BAD,
			  arena_printf(page->arena, "%.0f: %s", faults, trouble));
}

static void print_reports(const struct page *page)
{
	double pending = sum_of(page, "reports_pending");
	double last = sum_of(page, "report_last_success_timestamp_seconds");

	if (sum_of(page, "reports_sent_total") + pending > 0)
		print_row(
		    page, "reports", OUT_PLAIN,
		    arena_printf(page->arena, "%s; %.0f waiting; last accepted: %s",
				 breakdown_text(page, "reports_sent_total", "outcome"), pending,
				 time_text(page->arena, arena_printf(page->arena, "%.0f", last))));
}

static void print_keys(const struct page *page)
{
	const struct metrics_read_fact *key;
	unsigned i;

	for (i = 0; (key = metrics_read_fact(page->status, "key", i)) != NULL && i < KEYS_SHOWN;
	     i++) {
		bool amiss = strcmp(metrics_read_word(key, 5), "yes") == 0 &&
			     strcmp(metrics_read_word(key, 6), "no") == 0;

		print_row(
		    page, i == 0 ? "keys" : "", amiss ? OUT_BAD : OUT_PLAIN,
		    arena_printf(page->arena, "%s %s %s %s %s%s, published: %s",
				 metrics_read_word(key, 0), metrics_read_word(key, 1),
				 metrics_read_word(key, 2), metrics_read_word(key, 3),
				 metrics_read_word(key, 4),
				 strcmp(metrics_read_word(key, 5), "yes") == 0 ? ", signs" : "",
				 metrics_read_word(key, 6)));
	}
	if (key != NULL)
		print_row(page, "", OUT_PLAIN, "... and more: countersign key list");
}

static void print_process(const struct page *page)
{
	print_row(page, "processes", OUT_PLAIN,
		  arena_printf(page->arena,
			       "%.1f MiB, %.0f descriptors, %.0f threads, %.1f s of processor time",
			       sum_of(page, "process_resident_memory_bytes") / MIB,
			       sum_of(page, "process_open_fds"), sum_of(page, "process_threads"),
			       sum_of(page, "process_cpu_seconds_total")));
}

void status_print(const struct admin *admin, const struct metrics_read *status, struct arena *arena,
		  double rate)
{
	struct page page = {status, arena, admin_color(admin, stdout), rate};

	print_daemon(&page);
	print_workers(&page);
	print_key_processes(&page);
	print_confined(&page);
	print_settings(&page);
	print_traffic(&page);
	print_results(&page);
	print_dns(&page);
	print_store(&page);
	print_reports(&page);
	print_keys(&page);
	print_key_trouble(&page);
	print_process(&page);
}

bool status_is_well(const struct metrics_read *status)
{
	return strcmp(metrics_read_word(metrics_read_fact(status, "reload", 0), 0), "refused") !=
		   0 &&
	       metrics_read_sum(status, "store_failing", NULL, NULL) == 0 &&
	       metrics_read_sum(status, "key_faults", NULL, NULL) == 0 &&
	       metrics_read_sum(status, "workers", NULL, NULL) > 0;
}

/* ---- JSON ---- */

static int64_t parse_whole(const char *text)
{
	return strtoll(text, NULL, 10);
}

static void json_daemon(struct jsonout *out, const struct metrics_read *status)
{
	int64_t start = (int64_t)metrics_read_sum(status, "process_start_time_seconds", NULL, NULL);
	char text[CLOCK_TEXT_MAX];

	jsonout_object(out, "daemon");
	jsonout_text(out, "version", metrics_read_text(status, "version"));
	jsonout_int(out, "pid", parse_whole(metrics_read_text(status, "pid")));
	jsonout_text(out, "started", clock_utc_text(start, text));
	jsonout_text(out, "settings", metrics_read_text(status, "settings"));
	jsonout_text(out, "log_level", metrics_read_text(status, "log_level"));
	jsonout_bool(out, "well", status_is_well(status));
	jsonout_text(out, "ledger_trouble",
		     metrics_read_fact(status, "trouble", 0) == NULL
			 ? NULL
			 : metrics_read_text(status, "trouble"));
	jsonout_text(out, "key_trouble",
		     metrics_read_fact(status, "key_trouble", 0) == NULL
			 ? NULL
			 : metrics_read_text(status, "key_trouble"));
	jsonout_array(out, "listen");
	for (unsigned i = 0; metrics_read_fact(status, "listen", i) != NULL; i++)
		jsonout_text(out, NULL, metrics_read_fact(status, "listen", i)->text);
	jsonout_end(out);
	jsonout_end(out);
}

static void json_time(struct jsonout *out, const char *name, const char *wall)
{
	char text[CLOCK_TEXT_MAX];

	jsonout_text(out, name,
		     parse_whole(wall) == 0 ? NULL : clock_utc_text(parse_whole(wall), text));
}

static void json_workers(struct jsonout *out, const struct metrics_read *status)
{
	const struct metrics_read_fact *worker;

	jsonout_array(out, "workers");
	for (unsigned i = 0; (worker = metrics_read_fact(status, "worker", i)) != NULL; i++) {
		jsonout_object(out, NULL);
		jsonout_int(out, "pid", parse_whole(metrics_read_word(worker, 0)));
		jsonout_text(out, "state", metrics_read_word(worker, 1));
		json_time(out, "since", metrics_read_word(worker, 2));
		jsonout_text(out, "address", metrics_read_word(worker, 3));
		jsonout_end(out);
	}
	jsonout_end(out);
}

static void json_key_processes(struct jsonout *out, const struct metrics_read *status)
{
	const struct metrics_read_fact *process;

	jsonout_array(out, "key_processes");
	for (unsigned i = 0; (process = metrics_read_fact(status, "key_process", i)) != NULL; i++) {
		jsonout_object(out, NULL);
		jsonout_int(out, "pid", parse_whole(metrics_read_word(process, 0)));
		jsonout_text(out, "state", metrics_read_word(process, 1));
		json_time(out, "since", metrics_read_word(process, 2));
		jsonout_text(out, "user", metrics_read_word(process, 3));
		jsonout_text(out, "memory", metrics_read_word(process, 4));
		jsonout_end(out);
	}
	jsonout_end(out);
}

static void json_confined(struct jsonout *out, const struct metrics_read *status)
{
	const struct metrics_read_fact *confined;

	jsonout_array(out, "confined");
	for (unsigned i = 0; (confined = metrics_read_fact(status, "confined", i)) != NULL; i++) {
		const char *limits = limits_of(confined);

		jsonout_object(out, NULL);
		jsonout_text(out, "process", metrics_read_word(confined, 0));
		jsonout_bool(out, "system_calls", strstr(limits, "system calls") != NULL);
		jsonout_bool(out, "files", strstr(limits, "files") != NULL);
		jsonout_bool(out, "tcp_ports", strstr(limits, "TCP ports") != NULL);
		jsonout_end(out);
	}
	jsonout_end(out);
}

static void json_reload(struct jsonout *out, const struct metrics_read *status)
{
	const struct metrics_read_fact *reload = metrics_read_fact(status, "reload", 0);

	if (reload == NULL) {
		jsonout_null(out, "reload");
		return;
	}
	jsonout_object(out, "reload");
	jsonout_text(out, "outcome", metrics_read_word(reload, 0));
	json_time(out, "time", metrics_read_word(reload, 1));
	jsonout_array(out, "errors");
	for (unsigned i = 0; metrics_read_fact(status, "reload_error", i) != NULL; i++)
		jsonout_text(out, NULL, metrics_read_fact(status, "reload_error", i)->text);
	jsonout_end(out);
	jsonout_end(out);
}

static void json_keys(struct jsonout *out, const struct metrics_read *status)
{
	const struct metrics_read_fact *key;

	jsonout_array(out, "keys");
	for (unsigned i = 0; (key = metrics_read_fact(status, "key", i)) != NULL; i++) {
		jsonout_object(out, NULL);
		jsonout_text(out, "domain", metrics_read_word(key, 0));
		jsonout_text(out, "selector", metrics_read_word(key, 1));
		jsonout_text(out, "type", metrics_read_word(key, 2));
		jsonout_int(out, "bits", parse_whole(metrics_read_word(key, 3)));
		jsonout_text(out, "state", metrics_read_word(key, 4));
		jsonout_bool(out, "signs", strcmp(metrics_read_word(key, 5), "yes") == 0);
		jsonout_text(out, "published", metrics_read_word(key, 6));
		json_time(out, "since", metrics_read_word(key, 7));
		json_time(out, "created", metrics_read_word(key, 8));
		jsonout_end(out);
	}
	jsonout_end(out);
}

static void json_metrics(struct jsonout *out, const struct metrics_read *status)
{
	jsonout_array(out, "metrics");
	for (unsigned i = 0; i < status->sample_count; i++) {
		const struct metrics_read_sample *sample = &status->samples[i];

		jsonout_object(out, NULL);
		jsonout_text(out, "name", sample->name);
		jsonout_object(out, "labels");
		for (unsigned l = 0; l < sample->label_count; l++)
			jsonout_text(out, sample->labels[l].name, sample->labels[l].value);
		jsonout_end(out);
		jsonout_real(out, "value", sample->value);
		jsonout_end(out);
	}
	jsonout_end(out);
}

struct jsonout *status_json(const struct metrics_read *status, struct arena *arena)
{
	struct jsonout *out = jsonout_new(arena, "status");

	json_daemon(out, status);
	json_workers(out, status);
	json_key_processes(out, status);
	json_confined(out, status);
	json_reload(out, status);
	json_keys(out, status);
	json_metrics(out, status);
	return out;
}
