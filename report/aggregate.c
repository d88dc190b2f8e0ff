/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rows read from the ledger and written as XML elements, in the order of RFC 9990's tables. One
 * function for each table of section 3.1.1.
 *
 * The form of RFC 7489 differs in a few places, which check for it: fewer elements, pct, always an
 * SPF result, fewer words for dispositions and reasons, and IPv6 addresses in full.
 */
#include "report/aggregate.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/crypto/hash.h"
#include "lib/ip.h"
#include "report/json.h"
#include "report/xml.h"

static const struct {
	const char *space;
	enum xml_reach reach;
} forms[] = {
    [AGGREGATE_RFC9990] = {"urn:ietf:params:xml:ns:dmarc-2.0", XML_ALL_ELEMENTS},
    [AGGREGATE_RFC7489] = {"http://dmarc.org/dmarc-xml/0.1", XML_ROOT_ONLY},
};

/* What is not written row by row. */
struct rest {
	const char *disposition, *dkim_aligned, *spf_aligned; /* in the report's arena */
	int64_t messages;
};
enum { RESTS_MAX = 32 };

struct report {
	struct xml *xml;
	struct arena *row; /* emptied for each row */
	bool legacy;       /* RFC 7489 */
	struct aggregate_sum sum;

	/* of one that is cut: rows with more messages than LEAST are written, and EQUALS of those
	 * with so many */
	bool cut;
	int64_t least, equals;
	struct arena *arena;
	struct rest rests[RESTS_MAX];
	unsigned rest_count;
};

static bool has_text(const char *text)
{
	return text != NULL && text[0] != '\0';
}

/* An optional element. */
static void text_if_any(struct xml *xml, const char *name, const char *text)
{
	if (has_text(text))
		xml_text(xml, name, text);
}

/* ---- names ---- */

void aggregate_id(const struct aggregate_reporter *reporter, const struct ledger_day *day,
		  char id[AGGREGATE_ID_MAX])
{
	const char *const parts[] = {reporter->org_name, reporter->receiver, day->policy.domain,
				     day->config};
	char date[CLOCK_TEXT_MAX], *to = id;
	uint8_t digest[CRYPT_DIGEST_LEN];
	struct buf buf;

	clock_day_text(day->day, date);
	buf_init(&buf, NULL, 0);
	buf_string(&buf, date);
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		buf_char(&buf, '\n');
		buf_string(&buf, parts[i]);
	}
	crypt_sha256(buf.data, buf.len, digest);
	buf_free(&buf);
	for (const char *p = date; *p != '\0' && to < id + 8; p++)
		if (*p != '-')
			*to++ = *p;
	for (unsigned i = 0; i < 12; i++, to += 2)
		snprintf(to, 3, "%02x", digest[i]);
	assert(to == id + AGGREGATE_ID_MAX - 1);
}

static void add_name(struct buf *buf, const char *name)
{
	for (; *name != '\0'; name++) {
		bool plain = char_is_alnum((unsigned char)*name) || strchr("-_.", *name) != NULL;

		buf_char(buf, plain ? *name : '_');
	}
}

/*
 * RFC 9990 section 3.5.2:
 *   filename = receiver "!" policy-domain "!" begin-timestamp "!" end-timestamp
 *              [ "!" unique-id ] "." extension
 */
const char *aggregate_file_name(const struct aggregate_reporter *reporter,
				const struct ledger_day *day, const char *extension,
				struct arena *arena)
{
	long long begin = clock_day_begin(day->day);
	char id[AGGREGATE_ID_MAX];
	struct buf buf;

	aggregate_id(reporter, day, id);
	buf_init(&buf, arena, 0);
	add_name(&buf, reporter->receiver);
	buf_char(&buf, '!');
	add_name(&buf, day->policy.domain);
	buf_printf(&buf, "!%lld!%lld!%s.%s", begin, begin + 86399, id, extension);
	return buf_text(&buf);
}

/* ---- tables 3 to 5: the head ---- */

/* RFC 9990 table 3: error is for what the owner should know about this report. */
static void write_error(const struct report *report, const char *error)
{
	static const char cut[] =
	    "this report would be too large: the sources with the most messages are "
	    "listed, all others are summed in the records with the source 0.0.0.0";

	if (report->cut)
		xml_text(report->xml, "error",
			 arena_printf(report->arena, "%s%s%s", has_text(error) ? error : "",
				      has_text(error) ? "; " : "", cut));
	else
		text_if_any(report->xml, "error", error);
}

static void write_metadata(const struct report *report, const struct aggregate_reporter *reporter,
			   const struct ledger_day *day)
{
	struct xml *xml = report->xml;
	int64_t begin = clock_day_begin(day->day);
	char id[AGGREGATE_ID_MAX];

	aggregate_id(reporter, day, id);
	xml_open(xml, "report_metadata");
	xml_text(xml, "org_name", reporter->org_name);
	xml_text(xml, "email", reporter->email);
	text_if_any(xml, "extra_contact_info", reporter->contact);
	xml_text(xml, "report_id", id);
	xml_open(xml, "date_range");
	xml_number(xml, "begin", begin);
	xml_number(xml, "end", begin + 86399);
	xml_close(xml);
	write_error(report, day->policy.error);
	if (reporter->form == AGGREGATE_RFC9990)
		xml_text(xml, "generator", "countersign " VERSION);
	xml_close(xml);
}

/* RFC 7489: pct= is no longer honoured, but a policy in test mode applies to no message. */
static void write_old_policy(struct xml *xml, const struct ledger_policy *policy)
{
	bool testing = has_text(policy->testing) && strcmp(policy->testing, "y") == 0;

	xml_open(xml, "policy_published");
	xml_text(xml, "domain", policy->domain);
	text_if_any(xml, "adkim", policy->adkim);
	text_if_any(xml, "aspf", policy->aspf);
	xml_text(xml, "p", policy->p);
	xml_text(xml, "sp", has_text(policy->sp) ? policy->sp : policy->p);
	xml_number(xml, "pct", testing ? 0 : 100);
	xml_text(xml, "fo", has_text(policy->fo) ? policy->fo : "0");
	xml_close(xml);
}

static void write_policy(struct xml *xml, const struct ledger_policy *policy)
{
	xml_open(xml, "policy_published");
	xml_text(xml, "domain", policy->domain);
	text_if_any(xml, "discovery_method", policy->discovery);
	xml_text(xml, "p", policy->p);
	text_if_any(xml, "sp", policy->sp);
	text_if_any(xml, "np", policy->np);
	text_if_any(xml, "fo", policy->fo);
	text_if_any(xml, "adkim", policy->adkim);
	text_if_any(xml, "aspf", policy->aspf);
	text_if_any(xml, "testing", policy->testing);
	xml_close(xml);
}

/* ---- tables 7 to 14: a record ---- */

/* RFC 7489 does not know the test mode. */
static void write_test_mode(struct report *report, const char *comment)
{
	xml_text(report->xml, "type", "other");
	xml_text(report->xml, "comment",
		 arena_printf(report->row, "policy_test_mode%s%s", has_text(comment) ? ": " : "",
			      has_text(comment) ? comment : ""));
}

static void write_reasons(struct report *report, const struct json_list *reasons)
{
	struct xml *xml = report->xml;

	for (unsigned i = 0; i < json_list_count(reasons); i++) {
		const char *type = json_list_get(reasons, i, "type");
		const char *comment = json_list_get(reasons, i, "comment");

		if (type == NULL)
			continue;
		xml_open(xml, "reason");
		if (report->legacy && strcmp(type, "policy_test_mode") == 0) {
			write_test_mode(report, comment);
		} else {
			xml_text(xml, "type", type);
			text_if_any(xml, "comment", comment);
		}
		xml_close(xml);
	}
}

/* The schema of RFC 7489 knows IPv6 addresses only in full. */
static const char *source_text(const struct report *report, const char *source)
{
	struct buf text;
	struct ip ip;

	if (!report->legacy || !ip_parse(span_of(source), &ip) || ip.family != 6)
		return source;
	buf_init(&text, report->row, 0);
	for (unsigned i = 0; i < 16; i += 2)
		buf_printf(&text, "%s%x", i == 0 ? "" : ":",
			   (unsigned)ip.bytes[i] << 8 | ip.bytes[i + 1]);
	return buf_text(&text);
}

static const char *disposition_text(const struct report *report, const char *disposition)
{
	return report->legacy && strcmp(disposition, "pass") == 0 ? "none" : disposition;
}

static void write_row(struct report *report, const struct ledger_row *row)
{
	struct xml *xml = report->xml;

	xml_open(xml, "row");
	xml_text(xml, "source_ip", source_text(report, row->source_ip));
	xml_number(xml, "count", row->count);
	xml_open(xml, "policy_evaluated");
	xml_text(xml, "disposition", disposition_text(report, row->disposition));
	xml_text(xml, "dkim", row->dkim_aligned);
	xml_text(xml, "spf", row->spf_aligned);
	write_reasons(report, json_list_parse(report->row, row->reasons));
	xml_close(xml);
	xml_close(xml);
}

static void write_identifiers(struct xml *xml, const struct ledger_row *row)
{
	xml_open(xml, "identifiers");
	xml_text(xml, "header_from", row->header_from);
	xml_text(xml, "envelope_from", row->envelope_from);
	text_if_any(xml, "envelope_to", row->envelope_to);
	xml_close(xml);
}

static void write_signatures(struct report *report, const struct ledger_row *row)
{
	const struct json_list *list = json_list_parse(report->row, row->dkim);
	const struct json_list *notes = json_list_parse(report->row, row->dkim_notes);

	for (unsigned i = 0; i < json_list_count(list); i++) {
		const char *domain = json_list_get(list, i, "domain");
		const char *selector = json_list_get(list, i, "selector");
		const char *result = json_list_get(list, i, "result");

		if (domain == NULL || selector == NULL || result == NULL)
			continue;
		xml_open(report->xml, "dkim");
		xml_text(report->xml, "domain", domain);
		xml_text(report->xml, "selector", selector);
		xml_text(report->xml, "result", result);
		text_if_any(report->xml, "human_result", json_list_get(notes, i, "text"));
		xml_close(report->xml);
	}
}

/* RFC 7489 has no "policy" for SPF. */
static const char *spf_result(const struct report *report, const struct ledger_row *row)
{
	if (!has_text(row->spf_domain))
		return "none";
	return report->legacy && strcmp(row->spf_result, "policy") == 0 ? "neutral"
									: row->spf_result;
}

/* Section 3.1.1.13: at most one, of MAIL FROM. RFC 7489: one always, without explanation. */
static void write_spf(const struct report *report, const struct ledger_row *row)
{
	struct xml *xml = report->xml;

	if (!has_text(row->spf_domain) && !report->legacy)
		return;
	xml_open(xml, "spf");
	xml_text(xml, "domain", has_text(row->spf_domain) ? row->spf_domain : row->envelope_from);
	xml_text(xml, "scope", "mfrom");
	xml_text(xml, "result", spf_result(report, row));
	if (!report->legacy)
		text_if_any(xml, "human_result", row->spf_note);
	xml_close(xml);
}

static void write_auth_results(struct report *report, const struct ledger_row *row)
{
	struct xml *xml = report->xml;

	xml_open(xml, "auth_results");
	write_signatures(report, row);
	write_spf(report, row);
	xml_close(xml);
}

static int write_record(void *arg, const struct ledger_row *row)
{
	struct report *report = arg;

	arena_reset(report->row);
	xml_open(report->xml, "record");
	write_row(report, row);
	write_identifiers(report->xml, row);
	write_auth_results(report, row);
	xml_close(report->xml);
	report->sum.records++;
	report->sum.messages += row->count;
	return xml_failed(report->xml);
}

/* ---- a report that is cut ---- */

struct counts {
	int64_t *items;
	int64_t count, room;
};

static int note_count(void *arg, const struct ledger_row *row)
{
	struct counts *counts = arg;

	if (counts->count < counts->room)
		counts->items[counts->count++] = row->count;
	return 0;
}

static int compare_counts(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (y > x) - (y < x);
}

/* Finds the count that separates the MAX_ROWS rows with the most messages from the rest. */
static int find_cut(struct ledger *ledger, const struct ledger_day *day, int64_t max_rows,
		    struct report *report, struct why *why)
{
	const struct ledger_key key = ledger_day_key(day);
	struct counts counts = {.room = day->rows};
	int result;

	assert(max_rows > 0 && day->rows >= 0);
	counts.items = arena_array(report->arena, (size_t)day->rows, sizeof *counts.items);
	result = ledger_rows(ledger, &key, note_count, &counts, why);
	if (result != 0 || counts.count <= max_rows)
		return result;
	qsort(counts.items, (size_t)counts.count, sizeof *counts.items, compare_counts);
	report->cut = true;
	report->least = counts.items[max_rows - 1];
	for (int64_t i = max_rows; i > 0 && counts.items[i - 1] == report->least; i--)
		report->equals++;
	return 0;
}

static bool is_listed(struct report *report, const struct ledger_row *row)
{
	if (!report->cut || row->count > report->least)
		return true;
	return row->count == report->least && report->equals-- > 0;
}

static bool is_rest_of(const struct rest *rest, const struct ledger_row *row)
{
	return strcmp(rest->disposition, row->disposition) == 0 &&
	       strcmp(rest->dkim_aligned, row->dkim_aligned) == 0 &&
	       strcmp(rest->spf_aligned, row->spf_aligned) == 0;
}

/* There are at most 16 kinds; any more, from a damaged ledger, are added to the last one. */
static void add_to_rest(struct report *report, const struct ledger_row *row)
{
	unsigned i = 0;

	while (i < report->rest_count && !is_rest_of(&report->rests[i], row))
		i++;
	if (i == RESTS_MAX)
		i--;
	if (i == report->rest_count)
		report->rests[report->rest_count++] =
		    (struct rest){.disposition = arena_string(report->arena, row->disposition),
				  .dkim_aligned = arena_string(report->arena, row->dkim_aligned),
				  .spf_aligned = arena_string(report->arena, row->spf_aligned)};
	assert(i < report->rest_count);
	report->rests[i].messages += row->count;
}

static int write_or_sum(void *arg, const struct ledger_row *row)
{
	struct report *report = arg;

	if (is_listed(report, row))
		return write_record(report, row);
	add_to_rest(report, row);
	return 0;
}

static int write_rests(struct report *report, const char *domain)
{
	int result = 0;

	for (unsigned i = 0; i < report->rest_count && result == 0; i++) {
		const struct rest *rest = &report->rests[i];
		const struct ledger_row row = {
		    .source_ip = "0.0.0.0",
		    .disposition = rest->disposition,
		    .dkim_aligned = rest->dkim_aligned,
		    .spf_aligned = rest->spf_aligned,
		    .reasons = "[{\"type\":\"other\",\"comment\":\"messages of further sources, "
			       "which this report has no room for\"}]",
		    .header_from = domain,
		    .envelope_from = "",
		    .dkim = "[]",
		    .dkim_notes = "[]",
		    .spf_domain = "",
		    .spf_result = "none",
		    .count = rest->messages,
		};

		result = write_record(report, &row);
	}
	return result;
}

int aggregate_write(struct ledger *ledger, const struct aggregate_reporter *reporter,
		    const struct ledger_day *day, int64_t max_rows, FILE *out,
		    struct aggregate_sum *sum, struct why *why)
{
	struct report report = {.xml = xml_new(out, "feedback", forms[reporter->form].space,
					       forms[reporter->form].reach),
				.row = arena_new(0),
				.arena = arena_new(0),
				.legacy = reporter->form == AGGREGATE_RFC7489};
	const struct ledger_key key = ledger_day_key(day);
	struct why xml_why;
	int result = 0;

	if (max_rows > 0)
		result = find_cut(ledger, day, max_rows, &report, why);
	xml_text(report.xml, "version", "1.0");
	write_metadata(&report, reporter, day);
	(report.legacy ? write_old_policy : write_policy)(report.xml, &day->policy);
	if (result == 0)
		result = ledger_rows(ledger, &key, write_or_sum, &report, why);
	if (result == 0)
		result = write_rests(&report, day->policy.domain);
	arena_free(report.row);
	arena_free(report.arena);
	if (xml_finish(report.xml, &xml_why) != 0 && result >= 0)
		result = why_set(why, "%s", xml_why.text);
	if (result == 0 && report.sum.records == 0)
		result = why_set(why, "nothing was counted for %s on that day", day->policy.domain);
	if (sum != NULL)
		*sum = report.sum;
	return result;
}
