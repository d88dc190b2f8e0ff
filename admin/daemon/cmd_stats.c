/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * countersign stats: what the ledger has counted, by domain, source or result; and what would be
 * lost if every policy were carried out to the letter. The ledger is read in pages; memory grows
 * with the number of groups, not of messages.
 */
#include <getopt.h>
#include <inttypes.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "admin/admin.h"
#include "admin/daemon/daemon.h"
#include "admin/doctor/marks.h"
#include "lib/heap.h"
#include "lib/jsonout.h"
#include "admin/out.h"
#include "admin/progress.h"
#include "admin/report/print.h"
#include "admin/report/send.h"
#include "lib/clock.h"
#include "lib/name.h"
#include "mail/domain.h"
#include "policy/decide.h"
#include "policy/forged.h"

enum { OPTION_SINCE = 256, OPTION_BY, OPTION_WOULD, OPTION_ROWS, OPTION_LOCAL };
enum { ROWS_SHOWN = 40 };

static const struct admin_option options[] = {
    {"since", OPTION_SINCE, "WHEN", "of this day and later ones: 2026-11-22; 7d is the default"},
    {"by", OPTION_BY, "WHAT", "domain (the default), source or result"},
    {"would-reject", OPTION_WOULD, NULL,
     "only what dmarc.enforce = \"strict\" would reject or quarantine"},
    {"local", OPTION_LOCAL, NULL, "what this host counted, not the shared store"},
    {"rows", OPTION_ROWS, "N", "show the N groups with most messages (default 40; 0: all)"},
    {NULL, 0, NULL, NULL},
};

enum by { BY_DOMAIN, BY_SOURCE, BY_RESULT, BY_LOSS };

static const struct name_code bys[] = {
    {"domain", BY_DOMAIN}, {"source", BY_SOURCE}, {"result", BY_RESULT}, {NULL, 0}};

/* What strict would do with it. */
static const char *const fate_text[] = {[DMARC_POLICY_NONE] = "kept",
					[DMARC_POLICY_QUARANTINE] = "quarantine",
					[DMARC_POLICY_REJECT] = "reject"};

/* What is counted together. */
struct group {
	const char *key; /* the parts below with a line end behind each */
	const char *parts[5];
	int64_t messages, passed, spf, dkim, quarantined, rejected;
	enum dmarc_policy fate;
};

struct stats {
	struct admin *admin;
	struct arena *arena;
	bool local;
	struct ledger *ledger;
	enum by by;
	int32_t from, to;
	uint64_t rows;
	void *tree; /* of groups, by key */
	struct group **list;
	unsigned count, room;
	int64_t messages, passed, quarantined, lost[DMARC_POLICY_REJECT + 1];
	const struct ledger_day *day; /* under way */
	struct progress progress;
	struct why *why;
};

/* ---- counting ---- */

static int compare_keys(const void *a, const void *b)
{
	const struct group *x = a, *y = b;

	return strcmp(x->key, y->key);
}

static void keep_group(struct stats *stats, struct group *group)
{
	if (stats->count == stats->room) {
		stats->room = stats->room == 0 ? 256 : stats->room * 2;
		stats->list = heap_resize(stats->list, stats->room, sizeof *stats->list);
	}
	stats->list[stats->count++] = group;
}

/* The group of these parts; a NULL ends them. */
static struct group *find_group(struct stats *stats, const char *const parts[5])
{
	struct group wanted = {.messages = 0}, *group, **found;
	char key[2048];
	size_t used = 0;

	for (unsigned i = 0; i < 5 && parts[i] != NULL; i++) {
		int n = snprintf(key + used, sizeof key - used, "%s\n", parts[i]);

		used += n > 0 && (size_t)n < sizeof key - used ? (size_t)n : 0;
	}
	key[used] = '\0';
	wanted.key = key;
	found = tfind(&wanted, &stats->tree, compare_keys);
	if (found != NULL)
		return *found;
	group = arena_make(stats->arena, struct group);
	group->key = arena_string(stats->arena, key);
	for (unsigned i = 0; i < 5 && parts[i] != NULL; i++)
		group->parts[i] = arena_string(stats->arena, parts[i]);
	if (tsearch(group, &stats->tree, compare_keys) == NULL)
		abort();
	keep_group(stats, group);
	return group;
}

static bool is_word(const char *text, const char *word)
{
	return text != NULL && strcmp(text, word) == 0;
}

static enum dmarc_policy fate_of(const struct ledger_policy *policy, const struct ledger_row *row)
{
	return decide_strict(&(struct decide_counted){
	    .passed = is_word(row->dkim_aligned, "pass") || is_word(row->spf_aligned, "pass"),
	    .below = !domain_equal(row->header_from, policy->domain),
	    .p = policy->p,
	    .sp = policy->sp,
	    .testing = policy->testing,
	    .reasons = row->reasons});
}

static struct group *group_of(struct stats *stats, const struct ledger_row *row,
			      enum dmarc_policy fate)
{
	bool passed = is_word(row->dkim_aligned, "pass") || is_word(row->spf_aligned, "pass");
	const char *const parts[][5] = {
	    [BY_DOMAIN] = {stats->day->policy.domain, NULL},
	    [BY_SOURCE] = {row->source_ip, NULL},
	    [BY_RESULT] = {passed ? "pass" : "fail", row->disposition, row->dkim_aligned,
			   row->spf_aligned, NULL},
	    [BY_LOSS] = {row->header_from, row->source_ip, fate_text[fate],
			 row->envelope_from[0] == '\0' ? "<>" : row->envelope_from,
			 row->spf_result},
	};

	return find_group(stats, parts[stats->by]);
}

static int count_row(void *arg, const struct ledger_row *row)
{
	struct stats *stats = arg;
	enum dmarc_policy fate = fate_of(&stats->day->policy, row);
	bool dkim = is_word(row->dkim_aligned, "pass"), spf = is_word(row->spf_aligned, "pass");
	struct group *group;

	stats->messages += row->count;
	stats->passed += dkim || spf ? row->count : 0;
	stats->quarantined += is_word(row->disposition, "quarantine") ? row->count : 0;
	stats->lost[fate] += row->count;
	if (stats->by == BY_LOSS && fate == DMARC_POLICY_NONE)
		return 0;
	group = group_of(stats, row, fate);
	group->fate = fate;
	group->messages += row->count;
	group->passed += dkim || spf ? row->count : 0;
	group->dkim += dkim ? row->count : 0;
	group->spf += spf ? row->count : 0;
	group->quarantined += is_word(row->disposition, "quarantine") ? row->count : 0;
	group->rejected += is_word(row->disposition, "reject") ? row->count : 0;
	return 0;
}

static int count_day(void *arg, const struct ledger_day *day)
{
	struct stats *stats = arg;
	const struct ledger_key key = ledger_day_key(day);

	stats->day = day;
	progress_show(&stats->progress, day->day - stats->from, stats->to - stats->from + 1);
	return ledger_rows(stats->ledger, &key, count_row, stats, stats->why);
}

/* ---- telling ---- */

static int most_first(const void *a, const void *b)
{
	const struct group *const *x = a, *const *y = b;

	if ((*x)->messages != (*y)->messages)
		return (*x)->messages > (*y)->messages ? -1 : 1;
	return strcmp((*x)->key, (*y)->key);
}

struct column {
	const char *heading, *json;
};

static const struct column columns[][6] = {
    [BY_DOMAIN] = {{"DOMAIN", "domain"}, {NULL, NULL}},
    [BY_SOURCE] = {{"SOURCE", "source"}, {NULL, NULL}},
    [BY_RESULT] = {{"DMARC", "dmarc"},
		   {"DISPOSITION", "disposition"},
		   {"DKIM", "dkim"},
		   {"SPF", "spf"},
		   {NULL, NULL}},
    [BY_LOSS] = {{"HEADER FROM", "header_from"},
		 {"SOURCE", "source"},
		 {"WOULD BE", "would_be"},
		 {"MAIL FROM", "mail_from"},
		 {"SPF", "spf"},
		 {NULL, NULL}},
};

static const char *const numbers[] = {">MESSAGES", ">PASS%",       ">DKIM%",
				      ">SPF%",     ">QUARANTINED", ">REJECTED"};

static unsigned shown_groups(const struct stats *stats)
{
	return stats->rows > 0 && stats->count > stats->rows ? (unsigned)stats->rows : stats->count;
}

static void print_group(const struct stats *stats, struct out_table *table,
			const struct group *group, unsigned parts, unsigned more)
{
	static const enum out_style styles[] = {OUT_PLAIN, OUT_WARN, OUT_BAD};

	for (unsigned i = 0; i < parts; i++)
		out_cell(table, stats->by == BY_LOSS && i == 2 ? styles[group->fate] : OUT_PLAIN,
			 "%s", group->parts[i]);
	out_cell(table, OUT_PLAIN, "%" PRId64, group->messages);
	if (more == 1)
		return;
	out_cell(table, OUT_PLAIN, "%.1f", report_percent(group->passed, group->messages));
	out_cell(table, OUT_PLAIN, "%.1f", report_percent(group->dkim, group->messages));
	out_cell(table, OUT_PLAIN, "%.1f", report_percent(group->spf, group->messages));
	out_cell(table, OUT_PLAIN, "%" PRId64, group->quarantined);
	out_cell(table, OUT_PLAIN, "%" PRId64, group->rejected);
}

static void print_summary(const struct stats *stats)
{
	printf("%" PRId64 " messages of domains with a DMARC record, %.1f %% pass\n",
	       stats->messages, report_percent(stats->passed, stats->messages));
	if (stats->by == BY_LOSS)
		printf("dmarc.enforce = \"strict\" would reject %" PRId64 " and quarantine %" PRId64
		       "; \"rfc\" would quarantine %" PRId64 " and reject none\n",
		       stats->lost[DMARC_POLICY_REJECT], stats->lost[DMARC_POLICY_QUARANTINE],
		       stats->lost[DMARC_POLICY_REJECT] + stats->lost[DMARC_POLICY_QUARANTINE]);
}

/* What the running daemon has compared since its start: false where it cannot be asked. */
static bool find_opinions(const struct stats *stats, int64_t *judged, int64_t *differed)
{
	struct metrics_read status;
	const char *name = "second_opinions_total";

	if (!daemon_status(stats->admin, &status))
		return false;
	*differed = (int64_t)metrics_read_sum(&status, name, "outcome", "differed");
	*judged = *differed + (int64_t)metrics_read_sum(&status, name, "outcome", "agreed") +
		  (int64_t)metrics_read_sum(&status, name, "outcome", "unjudged");
	return true;
}

static void print_opinions(const struct stats *stats)
{
	int64_t judged, differed;

	if (find_opinions(stats, &judged, &differed) && judged > 0)
		printf("second opinion: %" PRId64 " messages were judged again since the daemon "
		       "was started, on %" PRId64 " the engines disagree%s\n",
		       judged, differed, differed > 0 ? "; the log has the reasons" : "");
}

static void print_stats(const struct stats *stats)
{
	const struct column *own = columns[stats->by];
	unsigned parts = 0, more = stats->by == BY_LOSS ? 1 : 6;
	const char *headings[12];
	struct out_table *table;

	while (own[parts].heading != NULL) {
		headings[parts] = own[parts].heading;
		parts++;
	}
	memcpy(headings + parts, numbers, more * sizeof *numbers);
	table = out_table_new(stats->arena, headings, parts + more);
	for (unsigned i = 0; i < shown_groups(stats); i++)
		print_group(stats, table, stats->list[i], parts, more);
	out_table_print(table, stdout, admin_color(stats->admin, stdout));
	if (shown_groups(stats) < stats->count)
		admin_note(stats->admin, "%u more; --rows=0 shows all",
			   stats->count - shown_groups(stats));
	print_summary(stats);
	print_opinions(stats);
}

static void json_group(const struct stats *stats, struct jsonout *out, const struct group *group)
{
	const struct column *own = columns[stats->by];

	jsonout_object(out, NULL);
	for (unsigned i = 0; own[i].json != NULL; i++)
		jsonout_text(out, own[i].json, group->parts[i]);
	jsonout_int(out, "messages", group->messages);
	jsonout_int(out, "passed", group->passed);
	jsonout_int(out, "dkim_aligned", group->dkim);
	jsonout_int(out, "spf_aligned", group->spf);
	jsonout_int(out, "quarantined", group->quarantined);
	jsonout_int(out, "rejected", group->rejected);
	jsonout_end(out);
}

static void json_opinions(const struct stats *stats, struct jsonout *out)
{
	int64_t judged, differed;

	if (!find_opinions(stats, &judged, &differed))
		return;
	jsonout_object(out, "second_opinion");
	jsonout_int(out, "judged", judged);
	jsonout_int(out, "differed", differed);
	jsonout_end(out);
}

static void json_stats(const struct stats *stats)
{
	struct jsonout *out = jsonout_new(stats->arena, "stats");
	char day[CLOCK_TEXT_MAX];

	jsonout_text(out, "from", clock_day_text(stats->from, day));
	jsonout_text(out, "to", clock_day_text(stats->to, day));
	jsonout_int(out, "messages", stats->messages);
	jsonout_int(out, "passed", stats->passed);
	jsonout_int(out, "quarantined", stats->quarantined);
	jsonout_int(out, "strict_would_reject", stats->lost[DMARC_POLICY_REJECT]);
	jsonout_int(out, "strict_would_quarantine", stats->lost[DMARC_POLICY_QUARANTINE]);
	json_opinions(stats, out);
	jsonout_array(out, "groups");
	for (unsigned i = 0; i < shown_groups(stats); i++)
		json_group(stats, out, stats->list[i]);
	admin_print_json(stats->admin, out);
}

/* Marked mail that nothing sorts is as good as accepted: that must not go unseen. */
static void warn_of_marks(const struct stats *stats)
{
	const struct conf *conf = admin_conf(stats->admin);

	if (stats->quarantined == 0 || conf == NULL ||
	    conf->dmarc.quarantine != CONF_QUARANTINE_HEADER || marks_sorter(stats->arena) != NULL)
		return;
	admin_warning(stats->admin,
		      "%" PRId64 " messages were marked " QUARANTINE_FIELD ": " QUARANTINE_VALUE
		      ", and no mailbox filter on this host looks for that; see: countersign "
		      "doctor --only=marks",
		      stats->quarantined);
}

/* ---- the command ---- */

static int read_options(struct stats *stats, int argc, char **argv)
{
	struct admin *admin = stats->admin;
	int letter, by = BY_DOMAIN;
	bool would = false, chosen = false;

	while ((letter = admin_getopt(admin, argc, argv)) != -1) {
		if (letter == '?')
			return ADMIN_USAGE;
		would = would || letter == OPTION_WOULD;
		chosen = chosen || letter == OPTION_BY;
		stats->local = stats->local || letter == OPTION_LOCAL;
		if (letter == OPTION_SINCE && !report_since_parse(optarg, &stats->from))
			return admin_usage(admin, "--since: \"%s\" is not a valid day", optarg);
		if (letter == OPTION_ROWS && !span_number(span_of(optarg), 1000000, &stats->rows))
			return admin_usage(admin, "--rows: \"%s\" is not a number", optarg);
		if (letter == OPTION_BY)
			by = name_code(bys, span_of(optarg), -1);
		if (by == -1)
			return admin_usage(admin, "--by is domain, source or result, not \"%s\"",
					   optarg);
	}
	if (would && chosen)
		return admin_usage(admin, "either --by or --would-reject");
	stats->by = would ? BY_LOSS : (enum by)by;
	if (argc > optind)
		return admin_usage(admin, "unexpected argument \"%s\"", argv[optind]);
	return 0;
}

static void keep_nothing(void *group)
{
	(void)group; /* it is the arena's */
}

static int show_stats(struct admin *admin, int argc, char **argv)
{
	int32_t today = clock_day(clock_wall());
	struct why why = {""};
	struct stats stats = {.admin = admin,
			      .arena = admin->arena,
			      .from = today - 7,
			      .to = today,
			      .rows = ROWS_SHOWN,
			      .why = &why};
	int status = read_options(&stats, argc, argv);

	if (status != 0)
		return status;
	stats.ledger = report_ledger(admin, stats.local, &status);
	if (stats.ledger == NULL)
		return status;
	progress_begin(&stats.progress, admin, "days");
	status = ledger_days(
	    stats.ledger, &(struct ledger_days_query){.from_day = stats.from, .to_day = stats.to},
	    count_day, &stats, &why);
	progress_end(&stats.progress);
	if (status != 0) {
		admin_error(admin, "%s", why.text);
		status = ADMIN_UNAVAILABLE;
	} else {
		status = ADMIN_DONE;
		if (stats.count > 0)
			qsort(stats.list, stats.count, sizeof *stats.list, most_first);
		(admin->json ? json_stats : print_stats)(&stats);
		warn_of_marks(&stats);
	}
	tdestroy(stats.tree, keep_nothing);
	free(stats.list);
	ledger_close(stats.ledger);
	return status;
}

const struct admin_verb cmd_stats[] = {
    {"stats", NULL, "", "Show what was counted, and what a stricter setting would do", show_stats,
     options, false},
    {NULL, NULL, NULL, NULL, NULL, NULL, false},
};
